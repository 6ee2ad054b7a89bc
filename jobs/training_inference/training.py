"""From a claimed decision to a model in the bank: fit, calibrate, measure, describe, and judge by the gates."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date

import lightgbm as lgb
import numpy as np
import polars as pl

from jobs.protocol import claims, contract, files, model_bank, partitions, policy, policy_in_force, strict_json
from jobs.protocol.claims import Outcome
from jobs.protocol.errors import StoreDamaged, UsageError
from jobs.protocol.layers import FEATURES, LABELS
from jobs.protocol.policy import Policy
from jobs.protocol.state import Entry
from jobs.protocol.store import POLICIES
from jobs.protocol.strict_json import Json
from jobs.scorer import scorer as scorers
from jobs.scorer.scorer import Scorer
from jobs.training_inference import card, dataset, fitting, gates, measuring, scoring
from jobs.training_inference.dataset import CALIBRATION, OOT, TRAIN, Dataset, sampled
from jobs.training_inference.session import Session


@dataclass(frozen=True, slots=True)
class Trained:
    """The files for the bank, and the verdict of the gates."""

    files: Mapping[str, bytes]
    verdict: gates.Verdict


def recipe_of(as_of: date, policy: Policy, champion: str | None, inputs: Mapping[str, str]) -> Json:
    """All that determines a model: day, policy, champion, and the partitions, by folder and hash of their rows."""
    return {"as_of": as_of.isoformat(), "policy_sha256": policy.sha256, "champion": champion, "inputs": dict(inputs)}


def learn(session: Session, claimed: Entry) -> None:
    """Train under a claim, and complete it. Failing the gates is a result, not an error."""
    run, shelf = session.run, session.shelf
    days = {table: session.days(table) for table in (FEATURES, LABELS)}
    used = {partitions.folder(table, day): shelf.built(table)[day].content for table in days for day in days[table]}
    frames = {table: shelf.scan(table, days[table]).collect() for table in days}
    recipe = recipe_of(run.day, session.policy, session.state.model_id, used)
    trained = _trained(session, frames, recipe, session.policy)
    model, verdict = model_bank.put(run.root, run.day, trained.files), trained.verdict
    claims.try_wish(session.desk)
    is_ruled = policy_in_force.read(session.store)[1] is None  # a person may have broken the policy since the claim
    held = () if is_ruled or not verdict.passed else ("it passed its gates, but there is no policy that can be used",)
    measured = {gate.name: gate.value for gate in verdict.gates if gate.value is not None and math.isfinite(gate.value)}
    outcome = Outcome(
        promote=verdict.passed and is_ruled,
        model_id=model.model_id,
        model_sha256=model.sha256,
        reasons=(*verdict.failures, *held),
        metrics={name: float(np.round(value, 6)) for name, value in measured.items()},
    )
    ended = claims.complete(session.desk, claimed.seq, outcome).entries[-1].body
    run.report.change(f"{model_bank.BANK}/{model.model_id}", verdict=ended["verdict"])
    for reason in ended["reasons"]:
        run.report.skip(f"promotion of {model.model_id}", reason)


def rebuild(session: Session, model_id: str, *, verify: bool) -> None:
    """Train a model again from the partitions that its recipe cites; unless `verify`, restore what the bank lost."""
    root, store, home = session.root, session.store, f"{model_bank.BANK}/{model_id}"
    data = store.get(f"{home}/{model_bank.RECIPE}") if model_bank.is_name(model_id) else None
    if data is None:
        known = ", ".join(sorted(filter(model_bank.is_name, files.names_in(root.at(model_bank.BANK))))) or "none yet"
        what = f"model {model_id!r} has no recipe" if model_id else "the model to rebuild is not named"
        raise UsageError(what, where="--model", mend=f"name a model of the bank: {known}")
    recipe = strict_json.parse(data, where=f"{home}/{model_bank.RECIPE}")
    kept = f"{POLICIES}/{recipe['policy_sha256'][:12]}.json"
    if (ruled := store.get(kept)) is None:
        raise StoreDamaged("the policy of that training is gone", where=kept, mend="restore it from a backup")
    frames = {table: session.cited(table, recipe["inputs"]) for table in (FEATURES, LABELS)}
    made = _trained(session, frames, recipe, policy.load(ruled, kept)).files
    as_of = date.fromisoformat(recipe["as_of"])
    differ = [name for name, data in sorted(made.items()) if store.get(f"{home}/{name}") != data]
    if model_bank.name_of(as_of, made) != model_id:
        mend = "compare the versions of the program and its libraries with those in the card"
        raise StoreDamaged(f"rebuilt, {', '.join(differ) or 'it'} came out different", where=home, mend=mend)
    broken = session.desk.unusable(model_id)
    if verify and broken:
        mend = "run again without --verify, which restores it"
        what = ", ".join(differ) or model_bank.MANIFEST
        raise StoreDamaged(f"{what} in the model bank is not as it was trained", where=home, mend=mend)
    if not verify:
        files.sweep(root.at(home))  # what a rebuild left that died after it had restored what was lost
    if broken:
        model_bank.put(root, as_of, made)
        session.run.report.change(home, why="restored by its recipe")
    session.run.events.say("same", f"{model_id}: rebuilt, identical to the byte", model_id=model_id)


def _trained(session: Session, frames: Mapping[str, pl.DataFrame], recipe: Json, rules: Policy) -> Trained:
    """A model by its recipe: the same rows, policy and champion give the same bytes."""
    rows = dataset.dataset(frames[FEATURES], frames[LABELS], date.fromisoformat(recipe["as_of"]), rules)
    champion = scorers.of(session.banked(recipe["champion"]).files) if recipe["champion"] else None
    return train(rows, rules, recipe, champion, threads=scorers.free_threads())


def train(data: Dataset, rules: Policy, recipe: Json, champion: Scorer | None, *, threads: int) -> Trained:
    """The files and the verdict of a model of these rows, held against the `champion` that serves."""
    columns = dataset.features(rules.feature_profile)
    encoding = dataset.encoding(data.frames[TRAIN], columns)
    tables = {name: encoding.table(frame) for name, frame in data.frames.items()}
    text, fitted = fitting.fit(data, columns, tables, threads=threads)
    booster = lgb.Booster(model_str=text.decode())
    pushes = scoring.contributions(booster, sampled(tables[TRAIN]), threads=threads)
    rows = {**data.frames, TRAIN: sampled(data.frames[TRAIN], measuring.MOST_IN_SAMPLE)}  # fitted on: a sample suffices
    tables[TRAIN] = sampled(tables[TRAIN], measuring.MOST_IN_SAMPLE)
    raw = {name: scorers.predicted(booster, table, threads=threads, raw_score=True) for name, table in tables.items()}
    calibration = fitting.calibrated(raw[CALIBRATION], rows[CALIBRATION]["y"].to_numpy())
    rows = {name: frame.with_columns(pl.Series("pd", calibration(raw[name]))) for name, frame in rows.items()}
    counts = {name: measuring.counted(frame) for name, frame in rows.items()}
    usual, version = scoring.usual(columns, pushes), contract.load(FEATURES).version
    scorer = Scorer(booster, encoding, calibration, usual, version)
    reference = measuring.reference(data.frames[TRAIN], rows[OOT], counts, columns, pushes, rules)
    violation = fitting.worst_violation(booster, columns)
    before = champion.pd(rows[OOT], threads=threads) if champion else None
    against = None if before is None else measuring.against(before, rows[OOT])
    verdict = gates.judge(measuring.facts(counts, reference, violation), rules.gates, against)
    facts = {
        "recipe": recipe,
        "fitted": fitted,
        "calibration": asdict(calibration),
        "worst_monotone_violation": violation,
        "trials": measuring.trials(scorer, rows[OOT], before, counts, reference, threads),
    }
    described = card.card(data, rules, reference, verdict, facts)
    files = {
        model_bank.TREES: text,
        model_bank.PREPARATION: scorer.preparation(),
        model_bank.REFERENCE: strict_json.canonical(reference),
        model_bank.RECIPE: strict_json.pretty(dict(recipe)),
        model_bank.CARD: strict_json.pretty(described),
        model_bank.PAGE: card.page(described),
    }
    return Trained(files, verdict)
