"""What the tests of queries share: small roots built by the protocol, and the command run on them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from jobs.protocol import files, partitions
from jobs.protocol.files import Root
from jobs.sql.__main__ import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST, SECOND, THIRD = date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3)


def build(root: Path, table: str, day: date, rows: dict[str, Any]) -> Path:
    """Publish a partition of these columns only; return its file."""
    home = Root(root, durable=False)
    with files.draft(home, partitions.drafts_folder(home, table)) as draft:
        frame = pl.DataFrame(rows)
        frame.write_parquet(draft)
        part = partitions.part_of(draft, frame.height)
        manifest = partitions.Manifest(
            table=table,
            date=day,
            contract=table,
            contract_version=1,
            contract_sha256="0" * 64,
            layer_version=1,
            parts=(part,),
            inputs=(),
        )
        partitions.publish(home, manifest, [draft])
    return home.at(partitions.folder(table, day)) / part.name


def ask(capsys: pytest.CaptureFixture[str], root: Path, query: str, *more: str, to: str = "csv") -> str:
    """What the command writes when all is well."""
    code = main([query, "--root", str(root), "--format", to, *more])
    out, err = capsys.readouterr()
    assert (code, err) == (0, "")
    return out


def refused(capsys: pytest.CaptureFixture[str], root: Path, query: str, *more: str) -> tuple[int, str]:
    """The exit code, and everything that was told."""
    code = main([query, "--root", str(root), "--format", "csv", *more])
    out, err = capsys.readouterr()
    return code, out + err
