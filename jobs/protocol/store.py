"""The store that jobs and people share: five operations on named bytes, implemented on a local folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jobs.protocol import folder as folders
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.files import Root, naming_folder, sweep
from jobs.protocol.strict_json import EDITED_LIMIT

LIMIT = 64 << 20  # bytes, for files that jobs write; entries have a smaller limit
DECISIONS = "decisions"
ALERTS = f"{DECISIONS}/alerts"  # people put their names into its files
QUARANTINE = f"{DECISIONS}/quarantine"
POLICY = f"{DECISIONS}/policy.json"
POLICIES = f"{DECISIONS}/policies"  # copies of every policy that was used
RETRAINING_NOTE = f"{DECISIONS}/retraining_decision.json"
SERVING_NOTE = f"{DECISIONS}/serving_decision.json"
STATUS = f"{DECISIONS}/STATUS.txt"
NOTES = (RETRAINING_NOTE, SERVING_NOTE)  # edited by people at any moment, so never renamed over
FOLDER_MODES = dict.fromkeys((DECISIONS, ALERTS), 0o2770) | {
    f"{DECISIONS}/{kept}": 0o2750 for kept in ("ledger", "policies", "quarantine", "receipts", "alerts/outbox")
}


@dataclass(frozen=True, slots=True)
class FolderStore:
    """A local folder. Another store would offer the same five operations, each durable when it returns.

    Names are relative posix names. Notes are set aside before they are replaced; `hold` keeps other jobs out meanwhile.
    """

    root: Root
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)  # caches what never changes

    def get(self, name: str, limit: int = LIMIT) -> bytes | None:
        """The bytes of a name; None if there is none, `Refused` if it is not a plain file or exceeds `limit`."""
        above = folders.parts_of(name)[:-1]
        with folders.opened(self.root, above) as folder:
            return None if folder is None else folders.read(folder, name, limit)

    def list(self, folder: str) -> tuple[str, ...]:
        """The sorted file names in a folder, without drafts and folders."""
        with folders.opened(self.root, folders.parts_of(folder)) as handle:
            if handle is None:
                return ()
            with os.scandir(handle) as found:
                plain = (one.name for one in found if not one.is_dir(follow_symlinks=False))
                return tuple(sorted(name for name in plain if not name.startswith(".")))

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Create a name; False if it exists. If several try at once, exactly one gets True."""
        folders.make(self.root, folders.parts_of(name)[:-1], FOLDER_MODES)
        with self._drafted(name, data) as (folder, last, draft):
            won = folders.link(folder, draft, last)
            if won:
                folders.sync(self.root, folder)
        return won

    def replace_if(self, name: str, expected: bytes, data: bytes) -> bool:
        """Replace the bytes of a name if they are as expected; else change nothing and return False."""
        if self.get(name) != expected:
            return False
        with self._drafted(name, data) as (folder, last, draft):
            if name in NOTES:
                return self._swap_aside(folder, last, expected, draft)
            os.rename(draft, last, src_dir_fd=folder, dst_dir_fd=folder)  # its writers hold a lock among themselves
            folders.sync(self.root, folder)
            return True

    def remove_if(self, name: str, expected: bytes) -> bool:
        """Remove a name if its bytes are as expected; else change nothing and return False."""
        if self.get(name) != expected:
            return False
        with self._folder_of(name) as (folder, last):
            if name in NOTES:
                return self._swap_aside(folder, last, expected, None)
            os.unlink(last, dir_fd=folder)
            folders.sync(self.root, folder)
            return True

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the decisions against other jobs on this host; the kernel frees the lock when a process dies."""
        folders.make(self.root, (DECISIONS,), FOLDER_MODES)
        with folders.opened(self.root, (DECISIONS,)) as folder:
            assert folder is not None  # noqa: S101 - made above
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield

    def finish(self) -> None:
        """Put back, under `hold`, the notes that a crash left set aside, and sweep the drafts of dead writers."""
        with folders.opened(self.root, (DECISIONS,)) as folder:
            if folder is None:
                return
            for aside in sorted(name for name in os.listdir(folder) if name.startswith(folders.ASIDE)):
                last = aside.removeprefix(folders.ASIDE).rsplit("-", 1)[0]
                if f"{DECISIONS}/{last}" in NOTES:
                    self._give_back(folder, aside, last)
        for name in FOLDER_MODES:
            with folders.opened(self.root, folders.parts_of(name)) as inner:
                if inner is not None:
                    sweep(self.root.at(name))

    @contextmanager
    def settled(self) -> Iterator[None]:
        """`hold`, after finishing what a crash left half-done."""
        with self.hold():
            self.finish()
            yield

    @contextmanager
    def _drafted(self, name: str, data: bytes) -> Iterator[tuple[int, str, str]]:
        with self._folder_of(name) as (folder, last), folders.drafted(self.root, folder, data, mode_of(name)) as draft:
            yield folder, last, draft

    @contextmanager
    def _folder_of(self, name: str) -> Iterator[tuple[int, str]]:
        *above, last = folders.parts_of(name)
        with naming_folder(self.root.at(name).parent), folders.opened(self.root, tuple(above)) as folder:
            if folder is None:
                raise FileNotFoundError(name)
            yield folder, last

    def _swap_aside(self, folder: int, last: str, expected: bytes, draft: str | None) -> bool:
        """Set the note aside, so that nobody's save is overwritten, then put `draft` (or nothing) in its place."""
        aside = f"{folders.ASIDE}{last}-{os.urandom(6).hex()}"
        try:
            os.rename(last, aside, src_dir_fd=folder, dst_dir_fd=folder)
        except FileNotFoundError:
            return False
        try:
            taken = folders.read(folder, aside, LIMIT)
        except folders.Refused:
            taken = None
        if taken != expected:
            self._give_back(folder, aside, last)
            return False
        placed = draft is None or folders.link(folder, draft, last)
        folders.sync(self.root, folder)
        self._discard(folder, aside, expected)
        return placed

    def _give_back(self, folder: int, aside: str, last: str) -> None:
        """Give a note set aside its name back; if a newer note has taken it, keep the older bytes in quarantine."""
        try:
            is_placed = folders.link(folder, aside, last) or _is_same(folder, aside, last)
        except PermissionError:  # a colleague's file: the system may allow reading it, but not linking it
            data = folders.read(folder, f"{DECISIONS}/{aside}", LIMIT)
            is_placed = self.put_if_absent(f"{DECISIONS}/{last}", data or b"")
        if not is_placed and (older := folders.read(folder, f"{DECISIONS}/{aside}", LIMIT)) is not None:
            self.put_if_absent(quarantine_name(older), older)
        folders.sync(self.root, folder)
        os.unlink(aside, dir_fd=folder)
        folders.sync(self.root, folder)

    def _discard(self, folder: int, aside: str, expected: bytes) -> None:
        """Remove a note set aside; if an editor has written into it meanwhile, keep those bytes."""
        late = folders.read(folder, aside, LIMIT)
        if late is not None and late != expected:
            self.put_if_absent(quarantine_name(late), late)
        os.unlink(aside, dir_fd=folder)
        folders.sync(self.root, folder)


def edited(store: FolderStore, name: str) -> bytes | None:
    """The bytes of a file that people write; ConfigInvalid if there is anything but a plain file of such a size."""
    try:
        return store.get(name, EDITED_LIMIT)
    except folders.Refused as refusal:
        raise ConfigInvalid(refusal.what, where=name, mend=refusal.mend) from refusal


def mode_of(name: str) -> int:
    """The mode of a file: colleagues may write what people share; nobody may write what only jobs write."""
    if name.rpartition("/")[0] in (DECISIONS, ALERTS):
        return 0o660
    return 0o440 if name.startswith(f"{DECISIONS}/") else 0o644


def quarantine_name(data: bytes) -> str:
    """Where bytes that had to make way are kept, named by their hash: equal bytes are kept once."""
    return f"{QUARANTINE}/{hashlib.sha256(data).hexdigest()[:12]}.json"


def _is_same(folder: int, one: str, other: str) -> bool:
    try:
        facts = [os.stat(name, dir_fd=folder, follow_symlinks=False) for name in (one, other)]
    except FileNotFoundError:
        return False
    return os.path.samestat(*facts)
