"""Do again what was done before, and hold the bytes against those that are kept: models and scores."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date

import polars as pl

from jobs.protocol import files, model_bank, partitions, policies, policy, shelf, strict_json
from jobs.protocol.errors import InputMissing, StoreDamaged, UsageError
from jobs.protocol.partitions import Manifest
from jobs.scorer import trees
from jobs.training_inference import inference, learning, scoring
from jobs.training_inference.session import FEATURES, LABELS, PREDICTIONS, Session
from jobs.training_inference.training import RECIPE


def rebuild(session: Session, model_id: str, *, verify: bool) -> None:
    """Train a model again from the partitions its recipe cites; without `verify` put back what the bank has lost."""
    root, store = session.run.root, session.store
    data = store.get(f"{model_bank.BANK}/{model_id}/{RECIPE}") if model_bank.is_name(model_id) else None
    if data is None:
        known = ", ".join(sorted(path.name for path in root.at(model_bank.BANK).glob("*-*"))) or "none yet"
        raise UsageError(f"no recipe of model {model_id!r}", where="--model", mend=f"name a model of the bank: {known}")
    recipe = strict_json.parse(data, where=f"{model_bank.BANK}/{model_id}/{RECIPE}")
    kept = f"{policies.KEPT}/{recipe['policy_sha256'][:12]}.json"
    rules = policy.load(_there(store.get(kept), kept), kept)
    champion = learning.champion_of(session.model(recipe["champion"])) if recipe["champion"] else None
    frames = {table: _cited(session, table, recipe["inputs"]) for table in (FEATURES, LABELS)}
    made = learning.trained_on(frames, recipe, rules, champion).files
    as_of = date.fromisoformat(recipe["as_of"])
    home = f"{model_bank.BANK}/{model_id}"
    differ = [name for name, data in sorted(made.items()) if store.get(f"{home}/{name}") != data]
    if model_bank.name_of(as_of, made) != model_id:
        mend = "compare the versions of program and libraries with those in its card"
        raise StoreDamaged(f"made again, {', '.join(differ) or 'it'} came out differently", where=home, mend=mend)
    if verify and differ:
        mend = "run again without --verify: what came out is what the model's name says"
        raise StoreDamaged(f"the bank does not hold {', '.join(differ)} as trained", where=home, mend=mend)
    if session.unusable(model_id) and not verify:
        model_bank.put(root, as_of, made)
        session.run.report.change(home, why="put back by its recipe")
    session.run.events.say("same", f"{model_id}: made again, every byte the same", model_id=model_id)


def rescore(session: Session, *, verify: bool) -> None:
    """Score a date again with the model that scored it. A scored partition is never written again."""
    if not verify:
        raise UsageError("a scored date is not scored again", where="--step rescore", mend="add --verify to compare")
    day = session.run.day
    manifest = partitions.read(session.run.root, PREDICTIONS, day)
    if manifest is None:
        raise InputMissing(f"{day} has no scores", where=partitions.folder(PREDICTIONS, day), mend="give a scored date")
    explainer = scoring.explainer(session.model(manifest.notes["model_id"]).files)
    rows = _cited(session, FEATURES, {given.path: given.sha256 for given in manifest.inputs[:1]})
    threads = trees.threads_for(os.cpu_count() or 1, os.getloadavg()[0])
    found = inference.scored(rows, manifest.notes["model_id"], manifest.notes["ledger_seq"], explainer, threads)
    _compare(session, found, manifest)


def _compare(session: Session, found: pl.DataFrame, manifest: Manifest) -> None:
    root = session.run.root
    shelf.cited_files(root, manifest)
    with files.draft(root, partitions.drafts_folder(root, PREDICTIONS)) as path:
        found.write_parquet(path)
        made = partitions.part_of(path, found.height)
    if (made,) != manifest.parts:
        before = pl.read_parquet(shelf.cited_files(root, manifest), glob=False)
        differ = [name for name in found.columns if name not in before or not found[name].equals(before[name])]
        raise StoreDamaged(
            f"scored again, {', '.join(differ) or 'the bytes'} came out differently",
            where=partitions.folder(PREDICTIONS, manifest.date),
            mend="compare the versions of program and libraries with those in the card of the model",
        )
    session.run.events.say("same", f"{manifest.date}: {found.height} scores, every byte the same", rows=found.height)


def _cited(session: Session, table: str, inputs: Mapping[str, str]) -> pl.DataFrame:
    """The rows of one table as they were cited, oldest day first."""
    root, prefix = session.run.root, f"datamart/{table}/"
    manifests = [shelf.cited(root, name, inputs[name]) for name in sorted(inputs) if name.startswith(prefix)]
    paths = [path for manifest in manifests for path in shelf.cited_files(root, manifest)]
    return pl.scan_parquet(paths, glob=False).collect()


def _there(data: bytes | None, name: str) -> bytes:
    if data is None:
        raise StoreDamaged("the policy of that training is gone", where=name, mend="restore it from a backup")
    return data
