"""COCO metrics in numpy, equal to pycocotools: match images one by one, merge, finish, compare two models.

    accumulator = Accumulator.create()
    accumulator.add(image_id, match_image(truth, detections))
    accumulator.finish(num_classes).coco["AP"]
    paired_delta(candidate_accumulator, baseline_accumulator)
"""
