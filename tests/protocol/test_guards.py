from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from jobs.protocol.decisions import fold
from jobs.protocol.guards import Circumstances, blocked_by, held_until
from jobs.protocol.state import Decision, State
from tests.protocol.build import READY, entry, proposed, rules

DAY = date(2024, 1, 18)  # a Thursday


def decision(**fields: object) -> Decision:
    standing = fold([entry(1, proposed(b"note"))]).open
    assert standing is not None
    return replace(standing, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trained", "fields", "guards", "found", "blocks", "retry"),
    [
        pytest.param([], {}, {}, {}, (), None, id="nothing-in-the-way"),
        pytest.param(
            [date(2024, 1, 17)],
            {},
            {"max_per_iso_week": 9},
            {},
            ("cooldown",),
            date(2024, 1, 19),
            id="one-day-after-a-training",
        ),
        pytest.param([date(2024, 1, 16)], {}, {"max_per_iso_week": 9}, {}, (), None, id="exactly-the-cooldown-after"),
        pytest.param(
            [date(2024, 1, 15)], {}, {}, {}, ("week",), date(2024, 1, 22), id="trained-on-the-monday-of-this-week"
        ),
        pytest.param([date(2024, 1, 14)], {}, {}, {}, (), None, id="trained-on-the-sunday-before"),
        pytest.param(
            [date(2024, 1, 22)],
            {"priority": "IMMEDIATE"},
            {"immediate_bypasses": ("cooldown",)},
            {},
            (),
            None,
            id="a-training-of-the-week-after-uses-up-nothing-of-this-one",
        ),
        pytest.param(
            [date(2023, 12, 22)],
            {},
            {"max_per_28_days": 1},
            {},
            ("budget",),
            date(2024, 1, 19),
            id="budget-of-28-days-spent",
        ),
        pytest.param([date(2023, 12, 21)], {}, {"max_per_28_days": 1}, {}, (), None, id="budget-free-on-the-28th-day"),
        pytest.param(
            [], {"valid_from": date(2024, 1, 20)}, {}, {}, ("valid_from",), date(2024, 1, 20), id="not-yet-valid"
        ),
        pytest.param([], {}, {}, {"new_rows": 9_999}, ("new_rows",), None, id="one-row-too-few"),
        pytest.param([], {"source": "cold_start"}, {}, {"new_rows": 0}, (), None, id="a-cold-start-needs-no-new-rows"),
        pytest.param(
            [], {"source": "person"}, {"mode": "advise"}, {}, ("approval",), None, id="advise-asks-a-person-too"
        ),
        pytest.param([], {"approved_by": " "}, {"mode": "advise"}, {}, ("approval",), None, id="a-blank-is-no-name"),
        pytest.param([], {"approved_by": "somebody"}, {"mode": "advise"}, {}, (), None, id="approved"),
        pytest.param(
            [date(2024, 1, 17)],
            {"priority": "IMMEDIATE"},
            {"immediate_bypasses": ("cooldown", "week")},
            {},
            (),
            None,
            id="immediate-passes-what-the-policy-lets-it",
        ),
        pytest.param(
            [date(2024, 1, 17)],
            {},
            {"immediate_bypasses": ("cooldown", "week")},
            {},
            ("cooldown", "week"),
            date(2024, 1, 22),
            id="high-does-not",
        ),
        pytest.param(
            [],
            {},
            {},
            {"note": False, "readiness": False, "data_quality": False},
            ("note", "readiness", "data_quality"),
            None,
            id="every-reason-is-kept",
        ),
    ],
)
def test_what_blocks_a_claim(
    trained: list[date],
    fields: dict[str, Any],
    guards: dict[str, Any],
    found: dict[str, Any],
    blocks: tuple[str, ...],
    retry: date | None,
) -> None:
    state, policy = State(trained=tuple(trained)), rules(**guards)
    circumstances: Circumstances = replace(READY, **found)
    assert blocked_by(state, decision(**fields), DAY, policy, circumstances) == blocks
    assert max(held_until(state, decision(**fields), DAY, policy).values(), default=None) == retry
