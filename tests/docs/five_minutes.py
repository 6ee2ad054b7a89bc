"""The first five minutes, which take minutes: `make run`, all that it and the README say to type next, `make airflow`.

CI runs it in a fresh clone: `python -m pytest tests/docs/five_minutes.py`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.airflow.local import PROJECT, ours
from tests.docs.pages import ROOT, blocks
from tests.docs.shell import typed

README = ROOT / "README.md"
pytestmark = pytest.mark.timeout(900)  # whichever comes first waits for `make run`
STORY = ["drift began", "noticed", "decided", "trained", "not fixed", "recovered"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("first") / "demo"


@pytest.fixture(scope="module")
def said(home: Path) -> str:
    return typed(f"make --no-print-directory run DEMO={home}", PROJECT)


def test_make_run_tells_the_story_of_a_drift_in_ten_lines(said: str) -> None:
    told = said.partition("The story in ten lines:\n")[2].partition("\n\n")[0].splitlines()
    assert 0 < len(told) <= 10, said
    rest = iter(told)
    assert [part for part in STORY if not any(part in line for line in rest)] == [], "told, in this order"


def test_every_place_that_it_names_is_there(said: str, home: Path) -> None:
    places = re.findall(rf"^  ({home}\S*)", said, re.MULTILINE)
    assert len(places) == 4
    assert [place for place in places if not Path(place).exists()] == []


def test_what_it_says_to_try_next_works(said: str, home: Path) -> None:
    status, note = home / "replay/decisions/STATUS.txt", home / "replay/decisions/serving_decision.json"
    wanted = json.loads(note.read_text("utf-8")) | {"pinned": True}
    before = status.read_text("utf-8")
    note.write_text(json.dumps(wanted), "utf-8")
    tries = [line.partition("  #")[0] for line in said.partition("Try next:\n")[2].splitlines() if " -m jobs." in line]
    assert [re.findall(r"jobs\.\w+", line)[0] for line in tries] == [
        "jobs.decisions",
        "jobs.decisions",
        "jobs.training_inference",
        "jobs.sql",
    ]
    for line in tries:
        assert typed(line, PROJECT)
    assert status.read_text("utf-8") != before, "it tells that the model is pinned"


@pytest.mark.usefixtures("said")
def test_the_questions_of_the_readme_are_answered(home: Path) -> None:
    asked = [block.text for block in blocks(README) if ".venv/bin/python" in block.text]
    assert len(asked) == 1
    for text in asked:
        assert len(typed(text.replace("demo/replay", str(home / "replay")), PROJECT).splitlines()) > 10


@pytest.mark.usefixtures("said")
def test_the_note_of_the_readme_asks_for_a_training(home: Path) -> None:
    (note,) = [block.text for block in blocks(README) if block.kind == "json"]
    (home / "replay/decisions/retraining_decision.json").write_text(note, "utf-8")
    told = typed(f"'{sys.executable}' -m jobs.decisions lint --root '{home / 'replay'}'", PROJECT)
    assert "recorded as a decision of a person for a retraining" in told, told


@pytest.mark.usefixtures("said")
def test_make_airflow_tells_its_address_and_one_ctrl_c_stops_all_of_it(home: Path) -> None:
    words = ["make", "--no-print-directory", "airflow", f"ROOT={home / 'replay'}"]
    with subprocess.Popen(words, cwd=PROJECT, stdout=subprocess.PIPE, text=True, start_new_session=True) as made:
        assert made.stdout
        try:
            assert any(line.startswith("Airflow: http://127.0.0.1:") for line in made.stdout)
        finally:
            os.killpg(made.pid, signal.SIGINT)
        assert "stopped, with all its processes" in made.stdout.read()
    ends = time.monotonic() + 5
    while (left := ours(PROJECT / ".airflow")) and time.monotonic() < ends:
        time.sleep(0.1)
    assert left == set()
