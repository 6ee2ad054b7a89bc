"""Random draws, and the few distributions that the simulator uses."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Draw:
    """Draws for `size` loans from a seed of their own, so that one stage can change without affecting the others."""

    def __init__(self, size: int, seed: int, stage: str, *place: int) -> None:
        self.size, self.rng = size, np.random.default_rng([seed, zlib.crc32(stage.encode()), *place])

    def normal(self, *number: int) -> Floats:
        """One value a loan, or so many rows of them."""
        return self.rng.standard_normal((*number, self.size))

    def happens(self, rate: float | Floats) -> Flags:
        return np.asarray(self.rng.random(self.size) < rate)

    def one_of(self, shares: Sequence[float]) -> Ints:
        """Codes drawn by their shares."""
        edges = np.cumsum(shares) / np.sum(shares)
        return np.searchsorted(edges[:-1], self.rng.random(self.size), side="right").astype(np.int64)

    def counts(self, mean: float, spread: Floats) -> Ints:
        """Poisson counts around `mean`, their rate varied by a log-normal `spread`."""
        return np.asarray(self.rng.poisson(mean * np.exp(spread - spread.var() / 2)))

    def below(self, limit: Floats | float) -> Ints:
        """Whole numbers from 0 up to but not including `limit`."""
        return np.floor(limit * self.rng.random(self.size)).astype(np.int64)


def share(z: Floats) -> Floats:
    """A logistic stand-in for the normal distribution function, good to a hundredth."""
    return logistic(1.702 * z)


def logistic(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)))


def cents(amount: Floats) -> Floats:
    return np.asarray(np.round(amount, 2), dtype=np.float64)
