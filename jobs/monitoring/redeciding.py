"""What another policy would have made of weeks past: their evidence judged again, side by side. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from jobs.monitoring import storing
from jobs.monitoring.retraining import judge
from jobs.monitoring.terms import MEDIUM, rank
from jobs.monitoring.weighing import ALERT, NO_ACTION, RETRAIN
from jobs.protocol import policy, verdicts
from jobs.protocol.command import Run
from jobs.protocol.errors import ConfigInvalid, InputMissing
from jobs.protocol.policy import Policy

Json = Mapping[str, Any]

_ROW = "{:<12}{:<20}{:<20}{}"


def redecide(run: Run) -> None:
    """Tell week by week and in all what was decided and what the policy of --policy decides.

    Each new verdict is made with the new ones before it as its past; the first remembers the verdicts that lie there.
    """
    rules, first = _policy(run.options.policy), run.options.first
    weeks = verdicts.weeks(run.root, run.options.last or run.day)
    known = storing.remembered(run, [week for week in weeks if first is None or week >= first])
    if not known:
        mend = "give other dates, or run monitoring for these weeks first"
        raise InputMissing("no week is judged between these dates", where=verdicts.MONITORING, mend=mend)
    earlier = verdicts.weeks(run.root, known[0].week - timedelta(days=1))
    made: list[Json] = [found for each in earlier if (found := verdicts.read(run.root, each))]
    header = _ROW.format("week", "stored", "new policy", "reasons of the new policy") + "\n"
    for one in known:
        made.append(judge(one.evidence, rules, made))
        _say(run, one.verdict, made[-1], header if one is known[0] else "")
    sides: dict[str, list[Json]] = {"stored": [one.verdict for one in known], "new policy": made[-len(known) :]}
    asked = {
        name: [date.fromisoformat(verdict["week"]) for verdict in side if verdict["decision"] != NO_ACTION]
        for name, side in sides.items()
    }
    for name, side in sides.items():
        decisions = [verdict["decision"] for verdict in side]
        said: dict[str, int | None] = {"retrainings": decisions.count(RETRAIN), "alerts": decisions.count(ALERT)}
        began = min(weeks[0] for weeks in asked.values() if weeks) if asked[name] else None
        said["days_to_detection"] = (asked[name][0] - began).days if began else None  # since either side first asked
        told = (f"{what.replace('_', ' ')} {'-' if n is None else n}" for what, n in said.items())
        run.events.say("total", f"{name:<12}{', '.join(told)}", by=name, **said)


def _say(run: Run, old: Json, new: Json, header: str) -> None:
    asked = []
    for reason in new["reasons"]:
        if rank(reason["severity"]) >= rank(MEDIUM):
            number = "" if reason["value"] is None else f" {reason['value']:.3g}"
            asked.append(f"{reason['rule']} of {reason['subject']}{number} ({reason['severity']})")
    names = [f"{verdict['decision']} {verdict['priority'] or ''}".strip() for verdict in (old, new)]
    row = _ROW.format(old["week"], *names, ", ".join(asked) or "-")
    facts = {"old": names[0], "new": names[1], "same": names[0] == names[1], "reasons": new["reasons"]}
    run.events.say("redecided", header + row, week=old["week"], **facts)


def _policy(name: str | None) -> Policy:
    mend = "give --policy FILE, a policy as decisions/policy.json is one"
    if name is None:
        raise ConfigInvalid("there is no policy to judge by", where="--policy", mend=mend)
    path = Path(name)
    if not path.is_file():
        raise ConfigInvalid("the policy to judge by is no file", where=name, mend=mend)
    return policy.load(path.read_bytes(), name)
