"""That the benchmarks start in the environment that is made for them."""

from __future__ import annotations

import subprocess
import sys

from tests.docs.pages import ROOT


def test_benchmarks_start_without_what_only_tests_have() -> None:
    missing = dict.fromkeys((ROOT / "requirements/dev.in").read_text("utf-8").split())
    assert "hypothesis" in missing
    start = f"import sys; sys.modules.update({missing}); import benchmarks.__main__"
    done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
