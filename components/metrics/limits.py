"""How many detections of an image and class count; apart from COCO's other numbers, so that settings need no numpy."""

# pycocotools, Params.maxDets: of each image and class the best 100 count, unless another limit is set.
MAX_DETECTIONS = 100
LARGEST_LIMIT = 10_000
