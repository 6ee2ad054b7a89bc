from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from jobs.measures import ranking
from jobs.measures.counts import ScoreCounts
from jobs.protocol import model_bank, policy, strict_json
from jobs.scorer import scorer as scorers
from jobs.training_inference import card, dataset, fitting, gates, measuring
from jobs.training_inference.measuring import alone
from tests.training_inference.population import POLICY, STORE, data, loans, scorer, train, trained

if TYPE_CHECKING:
    from jobs.measures.counts import FloatArray
    from jobs.protocol.contract import Column
    from jobs.scorer.scorer import Scorer

OOT = "oot"
SECTIONS = [  # of a card, in the order in which people ask for them
    *("title", "purpose", "not_for", "verdict", "approval", "population", "label", "performance", "benchmark"),
    *("calibration", "grades", "features", "left_out", "stability", "segments", "sensitivity"),
    *("psi_from_champion", "swap_set"),
    *("monotonicity", "algorithm", "limits", "monitoring", "feature_set", "recipe"),
]


def raw_scores(model: Scorer, rows: pl.DataFrame) -> FloatArray:
    return scorers.predicted(model.booster, model.encoding.table(rows), threads=1, raw_score=True)


def test_the_same_rows_give_the_same_bytes_whatever_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "MOST_ROUNDS", 4)  # more threads than free cores take minutes
    columns = dataset.features("investor")
    encoding = dataset.encoding(data().frames["train"], columns)
    tables = {name: encoding.table(frame) for name, frame in data().frames.items()}
    texts = {fitting.fit(data(), columns, tables, threads=threads)[0] for threads in (1, 2, 3, 4)}
    assert len(texts) == 1


def test_every_file_of_a_model_is_the_same_when_it_is_trained_again() -> None:
    named = ["card.html", "card.json", "model.txt", "preparation.json", "recipe.json", "reference_profile.json"]
    assert sorted(trained().files) == named
    assert train(2, None).files == trained().files


def test_boosting_stops_once_the_valid_slice_gains_no_more_and_the_best_round_is_kept() -> None:
    told = json.loads(trained().files[model_bank.CARD])["algorithm"]
    assert told["stopped_early"]
    assert scorer().booster.num_trees() == told["rounds"] < fitting.MOST_ROUNDS - fitting.PATIENCE


def test_out_of_time_the_model_ranks_nearly_as_well_as_the_true_risk_and_better_than_the_rate_alone() -> None:
    rows = data().frames[OOT].join(loans()[1].select("id", "true_pd"), on="id", how="left", maintain_order="left")
    labels = rows["y"].to_numpy()
    found = ranking.auc(ScoreCounts.of(scorer().pd(rows, threads=1), labels)).known()
    best = ranking.auc(ScoreCounts.of(rows["true_pd"].to_numpy(), labels)).known()
    assert abs(found - best) < 0.03  # 15,000 rows to learn from; benchmarks use more
    assert found > alone(rows, "int_rate").known()


def test_probabilities_promise_as_many_bads_as_come() -> None:
    rows = data().frames[OOT]
    assert int(rows["y"].sum()) / scorer().pd(rows, threads=1).sum() == pytest.approx(1, abs=0.15)


def swept(model: Scorer, rows: pl.DataFrame, columns: tuple[Column, ...]) -> float:
    """How far the raw score moves against a sign while one column alone runs through its values in these rows."""
    worst = 0.0
    for column in (column for column in columns if column.monotone):
        values = rows[column.name].drop_nulls().unique().sort()
        values = values[np.linspace(0, max(values.len() - 1, 0), min(values.len(), 20)).astype(np.int64)]
        if values.len() > 1:
            wide = rows.drop(column.name).join(values.to_frame(), how="cross", maintain_order="left_right")
            raw = raw_scores(model, wide).reshape(rows.height, values.len())
            worst = max(worst, float((-column.monotone * np.diff(raw, axis=1)).max()))
    return worst


def test_risk_never_moves_against_a_sign_by_a_sweep_and_by_proof_over_every_split() -> None:
    columns = dataset.features("investor")
    assert swept(scorer(), dataset.sampled(data().frames[OOT], 400), columns) < 1e-9
    assert fitting.worst_violation(scorer().booster, columns) == 0


def test_a_model_that_does_move_against_a_sign_is_found_out_by_both() -> None:
    turned = {
        column.name: replace(column, monotone=1 if column.name == "fico_mid" else 0)
        for column in dataset.features("investor")
    }
    columns = tuple(turned.values())
    assert swept(scorer(), dataset.sampled(data().frames[OOT], 20), columns) > 0.01
    assert fitting.worst_violation(scorer().booster, columns) > 0.01


def test_the_reference_accounts_for_every_row() -> None:
    stored = strict_json.parse(trained().files[model_bank.REFERENCE], where="reference")
    assert {sum(each["rows"]) for each in stored["features"].values()} == {data().frames["train"].height}
    assert sum(stored["scores"]["rows"]) == data().frames[OOT].height
    assert sum(each["shap_share"] for each in stored["features"].values()) == pytest.approx(1)
    assert sum(band["n"] for band in stored["grades"].values()) == data().frames[OOT].height
    assert sum(stored["score_counts"]["bads"]) == data().frames[OOT]["y"].sum()
    assert {stored[f"{name}_alone"]["n"] for name in ("rate", "grade")} == {data().frames[OOT].height}
    area = stored["performance"][OOT]["auc"]
    assert area["variance"] > 0
    assert area["value"] == pytest.approx(trained().verdict.gates[0].value, abs=1e-6)


@pytest.mark.parametrize(("rate", "approved"), [(None, 8), (0.3, 3), (0.29, 3), (0.5, 4), (0.999, 9), (0.001, 0)])
def test_a_cut_off_approves_the_share_asked_for_but_never_parts_equal_scores(rate: float | None, approved: int) -> None:
    pd = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.6, 0.7, 0.8, 0.9])
    counts = ScoreCounts.of(pd, np.array([0, 0, 0, 0, 0, 0, 0, 1, 0, 1]))
    assert (pd < measuring.cutoff_of(counts, rate)).sum() == approved


def test_the_policy_s_approval_rate_sets_the_cut_off_and_leaves_the_trees_alone() -> None:
    asked = train(1, None, replace(POLICY, cutoff=policy.CutoffPolicy(approval_rate=0.6)))
    at = json.loads(asked.files[model_bank.REFERENCE])["cutoff"]
    pd = scorer().pd(data().frames["calibration"], threads=1)
    assert (pd < at).mean() == pytest.approx(0.6, abs=0.001)
    assert at != json.loads(trained().files[model_bank.REFERENCE])["cutoff"]
    assert {name for name, found in asked.files.items() if found == trained().files[name]} >= {
        "model.txt",
        "preparation.json",
    }


def test_the_policy_s_number_of_bins_cuts_the_reference() -> None:
    model, rules = scorer(), replace(POLICY, drift=replace(POLICY.drift, bins=5))
    scored = {name: rows.with_columns(pd=pl.Series(model.pd(rows, threads=1))) for name, rows in data().frames.items()}
    counts, used = {name: measuring.counted(rows) for name, rows in scored.items()}, dataset.features("investor")
    found = measuring.reference(scored["train"], scored[OOT], counts, used, np.ones((1, len(used))), rules)
    halves = [json.loads(trained().files[model_bank.REFERENCE]), found]
    assert [len(each["scores"]["bins"]["edges"]) for each in halves] == [9, 4]
    assert [len(each["features"]["fico_mid"]["bins"]["edges"]) for each in halves] == [9, 4]
    assert found["scores"]["bins"]["edges"] == halves[0]["scores"]["bins"]["edges"][1::2]


def test_a_model_against_itself_is_no_worse_and_passes() -> None:
    again = train(1, scorer())
    found = {gate.name: gate for gate in again.verdict.gates}
    assert found["auc_change_lower"].value == 0
    assert found["log_loss_rise"].value == 0
    assert again.verdict.passed
    assert again.verdict.failures == ()


def test_gates_judge_the_lower_end_of_the_auc_and_the_gini_lost_since_rows_that_were_not_fitted_on() -> None:
    draw, counts = np.random.default_rng(4), {}
    for name, apart in (("train", 2.0), ("valid", 1.1), ("calibration", 1.0), (OOT, 0.6)):
        y = draw.random(900) < 0.3
        counts[name] = ScoreCounts.of(1 / (1 + np.exp(1 - draw.normal(apart * y))), y)
    told = {"performance": {OOT: measuring.performance(counts[OOT], 0.5)}, "rate_alone": {"value": 0.6}}
    found = measuring.facts(counts, told, 0.0)
    out, within = ranking.auc(counts[OOT]), ranking.auc(ScoreCounts.merged((counts["valid"], counts["calibration"])))
    area, before = out.known(), within.known()
    spread = [1.959964 * math.sqrt(of) for of in (out.variance or 0, (out.variance or 0) + (within.variance or 0))]
    assert found["auc_lower"] == pytest.approx(area - spread[0], abs=1e-6)
    assert found["gini_in_time"] == pytest.approx(2 * before - 1)
    assert found["gini_loss_lower"] == pytest.approx(2 * (before - area - spread[1]), abs=1e-6)
    assert (found["auc"], found["rate_auc"]) == (area, 0.6)


def test_a_champion_that_is_better_stays() -> None:
    model = scorer()
    pd = {name: model.pd(rows, threads=1) for name, rows in data().frames.items()}
    scored = {name: rows.with_columns(pl.Series("pd", pd[name])) for name, rows in data().frames.items()}
    against = measuring.against(pd[OOT], scored[OOT].with_columns(pl.col("pd").reverse()))  # scores of other loans
    counts = {name: measuring.counted(rows) for name, rows in scored.items()}
    reference = json.loads(trained().files[model_bank.REFERENCE])
    verdict = gates.judge(measuring.facts(counts, reference, 0.0), POLICY.gates, against)
    assert [gate.name for gate in verdict.gates if not gate.passed] == ["auc_change_lower", "log_loss_rise"]


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # type: ignore[explicit-override]
        self.found.add(tag)
        assert not any(name in ("src", "href") or name.startswith("on") for name, _ in attrs)


def test_the_page_has_no_script_fetches_nothing_and_escapes_what_it_shows() -> None:
    described = json.loads(trained().files[model_bank.CARD])
    described["limits"] = ["<script>alert(1)</script>", "<img src=x onerror=y>"]
    described["<b>x"] = {"<i>": "<u>"}
    seen = Elements()
    seen.feed(card.page(described).decode())
    assert seen.found <= {"html", "head", "meta", "title", "style", "body", "h1", "h2", "table", "tr", "th", "td", "br"}
    assert b"default-src &#x27;none&#x27;" in card.page(described) or b"default-src 'none'" in card.page(described)


def test_the_card_tells_of_every_feature_and_every_column_left_out_and_leaves_approval_to_a_person() -> None:
    described = json.loads(trained().files[model_bank.CARD])
    assert [*described] == SECTIONS
    named = {each["name"] for each in described["features"] + described["left_out"]}
    assert named == {column.name for column in STORE.columns}
    assert set(described["approval"].values()) == {None}
    assert {each["step"] for each in described["population"]["waterfall"]} >= {"applications", "embargo", OOT}


@pytest.mark.parametrize(
    ("cores", "load", "threads"), [(4, 0.0, 3), (4, 2.2, 1), (4, 9.0, 1), (1, 0.0, 1), (16, 3.0, 13)]
)
def test_training_takes_fewer_threads_than_there_are_free_cores(cores: int, load: float, threads: int) -> None:
    assert scorers.threads_for(cores, load) == threads


def test_the_load_is_that_of_the_last_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scorers, "cores", lambda: 8)
    monkeypatch.setattr("os.getloadavg", lambda: (3.0, 0.0, 0.0))
    monkeypatch.setattr("polars.thread_pool_size", lambda: 8)
    assert scorers.free_threads() == 5


@pytest.mark.parametrize(("quota", "threads"), [(1, 1), (2, 2), (16, 7)])
def test_training_takes_no_more_threads_than_a_containers_quota_has_cores(
    monkeypatch: pytest.MonkeyPatch, quota: int, threads: int
) -> None:
    """Polars looks the quota up when it is imported."""
    monkeypatch.setattr(scorers, "cores", lambda: 8)
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 0.0, 0.0))
    monkeypatch.setattr("polars.thread_pool_size", lambda: quota)
    assert scorers.free_threads() == threads
