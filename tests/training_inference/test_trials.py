from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from jobs.protocol import model_bank
from jobs.scorer import scorer as scorers
from jobs.training_inference import measuring
from jobs.training_inference.dataset import OOT
from tests.training_inference.population import data, train, trained

Json = dict[str, object]


def test_the_parts_of_each_segment_add_up_and_small_ones_are_only_counted() -> None:
    rows = data().frames[OOT]
    pd = scorers.of(trained().files).pd(rows, threads=1)
    found = measuring.segments(rows.with_columns(pl.Series("pd", pd)))
    for name in measuring.PARTS:
        mine = [row for row in found if row["segment"] == name]
        assert sum(row["rows"] for row in mine) == rows.height
        assert all(("auc" in row) == (row["rows"] >= measuring.LEAST_ROWS) for row in mine)
    joint = next(row for row in found if row["value"] == "joint")
    assert joint["rows"] == int((rows["is_joint"] == 1).sum())


@pytest.mark.parametrize(("rows", "is_measured"), [(199, False), (200, True)])
def test_a_segment_is_measured_from_two_hundred_rows_on(rows: int, is_measured: bool) -> None:
    some = data().frames[OOT].filter(pl.col("term") == 36).head(rows).with_columns(pd=pl.lit(0.1))
    assert ("auc" in measuring.segments(some)[0]) == is_measured


def test_equal_incomes_are_in_one_segment_and_who_applies_may_be_unknown() -> None:
    incomes, joint = [1.0] * 3 + [2.0, 2.0, 3.0, 4.0, 4.0, None], [0] * 7 + [1, None]
    rows = pl.DataFrame({"income_log": incomes, "is_joint": joint}).with_columns(
        pl.Series("is_joint", joint, dtype=pl.Int8),
        *(pl.lit(None, pl.String).alias(name) for name in ("purpose_grp", "home_grp")),
        term=pl.lit(36),
        pd=pl.lit(0.1),
        y=pl.lit(0),
    )
    found = {(row["segment"], row["value"]): row["rows"] for row in measuring.segments(rows)}
    assert {value: n for (name, value), n in found.items() if name == "application"} == {
        "individual": 7,
        "joint": 1,
        "unknown": 1,
    }
    assert {value: n for (name, value), n in found.items() if name == "income"} == {
        "lowest": 3,
        "lower": 2,
        "higher": 1,
        "highest": 2,
        "unknown": 1,
    }


def test_a_swap_set_tells_who_changes_sides_at_equal_approval() -> None:
    champion = np.array([0.1, 0.2, 0.4, 0.3])
    rows = pl.DataFrame({"y": [0, 0, 0, 1], "pd": [0.1, 0.2, 0.3, 0.4], "int_rate": [0.05, None, 0.07, 0.2]})
    found = {row["champion-challenger"]: row for row in measuring.swap_set(champion, rows)}
    assert {name: row["rows"] for name, row in found.items()} == {"in-in": 2, "in-out": 1, "out-in": 1, "out-out": 0}
    assert found["in-out"]["bad_rate"] == 1
    assert found["out-in"]["mean_rate"] == 0.07
    assert found["in-in"]["mean_rate"] == 0.05
    assert found["out-out"]["bad_rate"] is None


def test_the_lender_s_grade_ranks_by_its_letter_and_loans_without_one_are_left_out() -> None:
    rows = pl.DataFrame({"grade": ["A", "B", "C", None, "__UNSEEN__", "G"], "y": [0, 1, 0, 1, 1, 1]})
    found = measuring.alone(rows, "grade")
    assert (found.value, found.n) == (0.75, 4)


def test_strained_inputs_move_the_risk_the_way_their_sign_says() -> None:
    weights = {"fico_mid": 1.0, "dti_with_loan": 0.5, "purpose_grp": 2.0}
    rows = data().frames[OOT].head(500)
    found = measuring.sensitivity(scorers.of(trained().files), rows, weights, 1)
    assert [row["feature"] for row in found] == ["fico_mid", "dti_with_loan"]
    assert found[0]["tenth_more"] < 0 < found[0]["tenth_less"]
    assert found[1]["tenth_less"] <= 0 <= found[1]["tenth_more"]


def test_each_strain_is_that_of_one_number_alone() -> None:
    model, rows = scorers.of(trained().files), data().frames[OOT].head(500)
    table = model.encoding.table(rows)

    def mean(*strained: pl.Expr) -> float:
        changed = table.with_columns(*strained)
        raw = scorers.predicted(model.booster, changed, threads=1, raw_score=True)
        return float(model.calibration(raw).mean())

    for told in measuring.sensitivity(model, rows, {"fico_mid": 1.0, "dti_with_loan": 0.5, "term": 0.2}, 1):
        column = pl.col(str(told["feature"]))
        moved = {
            "tenth_more": mean(column * 1.1),
            "tenth_less": mean(column * 0.9),
            "missing": mean(pl.lit(None, pl.Float64).alias(str(told["feature"]))),
        }
        assert told["mean_pd"] == mean()
        assert {name: told[name] for name in moved} == {name: value - mean() for name, value in moved.items()}


def test_the_card_holds_the_trials_and_a_swap_set_where_there_is_a_champion() -> None:
    told = json.loads(trained().files[model_bank.CARD])
    assert told["stability"]["value"] < 0.1
    assert told["swap_set"] is told["psi_from_champion"] is None
    assert 0.5 < told["benchmark"]["grade_alone_auc"]["value"] < told["performance"][-1]["auc"]["value"]
    again = train(1, scorers.of(trained().files))
    told = json.loads(again.files[model_bank.CARD])
    assert [row["rows"] for row in told["swap_set"]][1:3] == [0, 0]
    assert told["psi_from_champion"] == 0  # the same rows, and so the same scores
    assert pl.DataFrame(told["sensitivity"]).height == measuring.STRAINED
