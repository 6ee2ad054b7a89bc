"""Made by the jobs' own interpreter: a small lender's root with and without a model, and a few landed days."""

from __future__ import annotations

import sys
from pathlib import Path

from jobs.simulate.__main__ import main as simulate
from tests.training_inference import small_root


def make(folder: Path) -> None:
    small_root.copy(small_root.simulated(), folder / "fresh")
    small_root.copy(small_root.trained(), folder / "trained")
    (folder / "landed").mkdir()
    lender = ["--start", "2016-08-27", "--end", "2016-08-28", "--loans-per-day", "5", "--seed", "3"]
    assert simulate(["--root", str(folder / "landed"), *lender]) == 0


if __name__ == "__main__":
    make(Path(sys.argv[1]))
