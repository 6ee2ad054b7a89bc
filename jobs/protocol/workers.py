"""Many small pieces of work in parallel threads: the libraries that do the work release Python's global lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, groupby
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The results in the order of the items. If the caller stops iterating, work that has not begun is cancelled.

    There are as many threads as cores, or as P2P_WORKERS says; one means the caller's own thread.
    """
    workers = int(os.environ.get("P2P_WORKERS") or cores())
    if workers == 1 or len(items) == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, items)


def batches(rows: Mapping[Item, int], at_once: int) -> list[list[Item]]:
    """Group consecutive pieces of work, given with their rows, into batches of about so many rows."""
    numbered = zip(rows, (end // at_once for end in accumulate(rows.values())), strict=True)
    return [[item for item, _ in batch] for _, batch in groupby(numbered, key=lambda each: each[1])]


def cores() -> int:
    """The cores that this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
