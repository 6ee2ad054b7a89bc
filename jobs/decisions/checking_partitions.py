"""`check` for the layers: each manifest unchanged, each file as its hash says, each input present."""

from __future__ import annotations

import json
from collections.abc import Iterator

from jobs.decisions.finding import damage, going_on, held, remark
from jobs.protocol import files, model_bank, partitions, schemas, verdicts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.events import Events
from jobs.protocol.files import Root
from jobs.protocol.index import WEEK, day_of, entries
from jobs.protocol.layers import LAYERS
from jobs.protocol.partitions import KEPT, PART, Manifest
from jobs.protocol.receipts import Problem
from jobs.protocol.store import POLICIES

BUILD = "run the job that writes it (training_inference: scores; else preprocessing): it builds what is missing"


def check(root: Root, events: Events) -> list[Problem]:
    homes, found = list(folders(root)), list[Problem]()
    with events.progress("partitions", len(homes)) as done:
        for home in homes:
            found += going_on(_partition(root, home))
            done(1)
    return found


def folders(root: Root, above: str = "datamart", *, is_strict: bool = False) -> Iterator[str]:
    """Every folder of a day or week. One that cannot be listed is given too, or raised if `is_strict`."""
    try:
        inside = [*entries(root, above)]
    except OSError:
        if is_strict:
            raise
        inside = []
        yield above  # the check of this folder will report why it cannot be read
    for entry in inside:
        name = f"{above}/{entry.name}"
        if not entry.is_dir(follow_symlinks=False) or (above == "datamart" and entry.name not in LAYERS):
            continue
        if day_of(entry.name) or day_of(entry.name, WEEK):
            yield name
        else:
            yield from folders(root, name, is_strict=is_strict)


def manifest_in(root: Root, home: str, name: str = partitions.MANIFEST) -> Manifest:
    """A manifest of this folder, current or kept; StoreDamaged if it is not valid here."""
    where = f"{home}/{name}"
    manifest = partitions.at(root, where)
    if not home.endswith(f"={manifest.date}") or home != f"datamart/{manifest.table}/{home.rpartition('/')[2]}":
        raise StoreDamaged("the manifest belongs to another partition", where=where, mend=partitions.mend_of(where))
    return manifest


def _partition(root: Root, home: str) -> Iterator[Problem]:
    """Check each file by the hash in its name, each manifest by its own hash, and what manifests list and cite."""
    names = {entry.name for entry in entries(root, home)}
    named = {name: one for name in names if (one := KEPT.fullmatch(name) or PART.fullmatch(name))}
    if not named and partitions.MANIFEST not in names:
        if not names:
            yield damage("the partition is empty", home, BUILD)
        for name in sorted(name for name in names if name.startswith("decision")):  # all else the ledger vouches for
            yield from going_on(_verdict(root, f"{home}/{name}"))
        return
    if partitions.MANIFEST not in names:
        yield damage("the partition has no manifest: it was removed, or a run died before writing it", home, BUILD)
    for name in sorted(names):
        where, path = f"{home}/{name}", root.at(f"{home}/{name}")
        if name not in named and name != partitions.MANIFEST:
            yield remark("no manifest lists this file, and no job reads it", where, "move it away")
        elif not files.is_file(path) or path.is_symlink():
            yield damage("it is not a plain file", where, partitions.mend_of(where))
        elif name in named and not files.sha256_of(path).startswith(named[name][1]):
            yield damage("a file's content does not match its name", where, partitions.mend_of(where))
        elif not PART.fullmatch(name):
            yield from _manifest(root, home, name, names)


def _verdict(root: Root, name: str) -> Iterator[Problem]:
    said = held(root, "verdict", name, verdicts.LOST)
    yield from ruled(root, said["policy_sha256"])
    cites = [said["evidence"]]
    for cited in cites:  # the evidence, and then what it cites
        path = root.at(cited["path"])
        if not files.is_file(path) or files.sha256_of(path) != cited["sha256"]:
            what = "evidence that a verdict cites is " + ("changed" if files.mode_at(path) else "missing")
            yield damage(what, cited["path"], verdicts.LOST)
        elif path.suffix == ".json":
            cites += json.loads(path.read_bytes()).get("files", {}).values()


def ruled(root: Root, sha256: str) -> Iterator[Problem]:
    """Check that a policy that was used is kept."""
    name = f"{POLICIES}/{sha256[:12]}.json"
    if not files.mode_at(root.at(name)):
        mend = "restore it from a backup of decisions/; if policy.json still is that policy, the next run copies it"
        yield damage("the policy by which a week was judged or a model trained is missing", name, mend)


def _manifest(root: Root, home: str, name: str, names: set[str]) -> Iterator[Problem]:
    """Check a manifest. Missing files are damage; a changed input may have been landed again: only people know."""
    try:
        manifest = manifest_in(root, home, name)
    except StoreDamaged as error:
        yield Problem.of(error)
        return
    if broken := schemas.broken("manifest", manifest.facts(), f"{home}/{name}", partitions.mend_of(f"{home}/{name}")):
        yield Problem.of(broken)
    for part in (f"{home}/{part.name}" for part in manifest.parts if part.name not in names):
        yield damage("a file that the manifest lists is missing", part, partitions.mend_of(part))
    table = home.rpartition("/")[0]
    for given in manifest.inputs if name == partitions.MANIFEST else ():
        source = given.path.partition("#")[0]
        path = root.at(source)
        if not (files.is_file(path) if path.suffix else files.mode_at(path)):
            yield damage(f"an input of {table} is missing", source, _mend_of_input(source))
        elif source == given.path and files.is_file(path) and files.sha256_of(path) != given.sha256:
            mend = "if it was landed again, the next run rebuilds what depends on it; else restore it from a backup"
            yield remark(f"the file has changed since {table} was made from it", source, mend)


def _mend_of_input(name: str) -> str:
    if name.startswith(f"{model_bank.BANK}/"):
        return model_bank.mend_of(name.rpartition("/")[2], has_recipe=False)
    if name.startswith("datamart/gold/predictions"):
        return partitions.mend_of(f"{name}/")
    is_built = name.startswith(tuple(f"datamart/{layer}/" for layer in LAYERS))
    return BUILD if is_built else "restore it from a backup: what depends on it cannot be rebuilt without it"
