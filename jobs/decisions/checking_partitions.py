"""The fsck of the layers: each manifest as it was written, each file by size and hash, each input there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jobs.decisions.finding import damage, going_on, remark
from jobs.protocol import files, model_bank, partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.events import Events
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.index import WEEK, day_of, entries
from jobs.protocol.partitions import Manifest
from jobs.protocol.receipts import Problem

LAYERS = ("bronze", "silver", "gold")
KEPT = re.compile(r"_manifest-([0-9a-f]{12})\.json")
PART = re.compile(r"part-\d{3}-of-\d{3}-([0-9a-f]{12})\.parquet")
BUILD = "run the job that writes it (training_inference: scores; else preprocessing): it builds what is missing"


def check(root: Root, events: Events) -> list[Problem]:
    homes = list(folders(root))
    mend = "nothing needs doing: the next run of its job sweeps what a dead one left"
    found = [
        remark("a run died while it wrote, or is writing now", f"{table}/{entry.name}", mend)
        for table in sorted({home.rpartition("/")[0] for home in homes})
        for entry in entries(root, table)
        if entry.name.startswith(DRAFT)
    ]
    with events.progress("partitions", len(homes)) as done:
        for home in homes:
            found += going_on(_partition(root, home))
            done(1)
    return found


def folders(root: Root, above: str = "datamart") -> Iterator[str]:
    for entry in entries(root, above):
        name = f"{above}/{entry.name}"
        if not entry.is_dir(follow_symlinks=False) or (above == "datamart" and entry.name not in LAYERS):
            continue
        if day_of(entry.name) or day_of(entry.name, WEEK):
            yield name
        else:
            yield from folders(root, name)


def manifest_in(root: Root, home: str, name: str = partitions.MANIFEST) -> Manifest:
    """A manifest of this folder, kept or current, or StoreDamaged."""
    where = f"{home}/{name}"
    manifest = partitions.parse(root.at(where).read_bytes(), where=where)
    if not home.endswith(f"={manifest.date}") or home != f"datamart/{manifest.table}/{home.rpartition('/')[2]}":
        raise StoreDamaged("the manifest is that of another partition", where=where, mend=partitions.mend_of(where))
    return manifest


def _partition(root: Root, home: str) -> Iterator[Problem]:
    names = {entry.name for entry in entries(root, home)}
    if not any(KEPT.fullmatch(name) or PART.fullmatch(name) or name == partitions.MANIFEST for name in names):
        if not names:
            yield damage("the partition is empty", home, BUILD)
        return  # evidence and reports are vouched for by the ledger
    if partitions.MANIFEST not in names:
        yield damage("the partition has no manifest: it was removed, or a run died before writing it", home, BUILD)
    listed = {partitions.MANIFEST}
    for name in sorted(name for name in names if name == partitions.MANIFEST or KEPT.fullmatch(name)):
        try:
            manifest = manifest_in(root, home, name)
        except StoreDamaged as error:
            yield Problem.of(error)
            continue
        listed |= {part.name for part in manifest.parts}
        yield from _parts(root, home, manifest)
        if name == partitions.MANIFEST:
            yield from _inputs(root, home.rpartition("/")[0], manifest)
    for name in sorted(names - {partitions.MANIFEST}):
        yield from _other(root, f"{home}/{name}", listed)


def _parts(root: Root, home: str, manifest: Manifest) -> Iterator[Problem]:
    for part in manifest.parts:
        name = f"{home}/{part.name}"
        path = root.at(name)
        if not path.is_file() or path.is_symlink():
            yield damage("a file that the manifest lists is missing", name, partitions.mend_of(name))
        elif path.stat().st_size != part.bytes or files.sha256_of(path) != part.sha256:
            yield damage("the file is not what the manifest says", name, partitions.mend_of(name))


def _inputs(root: Root, table: str, manifest: Manifest) -> Iterator[Problem]:
    """One that is gone is damage. A file may have been landed again; only people know whether it was."""
    for given in manifest.inputs:
        name = given.path.partition("#")[0]
        path = root.at(name)
        if not path.exists():
            yield damage(f"what {table} was made from is missing", name, _mend_of_input(name))
        elif name == given.path and path.is_file() and files.sha256_of(path) != given.sha256:
            mend = "if it was landed again, the next run builds what rests on it; else restore it from a backup"
            yield remark(f"the file has changed since {table} was made from it", name, mend)


def _other(root: Root, name: str, listed: set[str]) -> Iterator[Problem]:
    """What no current manifest lists: a kept file must still be that of its name."""
    last = name.rpartition("/")[2]
    if last in listed:
        return
    named = KEPT.fullmatch(last) or PART.fullmatch(last)
    if named is None:
        yield remark("no manifest lists this file, and no job reads it", name, "move it away")
    elif not files.sha256_of(root.at(name)).startswith(named[1]):
        yield damage("a kept file is not that of its name", name, "restore it from a backup")


def _mend_of_input(name: str) -> str:
    if name.startswith(f"{model_bank.BANK}/"):
        return model_bank.mend_of(name.rpartition("/")[2], has_recipe=False)
    if name.startswith("datamart/gold/predictions"):
        return partitions.mend_of(f"{name}/")
    is_built = name.startswith(tuple(f"datamart/{layer}/" for layer in LAYERS))
    return BUILD if is_built else "restore it from a backup: without it nothing of it can be built again"
