"""Files damaged, cut, swapped or written by hand: found, refused or understood, and never the end of a job."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

from jobs.decisions.__main__ import main as decisions
from jobs.protocol import ingest, ledger, model_bank
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.store import RETRAINING_NOTE, SERVING_NOTE, FolderStore, quarantine_name
from jobs.training_inference import job
from tests.prove import training
from tests.prove.mutations import mutations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VOUCHED = ("decisions/ledger", "model_bank")
MODEL_FILES = ("model.txt", "preparation.json", "manifest.json")
POLICY = "decisions/policy.json"
BY_HAND = {RETRAINING_NOTE: json.dumps(training.NOTE, indent=2).encode(), SERVING_NOTE: None, POLICY: None}
ENDS = {0: "passes the trial, and scores", StoreDamaged.exit_code: "passes the trial, and is refused by scoring"}
STEPS = ("check", "decide", "clear")
TOLD = re.compile(r"^(?:training_inference: .+|.+)\n  where: (?P<where>.+)\n  mend:  \S.+", re.MULTILINE)


def trained(root: Path) -> None:
    """A root that ran, with two models and nothing to do."""
    training.land(root)
    assert job.main(["--root", str(root), "--date", str(training.LAST)]) == 0


def damages(root: Path, offsets: int) -> Iterator[tuple[str, bool]]:
    """Each damage done to ledger and bank, one at a time, and whether `check` says that something is damaged."""
    paths = sorted(path for place in VOUCHED for path in (root / place).rglob("*") if path.is_file())
    for path in paths:
        data, name = path.read_bytes(), path.relative_to(root).as_posix()
        for number, at in enumerate(range(0, len(data), max(1, len(data) // offsets))):
            flipped = bytearray(data)
            flipped[at] ^= 1 << (number % 8)
            yield f"a flipped bit in byte {at} of {name}", _found(root, {path: bytes(flipped)})
        for length in {0, 1, len(data) // 3, len(data) // 2, len(data) - 1}:
            yield f"{name} cut to {length} bytes", _found(root, {path: data[:length]})
        yield f"{name} made longer", _found(root, {path: data + b"\n"})
        yield f"{name} deleted", _found(root, {path: None})
    for one, other in itertools.combinations(paths, 2):
        if (first := one.read_bytes()) != (second := other.read_bytes()):
            yield f"{one.name} and {other.name} swapped", _found(root, {one: second, other: first})


def models(root: Path, number: int) -> Counter[str]:
    """Mutated files of a model by the path by which jobs load it, with and without the ledger's hash."""
    whole, known = Root(root, durable=False), ledger.read(FolderStore(Root(root)))
    model_id = str(known.state.model_id)
    vouched = next(entry.body["model_sha256"] for entry in known.entries if entry.body.get("model_id") == model_id)
    genuine, seen = model_bank.get(whole, model_id, vouched), Counter[str]()
    for place, name in enumerate(MODEL_FILES):
        path = root / model_bank.BANK / model_id / name
        data = path.read_bytes()
        for mutation in itertools.islice(mutations(data, place), number // len(MODEL_FILES)):
            path.write_bytes(mutation)
            for sha256 in (vouched, None):
                try:
                    model = model_bank.get(whole, model_id, sha256)
                except StoreDamaged:
                    seen["refused"] += 1
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                    seen[f"WRONG: {type(error).__name__}"] += 1
                else:
                    seen["loaded, the same files" if model.files == genuine.files else "WRONG: other files"] += 1
        path.write_bytes(data)
    return seen


def forgeries(root: Path, number: int) -> Counter[str]:
    """Mutated trees under hashes that fit, which no ledger vouches for: what passes the trial must also score."""
    whole = Root(root, durable=False)
    genuine = model_bank.get(whole, str(ledger.read(FolderStore(whole)).state.model_id), None)
    seen: Counter[str] = Counter()
    for trees in itertools.islice(mutations(genuine.files["model.txt"], 9), number):
        forged = model_bank.put(whole, training.LAST, {**genuine.files, "model.txt": trees})
        if model_bank.unusable(whole, forged.model_id):
            seen["refused by the trial"] += 1
            continue
        command = [sys.executable, "-m", "tests.prove.scoring_trial", str(root), forged.model_id]
        try:
            code = subprocess.run(command, check=False, capture_output=True, timeout=60).returncode
        except subprocess.TimeoutExpired:
            code = -1
        seen[ENDS.get(code, f"WRONG: passes the trial, and scoring ends {code}")] += 1
    return seen


def by_hand(template: Path, scratch: Path, name: str, number: int) -> Iterator[str]:
    """Mutations of a file that people edit, through the steps of the job: what each came to."""
    data = BY_HAND[name] or (template / name).read_bytes()
    root = scratch / "by-hand"
    shutil.copytree(template, root)
    (scratch / "decisions").exists() or shutil.copytree(template / "decisions", scratch / "decisions")
    looks, ingest.BETWEEN_LOOKS = ingest.BETWEEN_LOOKS, 0.0
    try:
        for count, mutation in enumerate(itertools.islice(mutations(data, len(name)), number)):
            shutil.rmtree(root / "decisions")
            shutil.copytree(scratch / "decisions", root / "decisions")
            (root / name).write_bytes(mutation)
            wrong = "; ".join(_wrong(root, name, mutation))
            told = "PROBLEMS" in (root / "decisions/STATUS.txt").read_text()
            came_to = "refused, with its place and mend" if told else "understood"
            yield f"WRONG: {wrong} (mutation {count}: {mutation[:300]!r})" if wrong else came_to
    finally:
        ingest.BETWEEN_LOOKS = looks
        shutil.rmtree(root)


def _wrong(root: Path, name: str, mutation: bytes) -> Iterator[str]:
    for step in STEPS:
        code, said = _run(["--root", str(root), "--date", str(training.LAST), "--step", step])
        if code not in (0, 5, 99):
            yield f"{step} ends with {code}: {said}"
        if "Traceback" in said or "a bug" in said:
            yield f"{step} shows a bug: {said}"
        if code == 5 and not any(name in told["where"] for told in TOLD.finditer(said)):
            yield f"{step} does not say where, and how to mend it: {said}"
    status = (root / "decisions/STATUS.txt").read_text()
    try:
        kept = {
            entry.body["note"].encode()
            for entry in ledger.read(FolderStore(Root(root))).entries
            if "note" in entry.body
        }
    except JobError as error:
        yield f"the ledger is damaged: {error.what}"
        return
    here = (root / name).read_bytes() if (root / name).exists() else None
    away = root / quarantine_name(mutation)
    if mutation not in (here, *kept) and not (away.exists() and away.read_bytes() == mutation):
        yield "its bytes are lost"
    if here == mutation and name == RETRAINING_NOTE and mutation not in kept and "PROBLEMS" not in status:
        yield "it is neither heeded nor told of"


def _run(arguments: list[str]) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            return job.main(arguments), said.getvalue()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            return -1, f"Traceback: {type(error).__name__} {error}"


def _found(root: Path, instead: dict[Path, bytes | None]) -> bool:
    """Whether `check` finds this, done as a failing disk does it: name, times and modes stay."""
    before = {path: (path.read_bytes(), path.stat()) for path in instead}
    try:
        for path, data in instead.items():
            path.chmod(0o600)
            path.unlink() if data is None else path.write_bytes(data)
            if data is not None:
                path.chmod(before[path][1].st_mode)
                os.utime(path, ns=(before[path][1].st_atime_ns, before[path][1].st_mtime_ns))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return decisions(["check", "--root", str(root)]) == StoreDamaged.exit_code
    finally:
        for path, (data, facts) in before.items():
            if path.exists():
                path.chmod(0o600)
            path.write_bytes(data)
            path.chmod(facts.st_mode)
