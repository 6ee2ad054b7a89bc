"""What past weeks contribute to a verdict: earlier alerts, open breaches, and retrainings that did not help.

If a rule breaches again after a retraining for it, another one cannot help until there is something new to learn: loans
from the time of the first request have outcomes only after a label window and its lag, and each later training needs
reference months that the one before did not have. Until then the rule calls for a person. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

from jobs.monitoring import terms
from jobs.monitoring.lookup import number, part
from jobs.monitoring.terms import Seen, rank
from jobs.protocol.calendar import add_months
from jobs.protocol.policy import Policy
from jobs.protocol.state import DATA_QUALITY
from jobs.protocol.strict_json import Json

WEEK = timedelta(days=7)
REFERENCE = timedelta(days=92)  # the out-of-time months that a model is measured on
QUIET = timedelta(days=14)  # after a promotion, rules that compare with the model's reference do not count
NOT_MENDED = "a retraining for it did not mend it"
PERSISTENCE, HYSTERESIS = "persistence", "hysteresis"
UNRELIABLE, BROKEN_FEED = "cbpe unreliable", "data_quality"
_SAW = (PERSISTENCE, terms.SUPPRESSED, UNRELIABLE, NOT_MENDED)  # findings set aside for these were seen all the same
MOVED = frozenset({terms.DRIFT, terms.FEATURE, terms.MANY})
_day = date.fromisoformat
_GROUPS = ((terms.BY_ROWS, "drift"), (terms.BY_OUTCOMES, "performance"))


class Memory:
    """Earlier verdicts on the same model, newest last, with its promotion and the trainings so far."""

    def __init__(self, evidence: Json, policy: Policy, past: Sequence[Json]) -> None:
        self.week, self._label = _day(evidence["week"]), policy.label
        model, promoted = (part(evidence, "model") or {}).get("model_id"), evidence.get("promoted_on")
        self._earlier = [verdict for verdict in past if verdict["model_id"] == model]
        self.was_blocked = bool(past) and DATA_QUALITY in past[-1]["blocked_by"]
        # promoted so recently that rules that use the model's reference do not count yet
        self.is_quiet = self.week - _day(promoted) < QUIET if promoted else False
        self.trainings = [
            (day, frozenset(training["reasons"]))
            for training in evidence["trainings"]
            if (day := _day(training["as_of"])) <= self.week
        ]
        track = part(evidence, "track_record") or {}
        error = number(track, "mean_error")  # estimates may have been too far off
        self.unreliable = track.get("unreliable") is True if error is None else error > policy.cbpe.max_mae

    def saw(self, seen: Seen, *, weeks: int) -> bool:
        """Whether the rule was at alert level or above in any of the last weeks."""
        recent = [verdict for verdict in self._earlier if self.week - weeks * WEEK <= _day(verdict["week"])]
        return _alerted(recent, seen, _SAW)

    def is_open(self, seen: Seen) -> bool:
        """Whether an alert of this rule is still open: it closes after two weeks without anything near its bound."""
        last = self._earlier[-2:]
        kept = (entry.get("why") == HYSTERESIS for verdict in last for entry in _entries(verdict, seen))
        return any(kept) or _alerted(last, seen, (NOT_MENDED,))

    def in_vain(self, seen: Seen) -> date | None:
        """The day of the latest training for this rule, if there has been nothing new to learn since."""
        names = MOVED if seen.rule in MOVED else {seen.rule}  # all drift rules share one cause
        held = sorted(day for day, reasons in self.trainings if reasons & names)
        return held[-1] if held and self.week < self._learnable(held) else None

    def stands(self, unjudged: Sequence[str]) -> bool:
        """Whether rules that cannot be judged now asked for a retraining when they last could, and none came."""
        for rules, section in _GROUPS:
            judged = (verdict for verdict in reversed(self._earlier) if section not in unjudged_in(verdict))
            last = next(judged, None) if section in unjudged else None
            asked = [entry for entry in (last["reasons"] if last else ()) if entry["rule"] in rules]
            if last and any(rank(entry["severity"]) >= rank(terms.HIGH) for entry in asked):
                return not any(day > _day(last["week"]) for day, _ in self.trainings)
        return False

    def _learnable(self, held: Sequence[date]) -> date:
        """When another training can learn more than the last: from matured new loans, measured on new months."""
        began = held[-1]
        for day in reversed(held[:-1]):
            if self._matured(day) + REFERENCE < began:
                break  # that training was long ago, for something else
            began = day
        return max(held[-1] + REFERENCE, self._matured(began))

    def _matured(self, day: date) -> date:
        return add_months(day, self._label.longest_months) + timedelta(days=self._label.lag_days)


def unjudged_in(verdict: Json) -> list[str]:
    """The sections that a verdict could not judge."""
    return [
        section
        for rules, section in _GROUPS
        if section in verdict["unknown"]
        or any(entry["rule"] in rules and entry["why"] == terms.TOO_FEW for entry in verdict["set_aside"])
    ]


def _entries(verdict: Json, seen: Seen) -> Iterator[Json]:
    for entry in (*verdict["reasons"], *verdict["set_aside"]):
        if (entry["rule"], entry["subject"]) == (seen.rule, seen.subject):
            yield entry


def _alerted(verdicts: Iterable[Json], seen: Seen, although: tuple[str, ...]) -> bool:
    """Whether any verdict has it at alert or above, counted or set aside for one of these reasons (or prefixes)."""
    entries = (entry for verdict in verdicts for entry in _entries(verdict, seen))
    there = (entry for entry in entries if entry.get("why") is None or entry["why"].startswith(although))
    return any(rank(entry["severity"]) >= rank(terms.MEDIUM) for entry in there)
