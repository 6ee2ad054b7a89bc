"""A look at every byte of a CSV before it is parsed: whether it can be read in one way only, and what it must yield.

Counting is enough. Where quotes stand only where fields begin and end, parsers cannot differ on where rows and fields
lie; and where no row has too many fields (the parser refuses those), the sum of the separators tells whether one has
too few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

import numpy as np
import polars as pl
from numpy.typing import NDArray

from jobs.preprocessing.landing import BOM
from jobs.protocol.errors import ContractBroken

Block = NDArray[np.uint8]
Marks = NDArray[np.bool_]

NUL, LF, CR, BLANK, QUOTE, SEPARATOR = b'\0\n\r ",'
_BLOCK_BYTES = 1 << 20
_STRETCH_BYTES = 16 << 20
_LONGEST_LINE = 64 << 20
_BEFORE_OPENING = np.isin(np.arange(256), (SEPARATOR, LF, QUOTE))
_AFTER_CLOSING = np.isin(np.arange(256), (SEPARATOR, LF, CR, QUOTE))
_EDGE = np.isin(np.arange(256), (SEPARATOR, LF))


class Scratch:
    """Room for what is made of a block: to ask the system for it each time costs a million loans 4 % of their run."""

    def __init__(self, size: int) -> None:
        self.ends, self.marks = np.empty((2, size), bool)


@dataclass(slots=True)
class Survey:
    """What was counted, the header included. A line here is what an editor shows; a record may span several."""

    path: Path
    records: int = 0
    separators: int = 0
    quoted_empties: bool = False
    lines: int = 0
    inside: bool = False
    opened: int = 0

    def take(self, block: Block, scratch: Scratch) -> None:
        """Count one block, which ends with a line end."""
        ends = np.equal(block, LF, out=scratch.ends[: block.size])
        marks = scratch.marks[: block.size]
        lines = int(np.count_nonzero(ends))
        quotes = np.flatnonzero(np.equal(block, QUOTE, out=marks))
        if quotes.size:
            self._check_quotes(block, quotes)
        outside = self._outside(block, quotes)
        if np.count_nonzero(np.less(block, BLANK, out=marks)) != lines:  # one look for all that is rare
            self._check_controls(block, outside)
        np.equal(block, SEPARATOR, out=marks)
        if outside is not None:
            np.logical_and(ends, outside, out=ends)
            np.logical_and(marks, outside, out=marks)
        self.records += int(np.count_nonzero(ends))
        self.separators += int(np.count_nonzero(marks))
        if quotes.size & 1:
            self.inside = not self.inside
            self.opened = self._line(block, int(quotes[-1]))
        self.lines += lines

    def plus(self, later: Survey) -> Survey:
        """What was counted in two stretches, each of which ends outside quotes."""
        return Survey(
            self.path,
            self.records + later.records,
            self.separators + later.separators,
            self.quoted_empties or later.quoted_empties,
        )

    def _check_quotes(self, block: Block, quotes: NDArray[np.intp]) -> None:
        """A quote opens where a field begins, closes where one ends, or is doubled; the rest has no one meaning."""
        opening, closing = quotes[self.inside :: 2], quotes[not self.inside :: 2]
        wrong = [opening[~_BEFORE_OPENING[block[opening - 1]]], closing[~_AFTER_CLOSING[block[closing + 1]]]]
        if any(found.size for found in wrong):
            first = min(int(found[0]) for found in wrong if found.size)
            self._refuse(block, first, "a quote stands within a field")
        begins = opening[_EDGE[block[opening - 1]] & (block[opening + 1] == QUOTE)]
        self.quoted_empties |= bool((block[begins + 2] != QUOTE).any())

    def _check_controls(self, block: Block, outside: Marks | None) -> None:
        if np.count_nonzero(block == NUL):
            self._refuse(block, int(np.argmax(block == NUL)), "there is a NUL byte")
        lone = np.flatnonzero((block[:-1] == CR) & (block[1:] != LF))
        lone = lone if outside is None else lone[outside[lone]]
        if lone.size:
            self._refuse(block, int(lone[0]), "there is a carriage return without a line feed")

    def _outside(self, block: Block, quotes: NDArray[np.intp]) -> Marks | None:
        """Which bytes stand outside quotes, a closing one among them; None where all do."""
        if not quotes.size and not self.inside:
            return None
        runs = np.diff(quotes, prepend=0, append=block.size)  # by turns outside and inside, from the first byte on
        return np.repeat(np.arange(runs.size) % 2 == self.inside, runs)

    def _line(self, block: Block, place: int) -> int:
        return self.lines + int(np.count_nonzero(block[:place] == LF)) + 1

    def _refuse(self, block: Block, place: int, what: str) -> NoReturn:
        raise ContractBroken(
            f"{what} in line {self._line(block, place)}",
            where=self.path,
            mend="write it again as CSV: a line feed ends a row; a text with commas, quotes or line ends stands in "
            '"...", and a quote within it is written ""',
        )


def survey(handle: int, path: Path) -> Survey:
    """Look at all of a file that ends with a line end; large ones in stretches, by as many threads as polars takes."""
    size = os.fstat(handle).st_size
    start = len(BOM) if os.pread(handle, len(BOM), 0) == BOM else 0
    cuts = [start, *_cuts(handle, size), size]
    if len(cuts) > 2:  # noqa: PLR2004 - the two ends
        with ThreadPoolExecutor(pl.thread_pool_size()) as pool:
            found = list(pool.map(lambda ends: _attempt(handle, path, *ends), pairwise(cuts)))
        if all(part is not None and not part.inside for part in found):
            return reduce(Survey.plus, (part for part in found if part))
    whole = _stretch(handle, path, start, size)  # from the top, where a text goes past a cut or a flaw needs its line
    if whole.inside:
        raise ContractBroken(
            f"a quote opens in line {whole.opened} and never closes",
            where=path,
            mend="land the file again, whole, or close the quote",
        )
    return whole


def _cuts(handle: int, size: int) -> Iterator[int]:
    """Where stretches begin: each after a line end."""
    for place in range(_STRETCH_BYTES, size, _STRETCH_BYTES):
        ahead = os.pread(handle, _BLOCK_BYTES, place).find(b"\n") + 1
        if ahead and place + ahead < size:
            yield place + ahead


def _attempt(handle: int, path: Path, start: int, end: int) -> Survey | None:
    try:
        return _stretch(handle, path, start, end)
    except ContractBroken:
        return None


def _stretch(handle: int, path: Path, start: int, end: int) -> Survey:
    found, scratch = Survey(path), Scratch(_BLOCK_BYTES)
    for block in _blocks(handle, path, start, end):
        scratch = scratch if block.size <= scratch.ends.size else Scratch(block.size)
        found.take(block, scratch)
    return found


def _blocks(handle: int, path: Path, start: int, end: int) -> Iterator[Block]:
    """Cut at line ends, so that what stands beside any byte is at hand."""
    buffer, held = bytearray(_BLOCK_BYTES), 0
    while size := os.preadv(handle, [memoryview(buffer)[held : held + end - start]], start):
        start, held = start + size, held + size
        if last := buffer.rfind(b"\n", 0, held) + 1:
            yield np.frombuffer(buffer, np.uint8, last)
            rest = buffer[last:held]
            buffer[: len(rest)] = rest
            held = len(rest)
        elif held == len(buffer):
            if held >= _LONGEST_LINE:
                raise ContractBroken(
                    f"a line is longer than {_LONGEST_LINE >> 20} MiB",
                    where=path,
                    mend="end every row with a line feed",
                )
            buffer = buffer + bytearray(held)
