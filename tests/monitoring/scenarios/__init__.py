"""Known answers: what each scenario of the design must lead to, by the real jobs from landing files to the verdict.

Here in short form; the full sizes under the default policy are in tests/prove/scenarios.py. Of the design's matrix,
crashes, poison and replays (S10, S13, S15) are proved in tests/prove; leaks (S12) are tested in tests/preprocessing.
"""
