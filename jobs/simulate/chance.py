"""Streams of chance and the few shapes in which everything here is drawn."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def stream(seed: int, stage: str, *place: int) -> np.random.Generator:
    """Draws that depend on nothing but these: each stage has its own, so that one may change without the others."""
    return np.random.default_rng([seed, zlib.crc32(stage.encode()), *place])


def chance(rng: np.random.Generator, rate: float | Floats, size: int) -> Flags:
    return np.asarray(rng.random(size) < rate)


def one_of(rng: np.random.Generator, shares: Sequence[float], size: int) -> Ints:
    """Codes drawn by their shares."""
    edges = np.cumsum(shares) / np.sum(shares)
    return np.searchsorted(edges[:-1], rng.random(size), side="right").astype(np.int64)


def counts(rng: np.random.Generator, mean: float, spread: Floats) -> Ints:
    """Poisson counts around `mean`, their rate varied by a log-normal `spread`."""
    return np.asarray(rng.poisson(mean * np.exp(spread - spread.var() / 2)))


def below(rng: np.random.Generator, limit: Floats | float, size: int) -> Floats:
    """Whole numbers from 0 up to but not including `limit`."""
    return np.asarray(np.floor(limit * rng.random(size)))


def share(z: Floats) -> Floats:
    """A logistic stand-in for the normal distribution function, good to a hundredth."""
    return logistic(1.702 * z)


def logistic(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-z)))


def cents(amount: Floats) -> Floats:
    return np.asarray(np.round(amount, 2), dtype=np.float64)
