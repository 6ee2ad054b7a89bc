"""Partitions as they were cited: by the hash of their content, though they may have been replaced since."""

from __future__ import annotations

import re
from pathlib import Path

from jobs.protocol import partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.partitions import Manifest

_FOLDER = re.compile(r"datamart/[a-z_/]+/snapshot_date=\d{4}-\d{2}-\d{2}")
_MANIFESTS = re.compile(r"_manifest(-[0-9a-f]{12})?\.json")


def cited(root: Root, folder: str, content: str) -> Manifest:
    """The manifest, of those in place and those kept, whose rows have this hash."""
    if not _FOLDER.fullmatch(folder):
        raise StoreDamaged("that is no partition", where=folder, mend="restore what cites it from a backup")
    home = root.at(folder)
    names = sorted(path.name for path in home.iterdir() if _MANIFESTS.fullmatch(path.name)) if home.is_dir() else []
    for name in reversed(names):  # the one in place sorts last
        manifest = partitions.parse((home / name).read_bytes(), where=f"{folder}/{name}")
        if manifest.content_sha256 == content:
            return manifest
    mend = "restore the folder from a backup: what rests on it cannot be computed again without it"
    raise StoreDamaged(f"no manifest has the rows {content[:12]} that are cited", where=folder, mend=mend)


def files(root: Root, manifest: Manifest) -> list[Path]:
    home = partitions.folder(manifest.table, manifest.date)
    return [partitions.verified(root, f"{home}/{part.name}") for part in manifest.parts]
