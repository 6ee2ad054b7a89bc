"""A PostgreSQL of its own in a temporary folder, reached by a socket that only its owner and root can enter."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTS_WITHIN = 60.0


def binaries() -> Path | None:
    """Where Debian keeps the newest server, if one is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return found[-1] if found else None


@contextmanager
def database(bin_folder: Path) -> Iterator[str]:
    """The address of an empty database; the server and its folder are gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    _run(bin_folder / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
    settings = ("listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=200")
    words = [bin_folder / "postgres", "-D", data, *(word for setting in settings for word in ("-c", setting))]
    with (folder.with_suffix(".log")).open("wb") as log:
        server = subprocess.Popen(_as_postgres(*words), stdout=log, stderr=log, start_new_session=True)
    try:
        until = time.monotonic() + STARTS_WITHIN
        while subprocess.run(_as_postgres(bin_folder / "pg_isready", "-q", "-h", folder), check=False).returncode:
            assert time.monotonic() < until, "PostgreSQL does not start"
            time.sleep(0.2)
        _run(bin_folder / "createdb", "-h", folder, "-U", "postgres", "airflow")
        yield f"postgresql+psycopg://postgres@/airflow?host={folder}"
    finally:
        _run(bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        server.wait(timeout=30)
        shutil.rmtree(folder)
        folder.with_suffix(".log").unlink()


def _run(*words: object) -> None:
    subprocess.run(_as_postgres(*words), check=True, stdout=subprocess.DEVNULL)


def _as_postgres(*words: object) -> list[str]:
    """It refuses to run as root."""
    plain = [str(word) for word in words]
    return ["runuser", "-u", "postgres", "--", *plain] if os.getuid() == 0 else plain
