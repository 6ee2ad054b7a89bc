"""What a run prints: sentences and a bar on a terminal, else JSON lines (or sentences, if asked). Never row values."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO


def amount(number: int, what: str) -> str:
    """A count with its noun: "1 file", "2 files"."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def print_to(stream: TextIO, text: str, *, is_answer: bool = False) -> None:
    """Write text without control characters. A reader that stops early, such as `head`, is not a failure.

    Nor is a log whose disk is full, unless what is said is all that was asked for.
    """
    try:
        stream.write(_harmless(text))
        stream.flush()
    except OSError as error:
        if is_answer and not isinstance(error, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _harmless(text: str) -> str:
    """The text with control characters escaped, so that it cannot control a terminal."""
    return "".join(it if it.isprintable() or it == "\n" else ascii(it)[1:-1] for it in text)


def reopen_closed() -> None:
    """Replace streams that were closed before the start, so that no data file gets their descriptors."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - open until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr is: what its encoding lacks is escaped


class Events:
    """Says events to one stream. Sentences for people, the same facts as JSON for everything else."""

    def __init__(self, stream: TextIO | None = None, *, in_sentences: bool = False) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.has_bars = self.stream.isatty()
        self.for_people = in_sentences or self.has_bars
        self._print: Callable[[str], object] = lambda text: print_to(self.stream, f"{text}\n")

    def say(self, event: str, sentence: str = "", **facts: object) -> None:
        if not self.for_people:
            self._print(json.dumps({"event": event, **facts}, default=str))
        elif sentence:
            self._print(sentence)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Yield a function to call with the amount done: it draws a bar on a terminal, or prints JSON at each tenth."""
        if self.has_bars and total > 1:
            yield from self._bar(label, total)
        else:
            yield (lambda _: None) if self.for_people else self._tenths(label, total)

    def _bar(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        plainly, console = self._print, Console(file=self.stream, markup=False, highlight=False)
        with Progress(*columns, console=console, transient=True) as bar:
            self._print = lambda text: bar.console.print(_harmless(text))  # above the bar
            task = bar.add_task(f"{label:<12}", total=total)
            yield lambda more: bar.advance(task, more)
        self._print = plainly

    def _tenths(self, label: str, total: int) -> Callable[[int], None]:
        done = said = 0

        def advance(more: int) -> None:
            nonlocal done, said
            done += more
            tenth = done * 10 // max(total, 1)
            if total > 1 and tenth > said:
                said = tenth
                self.say("progress", what=label, done=done, of=total)

        return advance
