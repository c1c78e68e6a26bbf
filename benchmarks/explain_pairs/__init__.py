"""Before/after pairs with a known cause, as people hold them, and what `ratchet explain` says of each.

`python -m benchmarks.explain_pairs OUT` writes a directory a pair and prints a table. Nothing here was trained: the
pictures are drawn, detections are simulated from the labels (`detector.py`: misses, jitter, confusions and false
alarms, of the model after with the damage that the planted cause does), configurations and logs are written by hand in
the toolkits' own syntaxes. What is shown is that the answer follows from the files, not that the damage is as large in
life.
"""
