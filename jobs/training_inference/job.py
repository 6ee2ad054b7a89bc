"""The training and inference job: from decision to model to scores. Scoring needs only features and a model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from jobs.protocol import claims, command, files, outlook, partitions, status
from jobs.protocol import ledger as ledgers
from jobs.protocol.command import Job, Run, Step, failure_of
from jobs.protocol.errors import AlreadyRunning, InputMissing
from jobs.protocol.layers import FEATURES, PREDICTIONS
from jobs.protocol.receipts import Problem
from jobs.training_inference.session import Session

BUSY = "another training runs on this root"


def wait(run: Run) -> None:
    """Fail unless the features of the date exist. This is read from gold's manifests, never from a scheduler."""
    if run.day not in Session.of(run).shelf.built(FEATURES):
        mend = "run preprocessing for this date; days that have features are scored all the same"
        raise InputMissing(f"the features of {run.day} are not there yet", where=f"datamart/{FEATURES}", mend=mend)


def check(run: Run) -> None:
    """Is there anything to score, and a model to score it with? This run may still train the first model."""
    session = Session.of(run)
    run.goes_on = bool(session.serving and session.pending())


def decide(run: Run) -> None:
    """Begin as every run does, then say whether a decision asks for a training that nothing blocks."""
    if run.dry_run:
        return
    run.goes_on = True
    try:
        with files.locked(run.root, run.root.at(claims.TRAINER), BUSY):
            run.goes_on = Session.of(run).asks()
    except AlreadyRunning:
        run.goes_on = False


def train(run: Run) -> None:
    """Claim, train, publish, complete; or record what blocks the claim."""
    session = Session.of(run)
    if run.dry_run:
        for sentence in session.prospects():
            run.events.say("would_decide", sentence, what=sentence)
        return
    with files.locked(run.root, run.root.at(claims.TRAINER), BUSY):
        if run.goes_on and (claimed := session.claim()):  # unless the step before found nothing to do
            try:
                with claims.giving_back(session.desk, claimed.seq):  # covers the imports too
                    _tell(session)
                    from jobs.training_inference import training

                    training.learn(session, claimed)
            finally:
                _tell(session)


def _tell(session: Session) -> None:
    """Let STATUS.txt say that training is at work, and how it ended. If this fails, `clear` will report it."""
    failure_of(partial(status.refresh, session.desk))


def model(run: Run) -> None:
    """Say which model scores this date, and why."""
    serving = Session.of(run).serving
    if serving is None:
        run.events.say("no_model", "no model serves yet")
    else:
        sentence = f"{serving.model_id} has served since {serving.as_of}: {serving.reason}"
        run.events.say("model", sentence, model_id=serving.model_id, ledger_seq=serving.seq)


def score(run: Run) -> None:
    session = Session.of(run)
    pending = session.pending() if session.serving else {}
    if run.dry_run:
        for day in pending:
            run.events.say("would_score", f"would score {day}", date=day)
        return
    if session.serving and pending:
        from jobs.training_inference import scoring

        scoring.score(session, session.serving)
    session.shelf.index.save()


def clear(run: Run) -> None:
    """Sweep the drafts of dead runs and update STATUS.txt; what a person must mend is reported as a problem."""
    session = Session.of(run)
    if not run.dry_run:
        for folder in (partitions.drafts_folder(run.root, PREDICTIONS), session.shelf.index.path.parent):
            files.sweep(folder)
    if session.state.is_backfill(run.day):
        if wrong := outlook.clock_problem(session.state, run.today):
            run.report.fail(wrong)
        return  # a backfill writes only outputs; the notes are about a later day
    look = outlook.survey if run.dry_run else status.refresh
    for problem in look(session.desk).problems:
        if Problem.of(problem) not in run.report.problems:  # scoring may have reported it already
            run.report.fail(problem)


def log(run: Run) -> None:
    """retraining_log_YYYY_MM_DD.txt, for people: what was trained in the week that starts on that Monday.

    It is derived from the ledger, for all weeks, so it also fills in for runs that died. No job reads it.
    """
    logs: dict[str, list[str]] = {}
    for entry in ledgers.trainings(ledgers.read(Session.of(run).store)):
        body, lines = entry.body, logs.setdefault(status.log_of(entry.as_of), [])
        lines.append(f"{entry.as_of}  model {body['model_id']}: {body['verdict']} (ledger entry {entry.seq})\n")
        lines += [f"    {name} {value}\n" for name, value in sorted(body["metrics"].items())]
        lines += [f"    {reason}\n" for reason in body["reasons"]]
    for name, lines in logs.items() if not run.dry_run else ():
        files.write_changed(run.root, run.root.at(name), "".join(lines).encode(), mode=0o640)


def rebuild(run: Run) -> None:
    from jobs.training_inference import training

    training.rebuild(Session.of(run), run.options.model or "", verify=run.options.verify or run.dry_run)


def rescore(run: Run) -> None:
    from jobs.training_inference import scoring

    scoring.rescore(Session.of(run), verify=run.options.verify)


NAMED = partial(Step, only_when_named=True)
JOB = Job(
    name=Session.JOB,
    about="Score every new application with the model that serves; train one when an open decision says so.",
    steps=(
        Step("wait", "are the features of the date there?", wait, is_awaited=True),
        Step("check", "condition: is there anything to score?", check),
        Step("decide", "condition: does an open decision ask for a training that nothing blocks?", decide),
        Step("train", "claim the decision, train, pass or fail the gates, complete it", train),
        Step("model", "which model scores this date, and why", model),
        Step("score", "score every day that has features and no scores", score),
        Step("clear", "put STATUS.txt in order", clear),
        Step("log", "the week's log, where a training ran", log),
        NAMED("rebuild", "train --model again by its recipe, and restore its lost files", rebuild),
        NAMED("rescore", "score --date again with the model that scored it, and compare", rescore),
    ),
    arguments=(
        ("--model", {"metavar": "ID", "help": "for rebuild: the model"}),
        ("--verify", {"action": "store_true", "help": "for rebuild and rescore: compare only, and change nothing"}),
    ),
    alone=False,  # scoring never waits for a training: only the steps decide and train hold the trainer's lock
)


def main(argv: Sequence[str] | None = None) -> int:
    return command.main(JOB, argv)
