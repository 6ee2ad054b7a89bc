"""The panels of a weekly report: their order, needs and derived values. Each is a macro in `panels.html.j2`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any

from markupsafe import Markup

from jobs.measures.calibration import Band
from jobs.measures.ranking import gains
from jobs.monitoring import charts, page
from jobs.monitoring.lookup import at
from jobs.monitoring.page import NOT_COMPUTED, Cell, Figure, Table, cell, listing, number, plain, value_of
from jobs.monitoring.storing import Judged
from jobs.protocol.policy import Policy
from jobs.protocol.state import Entry
from jobs.protocol.strict_json import Json

LARGEST = 6  # features that get a figure of their own
_OUTCOMES = ("model_id", "verdict", "priority", "retrain", "source", "reason", "blocked_by", "why")  # of ledger entries
_FOLLOWED = {"score PSI": "drift.score", "weighted CSI": "drift.weighted", "realised AUC": "performance.auc"}
_FOLLOWED["observed to expected bads"] = "calibration.observed_to_expected"
PANELS = (  # name, title, the section of evidence that it needs, and the path that is empty if data are insufficient
    ("verdict", "Verdict and reasons", "", "enough"),
    ("scores", "Scores: distribution and stability", "drift", "drift.score.value"),
    ("features", "Features: drift over the weeks", "drift", "drift.features"),
    ("ranking", "Ranking: ROC, KS and gains", "performance", "performance.auc.value"),
    ("calibration", "Calibration: reliability and grades", "calibration", "calibration.observed_to_expected.value"),
    ("vintages", "Vintages and target", "vintages", "vintages.months"),
    ("estimate", "Estimated performance and its track record", "estimate", "estimate.auc.value"),
    ("quality", "Data quality", "quality", "quality.tables"),
    ("timeline", "Timeline of decisions and models", "", "weeks"),
    ("appendix", "Appendix", "", "verdict"),
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """All that a report shows: weeks (it is about the last one), and the tables kept beside their evidence."""

    weeks: Sequence[Judged]
    policy: Policy
    entries: Sequence[Entry] = ()
    alerts: Sequence[Json] = ()
    bins: Mapping[str, Sequence[Json]]  # of a subject, in order
    curves: Sequence[Json] = ()  # of the vintages

    @property
    def now(self) -> Judged:
        return self.weeks[-1]

    @cached_property
    def known(self) -> Json:
        """What the paths in templates refer to: the evidence, the verdict and the weeks."""
        weeks = [
            {**one.evidence, "week": one.week.isoformat(), "decision": page.decided(one.verdict)}
            | {key: str(one.verdict.get(key) or "none") for key in ("severity", "priority", "model_id")}
            for one in self.weeks
        ]
        verdict, enough = self.now.verdict, not self.now.verdict["insufficient_data"]
        known = {"verdict": verdict, "enough": enough, "weeks": weeks, "newest_first": weeks[::-1]}
        return self.now.evidence | known | {"alerts": self.alerts}

    def at(self, path: str) -> Any:  # noqa: ANN401 - JSON
        return at(self.known, path)

    def measures(self, caption: str, paths: Mapping[str, str], n: str = "n", kind: str = "") -> Table:
        """A table of measures: value, interval, rows, p, and why one is missing; `n` is the path of the default rows.

        The columns of value, interval and rows are always there; the others only if they are not empty.
        """
        named = [({"name": name, "n": self.at(n)}, self.at(path)) for name, path in paths.items()]
        items = [head | (one if isinstance(one, dict) else {"value": one}) for head, one in named]
        always = (("measure", "name"), ("value", f"value {kind}"), ("95 % interval", f"interval -{kind}"), ("n", "n -"))
        more = (("reference n", "n_reference -"), ("p", "p p"), ("remark", "reason -"))
        kept = [column for column in more if any(item.get(column[1].split()[0]) for item in items)]
        return listing(caption, items, *always, *kept)

    @cached_property
    def changes(self) -> list[str]:
        """What has changed since the week before, in sentences."""
        if len(self.weeks) < 2:  # noqa: PLR2004 - this one and one to compare it with
            return ["There is no earlier week to compare this one with."]
        pair = self.weeks[-2:]
        compared = {
            what.removesuffix("_id"): [str(week.verdict.get(what) or "none").replace("_", " ") for week in pair]
            for what in ("decision", "severity", "priority", "model_id")
        }
        for what, path in _FOLLOWED.items():
            values = [value_of(at(week.evidence, path)) for week in pair]
            if None not in values:
                compared[what] = [number(value) for value in values]
        found = [f"Compared with the week to {pair[0].week}:"]
        for what, (was, said) in compared.items():
            found.append(f"{what} is still {said}" if was == said else f"{what} went from {was} to {said}")
        old, new = ({(one["rule"], one["subject"]) for one in week.verdict["reasons"]} for week in pair)
        for what, left in (("new reason", new - old), ("no longer a reason", old - new)):
            found += [f"{what}: {rule}, {subject}" for rule, subject in sorted(left)]
        return found

    @cached_property
    def features(self) -> list[Json]:
        """The features of this week, sorted by CSI, each graded by how far it moved."""
        found = [{**one, "grade": grade(one, self.policy)} for one in self.at("drift.features") or []]
        return sorted(found, key=lambda one: (-(value_of(one.get("csi")) or 0), one["name"]))

    @property
    def pictured(self) -> list[Figure | None]:
        """Figures of the features that contribute most to the drift."""
        drawable = [one for one in self.features if not one.get("schema_change") and self.bins.get(one["name"])]
        weighty = sorted(drawable, key=lambda one: -(value_of(one.get("csi")) or 0) * (one.get("share") or 0))
        return [page.distribution(one["name"], self.bins[one["name"]], one.get("csi")) for one in weighty[:LARGEST]]

    @property
    def heat(self) -> Table:
        """How far each feature moved in each week, the most important first."""
        newest_first = self.weeks[::-1]
        by_week = [{one["name"]: one for one in at(week.evidence, "drift.features") or []} for week in newest_first]
        rows = [
            [Cell(one["name"]), cell(one.get("share"), "%"), *(self._heat(week.get(one["name"])) for week in by_week)]
            for one in sorted(self.features, key=lambda one: (-(one.get("share") or 0), one["name"]))
        ]
        heads = ("feature", "importance", *(str(week.week)[5:] for week in newest_first))
        what = "CSI by week, the newest first; grey: too few rows, hatched: the schema changed, blank: not in that week"
        return Table(what, heads, rows, "heat")

    def _heat(self, one: Json | None) -> Cell:
        value, mark = value_of((one or {}).get("csi")), grade(one, self.policy).mark if one else "none"
        text = "" if mark in ("insufficient", "schema") or value is None else f"{value:.2f}"
        return Cell(text, value, "" if mark == "none" else mark)

    def gap(self, of: str) -> list[str]:
        """The score where the curves of goods and bads are furthest apart, and how far."""
        at, goods, bads = max(self.at(of) or (), key=lambda point: abs(point[2] - point[1]), default=(None, 0, 0))
        return [number(at), NOT_COMPUTED if at is None else number(abs(bads - goods))]

    @property
    def grades(self) -> list[Json]:
        found = self.at("calibration.grades") or []
        return [one | {"rate": one["bads"] / one["n"], "expected_rate": one["expected"] / one["n"]} for one in found]

    @property
    def deciles(self) -> list[Band]:
        return [Band(**each) for each in self.at("calibration.deciles") or []]

    @property
    def bands(self) -> list[Json]:
        """Bad rates against promised ones, with Jeffreys intervals."""
        return [
            {"scores": [one.lowest, one.highest], "n": one.n, "bads": one.bads, "promised": one.mean_score}
            | {"observed": one.bad_rate, "interval": ends, "fits": ends[0] <= one.mean_score <= ends[1]}
            for one, ends in ((one, one.bad_rate_interval()) for one in self.deciles)
        ]

    @property
    def gains(self) -> list[Json]:
        return gains(self.deciles)

    @property
    def matured(self) -> list[Json]:
        """The months of application that have known outcomes."""
        months = self.at("vintages.months") or []
        return [one | {"interval": [one["low"], one["high"]]} for one in months if one["matured"]]

    @property
    def quarters(self) -> Figure | None:
        """One line per quarter, labelled at its last row; the first immature row joins its solid and dashed parts."""
        if not self.curves:
            return None
        drawn: list[Json] = []
        for row, after in zip(self.curves, (*self.curves[1:], None), strict=True):
            ends = after is None or after["quarter"] != row["quarter"]
            joins = not ends and after is not None and after["immature"]
            drawn.append({"x": row["month_on_book"], "y": row["share"], "series": row["quarter"], "last": ends})
            drawn[-1] |= {"whole": not row["immature"], "young": row["immature"] or joins}
        newest = [row for row in drawn if row["last"]]
        says = f"Cumulative share gone bad of {len(newest)} quarters of application. At the end of each line: "
        says += "; ".join(f"{row['series']} {row['y']:.1%} after {row['x']} months" for row in newest) + "."
        counts = ("quarter", ("month on book", "month_on_book"), "loans", ("at risk", "at_risk"), "bads")
        shares = (("share", "share %"), ("low", "low %"), ("high", "high %"), ("not all are that old", "immature"))
        axes = charts.Axes(x="months on book", y="cumulative share gone bad", y_format="~%")
        table = listing("Vintages", self.curves, *counts, *shares)
        return Figure("Vintages by quarter", says, charts.vintages(drawn, axes), table)

    @property
    def ledger(self) -> list[Json]:
        """The ledger entries of these weeks."""

        def details(body: Mapping[str, object]) -> str:
            return "; ".join(f"{key} {plain(body[key])}" for key in _OUTCOMES if body.get(key) not in (None, [], ""))

        named = ((one, {"date": str(one.as_of), "about": one.topic, "what": one.kind}) for one in self.entries)
        return [found | {"details": details(one.body)} for one, found in named]

    @property
    def settings(self) -> list[Json]:
        return [{"setting": name, "value": value} for name, value in _flat(self.policy)]

    @property
    def hashes(self) -> list[Json]:
        """The hashes of everything that the verdict is based on."""
        paths = {"evidence": "verdict.evidence.sha256", "evidence made from": "made_from", "model": "model.sha256"}
        paths |= {"policy": "verdict.policy_sha256", "verdict of the week before": "verdict.previous.sha256"}
        inputs = {one["path"]: one["sha256"] for one in self.at("inputs") or []}
        found = {name: self.at(path) for name, path in paths.items()} | inputs
        return [{"of": name, "hash": sha256 or "none"} for name, sha256 in found.items()]


def sections(shown: Shown) -> Iterator[Json]:
    """Each panel in turn; one that fails says so, and the others are still shown."""
    macros = page.template("panels.html.j2").make_module({"of": shown})
    for name, title, needs, enough in PANELS:
        section, lead = shown.at(needs) if needs else {}, "This was not computed for this week."
        state, body = NOT_COMPUTED, Markup()
        if section is not None and "unknown" in section:
            state, lead = "unknown", f"This could not be computed, and counts as unknown: {section['unknown']}."
        elif section is not None:
            state = page.INSUFFICIENT if (least := shown.at(enough)) in (None, []) or least is False else ""
            try:
                body = getattr(macros, name)()
            except Exception as error:  # noqa: BLE001 - a page with one hole is better than none
                state, lead = "unknown", f"This part of the evidence could not be shown: {type(error).__name__}."
        body = body or Markup('<p class="lead">{}</p>').format(lead)
        yield {"id": name, "title": title, "state": state, "body": body}


def grade(one: Json, policy: Policy) -> Cell:
    """How far a feature moved: the highest bound that its CSI exceeds, unless that may be chance."""
    value, p, bounds = value_of(one.get("csi")), one.get("p_adjusted"), policy.drift.psi
    if one.get("schema_change"):
        return Cell("schema change", None, "schema")
    if value is None or one["csi"]["n"] < policy.drift.n_min:
        return cell("insufficient", "grade")
    passed = [name for name in ("low", "medium", "high", "critical") if value > getattr(bounds, name)]
    return cell(passed[-1] if passed and (p is None or p <= policy.drift.fdr_q) else "none", "grade")


def _flat(value: object, name: str = "") -> list[tuple[str, str]]:
    """Settings by their dotted names."""
    if is_dataclass(value):
        value = {one.name: getattr(value, one.name) for one in fields(value)}
    if not isinstance(value, Mapping):
        return [(name, "none" if value is None else plain(value) or "none")]
    return [pair for key, found in value.items() for pair in _flat(found, f"{name}.{key}" if name else key)]
