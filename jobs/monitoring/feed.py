"""What the rules of data quality look at: the feed of a week as counts, without the value of any row."""

from __future__ import annotations

from dataclasses import dataclass

UNIT_FACTOR = 20.0  # no median moves by so much in a day, but for another unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A landed table's week; `expected` days should have come, `days` did."""

    table: str
    expected: int
    days: int
    rows: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of the `n` rows that a rule looked at it complains of."""

    rule: str
    subject: str
    hits: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """The rows of a day, and of the same weekday in the four weeks before."""

    table: str
    day: str
    rows: int
    before: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A landed column that was there in the four weeks before and is not, or the other way round."""

    column: str
    what: str  # absent, new, unknown
    is_documented: bool
    is_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A feature on one day."""

    day: str
    rows: int
    missing: int
    median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature of the model, day by day, beside what the model's reference says of it.

    `low_share` and `high_share` bound the share of reference values beyond the factor of a unit shift from its median.
    """

    name: str
    shap_share: float
    reference_missing: float
    reference_rows: int
    median: float | None
    low_share: float
    high_share: float
    is_documented: bool  # its contract says since when it is filled, and that time has come
    was_filled: bool  # on some day of the four weeks before
    days: tuple[Day, ...]

    @property
    def rows(self) -> int:
        return sum(day.rows for day in self.days)

    @property
    def missing(self) -> int:
        return sum(day.missing for day in self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFacts:
    """All that the rules look at: counts, and no value of a row."""

    tables: tuple[Table, ...]
    shares: tuple[Share, ...]
    volumes: tuple[Volume, ...]
    columns: tuple[ColumnChange, ...]
    features: tuple[Feature, ...]
