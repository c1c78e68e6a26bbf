"""COCO metrics in numpy, equal to pycocotools to the last bit.

`matching.match_image` judges one image, `accumulator.Accumulator` collects and merges images and finishes with the
COCO figures, `bootstrap.paired_delta` compares two models. Needs numpy only.
"""
