"""What notes, policy and ledger amount to together, and what the next run will do with them. Read-only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

from jobs.protocol import ledger as ledgers
from jobs.protocol import model_bank, policy_in_force, receipts, schemas, verdicts
from jobs.protocol.claims import abandoned, read_wish
from jobs.protocol.decisions import advance
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.guards import Circumstances, blocked_by, held_until
from jobs.protocol.ingest import Desk, look, proposal
from jobs.protocol.notes import BLOCKING, Found, Kind, ServingNote
from jobs.protocol.policy import Policy
from jobs.protocol.state import COLD_START, MAX_ATTEMPTS, MONITOR, PERSON, SERVING, Decision, Ending, Entry, Fact, State
from jobs.protocol.store import DECISIONS, NOTES, POLICY, QUARANTINE, FolderStore

AUTHORS = {MONITOR: "monitoring", PERSON: "a person", COLD_START: "training itself"}
READ = [name.rpartition("/")[2] for name in (*NOTES, POLICY)]
SET_ASIDE = re.compile(r"[.#].*|.*(~|\.bak|\.orig|\.swp|\.tmp)")  # by editors, or by a person on purpose
BLOCKS = {
    "note": "the note in place does not hold exactly the bytes of this decision",
    "policy": "policy.json cannot be read",
    "approval": 'the policy\'s mode is "advise": write a name into approved_by of the note and save',
    "valid_from": "its valid_from has not come yet",
    "cooldown": "the last training was too recent (guards.cooldown_days)",
    "week": "this ISO week had as many trainings as allowed (guards.max_per_iso_week)",
    "budget": "the last 28 days had as many trainings as allowed (guards.max_per_28_days)",
    "new_rows": "too few labels have matured since the last training (guards.min_new_rows)",
    "readiness": "too little history, or a partition of it or the model that serves is damaged or missing",
    "data_quality": "the newest week has critical findings of data quality; a later week without them clears the block",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that STATUS.txt is made from. `wish` is a change of the serving model that no run has recorded yet."""

    state: State
    head: str
    today: date
    found: Found
    policy: Policy | None = None
    policy_problem: JobError | None = None
    serving_problem: JobError | None = None
    model_problem: JobError | None = None  # of the model that serves
    circumstances: Circumstances | None = None  # for the guards that need more than the calendar, if known
    wish: ServingNote | None = None
    quarantined: frozenset[str] = frozenset()
    abandoned: Fact | None = None  # if the claim's trainer is dead: the fact that ends the claim
    misnamed: tuple[receipts.Problem, ...] = ()
    verdict: str = ""  # monitoring's, if a person's decision or a claim keeps it from writing its note

    @property
    def problems(self) -> tuple[JobError, ...]:
        """What a person must fix before policy or notes take effect, or before anything is scored."""
        notes = (self.policy_problem, self.found.problem, self.serving_problem)
        known = (clock_problem(self.state, self.today), self.model_problem, *notes)
        return tuple(one for one in known if one)


def misnamed(store: FolderStore) -> Iterator[receipts.Problem]:
    """A remark on each file whose name resembles that of a note or the policy: jobs read the exact names only."""
    for name in store.list(DECISIONS):
        meant = schemas.suggestion(name.casefold()[:30], READ)  # what follows is mostly who made the copy, and when
        if meant and name not in READ and not SET_ASIDE.fullmatch(name):
            mend = f"{meant} If it is a copy that you keep, nothing needs doing"
            yield receipts.Problem(0, "no job reads a file of this name", f"{DECISIONS}/{name}", mend)


def clock_problem(state: State, today: date) -> JobError | None:
    """A run under a clock that was ahead wrote to the ledger: until that day, every run is a backfill."""
    if not state.is_backfill(today):
        return None
    mend = "set this host's clock (UTC); if it is right, no decision is carried out before that day: see the runbook"
    what = f"the ledger has an entry dated {state.newest}, but today is {today}"
    return StoreDamaged(what, where=ledgers.FOLDER, mend=mend)


def survey(desk: Desk) -> Sight:
    """Read ledger, notes and policy without changing anything."""
    ledger = ledgers.read(desk.store)
    policy, policy_problem = policy_in_force.read(desk.store)
    chosen = read_wish(desk, ledger.state.serving)
    serves = ledger.state.model_id
    vouched = ledgers.vouched(desk.store, serves) if serves else None
    return Sight(
        state=ledger.state,
        head=ledger.head,
        today=desk.writer.as_of,
        found=look(desk, ledger.state),
        policy=policy,
        policy_problem=policy_problem,
        serving_problem=chosen.problem,
        model_problem=model_bank.damage(desk.store.root, serves, vouched) if serves else None,
        wish=chosen.wish,
        misnamed=tuple(misnamed(desk.store)),
        quarantined=frozenset(f"{QUARANTINE}/{name}" for name in desk.store.list(QUARANTINE)),
        abandoned=abandoned(desk.store, ledger.state),
        verdict=verdicts.kept_back(desk.store.root, desk.writer.as_of, ledger.state),
    )


def next_run(sight: Sight) -> Iterator[str]:
    if sight.state.is_backfill(sight.today):
        yield f"It only writes outputs, whatever the notes say: its day is before {sight.state.newest}, see PROBLEMS."
        return
    if sight.policy_problem:
        yield "Nothing is claimed or promoted until policy.json can be read; the last good policy applies to the rest."
    if sight.serving_problem:
        yield "Nothing is promoted until serving_decision.json can be used."
    state = ahead(sight)
    if sight.abandoned:
        yield "The trainer that claimed it is dead. Training records a failed attempt and goes on with the decision:"
    if sight.wish:
        pin = "pinned: nothing is promoted until that changes" if sight.wish.pinned else "not pinned"
        yield f"Training records a person's choice: model {sight.wish.model_id} serves, {pin}."
    yield _of_note(sight, _given_back(sight), state)
    if sight.state.open and len(state.ended) > len(sight.state.ended) and sight.found.kind is not Kind.NEW:
        yield f"Decision {sight.state.open.seq} is superseded: the model it is about no longer serves."
    is_gone = sight.found.kind is Kind.ABSENT or (sight.found.kind is Kind.CLOSED and not state.claim)
    if state.open and not is_gone:
        yield from _of_decision(sight, state, state.open)
    if sight.model_problem and state.model_id == sight.state.model_id:
        yield f"Nothing is scored: model {state.model_id} serves and cannot be used, see PROBLEMS."
    elif state.model_id:
        yield f"Scoring continues with model {state.model_id}, whatever happens to notes and decisions."
    else:
        yield "Nothing is scored: no model serves. Training builds the first one when enough history has matured."


def ahead(sight: Sight) -> State:
    """The state that will follow once a training run has recorded both notes."""
    state = _given_back(sight)
    if sight.wish:
        state = _followed(state, sight.today, Fact(SERVING, "serving", asdict(sight.wish)))
    if sight.found.kind is Kind.NEW and not state.claim:
        state = _followed(state, sight.today, proposal(sight.found, state))
    return state


def _given_back(sight: Sight) -> State:
    return _followed(sight.state, sight.today, sight.abandoned) if sight.abandoned else sight.state


def _followed(state: State, day: date, fact: Fact) -> State:
    return advance(state, Entry(state.head + 1, fact.topic, fact.kind, day, fact.body))


def end_of(ending: Ending) -> str:
    decision = ending.decision
    wanted = "a retraining" if decision.retrain else "no retraining"
    return f"decision {decision.seq}, {wanted}, by {AUTHORS[decision.source]}: {ending.how} (ledger entry {ending.seq})"


def printable(given: str) -> str:
    """Somebody else's words on one line, without characters that could control a terminal."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in given).split())


def _of_note(sight: Sight, state: State, later: State) -> str:
    """What becomes of the note. `later`: the state once both notes are recorded; an open decision without one ends."""
    found = sight.found
    if found.kind is Kind.NEW and state.claim:
        return "The note was saved after the claim: too late for that training. It is read when the training has ended."
    if found.kind is Kind.NEW and found.wanted:
        wanted = "a retraining" if found.wanted.retrain else "no retraining"
        ends = f", which ends decision {state.open.seq}" if state.open else ""
        whose = AUTHORS[found.wanted.source]
        return f"The note is valid and new: it is recorded as a decision of {whose} for {wanted}{ends}."
    if found.ending:
        then = "is moved to quarantine" if not state.claim else "stays in place until the training has ended"
        own = f"; decision {later.open.seq}, its own note gone, is withdrawn" if later.open and not later.claim else ""
        return f"The note is old ({end_of(found.ending)}). It {then}{own}. To ask again, change decision_date."
    if found.kind in BLOCKING:
        free = state.model_id and not state.claim and not (state.open and state.open.source == PERSON)
        free = free and found.data is not None and found.kind is not Kind.AHEAD
        left, taken = "It is left in place.", "The next note of monitoring takes its place, and quarantine keeps it."
        see = ", see PROBLEMS" if found.problem else ""
        return f"Nothing is claimed on the note: it is {found.kind.value}{see}. {taken if free else left}"
    if found.kind is Kind.ABSENT and state.open:
        ends = f": decision {later.open.seq} is withdrawn" if later.open else ""
        return f"The note is gone{', but training is at work on it already' if state.claim else ends}."
    then = "monitoring writes one when it has judged its week" if later.model_id else "training writes the first one"
    return "The note brings nothing new: it is the open decision's." if state.open else f"There is no note; {then}."


def _of_decision(sight: Sight, state: State, standing: Decision) -> Iterator[str]:
    last, policy, found = standing.valid_until, sight.policy, sight.circumstances
    held = held_until(state, standing, sight.today, policy) if policy else {}
    after = max(held.values(), default=None)
    blocks: tuple[str, ...] = ()
    if policy and not sight.policy_problem:
        sound = Circumstances(note=True, new_rows=policy.guards.min_new_rows)
        blocks = blocked_by(state, standing, sight.today, policy, found or sound)
    for_approval = 'the mode is "advise". Write a name into approved_by of the note and save.'
    final = (
        (standing.claim, "is claimed: training ends it, or gives it back if it died."),
        (sight.today > last, f"was valid until {last}: it expires."),
        (standing.attempts >= MAX_ATTEMPTS, f"is declined: its {standing.attempts} attempts failed."),
        (not standing.retrain, f"asks for no retraining: it stands until it is replaced or {last} has passed."),
        (sight.found.kind not in (Kind.SAME, Kind.NEW) or sight.policy_problem, "waits."),
    )
    answers = (
        ("approval" in blocks, f"waits for approval: {for_approval}"),
        (after and after > last, f"cannot be claimed before {after} and expires after {last}."),
        (after, f"waits: a training run on {after} or later may claim it."),
        (blocks, f"waits until {last} for what blocks it to pass."),
        (found, "may be claimed by the next training run for whose date gold is built."),
        (True, "may be claimed by the next training run, if it then finds rows and data as the guards ask."),
    )
    subject = "It" if standing.seq > sight.state.head else f"Decision {standing.seq}"
    ending = next((said for holds, said in final if holds), None)
    yield f"{subject} {ending or next(said for holds, said in answers if holds)}"
    for name in blocks if ending is None else ():
        until = f" until {held[name]}" if name in held else ""
        least = f" of {policy.guards.min_new_rows:,}" if policy else ""
        counted = f": {found.new_rows:,}{least}" if name == "new_rows" and found else ""
        yield f"{name} blocks it{until}: {BLOCKS[name]}{counted}."
