"""Scan every byte of a CSV before parsing it, to tell whether it can be read in only one way and what it must yield.

Counting is enough. If quotes appear only at the beginning and end of fields, parsers cannot disagree on where rows and
fields are; and if no row has too many fields (the parser refuses those), the total of separators shows whether any row
has too few. `landing_csv` says what is wrong, and in which line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jobs.preprocessing.landing import BOM, Unfit

Block = NDArray[np.uint8]
Marks = NDArray[np.bool_]

NUL, LF, CR, BLANK, QUOTE, SEPARATOR = b'\0\n\r ",'
LONGEST_LINE = 1 << 20  # bytes: looked at together, and small enough for the cache
_STRETCH_BYTES = 16 << 20
_BEFORE_OPENING = np.isin(np.arange(256), (SEPARATOR, LF, QUOTE))
_AFTER_CLOSING = np.isin(np.arange(256), (SEPARATOR, LF, CR, QUOTE))
_EDGE = np.isin(np.arange(256), (SEPARATOR, LF))


@dataclass(slots=True)
class Survey:
    """What was counted, the header included."""

    records: int = 0
    separators: int = 0
    quoted_empties: bool = False
    is_sound: bool = True
    inside: bool = False  # quotes

    def take(self, block: Block, scratch: tuple[Marks, Marks]) -> None:
        """Count one block, which ends with a line end."""
        ends, marks = (room[: block.size] for room in scratch)
        np.equal(block, LF, out=ends)
        quotes = np.flatnonzero(np.equal(block, QUOTE, out=marks))
        if quotes.size:
            self._look_at(block, quotes)
        outside = self._outside(block, quotes)
        # one scan for everything that is rare
        if np.count_nonzero(np.less(block, BLANK, out=marks)) != np.count_nonzero(ends):
            lone = (block[:-1] == CR) & (block[1:] != LF)
            self.is_sound &= not (block == NUL).any() and not (lone if outside is None else lone & outside[:-1]).any()
        np.equal(block, SEPARATOR, out=marks)
        if outside is not None:
            np.logical_and(ends, outside, out=ends)
            np.logical_and(marks, outside, out=marks)
        self.records += int(np.count_nonzero(ends))
        self.separators += int(np.count_nonzero(marks))
        self.inside ^= bool(quotes.size & 1)

    def _look_at(self, block: Block, quotes: NDArray[np.intp]) -> None:
        """A quote may open a field, close one, or be doubled; any other quote is ambiguous."""
        opening, closing = quotes[self.inside :: 2], quotes[not self.inside :: 2]
        self.is_sound &= bool(_BEFORE_OPENING[block[opening - 1]].all() and _AFTER_CLOSING[block[closing + 1]].all())
        begins = opening[_EDGE[block[opening - 1]] & (block[opening + 1] == QUOTE)]
        self.quoted_empties |= bool((block[begins + 2] != QUOTE).any())

    def _outside(self, block: Block, quotes: NDArray[np.intp]) -> Marks | None:
        """Which bytes lie outside quotes (a closing quote counts as outside); None if all do."""
        if not quotes.size and not self.inside:
            return None
        runs = np.diff(quotes, prepend=0, append=block.size)  # by turns outside and inside, from the first byte on
        return np.repeat(np.arange(runs.size) % 2 == self.inside, runs)


def survey(handle: int) -> Survey:
    """Survey a file that ends with a line end; a large one in stretches, with as many threads as polars uses."""
    size = os.fstat(handle).st_size
    start = len(BOM) if os.pread(handle, len(BOM), 0) == BOM else 0
    cuts = [start, *_cuts(handle, size), size]
    if len(cuts) > 2:  # noqa: PLR2004 - the two ends
        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            found = list(pool.map(lambda ends: _stretch(handle, *ends), pairwise(cuts)))
        if all(part.is_sound and not part.inside for part in found):
            empties = any(part.quoted_empties for part in found)
            return Survey(sum(part.records for part in found), sum(part.separators for part in found), empties)
    whole = _stretch(handle, start, size)  # from the top, where a text may go past a cut
    whole.is_sound &= not whole.inside
    return whole


def _cuts(handle: int, size: int) -> Iterator[int]:
    """Where stretches begin: each after a line end."""
    for place in range(_STRETCH_BYTES, size, _STRETCH_BYTES):
        ahead = os.pread(handle, LONGEST_LINE, place).find(b"\n") + 1
        if ahead and place + ahead < size:
            yield place + ahead


def _stretch(handle: int, start: int, end: int) -> Survey:
    found = Survey()
    ends, marks = np.empty((2, LONGEST_LINE), bool)  # allocated once: per block it would cost 4 % of the time
    for block in _blocks(handle, start, end):
        found.take(block, (ends, marks))
        if not found.is_sound:
            break
    return found


def _blocks(handle: int, start: int, end: int) -> Iterator[Block]:
    """Blocks cut at line ends, so that the neighbours of every byte are in the same block."""
    buffer, held = bytearray(LONGEST_LINE), 0
    while size := os.preadv(handle, [memoryview(buffer)[held : held + end - start]], start):
        start, held = start + size, held + size
        if not (last := buffer.rfind(b"\n", 0, held) + 1):
            if held < len(buffer):
                continue
            raise Unfit(f"a line is longer than {LONGEST_LINE >> 20} MiB", mend="end every row with a line feed")
        yield np.frombuffer(buffer, np.uint8, last)
        rest = buffer[last:held]
        buffer[: len(rest)] = rest
        held = len(rest)
