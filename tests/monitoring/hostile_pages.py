"""The report of a week in which every text that comes from outside is one of a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.monitoring import report
from jobs.protocol.files import Root
from tests.monitoring.evidences import WEEK
from tests.monitoring.judged_weeks import full_evidence, judge_weeks, keep

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</style></script><svg onload=alert(1)>",
    "{{7*7}}{% raw %}",
    "' onmouseover='alert(1)",
)
TAME = tuple(f"word {at}" for at in range(len(HOSTILE)))


def reported(home: Path, words: Sequence[str]) -> Root:
    root = Root(home, durable=False)
    judge_weeks(root, count=2)
    found = full_evidence(root, WEEK, 12, names=words)
    found["quality"]["findings"][0] |= {"subject": words[1], "sentence": words[2]}
    found["performance"]["ks"] = {"value": None, "n": 3, "reason": words[0]}
    found["estimate"] = {"unknown": words[3]}
    found["model"]["model_id"] = words[4]
    found["inputs"][0]["path"] = words[2]
    reason = {"rule": words[0], "subject": words[1], "severity": "high", "value": 1.0, "threshold": 0.5, "p": 0.0}
    reason |= {"n": 2000, "flip_distance": 0.5, "sentence": words[4]}
    keep(root, found, sentence=words[1], model_id=words[0], reasons=[reason], set_aside=[{**reason, "why": words[3]}])
    report.write(root, WEEK)
    return root
