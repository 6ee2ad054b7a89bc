"""What another policy would have made of weeks past: their evidence judged again, side by side. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jobs.monitoring import storing
from jobs.monitoring.retraining import judge
from jobs.monitoring.storing import Judged
from jobs.monitoring.terms import MEDIUM, rank
from jobs.monitoring.weighing import ALERT, NO_ACTION, RETRAIN
from jobs.protocol import policy, verdicts
from jobs.protocol.command import Run
from jobs.protocol.errors import ConfigInvalid, InputMissing
from jobs.protocol.files import Root
from jobs.protocol.policy import Policy

Json = Mapping[str, Any]

_ROW = "{:<12}{:<20}{:<20}{}"


def redecide(run: Run) -> None:
    """Tell week by week and in all what was decided and what the policy of --policy decides."""
    rules = _policy(run.options.policy)
    last = run.options.last or run.day
    first = run.options.first
    weeks = [week for week in verdicts.weeks(run.root, last) if first is None or week >= first]
    known: list[Judged] = []
    for week in weeks:
        run.attempt(lambda week=week: known.extend(_judged(run.root, week)))  # type: ignore[misc]
    if not known:
        mend = "give other dates, or run monitoring for these weeks first"
        raise InputMissing("no week is judged between these dates", where=verdicts.MONITORING, mend=mend)
    pairs = list(compared(known, rules, _before(run.root, known[0].week)))
    for place, (old, new) in enumerate(pairs):
        _say(run, old, new, header=place == 0)
    for name, side in (("stored", 0), ("new policy", 1)):
        said = totals(pairs, side)
        told = (f"{what.replace('_', ' ')} {'-' if n is None else n}" for what, n in said.items())
        run.events.say("total", f"{name:<12}{', '.join(told)}", by=name, **said)


def compared(known: Sequence[Judged], rules: Policy, past: Sequence[Json]) -> Iterator[tuple[Json, Json]]:
    """The stored verdict of each week and the new one, each made with the new ones before it as its past."""
    made = list(past)
    for one in known:
        made.append(judge(one.evidence, rules, made))
        yield one.verdict, made[-1]


def totals(pairs: Sequence[tuple[Json, Json]], side: int) -> dict[str, int | None]:
    """How often one side asks, and the days from the first week in which either asked until it does."""
    decisions = [pair[side]["decision"] for pair in pairs]
    asked = [[place for place, pair in enumerate(pairs) if pair[of]["decision"] != NO_ACTION] for of in (0, 1)]
    earliest = min((places[0] for places in asked if places), default=None)
    days = (
        (_week(pairs[asked[side][0]]) - _week(pairs[earliest])).days if earliest is not None and asked[side] else None
    )
    return {"retrainings": decisions.count(RETRAIN), "alerts": decisions.count(ALERT), "days_to_detection": days}


def _say(run: Run, old: Json, new: Json, *, header: bool) -> None:
    asked = [_short(reason) for reason in new["reasons"] if rank(reason["severity"]) >= rank(MEDIUM)]
    row = _ROW.format(old["week"], _named(old), _named(new), ", ".join(asked) or "-")
    head = _ROW.format("week", "stored", "new policy", "reasons of the new policy") + "\n" if header else ""
    facts = {"old": _named(old), "new": _named(new), "same": _named(old) == _named(new), "reasons": new["reasons"]}
    run.events.say("redecided", head + row, week=old["week"], **facts)


def _named(verdict: Json) -> str:
    return f"{verdict['decision']} {verdict['priority'] or ''}".strip()


def _short(reason: Json) -> str:
    number = "" if reason["value"] is None else f" {reason['value']:.3g}"
    return f"{reason['rule']} of {reason['subject']}{number} ({reason['severity']})"


def _judged(root: Root, week: date) -> list[Judged]:
    found = storing.judged(root, week)
    return [found] if found else []


def _before(root: Root, week: date) -> list[Json]:
    """What the first week remembers: the verdicts that lie there."""
    earlier = verdicts.weeks(root, week - timedelta(days=1))
    return [found for each in earlier if (found := verdicts.read(root, each))]


def _week(pair: tuple[Json, Json]) -> date:
    return date.fromisoformat(pair[0]["week"])


def _policy(name: str | None) -> Policy:
    mend = "give --policy FILE, a policy as decisions/policy.json is one"
    if name is None:
        raise ConfigInvalid("there is no policy to judge by", where="--policy", mend=mend)
    path = Path(name)
    if not path.is_file():
        raise ConfigInvalid("the policy to judge by is no file", where=name, mend=mend)
    return policy.load(path.read_bytes(), name)
