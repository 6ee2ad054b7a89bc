"""What the report page is made of: panels with figures and tables, and how numbers read on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from jobs.monitoring.charts import Drawing

NOT_COMPUTED = "not computed"
LEAST_P = 0.001
LEAST_SHOWN = 0.0005  # below it three decimals say nothing
NONE = "\N{EN DASH}"
MARKS = {"none": "○", "low": "◔", "medium": "◑", "high": "◕", "critical": "●"}
MARKS |= {"green": "○", "yellow": "◔", "orange": "◑", "red": "●", "insufficient": NONE, "schema": "▨", "unknown": "?"}
RANK: dict[str, float] = {name: place for place, name in enumerate(("none", "low", "medium", "high", "critical"))}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, what it sorts by, and the mark (a shape and a class of its own) that says how grave it is."""

    text: str
    sort: float | None = None
    mark: str = ""

    @property
    def shape(self) -> str:
        return MARKS.get(self.mark, "")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first cell of a row names it."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    kind: str = ""

    @property
    def numeric(self) -> list[bool]:
        """The columns that line up as numbers."""
        return [
            any(row[at].sort is not None and row[at].text[-1:] in "0123456789%" for row in self.rows)
            for at in range(len(self.heads))
        ]


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, the same in words for those who do not see it, and in numbers."""

    title: str
    alternative: str
    chart: Drawing
    table: Table
    height: int = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A section of the page. `state` says what a reader must know first where it is not simply there."""

    id: str
    title: str
    lead: str
    state: str = ""  # unknown, insufficient or not computed
    notes: Sequence[str] = ()
    figures: Sequence[Figure] = field(default_factory=list)
    tables: Sequence[Table] = field(default_factory=list)
    terms: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Week:
    """A week as it was judged; the evidence is empty where it is not there any more."""

    name: str
    verdict: Json
    evidence: Json = field(default_factory=dict)
    sha256: str = ""  # of the verdict's file, by which the page says what it shows


def number(value: object, kind: str = "") -> str:
    """A number for people: counts with thousands, shares in percent (kind %), others to three decimals."""
    if value is None:
        return NOT_COMPUTED
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if kind == "%":
        return f"{value:.1%}"
    return f"{value:.2g}" if 0 < abs(value) < LEAST_SHOWN else f"{value:,.3f}"


def probability(p: object) -> str:
    """A p-value."""
    if not isinstance(p, (int, float)):
        return NONE
    return f"< {LEAST_P}" if p < LEAST_P else f"{p:.3f}"


def cell(value: object, kind: str = "", mark: str = "") -> Cell:
    """A cell of a plain value."""
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = ("yes" if value else "no") if isinstance(value, bool) else number(value, kind)
    return Cell(text, float(value) if known else None, mark)  # type: ignore[arg-type]


def amount(n: int, what: str) -> str:
    """So many of something."""
    return f"{number(n)} {what}" if n == 1 else f"{number(n)} {what}s"


def decided(verdict: Json) -> Cell:
    """What was decided; where there was too little to judge by, that, which is no good news."""
    if verdict["insufficient_data"]:
        return Cell("insufficient data", None, "insufficient")
    return Cell(str(verdict["decision"]).replace("_", " "), None, str(verdict["severity"]))


def plain(value: object) -> str:
    """A value of a setting or of the ledger."""
    return ", ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value)


def p_cell(p: object) -> Cell:
    return Cell(probability(p), float(p) if isinstance(p, (int, float)) else None)


def part(of: Mapping[str, Any] | None, *path: str) -> Any:  # noqa: ANN401 - JSON
    """What lies at the end of a path, or None where the path ends early."""
    found: Any = of
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def value_of(measure: object) -> float | None:
    """The value of a measure, or of a plain number; None where there is none."""
    found = measure.get("value") if isinstance(measure, dict) else measure
    return float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def interval(measure: object, kind: str = "") -> str:
    found = measure.get("interval") if isinstance(measure, dict) else None
    return f"{number(float(found[0]), kind)} to {number(float(found[1]), kind)}" if found else NONE


def told(measure: object, kind: str = "") -> str:
    """A measure in running text, with its interval and rows, or why it is missing."""
    value = number(value_of(measure), kind)
    return f"{value} ({rests_on(measure, kind)})" if isinstance(measure, dict) else value


def rests_on(measure: object, kind: str = "") -> str:
    """The interval and rows of a measure, or why there is none."""
    if not isinstance(measure, dict):
        return "not in the evidence"
    if value_of(measure) is None:
        return str(measure.get("reason") or measure.get("unknown") or "no value")
    ends = f"95 % interval {interval(measure, kind)}, " if measure.get("interval") else ""
    return f"{ends}n {number(measure['n'])}" if measure.get("n") is not None else f"{ends}n not given"


def measures(caption: str, of: Mapping[str, Any], n: int | None = None, kind: str = "") -> Table:
    """A table of measures: value, interval, rows, p, and why one is missing; `n` are the rows of plain numbers."""
    heads = ("measure", "value", "95 % interval", "n", "reference n", "p", "remark")
    rows = [_measure_row(name, found, n, kind) for name, found in of.items()]
    kept = [at for at in range(len(heads)) if at < _ALWAYS or any(row[at].text not in ("", NONE) for row in rows)]
    return Table(caption, [heads[at] for at in kept], [[row[at] for at in kept] for row in rows])


_ALWAYS = 4  # columns that stand even where they are empty: a number has rows, and an interval or none


def _measure_row(name: str, found: object, n: int | None, kind: str) -> list[Cell]:
    given: Json = {"n": n, **found} if isinstance(found, dict) else {"value": found, "n": n}
    remark = given.get("reason") or given.get("unknown") or ""
    rows = [_count(given.get(key)) for key in ("n", "n_reference")]
    ends = Cell(interval(given, kind), (given.get("interval") or [None])[0])
    return [Cell(name), cell(value_of(given), kind), ends, *rows, p_cell(given.get("p")), Cell(str(remark))]


def _count(n: object) -> Cell:
    return cell(n) if n is not None else Cell(NONE)


def missing(id_: str, title: str, section: object) -> Panel | None:
    """The panel of a section that is not there, or None where it is."""
    if section is None:
        return Panel(id=id_, title=title, state=NOT_COMPUTED, lead="This was not computed for this week.")
    if isinstance(section, dict) and "unknown" in section:
        lead = f"This could not be computed, and counts as unknown: {section['unknown']}."
        return Panel(id=id_, title=title, state="unknown", lead=lead)
    return None


def rows_of(items: Iterable[Json], *columns: str | tuple[str, str]) -> list[list[Cell]]:
    """Rows of plain values; a column may be given with the kind of its numbers."""
    named = [(column, "") if isinstance(column, str) else column for column in columns]
    return [
        [p_cell(item.get(key)) if kind == "p" else cell(item.get(key), kind) for key, kind in named] for item in items
    ]
