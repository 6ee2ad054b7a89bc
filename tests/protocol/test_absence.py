"""What the system does not let a job look at is not taken for absent, which pathlib does ever more from version to
version: then files that something cites would be replaced, a damage passed over, or an older store begun anew."""

from __future__ import annotations

import ast
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from jobs.protocol import files, ledger, model_bank, partitions
from jobs.protocol.files import Root
from jobs.protocol.store import FolderStore
from tests.decisions.wholes import land, publish
from tests.protocol.build import SUNDAY
from tests.protocol.faults import forbid

JOBS = Path(__file__).parents[2] / "jobs"
SILENT = {"exists", "is_file", "is_dir", "glob", "rglob", "lexists", "isfile", "isdir", "walk"}
OF_THE_PROGRAM_OR_A_COPY = {"contract.py", "stock.py", "asking.py", "demo", "replay", "simulate", "import_lending_club"}


@pytest.fixture
def hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> set[Path]:
    """Paths that the system fails to look at or list, once they are in it."""
    paths = set[Path]()

    def failing(real: Any) -> Any:
        def call(path: Any = ".", *args: Any, **options: Any) -> Any:
            if not isinstance(path, int) and Path(path) in paths:
                raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return real(path, *args, **options)

        return call

    for name in ("stat", "scandir", "listdir"):
        monkeypatch.setattr(os, name, failing(getattr(os, name)))
    return paths


@pytest.mark.parametrize(
    "look", [files.is_file, files.is_folder, files.mode_at, files.names_in, lambda path: [*files.walked(path)]]
)
def test_what_cannot_be_looked_at_is_not_absent(tmp_path: Path, hidden: set[Path], look: Any) -> None:
    assert not look(tmp_path / "absent")
    assert not look(tmp_path / "absent/below")
    hidden.add(tmp_path / "a")
    with pytest.raises(OSError, match="Permission denied"):
        look(tmp_path / "a")


def test_a_loop_of_links_is_neither_file_nor_folder(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("a")
    assert not files.is_file(tmp_path / "a")
    assert not files.is_folder(tmp_path / "a")


def test_the_manifest_that_cannot_be_looked_at_is_not_replaced(tmp_path: Path, hidden: set[Path]) -> None:
    root = Root(tmp_path, durable=False)
    publish(root, "bronze/toy", [1], [land(root)])
    target = root.at(partitions.manifest_name("bronze/toy", SUNDAY))
    before = target.read_bytes()
    hidden.add(target)
    with pytest.raises(OSError, match="Permission denied"):
        publish(root, "bronze/toy", [1, 2], [land(root, "id\n1\n2\n")])
    assert target.read_bytes() == before


def test_no_ledger_is_begun_beside_models_that_cannot_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, real = Root(tmp_path, durable=False), os.scandir
    model_bank.put(root, SUNDAY, {"recipe.json": b"{}"})

    def scanned(path: Any = ".") -> Any:
        if path in (bank, str(bank)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    bank = root.at(model_bank.BANK)
    forbid(monkeypatch, str(bank))
    monkeypatch.setattr(os, "scandir", scanned)
    with pytest.raises(OSError, match="Permission denied"):
        ledger.refuse_loss(FolderStore(root))


def test_a_model_that_may_not_be_read_is_opened_and_not_rebuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = model_bank.put(Root(tmp_path, durable=False), SUNDAY, {"recipe.json": b"{}"})
    forbid(monkeypatch, "recipe.json")
    found = model_bank.damage(Root(tmp_path), put.model_id, put.sha256)
    assert found is not None
    assert (found.exit_code, found.mend) == (6, "let the user that runs the jobs read it (chmod, chown), and run again")


def test_no_job_asks_in_a_way_that_takes_a_failure_for_absence() -> None:
    asked = {
        f"{path.relative_to(JOBS)}: {ast.unparse(node)}"
        for path in JOBS.rglob("*.py")
        if not OF_THE_PROGRAM_OR_A_COPY.intersection(path.relative_to(JOBS).parts)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SILENT
        if ast.unparse(node.func.value) not in ("files", "entry", "day", "one")  # entries of a folder that was listed
    }
    assert asked == {"protocol/files.py: os.walk(folder, onerror=refuse)"}
