"""Many tests at once: which findings survive when chance is given its due."""

from __future__ import annotations

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Return Benjamini-Hochberg adjusted p-values in the order given: those at most q are findings at that rate.

    Call it once for each family of tests: then more features cannot mute the tests of performance.
    """
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("p-values lie between 0 and 1: leave out the tests that could not be made")
    falling = sorted(range(len(p_values)), key=lambda place: -p_values[place])
    result = [1.0] * len(p_values)
    smallest = 1.0
    for rank, place in zip(range(len(p_values), 0, -1), falling, strict=True):
        smallest = min(smallest, p_values[place] * (len(p_values) / rank))
        result[place] = smallest
    return result
