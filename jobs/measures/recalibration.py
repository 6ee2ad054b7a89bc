"""Recalibration: fitted lines that turn scores into calibrated probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from jobs.measures.calibration import inside, no_probabilities
from jobs.measures.counts import FloatArray, ScoreCounts, weighted_sum
from jobs.measures.measure import Measure, missing, normal_interval

MOST_STEPS = 50
SMALL_STEP = 1e-12


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """Log-odds of the outcome over log-odds of the score: intercept 0 and slope 1 are perfect."""

    intercept: Measure
    slope: Measure


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising piecewise line through its knots, level outside them."""

    scores: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, scores: FloatArray) -> FloatArray:
        return np.interp(scores, self.scores, self.values)


def log_odds(p: FloatArray) -> FloatArray:
    """Log-odds of probabilities, those of 0 and 1 taken as a hair from them."""
    between = inside(p)
    odds: FloatArray = np.log(between) - np.log1p(-between)
    return odds


def chance(odds: FloatArray) -> FloatArray:
    """The probability that has these log-odds."""
    p: FloatArray = (1 + np.tanh(odds / 2)) / 2
    return p


def isotonic(counts: ScoreCounts) -> Isotonic:
    """Fit the rising line closest to the outcomes: neighbours that fall are pooled, in whole numbers."""
    if not counts.n:
        raise ValueError("there are no rows to fit")
    pools: list[tuple[int, int, int]] = []  # bads, rows, and the place of the first score
    for place, (bads, rows) in enumerate(zip(counts.bads.tolist(), counts.rows.tolist(), strict=True)):
        pool = bads, rows, place
        while pools and pools[-1][0] * pool[1] >= pool[0] * pools[-1][1]:
            before = pools.pop()
            pool = before[0] + pool[0], before[1] + pool[1], before[2]
        pools.append(pool)
    starts = [start for _, _, start in pools]
    fitted = np.repeat([bads / rows for bads, rows, _ in pools], np.diff([*starts, len(counts.scores)]))
    # Inside a level stretch nothing is lost by keeping its two ends only.
    differs = np.diff(fitted) != 0
    knots = np.concatenate(([True], differs)) | np.concatenate((differs, [True]))
    return Isotonic(tuple(counts.scores[knots].tolist()), tuple(fitted[knots].tolist()))


def calibration_line(counts: ScoreCounts) -> CalibrationLine:
    """Fit outcome = intercept + slope * log-odds of the score by maximum likelihood, with Wald intervals."""
    if reason := no_probabilities(counts) or counts.one_class() or _no_line(counts):
        return CalibrationLine(missing(reason, n=counts.n), missing(reason, n=counts.n))
    x = log_odds(counts.scores)
    centre = weighted_sum(x, counts.rows) / counts.n  # about their mean the two parameters hardly disturb each other
    fitted, information = _newton(counts, x - centre)
    covariance = np.linalg.inv(information)
    found = []
    for toward in (np.array([1.0, -centre]), np.array([0.0, 1.0])):
        value, variance = float(toward @ fitted), float(toward @ covariance @ toward)
        interval = normal_interval(value, variance, (-math.inf, math.inf))
        found.append(Measure(value=value, n=counts.n, interval=interval, variance=variance))
    return CalibrationLine(*found)


def _no_line(counts: ScoreCounts) -> str | None:
    """Why no finite line is the most likely one."""
    if len(np.unique(log_odds(counts.scores))) == 1:
        return "all scores are equal"
    of_goods, of_bads = counts.scores[counts.goods > 0], counts.scores[counts.bads > 0]
    if of_goods[-1] <= of_bads[0] or of_bads[-1] <= of_goods[0]:
        return "one score separates all bads from all goods"
    return None


def _newton(counts: ScoreCounts, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Climb to the most likely line by Newton's steps, halved where too long; return it and its information matrix."""
    rate = counts.n_bad / counts.n
    fitted = np.array([math.log(rate / (1 - rate)), 0.0])
    height = _likelihood(counts, x, fitted)
    for _ in range(MOST_STEPS):
        information, gradient = _curvature(counts, x, fitted)
        step = np.linalg.solve(information, gradient)
        if np.abs(step).max() < SMALL_STEP * (1 + np.abs(fitted).max()):
            break
        reached = _likelihood(counts, x, fitted + step)
        while reached < height - SMALL_STEP * abs(height):  # near the top, rounding must not count as a fall
            step = step / 2
            reached = _likelihood(counts, x, fitted + step)
        fitted, height = fitted + step, reached
    return fitted, information


def _likelihood(counts: ScoreCounts, x: FloatArray, at: FloatArray) -> float:
    """Logarithm of the likelihood of the outcomes, were this the line."""
    line = at[0] + at[1] * x
    return -weighted_sum(np.logaddexp(0, -line), counts.bads) - weighted_sum(np.logaddexp(0, line), counts.goods)


def _curvature(counts: ScoreCounts, x: FloatArray, at: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Information matrix and gradient of the likelihood, were this the line."""
    line = at[0] + at[1] * x
    p = chance(line)
    weight, left = counts.rows * p * (1 - p), counts.bads - counts.rows * p
    flat, first, second = (float((weight * x**power).sum()) for power in range(3))
    return np.array([[flat, first], [first, second]]), np.array([left.sum(), (left * x).sum()])
