"""`gc`: replaced files of partitions that no model, decision, score or report depends on any more."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from jobs.decisions.checking_partitions import folders, manifest_in
from jobs.protocol import clock, files, partitions
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import entries
from jobs.protocol.partitions import KEPT, PART, Manifest, Ranges

YOUNG = 2 * 86_400.0  # seconds; a run that is at work may still come to cite what was replaced meanwhile
CITING = ("model_bank", "decisions", "datamart/gold/monitoring", "datamart/gold/reports")
_TABLE = re.compile(rb'"(datamart/[a-z_/]+)"')  # cited as a whole: the dates are not listed one by one
_HASH = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{12})(?![0-9a-f])")
Stock = dict[str, dict[str, "Manifest"]]  # by folder and name


def collect(root: Root, options: argparse.Namespace) -> tuple[int, str]:
    """List what nothing cites; with --delete remove it, provided that no job is running."""
    with ExitStack() as stack:
        if options.delete:
            for entry in entries(root, "datamart"):
                if entry.name.endswith(".lock"):
                    said = f"a job is at work on this root: {entry.name.removesuffix('.lock').lstrip('.')}"
                    stack.enter_context(files.locked(root, Path(entry.path), said))
        names = list(uncited(root))
        size = sum(root.at(name).stat().st_size for name in names)
        if options.delete:
            for name in sorted(names, key=lambda name: PART.fullmatch(name.rpartition("/")[2]) is not None):
                root.at(name).unlink()  # manifests first: none ever lists a file that is gone
            for home in {name.rpartition("/")[0] for name in names}:
                files.sync_folder(root, root.at(home))
    how = "removed" if options.delete else "would be removed by --delete"
    return 0, "".join(f"{name}\n" for name in names) + f"{amount(len(names), 'file')} of {size:,} bytes {how}\n"


def uncited(root: Root) -> Iterator[str]:
    """Replaced manifests that nothing cites, and files that no remaining manifest lists.

    StoreDamaged if a manifest cannot be read, since it might cite anything. A folder without a manifest is left alone.
    """
    stock: Stock = {home: {} for home in folders(root, is_strict=True)}
    for home, found in stock.items():
        names = [entry.name for entry in entries(root, home)]
        found |= {n: manifest_in(root, home, n) for n in names if n == partitions.MANIFEST or KEPT.fullmatch(n)}
    kept = {(home, name) for home, found in stock.items() for name in found if name == partitions.MANIFEST}
    (hashes, cited_whole), before = _said_in_documents(root), 0
    while before != len(kept):  # what is kept because it is cited cites more
        before = len(kept)
        wide = _wide(stock, kept) | dict.fromkeys(cited_whole, date.max)
        hashes |= {given.sha256 for home, name in kept for given in stock[home][name].inputs}
        kept |= {
            (home, name)
            for home, found in stock.items()
            for name, manifest in found.items()
            if (home, name) not in kept and _is_cited(root, f"{home}/{name}", found, hashes, wide)
        }
    for home, found in stock.items():
        listed = {part.name for name, manifest in found.items() if (home, name) in kept for part in manifest.parts}
        if partitions.MANIFEST in found:
            yield from (f"{home}/{name}" for name in found if (home, name) not in kept)
            loose = (entry.name for entry in entries(root, home) if PART.fullmatch(entry.name))
            yield from (f"{home}/{name}" for name in loose if name not in listed and not _is_young(root, home, name))


def _is_cited(root: Root, path: str, found: dict[str, Manifest], hashes: set[str], wide: dict[str, date]) -> bool:
    home, _, name = path.rpartition("/")
    manifest, now, table = found[name], found.get(partitions.MANIFEST), home.rpartition("/")[0]
    if _is_young(root, home, name) or (table in wide and manifest.date <= wide[table]):
        return True
    own = {files.sha256_of(root.at(path)), manifest.made_from, name.removeprefix("_manifest-").removesuffix(".json")}
    if now is None or now.content_sha256 != manifest.content_sha256:  # else what lies there now is what is cited
        own |= {manifest.content_sha256}.union(*((part.sha256, part.sha256[:12]) for part in manifest.parts))
    return bool(own & hashes)


def _wide(stock: Stock, kept: set[tuple[str, str]]) -> dict[str, date]:
    """Tables cited over a range that is not what lies there now, and up to which date: all of it may be needed."""
    contents: dict[str, dict[date, str]] = {home.rpartition("/")[0]: {} for home in stock}
    for home, found in stock.items():
        if now := found.get(partitions.MANIFEST):
            contents[home.rpartition("/")[0]][now.date] = now.content_sha256
    ranges = {table: Ranges(table, known) for table, known in contents.items()}
    wide: dict[str, date] = {}
    for manifest in (stock[home][name] for home, name in kept):
        for given in manifest.inputs:
            if given.path in ranges and given.partitions:
                days = ranges[given.path].days(date.min, manifest.date)[-given.partitions :]
                if not days or ranges[given.path].input(days[0], manifest.date) != given:
                    wide[given.path] = max(manifest.date, wide.get(given.path, manifest.date))
    return wide


def _said_in_documents(root: Root) -> tuple[set[str], set[str]]:
    """All that looks like a hash in what models, decisions, evidence and reports say, and the tables they name."""
    hashes: set[str] = set()
    tables: set[str] = set()
    for place in CITING:
        for folder, folders_in_it, names in files.walked(root.at(place)):
            if "receipts" in folders_in_it:
                folders_in_it.remove("receipts")  # nothing depends on what they mention
            for path in (Path(folder) / name for name in names if name != "model.txt"):
                if path.suffix in (".json", ".html", ".txt") and files.is_file(path):  # no pipe, which would never end
                    data = path.read_bytes()
                    hashes |= {text.decode() for text in _HASH.findall(data)}
                    tables |= {text.decode() for text in _TABLE.findall(data)}
    return hashes, tables


def _is_young(root: Root, home: str, name: str) -> bool:
    return clock.now().timestamp() - root.at(f"{home}/{name}").stat().st_mtime < YOUNG
