"""Backtest of the PD of a grade: traffic light and critical counts by the binomial distribution."""

from __future__ import annotations

from enum import StrEnum


class Light(StrEnum):
    GREEN = "green"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"


LEAST_P = {Light.GREEN: 0.05, Light.YELLOW: 0.01, Light.ORANGE: 0.001, Light.RED: 0.0}


def chance_of_bads(n: int, bads: int, pd: float) -> float:
    """Chance of at least so many bads among n rows, were the PD right and defaults independent."""
    from scipy.special import betainc

    # The incomplete beta function is the binomial tail, without the rounding of one minus a sum.
    return 1.0 if bads == 0 else float(betainc(bads, n - bads + 1, pd))


def light(n: int, bads: int, pd: float) -> Light | None:
    """Return the colour of a grade: the rarer such a number of bads, the redder; none without rows."""
    if not n:
        return None
    p = chance_of_bads(n, bads, pd)
    return next(colour for colour, least in LEAST_P.items() if p >= least)


def critical_count(n: int, pd: float, confidence: float) -> int:
    """Most bads that are no surprise: the smallest count that holds with this confidence."""
    low, high = -1, n
    while high - low > 1:
        middle = (low + high) // 2
        if 1 - chance_of_bads(n, middle + 1, pd) >= confidence:
            high = middle
        else:
            low = middle
    return high
