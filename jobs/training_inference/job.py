"""The training and inference job: decision to model to scores. Scoring waits for nothing but features and a model."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.protocol import command, files, ledger, outlook, partitions, status, verdicts
from jobs.protocol.command import Job, Run, Step
from jobs.protocol.errors import InputMissing
from jobs.protocol.facts import Serving
from jobs.training_inference import session as sessions
from jobs.training_inference.session import FEATURES, PREDICTIONS, Session


def wait(run: Run) -> None:
    """Readiness is read from gold's manifests, never from another scheduler's state."""
    if run.day not in sessions.of(run).shelf.built(FEATURES):
        raise InputMissing(
            f"the features of {run.day} are not there yet",
            where=f"datamart/{FEATURES}",
            mend="run preprocessing for this date; days that have features are scored all the same",
        )


def check(run: Run) -> None:
    """Is there anything to score, and a model to score it with? A first model may still come of this run."""
    from jobs.training_inference import inference

    run.goes_on = bool(_serving(sessions.of(run)) and inference.pending(sessions.of(run)))


def decide(run: Run) -> None:
    """Begin as every run does, then say whether a decision asks for a training that nothing blocks."""
    from jobs.training_inference import deciding

    if run.dry_run:
        return
    run.goes_on = True
    session = sessions.of(run)
    with session.trainer() as alone:
        if not alone:
            run.goes_on = False
            return
        seen = deciding.open_desk(session)
        wanted = deciding.wants_training(seen, run.day)
        blocked = deciding.defer(session, seen.state, wanted) if wanted else ()
        run.goes_on = wanted is not None and not blocked
        if blocked:
            run.events.say("deferred", f"a retraining waits: {', '.join(blocked)}", blocked_by=list(blocked))


def train(run: Run) -> None:
    """Claim, train, publish, complete; or record what blocks the claim."""
    from jobs.training_inference import learning

    if run.dry_run:
        return
    session = sessions.of(run)
    with session.trainer() as alone:
        if not alone:
            raise sessions.another_trains(run)
        if run.goes_on and (claimed := learning.claim(session)):  # not where the step before found nothing to do
            learning.learn(session, claimed)


def model(run: Run) -> None:
    """Say which model scores this date, and why."""
    serving = _serving(sessions.of(run))
    if serving is None:
        run.events.say("no_model", "no model serves yet")
    else:
        sentence = f"{serving.model_id} serves since {serving.as_of}: {serving.reason}"
        run.events.say("model", sentence, model_id=serving.model_id, ledger_seq=serving.seq)


def score(run: Run) -> None:
    session = sessions.of(run)
    serving = _serving(session)
    if serving and not run.dry_run:
        from jobs.training_inference import inference

        inference.score(session, serving)
        session.shelf.index.save()


def clear(run: Run) -> None:
    """Sweep what the dead left; write STATUS.txt where its text has changed: what a person must mend is a problem."""
    session = sessions.of(run)
    if not run.dry_run:
        for folder in (partitions.drafts_folder(run.root, PREDICTIONS), session.shelf.index.path.parent):
            files.sweep(folder)
    state = ledger.read(session.store).state
    if state.is_backfill(run.day):
        return  # it writes outputs only; what the notes say is of a later day
    if not run.dry_run:
        back = verdicts.kept_back(run.root, run.day, state)
        status.refresh(session.desk, session.unusable, verdict=back)
    for problem in outlook.survey(session.desk, session.unusable).problems:
        run.report.fail(problem)


def log(run: Run) -> None:
    from jobs.training_inference import weekly_log

    if not run.dry_run:
        weekly_log.write(sessions.of(run))


def rebuild(run: Run) -> None:
    from jobs.training_inference import repeating

    repeating.rebuild(sessions.of(run), run.options.model or "", verify=run.options.verify or run.dry_run)


def rescore(run: Run) -> None:
    from jobs.training_inference import repeating

    repeating.rescore(sessions.of(run), verify=run.options.verify)


def _serving(session: Session) -> Serving | None:
    """Which model serves on the run's date, by the ledger."""
    return ledger.read(session.store).state.serving_on(session.run.day)


JOB = Job(
    name=sessions.JOB,
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
        Step(
            "rebuild",
            "train --model again by its recipe; put back what the bank lost of it",
            rebuild,
            only_when_named=True,
        ),
        Step("rescore", "score --date again with the model that scored it, and compare", rescore, only_when_named=True),
    ),
    arguments=(
        ("--model", {"metavar": "ID", "help": "of rebuild: the model"}),
        ("--verify", {"action": "store_true", "help": "of rebuild and rescore: compare only, and change nothing"}),
    ),
    alone=False,  # scoring never waits for a training: only the step train holds a lock, the trainer's
)


def main(argv: Sequence[str] | None = None) -> int:
    return command.main(JOB, argv)
