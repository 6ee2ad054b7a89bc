"""From a work folder into the root: one import at a time, nothing of another source overwritten, whole or absent."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from jobs.protocol import files
from jobs.protocol.errors import AlreadyRunning, UsageError
from jobs.protocol.files import Root

IMPORTS = "imports"
_LANDING = "datamart/landing"
_WORK = ".work-"
_OTHER_KINDS = (".csv.gz", ".parquet", ".jsonl")  # one table has one file a day


@contextmanager
def work_folder(root: Root) -> Iterator[Path]:
    """A new folder on the root's own disk, while no other import runs there; what a killed one left is removed."""
    folder = root.at(IMPORTS)
    files.make_folder(root, folder)
    handle = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            mend = "wait for it to end, then run again"
            raise AlreadyRunning("an import already runs on this root", where=root.path, mend=mend) from error
        for left in folder.glob(f"{_WORK}*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=folder) as work:
            yield Path(work)
    finally:
        os.close(handle)


def landing_name(table: str, day: date) -> str:
    return f"{table}_{day:%Y_%m_%d}.csv"


def landed(root: Root, names: Iterable[str]) -> dict[str, str]:
    """The hashes of those of these landing files that are there."""
    paths = {name: _place(root, name) for name in names}
    return {name: files.sha256_of(path) for name, path in paths.items() if path.is_file()}


def publish(root: Root, work: Path, hashes: Mapping[str, str]) -> None:
    """Give all files their names, each after its hash; if any would differ from what landed, none."""
    there = landed(root, hashes)
    _refuse_others(root, hashes, there)
    if root.durable:
        os.sync()  # once for all: a name must never outlive its bytes
    for name in hashes:
        place = _place(root, name)
        files.make_folder(root, place.parent)
        for one in (f"{name}.sha256", *(() if name in there else (name,))):
            (work / _table(name) / one).replace(place.with_name(one))
    if root.durable:
        os.sync()


def _refuse_others(root: Root, hashes: Mapping[str, str], there: Mapping[str, str]) -> None:
    stems = {name.removesuffix(".csv") for name in hashes}
    other = [name for name, sha256 in there.items() if sha256 != hashes[name]]
    for folder in {_place(root, name).parent for name in hashes}:
        names = os.listdir(folder) if folder.is_dir() else []
        other += [name for name in names if name.partition(".")[0] in stems and name.endswith(_OTHER_KINDS)]
    if other:
        raise UsageError(
            f"{len(other)} landing files are there already with other content, {min(other)} for one",
            where=root.at(_LANDING),
            mend="nothing was written; import all files of a history in one run, into an empty folder (--root); or "
            "take away what landed before",
        )


def _place(root: Root, name: str) -> Path:
    return root.at(f"{_LANDING}/{_table(name)}/{name}")


def _table(name: str) -> str:
    return name.removesuffix(".csv")[: -len("_YYYY_MM_DD")]
