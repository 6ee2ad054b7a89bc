"""What holds for every week, whatever its numbers."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.monitoring.retraining import judge
from jobs.protocol import policy
from jobs.protocol.schemas import complaints, document
from tests.monitoring.evidences import (
    NAMES,
    SHA,
    WEEK,
    Json,
    decayed,
    drifted,
    evidence,
    finding,
    measure,
    miscalibrated,
    training,
)

if TYPE_CHECKING:
    from collections.abc import Callable

POLICY = policy.load(None, "policy.json")
SEVERITIES = ("none", "low", "medium", "high", "critical")
DECISIONS = ("no_action", "alert", "retrain")
SECTIONS = ("drift", "performance", "concept", "calibration", "target", "estimate", "track_record", "quality")

psi = st.sampled_from([0.0, 0.1, 0.15, 0.2, 0.22, 0.25, 0.27, 0.3, 0.4, 0.5, 0.7]) | st.floats(0, 1)
drop = st.sampled_from([0.0, 0.02, 0.025, 0.03, 0.04, 0.05, 0.06, 0.1]) | st.floats(0, 0.15)
ratio = st.sampled_from([0.4, 0.5, 0.7, 0.84, 1.0, 1.1, 1.16, 1.3, 1.6]) | st.floats(0.3, 2)
part = st.integers(0, len(NAMES) - 1)
p_value = st.sampled_from([0.0, 0.01, 0.04, 0.5])


def of_feature(number: int, csi: float) -> Json:
    at = f"drift__features__{number}"
    return {f"{at}__csi__value": csi, f"{at}__p_adjusted": 0.001}


QUIET: Json = {
    **drifted(0.01),
    **decayed(0.0),
    **miscalibrated(1.0),
    **of_feature(0, 0.01),
    "drift__weighted__value": 0.01,
    "quality__findings": [],
}


@st.composite
def changes(draw: st.DrawFn) -> Json:
    """A week of which some numbers, often few, have moved at random."""
    moved = draw(st.sets(st.sampled_from(("drift", "features", "outcomes", "estimate", "quality", "history"))))
    found: Json = dict(QUIET)
    if "drift" in moved:
        found |= drifted(draw(psi), p=draw(p_value)) | {"drift__weighted__value": draw(psi)}
    if "features" in moved:
        for number in draw(st.sets(part)):
            found |= of_feature(number, draw(psi))
    if "outcomes" in moved:
        found |= decayed(draw(drop)) | miscalibrated(draw(ratio), p=draw(p_value))
    if "estimate" in moved:
        auc = draw(st.floats(0.5, 0.8))
        found |= {"estimate__auc": measure(auc, 2000), "estimate__drop": 0.7 - auc}
        found["track_record__mean_error"] = draw(st.sampled_from([None, 0.01, 0.04]))
    if "quality" in moved:
        found["quality__findings"] = draw(st.lists(st.sampled_from(SEVERITIES[1:]).map(finding), max_size=2))
    if "history" in moved:
        found["trainings"] = [training(WEEK - timedelta(days=draw(st.integers(0, 500))), "drift")]
        found["promoted_on"] = draw(st.sampled_from([None, (WEEK - timedelta(days=10)).isoformat()]))
    return found


@st.composite
def pasts(draw: st.DrawFn) -> list[Json]:
    past: list[Json] = []
    for number in (3, 2, 1):
        if draw(st.booleans()):
            past.append(judge(evidence(WEEK - timedelta(days=7 * number), **draw(changes())), POLICY, past))
    return past


WORSE: dict[str, Callable[[Json, float], Json]] = {
    "score": lambda now, by: {"drift__score__value": now["drift__score__value"] + by},
    "weighted": lambda now, by: {"drift__weighted__value": now["drift__weighted__value"] + by},
    "feature": lambda now, by: of_feature(0, now["drift__features__0__csi__value"] + by),
    "auc": lambda now, by: decayed(now["concept__adjusted_drop"] + by),
    "bads": lambda now, by: _further(now["calibration__observed_to_expected"], by),
    "finding": lambda now, by: {
        "quality__findings": [*now["quality__findings"], finding(SEVERITIES[1 + int(by * 4) % 4], subject="dti")]
    },
}


def _further(now: Json, by: float) -> Json:
    away = by if now["value"] >= 1 else -by
    return miscalibrated(now["value"] + away, p=now["p"])


@settings(max_examples=200)
@given(st.just(QUIET) | changes(), pasts(), st.sampled_from(sorted(WORSE)), st.tuples(psi, psi))
def test_a_worse_number_is_never_less_grave_nor_asks_for_less(
    now: Json, past: list[Json], what: str, by: tuple[float, float]
) -> None:
    """The one exception: bad data ask for a person where a retraining would have been asked for."""
    bad = now | WORSE[what](now, by[0])
    before = judge(evidence(**bad), POLICY, past)
    after = judge(evidence(**(bad | WORSE[what](bad, by[1]))), POLICY, past)
    assert SEVERITIES.index(after["severity"]) >= SEVERITIES.index(before["severity"])
    if not after["blocked_by"]:
        assert DECISIONS.index(after["decision"]) >= DECISIONS.index(before["decision"])
    else:
        assert after["decision"] == "alert"


@settings(max_examples=60)
@given(changes(), pasts())
def test_the_same_week_has_the_same_verdict_and_nothing_given_is_changed(now: Json, past: list[Json]) -> None:
    given_evidence, given_past = evidence(**now), copy.deepcopy(past)
    first = judge(given_evidence, POLICY, past)
    assert judge(given_evidence, POLICY, past) == first
    assert (given_evidence, past) == (evidence(**now), given_past)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for key, one in inside for each in _places(one, (*path, key)))]


SHAPE = evidence(quality__findings=[finding("high")])
PLACES = [path for path in _places(SHAPE) if path and path[0] in (*SECTIONS, "window")]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PLACES), max_size=6), st.sampled_from(SECTIONS), changes(), pasts())
def test_no_hole_in_the_evidence_makes_the_judge_raise(
    holes: list[tuple[Any, ...]], broken: str, now: Json, past: list[Json]
) -> None:
    found = evidence(**now)
    for hole in holes:
        at: Any = found
        for step in hole[:-1]:
            inside = (isinstance(at, dict) and step in at) or (isinstance(at, list) and step < len(at))
            at = at[step] if inside else None
        if isinstance(at, dict) or (isinstance(at, list) and hole[-1] < len(at)):
            at[hole[-1]] = None
    found[broken] = {"unknown": "ValueError in somewhere.py:1"}
    verdict = judge(found, POLICY, past)
    whole = verdict | {"evidence": {"path": "e.json", "sha256": SHA}, "policy_sha256": SHA, "previous": None}
    assert complaints(document("verdict"), whole) == []
    assert broken in verdict["unknown"]


@settings(max_examples=80)
@given(changes(), pasts())
def test_moving_a_score_by_its_flip_distance_turns_the_decision(now: Json, past: list[Json]) -> None:
    before = judge(evidence(**now), POLICY, past)
    for reason in before["reasons"]:
        if (reason["rule"], reason["subject"]) == ("drift", "score") and reason["flip_distance"] is not None:
            there = [reason["value"] + way * (reason["flip_distance"] + 1e-9) for way in (-1, 1)]
            moved = [judge(evidence(**(now | {"drift__score__value": value})), POLICY, past) for value in there]
            assert any(each["decision"] != before["decision"] for each in moved)
