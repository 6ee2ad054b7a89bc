"""What a run says: sentences and a bar on a terminal, otherwise JSON lines, or sentences if asked. Never row values."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


def amount(number: int, what: str) -> str:
    """So many of something."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def told(stream: TextIO, text: str) -> None:
    """Write it out, harmless. A reader that has seen enough, such as `head`, is no failure."""
    try:
        stream.write(_harmless(text))
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _harmless(text: str) -> str:
    """Nothing in it steers a terminal."""
    return "".join(it if it.isprintable() or it == "\n" else ascii(it)[1:-1] for it in text)


def reopen_closed() -> None:
    """Where a stream was closed before the start, nothing is told, and no data file gets its descriptor."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 - open until the process ends
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115


class Events:
    """Says events to one stream. Sentences for people, the same facts as JSON for everything else."""

    def __init__(self, stream: TextIO | None = None, *, in_sentences: bool = False) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.has_bars = self.stream.isatty()
        self.for_people = in_sentences or self.has_bars
        self._print: Callable[[str], object] = lambda text: told(self.stream, f"{text}\n")

    def say(self, event: str, sentence: str = "", **facts: object) -> None:
        if not self.for_people:
            self._print(json.dumps({"event": event, **facts}, default=str))
        elif sentence:
            self._print(sentence)

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Callable[[int], None]]:
        """Yield a function that is told how much more is done; a bar on a terminal, tenths of the way as JSON."""
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
