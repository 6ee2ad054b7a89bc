"""The ledger: immutable entries, one fact per file, numbered without gaps and chained by their hashes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from jobs.protocol import schemas, strict_json
from jobs.protocol.decisions import advance, objection
from jobs.protocol.errors import READ, JobError, StoreDamaged
from jobs.protocol.folder import Refused
from jobs.protocol.index import identities, manifests
from jobs.protocol.layers import PREDICTIONS
from jobs.protocol.model_bank import BANK, MANIFEST
from jobs.protocol.state import RETRAINING, Entry, Fact, State
from jobs.protocol.store import DECISIONS, SERVING_NOTE, STATUS, FolderStore

_HEAD = re.compile(rb"^  entry +(\d+)\n  sha256 +([0-9a-f]{64})$", re.MULTILINE)
FOLDER = "decisions/ledger"
VERSION = 1
ENTRY_LIMIT = 512 << 10
_RESTORE = "restore decisions/ from a backup; to begin anew give a new --root"
_RESTORE_ENTRY = (
    "restore this file, or the one before it, from a copy of decisions/ledger until "
    "`python -m jobs.decisions check` finds nothing; or move this file away, if it was put there by hand"
)
_RESTORE_MISSING = (
    "restore the missing entry from a copy, or move this file away, if it was put there by hand; do not renumber"
)
_TEXTS = ("prev", "topic", "kind", "as_of", "run_key", "nonce", "at")
_FIELDS = {"v": int, "seq": int, **dict.fromkeys(_TEXTS, str), "who": dict, "body": dict}


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes: one run of one job, and whom to notify. `at` and `who` are for the record, never for logic."""

    job: str
    as_of: date
    at: str
    nonce: str
    who: Mapping[str, Any]
    tell: Callable[[Entry], None] = lambda _: None

    @property
    def run_key(self) -> str:
        return f"{self.job}/{self.as_of}/{self.nonce}"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries read so far, the hash of the newest, and the state that follows from them."""

    entries: tuple[Entry, ...] = ()
    head: str = ""
    state: State = field(default_factory=State)


def trainings(known: Ledger) -> list[Entry]:
    """The completed trainings, without invalid entries."""
    ended = [one for one in known.entries if (one.topic, one.kind) == (RETRAINING, "completed")]
    return [one for one in ended if one.seq not in known.state.ignored]


def vouched(store: FolderStore, model_id: str) -> str | None:
    """The hash that the ledger recorded when the model was trained; None if it did not."""
    made = [entry.body["model_sha256"] for entry in trainings(read(store)) if entry.body["model_id"] == model_id]
    return made[0] if made else None


def witnessed(store: FolderStore) -> tuple[int, str] | None:
    """The number and hash of the newest entry according to STATUS.txt: no later entry vouches for that one."""
    found = _HEAD.search(store.get(STATUS) or b"")
    return (int(found[1]), found[2].decode()) if found else None


def refuse_loss(store: FolderStore) -> None:
    """StoreDamaged if the ledger lost its end, or is gone: the next run would reuse the numbers of the lost entries."""
    try:
        seen = witnessed(store)  # before the ledger is read: STATUS.txt is always written after the entry
    except Refused:  # the next writer of STATUS.txt reports it; the scores below witness no less
        seen = None
    known = read(store)
    if seen and (seen[0] > len(known.entries) or (seen[0] == len(known.entries) and seen[1] != known.head)):
        what = f"STATUS.txt names an entry {seen[0]} that is not in the ledger"
        mend = "restore the ledger from a copy, or delete STATUS.txt if the ledger is meant to end earlier"
        raise StoreDamaged(what, where=name_of(seen[0]), mend=mend)
    if known.entries:
        return
    if manifests(store.root, PREDICTIONS):
        raise StoreDamaged("there are scores, and the ledger that they cite is gone", where=FOLDER, mend=_RESTORE)
    is_brought = SERVING_NOTE.rpartition("/")[2] in store.list(DECISIONS)  # whoever brings a model names it there
    if not is_brought and identities(store.root, BANK, str, f"/{MANIFEST}"):
        raise StoreDamaged("there are models, but no ledger or note names them", where=FOLDER, mend=_RESTORE)


def name_of(seq: int) -> str:
    return f"{FOLDER}/{seq:08d}.json"


def read(store: FolderStore) -> Ledger:
    """Read every entry not yet read through this store; StoreDamaged if numbers or hashes do not fit."""
    ledger, names = standing(store), store.list(FOLDER)
    for seq, name in enumerate(names, start=1):
        if f"{FOLDER}/{name}" != name_of(seq):
            what = f"entry {seq} should come next, but {name} does"
            raise StoreDamaged(what, where=FOLDER, mend=_RESTORE_MISSING)
        if seq > len(ledger.entries):
            ledger = store.memo[FOLDER] = extended(ledger, _there(store, seq))
    if len(names) < len(ledger.entries):
        raise _damaged(len(names) + 1, "has disappeared")
    return ledger


def standing(store: FolderStore) -> Ledger:
    """What was read through this store so far: of a damaged ledger, the entries before the first damage."""
    return store.memo.get(FOLDER) or Ledger()


def _there(store: FolderStore, seq: int) -> bytes:
    data = store.get(name_of(seq))  # if it is too large, parsing reports the damage
    if data is None:
        raise _damaged(seq, "has disappeared")
    return data


def extended(ledger: Ledger, data: bytes) -> Ledger:
    entry = parsed(data, len(ledger.entries) + 1, ledger.head)
    try:
        state = advance(ledger.state, entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # the newest entry has no later hash to vouch
        raise _damaged(entry.seq, f"has a body that does not fit its kind, {entry.kind!r}") from error
    return Ledger((*ledger.entries, entry), hashlib.sha256(data).hexdigest(), state)


def parsed(data: bytes, seq: int, prev: str) -> Entry:
    """Parse an entry, which must be number `seq` and follow the entry with hash `prev`."""
    try:
        given = strict_json.parse(data, where=name_of(seq), limit=ENTRY_LIMIT)
    except JobError as error:
        raise _damaged(seq, f"cannot be read: {error.what}") from error
    if not isinstance(given, dict) or type(given.get("v")) is not int:
        raise _damaged(seq, "is not an entry")
    if given["v"] > VERSION:
        what = f"ledger entry {seq} is of version {given['v']}; this program reads up to {VERSION}"
        raise StoreDamaged(what, where=name_of(seq), mend="install the version of the program that wrote it")
    wrong = [name for name, kind in _FIELDS.items() if type(given.get(name)) is not kind]
    if wrong:
        raise _damaged(seq, f"has no valid {wrong[0]}")
    if given["seq"] != seq:
        raise _damaged(seq, f"gives its number as {given['seq']}")
    try:
        as_of = date.fromisoformat(given["as_of"])
    except ValueError:
        raise _damaged(seq, "has no valid as_of") from None
    if given["prev"] != prev:
        raise _damaged(seq, "does not follow the entry before it: one of the two was changed")
    READ[name_of(seq)] = partial(breach, data, name_of(seq))
    return Entry(seq, given["topic"], given["kind"], as_of, given["body"], given["run_key"])


def breach(data: bytes, where: str) -> StoreDamaged | None:
    """Proof that no job wrote this entry: it, or the note in it, breaks its contract. None if there is none."""
    broken, given = schemas.broken("ledger_entry", data, where, _RESTORE_ENTRY), json.loads(data)
    if broken or given["kind"] != "proposed":
        return broken
    return schemas.broken("retraining_note", given["body"]["note"].encode(), f"{where}, its note", _RESTORE_ENTRY)


def append(store: FolderStore, writer: Writer, say: Callable[[State], Fact | None]) -> tuple[Ledger, Entry | None]:
    """Record what `say` makes of the newest state (None: nothing); ask it again whenever another writer was quicker."""
    nonce = os.urandom(8).hex()
    while True:
        known = read(store)
        fact = say(known.state)
        if fact is None:
            return known, None
        if why := objection(known.state, fact, writer.as_of):
            mend = "run the job again; if the message stays, report it with `python -m jobs.decisions show`"
            raise JobError(f"{fact.kind} cannot be recorded now: {why}", where=FOLDER, mend=mend)
        seq = len(known.entries) + 1
        data = entry_bytes(writer, fact, seq, known.head, nonce)
        if store.put_if_absent(name_of(seq), data) or _is_mine(store, seq, nonce):
            known = store.memo[FOLDER] = extended(known, data)
            writer.tell(known.entries[-1])
            return known, known.entries[-1]


def entry_bytes(writer: Writer, fact: Fact, seq: int, prev: str, nonce: str) -> bytes:
    return strict_json.canonical(
        {"v": VERSION, "seq": seq, "prev": prev, "topic": fact.topic, "kind": fact.kind, "body": dict(fact.body)}
        | {"as_of": writer.as_of.isoformat(), "run_key": writer.run_key, "nonce": nonce}
        | {"at": writer.at, "who": dict(writer.who)}
    )


def _is_mine(store: FolderStore, seq: int, nonce: str) -> bool:
    """Whether the entry there is ours: a store may have taken it and still failed to say so."""
    given = strict_json.parse(_there(store, seq), where=name_of(seq), limit=ENTRY_LIMIT)
    return isinstance(given, dict) and given.get("nonce") == nonce


def _damaged(seq: int, what: str) -> StoreDamaged:
    return StoreDamaged(f"ledger entry {seq} {what}", where=name_of(seq), mend=_RESTORE_ENTRY)
