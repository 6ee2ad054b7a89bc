"""Do a sequence of work in a separate process, ahead of the caller, who waits for single pieces of it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from jobs.protocol import index
from jobs.protocol.command import Stopped, stop
from jobs.protocol.errors import JobError, as_job_error
from jobs.protocol.receipts import Problem

Item = TypeVar("Item")
Result = TypeVar("Result")
LOOKS = 0.25  # seconds between checks of how far the first piece has come
PATIENCE = 5.0  # seconds that a lane gets to stop


@contextmanager
def ahead(
    work: Callable[[int, Item], tuple[Result, bool]], items: Sequence[Item]
) -> Iterator[Callable[[int, Callable[[], object]], list[Result]]]:
    """Do all pieces in order; yields a function that waits for a piece and returns all results that are new by then.

    Each result says whether the next piece may begin before somebody waits for it. While it waits, the function keeps
    calling its argument. A failed piece raises when it is reached. Leaving the context stops the rest, and a process
    whose caller has died ends after its current piece.
    """
    signal.signal(signal.SIGTERM, stop)  # before a first run sets it: else the lane would outlive its reader
    context = get_context("spawn")  # threads of the libraries do not live through a fork
    ours, theirs = context.Pipe()
    lane = context.Process(target=_lane, args=(work, items, theirs), daemon=True)
    lane.start()
    theirs.close()
    given, goes_on = 0, True

    def wait_for(number: int, meanwhile: Callable[[], object]) -> list[Result]:
        nonlocal given, goes_on
        found: list[Result] = []
        while given <= number or (found and given < len(items) and ours.poll()):
            if not goes_on:
                with suppress(ConnectionError):  # one that has died is told of below
                    ours.send(None)
            while not ours.poll(LOOKS):
                meanwhile()
            result, goes_on = _received(ours)
            found.append(result)
            given += 1
        return found

    try:
        yield wait_for
    finally:
        lane.terminate()
        ours.close()  # first: a stop may come where Python passes over what is raised, as in a finalizer
        lane.join(PATIENCE)
        lane.kill()
        lane.join()


def _lane(work: Callable[[int, Item], tuple[Result, bool]], items: Sequence[Item], reader: Connection) -> None:
    with suppress(Stopped, KeyboardInterrupt):  # the reader's SIGTERM, while a Ctrl-C that reached both is told of
        _worked_off(work, items, reader)


def _worked_off(work: Callable[[int, Item], tuple[Result, bool]], items: Sequence[Item], reader: Connection) -> None:
    try:
        with index.alone():  # nobody else writes the tables that a lane writes
            for number, item in enumerate(items):
                result, goes_on = work(number, item)
                reader.send((result, goes_on))
                if not goes_on:
                    reader.recv()
    except (Stopped, KeyboardInterrupt):  # by polars, too, which heeds a SIGINT that Python was told to ignore
        with suppress(OSError):
            reader.send(None)
    except (ConnectionError, EOFError):
        pass  # nobody waits any more
    except Exception as error:  # noqa: BLE001 - told by whoever waits
        reader.send(Problem.of(as_job_error(error)))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is over: nothing is left to stop


def _received(ours: Connection) -> tuple[Any, bool]:
    try:
        found = ours.recv()
    except (ConnectionError, EOFError):
        mend = "check whether the system ran out of memory, and run again"
        found = Problem(1, "the preprocessing process has died", "replay", mend)
    if found is None:
        raise Stopped
    if isinstance(found, Problem):
        raise JobError(found.what, where=found.where, mend=found.mend)
    return found  # type: ignore[no-any-return]
