"""What a simulation is told: its settings, and the market in which it takes place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from jobs.simulate.scenarios import Shift


@dataclass(frozen=True, slots=True)
class Settings:
    """One simulation: landing dates, both included, and what falls on them."""

    start: date
    end: date
    loans_per_day: int
    seed: int
    dirt: float
    form: str
    shifts: tuple[Shift, ...] = ()


@dataclass(frozen=True, slots=True)
class Market:
    """The numbers that a scenario shifts from some day on; everything else stays as it is."""

    quality: float = 0.0  # mean of what makes applicants good, in its own deviations
    fico_floor: float = 660.0
    fico_scale: float = 45.0
    joint_share: float = 0.08
    sixty_months: float = -1.12  # log-odds of the long term at a median amount
    risk_level: float = -2.75  # log-odds of a default within twelve months at average features
    risk_slope: float = 0.44  # how much the features tell about it
    lender_noise: float = 1.5  # how badly the platform's own rate sees it


STEADY = Market()
