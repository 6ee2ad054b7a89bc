"""STATUS.txt, the first thing a person opens: what serves, what is open, what happens next, what is wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import takewhile

from jobs.protocol.claims import try_wish
from jobs.protocol.ingest import Desk
from jobs.protocol.notes import fields_of
from jobs.protocol.outlook import AUTHORS, BLOCKS, Sight, end_of, next_run, printable, survey
from jobs.protocol.state import MAX_ATTEMPTS, State
from jobs.protocol.store import STATUS, quarantine_name

WIDTH, INDENT = 80, 15
SHOWN = 5  # ended decisions


def refresh(desk: Desk) -> Sight:
    """Write STATUS.txt if its text has changed, and return what it is based on. Must not be called under `hold`."""
    try_wish(desk)
    with desk.store.hold():  # survey and write under one lock, so that an older text never replaces a newer one
        sight = survey(desk)
        data, before = text(sight).encode(), desk.store.get(STATUS)
        if before is None:
            desk.store.put_if_absent(STATUS, data)
        elif before != data:
            desk.store.replace_if(STATUS, before, data)
        return sight


def text(sight: Sight) -> str:
    """The text of STATUS.txt. Pure, and without a time stamp, so that it changes only when its content does."""
    problems: list[str] = []
    for number, problem in enumerate(sight.problems, start=1):
        problems += _wrapped(printable(problem.what), f"  {number}. ", 5)
        problems += _wrapped(f"where: {printable(problem.where)}", "     ", 12)
        problems += _wrapped(f"mend:  {printable(problem.mend)}", "     ", 12)
    unread = (f"It does not read {printable(one.where)}: {one.mend}." for one in sight.misnamed)
    sections = {
        "PROBLEMS": problems,
        "SERVING MODEL": [*_serving(sight.state)],
        "OPEN DECISION": [*_open(sight)],
        "THE NEXT RUN": [line for said in (*next_run(sight), *unread) for line in _wrapped(said, "  - ", 4)],
        "RECENTLY ENDED": [*_ended(sight)],
        "LEDGER": [*_ledger(sight)],
    }
    title = "P2PCreditScore: which model serves, what is decided, what comes next\n"
    about = "Written by the jobs when it changes. Edit the notes beside it, not this file.\n"
    return title + about + "".join(f"\n{name}\n" + "\n".join(lines) + "\n" for name, lines in sections.items() if lines)


def log_of(day: date) -> str:
    """The log of a week's trainings, for people; named by its Monday."""
    return f"decisions/retraining_log_{day - timedelta(days=day.weekday()):%Y_%m_%d}.txt"


def words_of(note: bytes) -> str:
    return printable(str(fields_of(note)["reason"]))


def _serving(state: State) -> Iterator[str]:
    now = state.serving
    if now is None:
        yield "  none yet"
        return
    *_, first = takewhile(lambda change: change.model_id == now.model_id, reversed(state.served))
    yield from _row("model", now.model_id)
    yield from _row("since", first.as_of.isoformat())  # a change of the pin alone is no change of the model
    yield from _row("why", f"{printable(now.reason) or 'a person chose it'} (ledger entry {now.seq})")
    yield from _row("pinned", "yes: nothing is promoted until a person sets pinned to false" if now.pinned else "no")


def _open(sight: Sight) -> Iterator[str]:
    standing = sight.state.open
    if standing is None:
        yield "  none"
        return
    wanted = "a retraining" if standing.retrain else "no retraining"
    yield from _row("wanted", f"{wanted}, priority {standing.priority}")
    author = f"{AUTHORS[standing.source]}, {standing.decision_date} (ledger entry {standing.seq})"
    yield from _row("proposed by", author)
    yield from _row("because", words_of(standing.note))
    yield from _row("valid", f"{standing.valid_from} to {standing.valid_until} inclusive")
    if standing.attempts:
        yield from _row("attempts", f"{standing.attempts} of {MAX_ATTEMPTS} failed; after the last it is declined")
    if standing.claim:
        dead = "; its trainer is dead: the lock is free" if sight.abandoned else ""
        yield from _row("claimed", f"by training for {standing.claim.as_of} (ledger entry {standing.claim.seq}){dead}")
    for name in standing.blocked_by:
        yield from _row("blocked by", f"{name}: {BLOCKS.get(name, 'a guard that this version does not know')}")
    if sight.verdict:
        yield from _row("monitoring", f"would now say: {printable(sight.verdict)}")


def _ended(sight: Sight) -> Iterator[str]:
    ended = sight.state.ended
    back = [one for one in ended[:-SHOWN] if quarantine_name(one.decision.note) in sight.quarantined]
    shown = [*ended[-SHOWN:][::-1], *back[-SHOWN:][::-1]]
    promoted = {change.seq for change in sight.state.served}
    for ending in shown:
        why = f", its model not promoted ({log_of(ending.as_of)} says why)"
        verdict = ", its model promoted" if ending.seq in promoted else why
        told = end_of(ending) + (verdict if ending.how == "completed" else "")
        yield from _row(ending.as_of.isoformat(), f"{told}; because: {words_of(ending.decision.note)}")
        if quarantine_name(ending.decision.note) in sight.quarantined:
            yield from _row("", f"its note was found again and moved to {quarantine_name(ending.decision.note)}")
    if shown:
        yield from _wrapped("To ask again, change decision_date in the note: a note counts only once.", "  ", 2)


def _ledger(sight: Sight) -> Iterator[str]:
    if not sight.state.head:
        yield "  empty"
        return
    yield from _row("entry", str(sight.state.head))
    yield from _row("sha256", sight.head)
    if sight.state.ignored:
        yield from _row("ignored", f"entries {', '.join(map(str, sight.state.ignored))}: not valid where they stand")
    said = (
        "Each entry holds the hash of the one before, so a copy of these two lines kept elsewhere shows any later "
        "change of the entries up to this one. Without such a copy, nothing here proves that nobody rewrote the whole "
        "chain and this file. Nor does the chain show that an entry is true, only that it has not been changed since."
    )
    yield from _wrapped(said, "  ", 2)


def _row(label: str, said: str) -> list[str]:
    return _wrapped(said, f"  {label:<{INDENT - 2}}", INDENT)


def _wrapped(said: str, start: str, indent: int) -> list[str]:
    return textwrap.wrap(said, WIDTH, initial_indent=start, subsequent_indent=" " * indent, break_on_hyphens=False)
