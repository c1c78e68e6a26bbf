"""What a run's page is called, and which steps write it."""

REVIEW_FILE = "review.html"
REVIEW_STEP = "Review"
REJECTION_STEP = "RejectionReview"  # of a run whose data were rejected
PAGE_STEPS = (REVIEW_STEP, REJECTION_STEP)
