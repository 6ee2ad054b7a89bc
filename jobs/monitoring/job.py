"""The monitoring job: from scores and labels to evidence to a decision. Only the note speaks to training."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.monitoring import weeks
from jobs.monitoring.session import Session
from jobs.protocol import command, files, verdicts
from jobs.protocol.command import Job, Run, Step, iso_date
from jobs.protocol.shelf import nothing_landed


def check(run: Run) -> None:
    """Whether there is something to judge, and the week is not already judged from exactly these inputs."""
    session = Session.of(run)
    why = session.nothing_to_judge()
    if why and (nothing := nothing_landed(run.root)):
        run.report.fail(nothing)
    elif why:
        run.report.skip(verdicts.folder(session.week), why)
    run.goes_on = why is None and not session.is_judged()
    _remember(session)


def week(run: Run) -> None:
    named = Session.of(run).week
    run.events.say("week", f"the week that ends on {named} is judged", week=named.isoformat())


def model(run: Run) -> None:
    serving = Session.of(run).serving
    if serving is None:
        run.events.say("no_model", "no model serves yet")
    else:
        sentence = f"model {serving.model_id}, which has served since {serving.as_of}, is judged"
        run.events.say("model", sentence, model_id=serving.model_id, ledger_seq=serving.seq)


def evidence(run: Run) -> None:
    """Compute and store all evidence on the week, judge it, and store the verdict last."""
    session = Session.of(run)
    if session.nothing_to_judge() or session.is_judged():
        return
    if run.dry_run:
        named = session.week.isoformat()
        run.events.say("would_judge", f"would judge the week that ends on {named}", week=named)
        return
    from jobs.monitoring import evidence as evidences

    evidences.judge(session)
    _remember(session)


def report(run: Run) -> None:
    """Write the report, unless there is already one of this verdict."""
    session = Session.of(run)
    verdict, page = (run.root.at(name) for name in (verdicts.name_of(session.week), weeks.report_of(session.week)))
    if run.dry_run or not files.is_file(verdict):
        return
    if files.is_file(page) and f"verdict {files.sha256_of(verdict)[:12]}".encode() in page.read_bytes():
        return
    from jobs.monitoring import report as reports

    for name in reports.write(run.root, session.week, run.report.fail):
        run.report.change(name)


def decide(run: Run) -> None:
    from jobs.monitoring import deciding

    if not run.dry_run:
        deciding.decide(Session.of(run))


def alert(run: Run) -> None:
    """Send alerts, also those that could not be sent earlier. An unreadable policy is reported as a problem."""
    from jobs.monitoring import delivering

    session = Session.of(run)
    if session.policy_problem:
        run.report.fail(session.policy_problem)
    if not run.dry_run:
        delivering.deliver(session)


def redecide(run: Run) -> None:
    from jobs.monitoring import deciding

    run.dry_run = True  # nothing is written, not even a receipt: the policy is only tried out
    deciding.redecide(run)


def _remember(session: Session) -> None:
    if not session.run.dry_run:
        files.sweep(session.shelf.index.path.parent)
        session.shelf.index.save()


JOB = Job(
    name=Session.JOB,
    about="Judge the week that ends on the last Saturday before --date, and note whether to retrain.",
    steps=(
        Step("check", "condition: is there a week to judge that has no verdict yet?", check),
        Step("week", "which week the date names", week),
        Step("model", "which model is judged", model),
        Step("evidence", "measure drift, performance and data quality, judge them, store the verdict", evidence),
        Step("report", "the page that shows a verdict and all it rests on", report),
        Step("decide", "write the retraining note that follows from the verdict", decide),
        Step("alert", "send what is new, and what could not be sent before", alert),
        Step("redecide", "judge past evidence by another policy; nothing is written", redecide, only_when_named=True),
    ),
    arguments=(
        ("--policy", {"metavar": "FILE", "help": "for redecide: the policy to judge by"}),
        ("--from", {"dest": "first", "type": iso_date, "metavar": "YYYY-MM-DD", "help": "for redecide: the first day"}),
        ("--to", {"dest": "last", "type": iso_date, "metavar": "YYYY-MM-DD", "help": "for redecide: the last day"}),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    return command.main(JOB, argv)
