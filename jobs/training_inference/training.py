"""From rows and labels to the files of a model, and what the gates say of it: pure, but for the threads it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from jobs.protocol import strict_json
from jobs.protocol.contract import Column, Contract
from jobs.protocol.policy import Policy
from jobs.scorer import scorer as scorers
from jobs.scorer import trees
from jobs.scorer.encoding import Encoding
from jobs.scorer.scorer import Scorer
from jobs.training_inference import calibrating, card, dataset, fitting, gates, profile, reasons, scoring, trials
from jobs.training_inference.dataset import CALIBRATION, OOT, TRAIN, Dataset
from jobs.training_inference.fitting import Fitted

REFERENCE, RECIPE, CARD, PAGE = "reference_profile.json", "recipe.json", "card.json", "card.html"


@dataclass(frozen=True, slots=True)
class Trained:
    """The files for the bank, the verdict of the gates, and the numbers to tell."""

    files: Mapping[str, bytes]
    verdict: gates.Verdict
    metrics: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that serves, to be held against the new one on the same rows."""

    model_id: str
    scorer: Scorer


def train(
    data: Dataset,
    contract: Contract,
    policy: Policy,
    recipe: Mapping[str, Any],
    champion: Champion | None,
    threads: int,
) -> Trained:
    """Fit, calibrate, measure and describe a model; `recipe` says what of, see there."""
    columns = dataset.features(contract, policy.feature_profile)
    encoding = dataset.encoding(data.frames[TRAIN], columns)
    fitted = fitting.fit(data, columns, encoding, threads=threads)
    scorer, usual, contributions = _scorer(data, columns, encoding, fitted, contract.version, threads)
    scored = profile.Scored.by(scorer, data, threads)
    at = profile.cutoff_of(scored.counts[CALIBRATION], policy.cutoff.approval_rate)
    reference = profile.reference(data, columns, scored, contributions, at)
    against = _against(data, champion, scored.pd[OOT], threads)
    violation = fitting.worst_violation(scorer.booster, columns)
    verdict = gates.judge(profile.facts(scored, at, violation), policy.gates, against)
    facts = {
        "recipe": recipe,
        "fitted": {"rounds": fitted.rounds, "stopped_early": fitted.stopped_early, "settings": fitted.settings},
        "calibration": scorer.calibration.to_json(),
        "worst_monotone_violation": violation,
        "trials": _trials(scorer, scored, reference, champion, threads),
    }
    described = card.card(data, contract, policy, reference, verdict, facts)
    files = {
        scorers.TREES: fitted.text,
        scorers.PREPARATION: scoring.preparation(scorer, usual),
        REFERENCE: strict_json.canonical(reference),
        RECIPE: strict_json.pretty(dict(recipe)),
        CARD: strict_json.pretty(described),
        PAGE: card.page(described),
    }
    return Trained(files, verdict, _metrics(verdict))


def recipe(as_of: date, policy: Policy, champion: Champion | None, inputs: Mapping[str, str]) -> dict[str, Any]:
    """All that a model is made of: the day, the policy, the model it was held against, and the rows of each partition.

    A partition is named by its folder and the hash of its content.
    """
    return {
        "as_of": as_of.isoformat(),
        "policy_sha256": policy.sha256,
        "champion": champion.model_id if champion else None,
        "inputs": dict(sorted(inputs.items())),
    }


def _scorer(
    data: Dataset, columns: tuple[Column, ...], encoding: Encoding, fitted: Fitted, version: int, threads: int
) -> tuple[Scorer, reasons.Background, Any]:
    booster = trees.booster_of(fitted.text)
    own = data.frames[CALIBRATION]
    raw = trees.raw_scores(booster, encoding, own, threads=threads)
    calibration = calibrating.fit(raw, own["y"].cast(pl.Float64).to_numpy())
    pushes = reasons.contributions(booster, encoding, reasons.sampled(data.frames[TRAIN]), threads=threads)
    return Scorer(booster, encoding, calibration, version), reasons.background(columns, pushes), pushes


def _against(data: Dataset, champion: Champion | None, pd: Any, threads: int) -> gates.Against | None:  # noqa: ANN401
    if champion is None:
        return None
    rows = data.frames[OOT]
    return profile.against(champion.scorer.pd(rows, threads=threads), pd, profile.labels_of(rows))


def _trials(
    scorer: Scorer, scored: profile.Scored, reference: dict[str, Any], champion: Champion | None, threads: int
) -> dict[str, Any]:
    rows, pd = scored.frames[OOT], scored.pd[OOT]
    labels, weights = profile.labels_of(rows), {name: of["shap_share"] for name, of in reference["features"].items()}
    some = reasons.sampled(rows, trials.STRAINED_ROWS)
    rate = rows["int_rate"].cast(pl.Float64).to_numpy()
    before = champion.scorer.pd(rows, threads=threads) if champion else None
    return {
        "stability": trials.stability(scored),
        "segments": trials.segments(rows, pd, labels),
        "sensitivity": trials.sensitivity(scorer, some, weights, threads),
        "swap_set": None if before is None else trials.swap_set(before, pd, labels, rate),
    }


def _metrics(verdict: gates.Verdict) -> dict[str, float]:
    found = {gate.name: gate.value for gate in verdict.gates}
    return {
        name: float(np.round(value, 6)) for name, value in found.items() if value is not None and math.isfinite(value)
    }
