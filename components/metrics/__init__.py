"""COCO metrics in numpy, equal to pycocotools to the last bit.

`matching.match` judges a batch of images, `accumulator.Accumulator` collects and merges them and finishes with the
COCO figures, `bootstrap.paired_deltas` compares two models. Needs numpy only.
"""
