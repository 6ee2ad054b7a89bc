"""How many loans go bad with age, from loans of which some have not been seen for long."""

from __future__ import annotations

import math
from collections.abc import Sequence

from jobs.measures.measure import Measure, missing
from jobs.measures.proportions import Z, jeffreys_interval


def cumulative_share(at_risk: Sequence[int], bads: Sequence[int]) -> list[Measure]:
    """Kaplan and Meier's share that went bad by the end of each step; `n` is those at risk in that step.

    At risk are those that were good before the step and are seen to its end. Greenwood's variance, with an interval
    on the log-log scale that stays within 0 and 1; Jeffreys' where nobody went bad yet.
    """
    survived, spread, found = 1.0, 0.0, []
    for n, bad in zip(at_risk, bads, strict=True):
        if not n:
            found.append(missing("no loan has been seen for so long", n=0))
            continue
        survived *= 1 - bad / n
        spread += math.inf if bad == n else bad / (n * (n - bad))
        found.append(_share(survived, spread, n))
    return found


def _share(survived: float, spread: float, n: int) -> Measure:
    if survived == 1:
        return Measure(value=0.0, n=n, interval=jeffreys_interval(0, n))
    if survived == 0:
        return Measure(value=1.0, n=n)
    factor = math.exp(Z * math.sqrt(spread) / abs(math.log(survived)))
    interval = (1 - survived ** (1 / factor), 1 - survived**factor)
    return Measure(value=1 - survived, n=n, interval=interval, variance=survived**2 * spread)
