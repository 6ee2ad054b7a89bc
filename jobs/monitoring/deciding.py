"""Write the retraining note for people to read, edit or delete; and `redecide`: judge past weeks by another policy."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from jobs.monitoring import storing
from jobs.monitoring.session import Session
from jobs.monitoring.terms import MEDIUM, rank
from jobs.protocol import files, ingest, notes, outlook, policy, status, verdicts
from jobs.protocol.command import Run
from jobs.protocol.errors import ConfigInvalid, InputMissing
from jobs.protocol.ingest import Seen
from jobs.protocol.policy import Policy
from jobs.protocol.state import MONITOR
from jobs.protocol.store import RETRAINING_NOTE, quarantine_name
from jobs.protocol.strict_json import Json

LOOKS = 3  # at a note that others keep changing
LEFT_ALONE = {
    "person": "a person's decision is open",
    "claim": "training is at work on a decision",
    "ahead": "the note in place is dated after this run",
    "refused": "the note in place is not a plain file that a job may read",
    "changed": "somebody keeps changing the note",
    "late": "the note would no longer be valid",
    "insufficient": "there is too little to judge",
    "replaced": "the model that was judged no longer serves",
}
_ROW = "{:<12}{:<20}{:<20}{}"


def decide(session: Session) -> None:
    """Begin as every run does, then place the note that follows from the week's verdict, if any.

    Repeating it does nothing: the bytes of a verdict's note do not depend on the day of the run.
    """
    seen = ingest.begin(session.desk)
    if seen.backfill:
        if wrong := outlook.clock_problem(seen.state, session.run.today):
            session.run.report.fail(wrong)
        return
    verdict = verdicts.read(session.root, session.week)
    if verdict:
        answer = _placed(session, seen, verdict)
        if answer == "placed":
            session.run.report.change(RETRAINING_NOTE, decision=verdict["decision"])
        elif answer in LEFT_ALONE:
            session.run.report.skip(RETRAINING_NOTE, LEFT_ALONE[answer])
    if problem := status.refresh(session.desk).found.problem:
        session.run.report.fail(problem)


def _placed(session: Session, seen: Seen, verdict: Json) -> str:
    """Try to place the note; the answer is that of `ingest.place`, or why it was not tried.

    The note is dated on the Sunday after the week, whenever it is written.
    """
    priority = verdict["priority"]
    sunday = date.fromisoformat(verdict["week"]) + timedelta(days=1)
    last_day = sunday + timedelta(days=session.policy.decision.valid_days[priority or "MEDIUM"])
    if verdict["insufficient_data"]:
        return "insufficient"
    if verdict["model_id"] != seen.state.model_id:
        return "replaced"
    path = verdicts.name_of(session.week)
    fields = {
        "decision_date": sunday.isoformat(),
        "performance_score": verdict["performance_score"],
        "retrain": verdict["decision"] == "retrain",
        "reason": verdict["sentence"],
        **({"priority": priority} if priority else {}),
        "valid_until": last_day.isoformat(),
        "approved_by": None,
        "details": {"path": path, "sha256": files.sha256_of(session.root.at(path))},
    }
    data, answer = notes.retraining_bytes(fields), "changed"
    known = [seen.state.open, *(ending.decision for ending in seen.state.ended)]
    of_week = [one.note for one in known if one and (one.source, one.decision_date) == (MONITOR, sunday)]
    is_anew = bool(of_week) and data not in of_week
    # days that are made up for one by one still have their trainings ahead; a week that is judged anew has had its own
    if last_day < (session.run.today if is_anew else session.run.day):
        return "late"
    for look in range(LOOKS):
        before = ingest.begin(session.desk) if look else seen
        answer = ingest.place(session.desk, data, before)[1]
        if answer != "changed":
            break
    if answer == "placed" and before.found.problem and before.found.data is not None:
        session.run.report.change(
            quarantine_name(before.found.data), why=f"it was in place of the note: {before.found.problem.what}"
        )
    return answer


def redecide(run: Run) -> None:
    """Show, week by week and in total, what was decided and what the policy given by --policy would decide.

    Each new verdict takes the new ones before it as its past; the first one takes the stored verdicts.
    """
    from jobs.monitoring.retraining import ALERT, NO_ACTION, RETRAIN, judge

    rules, first = _policy(run.options.policy), run.options.first
    weeks = verdicts.weeks(run.root, run.options.last or run.day)
    known = storing.remembered(run, [week for week in weeks if first is None or week >= first])
    if not known:
        mend = "give other dates, or run monitoring for these weeks first"
        raise InputMissing("no week is judged between these dates", where=verdicts.MONITORING, mend=mend)
    made = verdicts.until(run.root, known[0].week - timedelta(days=1), run.report.fail)
    header = _ROW.format("week", "stored", "new policy", "reasons of the new policy") + "\n"
    for one in known:
        made.append(judge(one.evidence, rules, made))
        _say(run, one.verdict, made[-1], header if one is known[0] else "")
    sides: dict[str, list[Json]] = {"stored": [one.verdict for one in known], "new policy": made[-len(known) :]}
    began = {
        name: next((date.fromisoformat(each["week"]) for each in side if each["decision"] != NO_ACTION), None)
        for name, side in sides.items()
    }
    first_of_all = min((day for day in began.values() if day), default=None)
    for name, side in sides.items():
        decisions, day = [verdict["decision"] for verdict in side], began[name]
        said: dict[str, int | None] = {"retrainings": decisions.count(RETRAIN), "alerts": decisions.count(ALERT)}
        said["days_to_detection"] = (day - first_of_all).days if day and first_of_all else None
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
    mend = "give --policy FILE, a policy like decisions/policy.json"
    if name is None:
        raise ConfigInvalid("there is no policy to judge by", where="--policy", mend=mend)
    if not files.is_file(Path(name)):
        raise ConfigInvalid("the policy to judge by is not a file", where=name, mend=mend)
    return policy.load(Path(name).read_bytes(), name)
