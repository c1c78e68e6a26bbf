"""Where `ratchet evaluate` spends its time without a baseline: its stages one after the other, in CPU seconds.

Run as `python -m benchmarks.stages TRUTH RESULTS` in a process of its own; prints one line of JSON. What is left of the
whole command are the checks of the evaluation, the verdict and the output.
"""

import sys
import time

_STARTED = time.process_time()  # what the interpreter took, before anything else is imported


def main(truth_file: str, results_file: str) -> dict[str, float]:
    """Reads, matches and accumulates as `evaluate_files` does.

    Args:
        truth_file: COCO annotations.
        results_file: COCO results.

    Returns:
        CPU seconds by stage, in their order.
    """
    marks = {"interpreter": _STARTED}

    def mark(stage: str) -> None:
        marks[stage] = time.process_time() - sum(marks.values())

    import ratchet.pipeline.cli.evaluation_text
    import ratchet.pipeline.cli.main  # noqa: F401
    from ratchet.components.coco.reading import read_truth
    from ratchet.components.coco.results import read_results
    from ratchet.components.map_evaluator import evaluate_files  # noqa: F401
    from ratchet.components.metrics.average_precision import detection_metrics
    from ratchet.components.metrics.match_table import build_table
    from ratchet.components.metrics.matching import match
    from ratchet.schemas.base.memory import keep_freed_memory, no_collection

    mark("imports")
    keep_freed_memory()
    with no_collection():
        truth = read_truth(truth_file)
        mark("reading the truth")
        found = read_results(results_file, truth)
        mark("reading the results")
    matches = match(truth.image_ids, truth.objects, found)
    mark("matching")
    table = build_table(matches)
    mark("sorting the matches")
    detection_metrics(table)
    mark("accumulation")
    return marks


if __name__ == "__main__":
    stages = main(*sys.argv[1:])
    import json

    sys.stdout.write(json.dumps(stages))
