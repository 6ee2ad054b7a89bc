"""How a run tells how far it is: a bar for people at a terminal, tenths of the way for machines."""

from __future__ import annotations

import io
import json

import pytest

from jobs.protocol.events import Events


class Terminal(io.StringIO):
    def isatty(self) -> bool:  # type: ignore[explicit-override]
        return True


@pytest.mark.parametrize(
    ("steps", "total", "told"),
    [
        ([1] * 25, 25, [3, 5, 8, 10, 13, 15, 18, 20, 23, 25]),
        ([1, 1], 2, [1, 2]),
        ([99, 1, 0, 900], 1000, [100, 1000]),
        ([1], 1, []),
        ([1], 0, []),
    ],
)
def test_a_machine_is_told_of_each_tenth_of_the_way_once(steps: list[int], total: int, told: list[int]) -> None:
    stream = io.StringIO()
    with Events(stream).progress("rows", total) as done:
        for more in steps:
            done(more)
    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert found == [{"event": "progress", "what": "rows", "done": n, "of": total} for n in told]


def test_sentences_for_people_have_no_tenths() -> None:
    stream = io.StringIO()
    events = Events(stream, in_sentences=True)
    with events.progress("rows", 10) as done:
        done(5)
    events.say("end", "all is done", n=1)
    events.say("no_sentence", n=2)
    assert stream.getvalue() == "all is done\n"


def test_what_is_said_beside_a_bar_stands_there_letter_for_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")  # a dumb terminal has no bars
    stream = Terminal()
    events = Events(stream)
    with events.progress("rows", 10) as done:
        done(4)
        events.say("said", "of [red]12[/red] files 3.5 are 'there'")
        assert "of [red]12[/red] files 3.5 are 'there'" in stream.getvalue()
    shown = stream.getvalue()
    assert "rows" in shown
    assert "4/10" in shown
    events.say("said", "[red]after" * 20)
    assert stream.getvalue() == f"{shown}{'[red]after' * 20}\n"


def test_nothing_that_is_said_steers_a_terminal_beside_a_bar_or_without_one() -> None:
    stream = Terminal()
    events = Events(stream)
    with events.progress("rows", 10):
        events.say("said", "a\x1b[2J file of \u202e\x07 somebody")
    events.say("said", "a\x1b[2J file of \u202e\x07 somebody")
    assert stream.getvalue().count(r"a\x1b[2J file of \u202e\x07 somebody") == 2
    assert "a\x1b" not in stream.getvalue()


def test_a_single_step_needs_no_bar() -> None:
    stream = Terminal()
    with Events(stream).progress("rows", 1) as done:
        done(1)
    assert stream.getvalue() == ""
