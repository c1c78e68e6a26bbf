"""What a run's pages are called, and which steps write them."""

REVIEW_FILE = "review.html"
TFMA_FILE = "tfma.html"  # of a run that measured a candidate
PAGE_FILES = (REVIEW_FILE, TFMA_FILE)  # which stand beside each other, since the first links the others
REVIEW_STEP = "Review"
REJECTION_STEP = "RejectionReview"  # of a run whose data were rejected
PAGE_STEPS = (REVIEW_STEP, REJECTION_STEP)
