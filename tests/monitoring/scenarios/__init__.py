"""Known answers: what each scenario of the design must lead to, by the real jobs from landing files to the verdict.

Here in short form; the full sizes under the default policy are in tests/prove/scenarios.py. Of the design's matrix,
crashes (S10) are proved in tests/prove, leaks, poison and replays (S12, S13, S15) tested in tests/preprocessing.
"""
