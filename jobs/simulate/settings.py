"""The settings of a simulation, its market, and the scenarios that change it from some date on."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from jobs.protocol.command import iso_date
from jobs.protocol.errors import UsageError

NEW_LEVEL = "heat_pump"


@dataclass(frozen=True, slots=True)
class Market:
    """The numbers that a scenario may shift."""

    quality: float = 0.0  # mean quality of applicants, in standard deviations
    fico_floor: float = 660.0
    fico_scale: float = 45.0
    joint_share: float = 0.08
    sixty_months: float = -1.12  # log-odds of the long term at a median amount
    risk_level: float = -2.75  # log-odds of a default within twelve months at average features
    risk_slope: float = 0.44  # how much the features tell about that risk
    lender_noise: float = 1.5  # how badly the platform's own rate reflects it


@dataclass(frozen=True, slots=True)
class Scenario:
    """A change in the simulated world; whatever it does not mention stays the same."""

    sentence: str
    market: Mapping[str, float] = field(default_factory=dict)  # amounts added to these numbers of the market
    written: tuple[str, str] | None = None  # a table, and the SQL for the column that its files write differently
    absent: str | None = None  # a table whose file does not land
    days: int | None = None  # how long it lasts; None: forever


# The effect of each on models of 24 months of 150 (and of 60) loans a day, measured on 28,000 loans after the date:
# covariate: FICO -25, score PSI 0.40 (0.32), AUC estimated without labels within 0.01 of the realised, O/E 1.07 (1.03)
# covariate-large: FICO -32, score PSI 0.83 (0.70); both keep to FICO scores that the models know
# concept: AUC 0.60 where it was 0.73, at the same default rate; base-rate: default rate x 1.20, the same AUC
SCENARIOS = {
    "covariate": Scenario(
        "weaker applicants and longer terms; the risk of a given loan is unchanged",
        market={"quality": -1.2, "sixty_months": 0.3},
    ),
    "covariate-large": Scenario("the same, but stronger", market={"quality": -1.8, "sixty_months": 0.6}),
    "concept": Scenario(
        "applicants look the same, but their features say less about their risk",
        market={"risk_slope": -0.3, "risk_level": 0.2},
    ),
    "base-rate": Scenario(
        "each loan's odds of default are higher by the same factor: a fifth more defaults", market={"risk_level": 0.21}
    ),
    "unit-shift": Scenario(
        "for two days revol_util comes as a fraction, not in percent",
        written=("financial", "revol_util / 100 AS revol_util"),
        days=2,
    ),
    "new-level": Scenario(  # ids of a day lie far apart: any digits but the last will do
        f"8 % of applications have a purpose never seen before, {NEW_LEVEL}",
        written=("loan_terms", f"CASE WHEN id // 7 % 25 < 2 THEN '{NEW_LEVEL}' ELSE purpose END AS purpose"),
    ),
    "missing-table": Scenario("the file of the table financial is missing on that date", absent="financial", days=1),
}


@dataclass(frozen=True, slots=True)
class Shift:
    """A scenario as requested: its name, and the first landing date that it affects."""

    name: str
    since: date

    def touches(self, landed: date) -> bool:
        days = SCENARIOS[self.name].days
        return self.since <= landed and (days is None or (landed - self.since).days < days)


@dataclass(frozen=True, slots=True)
class Settings:
    """One simulation: first and last landing date, and what lands on them."""

    start: date
    end: date
    loans_per_day: int
    seed: int
    dirt: float
    shifts: tuple[Shift, ...] = ()

    def scenarios(self, landed: date) -> list[Scenario]:
        """The scenarios in effect on a landing date."""
        return [SCENARIOS[shift.name] for shift in self.shifts if shift.touches(landed)]


def shift(text: str, start: date) -> Shift:
    """Parse `NAME` or `NAME@YYYY-MM-DD`; without a date the scenario begins with the simulation."""
    name, at, since = text.partition("@")
    mend = "give NAME or NAME@YYYY-MM-DD; see --help"
    if name not in SCENARIOS:
        what = f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}"
        raise UsageError(what, where="--scenario", mend=mend)
    try:
        return Shift(name, iso_date(since) if at else start)
    except argparse.ArgumentTypeError as error:
        raise UsageError(str(error), where="--scenario", mend=mend) from None


def market(scenarios: Iterable[Scenario]) -> Market:
    found = Market()
    for scenario in scenarios:
        found = replace(found, **{name: getattr(found, name) + more for name, more in scenario.market.items()})
    return found
