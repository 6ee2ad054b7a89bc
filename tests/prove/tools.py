"""The commands that write without being a job, each on a small root of its own."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from jobs.protocol.files import Root
from jobs.training_inference import job
from tests.built_once import once
from tests.decisions import wholes
from tests.import_lending_club import public_file
from tests.prove import system_calls, training
from tests.prove.system_calls import Subject

if TYPE_CHECKING:
    from pathlib import Path

OWN = ("datamart/.", "decisions/receipts/", "truth/.finished")  # locks, and what tells of a run or of files' times
LOST = ("model.txt", "card.html")


def observed(root: Path) -> system_calls.Tree:
    return system_calls.fingerprint(root, OWN)


def _simulate(root: Path) -> list[str]:
    days = ["--start", "2016-02-01", "--end", "2016-02-03", "--loans-per-day", "5", "--dirt", "0.05"]
    return system_calls.command("simulate", root, *days)


def _with_public_file(root: Path) -> None:
    root.mkdir(parents=True)
    public_file.put(root, public_file.text_of(*(public_file.loan(id=str(1_077_501 + n)) for n in range(4))))


def _import(root: Path) -> list[str]:
    return system_calls.command("import_lending_club", root, str(root / "loans.csv"))


def _with_replaced_files(root: Path) -> None:
    root.mkdir(parents=True)
    whole = Root(root, durable=False)
    wholes.whole(whole)
    for value in range(3):
        for layer in ("bronze", "silver"):
            wholes.publish(whole, f"{layer}/other", [value], [wholes.land(whole, f"id\n{value}\n")])
    for path in root.rglob("*"):
        os.utime(path, (0, 0))  # what is young may still come to be cited


def _collect(root: Path) -> list[str]:
    return [sys.executable, "-m", "jobs.decisions", "gc", "--delete", "--root", str(root)]


def _trained() -> Path:
    def build(root: Path) -> None:
        training.cold(root / "root")
        assert job.main(["--root", str(root / "root"), "--date", str(training.EARLIER)]) == 0

    return once("model-to-rebuild", build) / "root"


def _model() -> str:
    (model,) = (_trained() / "model_bank").iterdir()
    return model.name


def _with_a_model_half_lost(root: Path) -> None:
    shutil.copytree(_trained(), root)
    for name in LOST:
        (root / "model_bank" / _model() / name).unlink()


def _rebuild(root: Path) -> list[str]:
    day = ["--date", str(training.EARLIER)]
    return system_calls.command("training_inference", root, *day, "--step", "rebuild", "--model", _model())


SUBJECTS = {
    "simulate": Subject("simulate", lambda root: root.mkdir(parents=True), _simulate, observed),
    "import": Subject("import_lending_club", _with_public_file, _import, observed),
    "gc": Subject("decisions gc --delete", _with_replaced_files, _collect, observed),
    "rebuild": Subject("--step rebuild", _with_a_model_half_lost, _rebuild, observed),
}
