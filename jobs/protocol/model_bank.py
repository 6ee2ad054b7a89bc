"""Models as folders named by their content, manifest written last; no file is parsed before its hash is verified."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from jobs.protocol import files, schemas, strict_json
from jobs.protocol.errors import ConfigInvalid, JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.folder import Refused
from jobs.protocol.store import LIMIT, FolderStore

BANK, MANIFEST = "model_bank", "manifest.json"
TREES, PREPARATION, RECIPE = "model.txt", "preparation.json", "recipe.json"
REFERENCE, CARD, PAGE = "reference_profile.json", "card.json", "card.html"
FORMAT = 1
PROBE_SECONDS = 60.0
UNFIT = 4  # exit code of the probe
_ID = re.compile(r"[0-9]{8}-[0-9a-f]{12}")
_MANIFEST_LIMIT = 64 << 10

# Loads the model and predicts once, in a process that may crash: LightGBM dies or hangs on most damaged texts.
_PROBE = """
import json, resource, sys
import lightgbm, numpy
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
prepared, trees = sys.stdin.buffer.read().split(bytes(1), 1)
booster = lightgbm.Booster(model_str=trees.decode("utf-8"))
rows = numpy.full((2, booster.num_feature()), numpy.nan)
scores = booster.predict(rows, raw_score=True, num_threads=1)
parts = booster.predict(rows, pred_contrib=True, num_threads=1)  # goes down both sides of every node, whatever the row
if not (scores.shape == (2,) and numpy.isfinite(scores).all() and numpy.isfinite(parts).all()):
    sys.exit(3)
try:
    found = json.loads(prepared)
    usual, platt, columns = found["reasons"], found["calibration"], booster.feature_name()
    words = usual["groups"] + sum(found["vocabulary"].values(), [])
    numbers = numpy.array([*usual["means"], platt["slope"], platt["intercept"], found["feature_set_version"]], float)
    fits = found["columns"] == columns and found["vocabulary"].keys() <= set(columns)
    fits = fits and len(columns) == len(usual["group_of"]) == len(usual["means"])
    fits = fits and max(usual["group_of"]) < len(usual["groups"]) and all(isinstance(word, str) for word in words)
    sys.exit(0 if fits and platt["kind"] == "platt" and platt["slope"] > 0 and numpy.isfinite(numbers).all() else 4)
except Exception:
    sys.exit(4)
"""


@dataclass(frozen=True, slots=True)
class Model:
    """A verified model: the hash of its manifest covers every byte of it."""

    model_id: str
    sha256: str
    files: Mapping[str, bytes]


def put(root: Root, day: date, contents: Mapping[str, bytes]) -> Model:
    """Add a model under a name made from its content; adding it again changes nothing."""
    model_id, listed = name_of(day, contents), _listed(contents)
    manifest = strict_json.pretty({"format": FORMAT, "model_id": model_id, "files": listed})
    _checked(manifest, model_id)
    folder = root.at(f"{BANK}/{model_id}")
    files.make_folder(root, folder)
    files.sweep(folder)
    for name, data in (*sorted(contents.items()), (MANIFEST, manifest)):
        files.write_whole(root, folder / name, data)
    return Model(model_id, hashlib.sha256(manifest).hexdigest(), dict(contents))


def name_of(day: date, contents: Mapping[str, bytes]) -> str:
    """The id of a model with these files, trained for this day."""
    content = hashlib.sha256(strict_json.canonical(_listed(contents))).hexdigest()
    return f"{day:%Y%m%d}-{content[:12]}"


def is_name(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def get(root: Root, model_id: str, expected_sha256: str | None = None) -> Model:
    """Read a model and verify every file. `expected_sha256` is the ledger's hash of its manifest.

    If the ledger does not vouch for it (None), its trees and the rest of the scorer are first tried in a separate
    process, with a time limit. Whatever is in the folder, anything wrong raises StoreDamaged.
    """
    model = whole(root, model_id, expected_sha256)
    if expected_sha256 is None and (why := _fails(*(model.files.get(it, b"") for it in (PREPARATION, TREES)))):
        raise _damaged(model_id, f"{TREES} {why}")
    return model


def unusable(root: Root, model_id: str, expected_sha256: str | None = None) -> str | None:
    wrong = damage(root, model_id, expected_sha256, is_tried=True)
    return wrong.what if wrong else None


def damage(root: Root, model_id: str, expected_sha256: str | None, *, is_tried: bool = False) -> JobError | None:
    """What is wrong with a model, if anything; by hashes alone, and so cheaply, unless `is_tried`."""
    try:
        (get if is_tried else whole)(root, model_id, expected_sha256)
    except JobError as error:
        return error
    except OSError as error:
        return _damaged(model_id, f"it cannot be read: {error.strerror}")
    return None


def whole(root: Root, model_id: str, expected_sha256: str | None) -> Model:
    """A model that is what its hashes say; whether its trees can be used is not tried."""
    manifest = _read(root, model_id, MANIFEST, _MANIFEST_LIMIT)
    sha256 = hashlib.sha256(manifest).hexdigest()
    if expected_sha256 not in (None, sha256):
        raise _damaged(model_id, "the manifest does not match the hash in the ledger")
    contents, read = {}, _parsed if expected_sha256 else _checked
    for listed in read(manifest, model_id)["files"]:
        name = listed["name"]
        data = _read(root, model_id, name, min(LIMIT, listed["bytes"]))
        if hashlib.sha256(data).hexdigest() != listed["sha256"]:
            raise _damaged(model_id, f"{name} does not match the manifest")
        contents[name] = data
    return Model(model_id, sha256, contents)


def _listed(contents: Mapping[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(contents.items())
    ]


def _read(root: Root, model_id: str, name: str, limit: int) -> bytes:
    if not is_name(model_id):
        raise _damaged("-", "that is not a model id")
    try:
        data = FolderStore(root).get(f"{BANK}/{model_id}/{name}", limit)
    except Refused as refusal:
        found = _damaged(model_id, refusal.what)
        if refusal.mend.startswith(("chmod", "let the user")):  # its other mends are for files that people write
            found.mend = refusal.mend
        raise found from refusal
    if data is None:
        home = root.at(f"{BANK}/{model_id}")
        what = f"{name} is missing" if files.is_folder(home) else "the model is not there"
        raise _damaged(model_id, what, has_recipe=files.is_file(home / RECIPE))
    return data


def _checked(manifest: bytes, model_id: str) -> Any:  # noqa: ANN401 - JSON
    """The manifest's JSON, checked: it keeps its contract and lists each file once."""
    found = _parsed(manifest, model_id)
    if wrong := [one.what for one in schemas.complaints(schemas.document("model"), found)]:
        raise _damaged(model_id, "the manifest does not keep its contract: " + "; ".join(wrong[:3]))
    names = [listed["name"] for listed in found["files"]]
    if len(set(names)) < len(names) or MANIFEST in names or found["model_id"] != model_id:
        raise _damaged(model_id, "the manifest names a file twice, itself, or another model")
    if not model_id.endswith(hashlib.sha256(strict_json.canonical(found["files"])).hexdigest()[:12]):
        raise _damaged(model_id, "the model id does not match the files that the manifest lists")
    return found


def _parsed(manifest: bytes, model_id: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return strict_json.parse(manifest, where=f"{BANK}/{model_id}/{MANIFEST}", limit=_MANIFEST_LIMIT)
    except ConfigInvalid as error:
        raise _damaged(model_id, f"the manifest is not JSON: {error.what}") from error


@lru_cache(maxsize=1)  # asked again under a lock, where it must not take a minute
def _fails(preparation: bytes, trees: bytes) -> str | None:
    """Why these trees cannot be loaded or used, tried in a process where a crash or a hang does no harm."""
    given, trial = preparation + b"\0" + trees, [sys.executable, "-I", "-c", _PROBE]
    try:
        done = subprocess.run(trial, input=given, capture_output=True, timeout=PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"could not be loaded within {PROBE_SECONDS:.0f} seconds"
    if done.returncode == UNFIT:
        return f"and {PREPARATION} do not fit together"
    return None if done.returncode == 0 else f"cannot be loaded: a trial ended with code {done.returncode}"


def mend_of(model_id: str, *, has_recipe: bool = True) -> str:
    again = f"rebuild it by `python -m jobs.training_inference --step rebuild --model {model_id}`, " * has_recipe
    end = "" if has_recipe else f"; it cannot be rebuilt: its {RECIPE} is gone too"
    return f"restore the folder from a backup, {again}or choose another model in serving_decision.json{end}"


def _damaged(model_id: str, what: str, *, has_recipe: bool = True) -> StoreDamaged:
    return StoreDamaged(what, where=f"{BANK}/{model_id}", mend=mend_of(model_id, has_recipe=has_recipe))
