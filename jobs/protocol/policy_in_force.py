"""The policy in force: the one in place or, while that cannot be read, the last good one for work that must go on."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from jobs.protocol import ledger, strict_json
from jobs.protocol import policy as rules
from jobs.protocol.errors import ConfigInvalid, JobError
from jobs.protocol.index import manifests
from jobs.protocol.layers import PREDICTIONS
from jobs.protocol.policy import Policy
from jobs.protocol.store import DECISIONS, POLICIES, POLICY, FolderStore, edited

LAST_GOOD = "last_good.json"  # beside the copies, whose names (hashes) have no order


def begin(store: FolderStore, *, dry_run: bool) -> tuple[Policy | None, JobError | None]:
    """Read the policy at the start of a run. The very first run writes the default; every run keeps what it uses."""
    if _never_ran(store) and POLICY.removeprefix(f"{DECISIONS}/") not in store.list(DECISIONS):
        if dry_run:
            return rules.load(None, POLICY), None
        store.put_if_absent(POLICY, rules.default_bytes())
    try:
        data = _in_place(store)
        found = rules.load(data, POLICY)
    except ConfigInvalid as problem:
        if not dry_run and (defaults := rules.load(None, POLICY)) == last_good(store):
            with suppress(JobError, OSError):  # a failing copy must not stop the run
                store.put_if_absent(_copy_of(defaults.sha256), rules.default_bytes())
        return None, problem
    if not dry_run:
        _keep(store, found, data)
    return found, None


def _never_ran(store: FolderStore) -> bool:
    """Whether no job has run here: later a missing policy is an error."""
    return not (store.list(ledger.FOLDER) or store.list(POLICIES) or manifests(store.root, PREDICTIONS))


def read(store: FolderStore) -> tuple[Policy | None, JobError | None]:
    try:
        return rules.load(_in_place(store), POLICY), None
    except ConfigInvalid as problem:
        return None, problem


def _in_place(store: FolderStore) -> bytes:
    if (data := edited(store, POLICY)) is not None:
        return data
    if _never_ran(store):
        mend = "is this the right --root? If so, run a job: the first run writes the default policy"
        raise ConfigInvalid("no job has run on this root yet: there is no policy", where=POLICY, mend=mend)
    mend = f"restore it from {POLICIES} ({LAST_GOOD} there names the newest), or from a backup of decisions/"
    until = "; nothing is claimed or promoted until then"
    raise ConfigInvalid("there is no policy", where=POLICY, mend=mend + until)


def _keep(store: FolderStore, policy: Policy, data: bytes) -> None:
    """Keep a copy of a policy before its first use, and mark it as the last good one. Safe to repeat."""
    pointer = strict_json.pretty({"sha256": policy.sha256})
    for name, says in ((_copy_of(policy.sha256), data), (f"{POLICIES}/{LAST_GOOD}", pointer)):
        if (before := store.get(name)) != says:
            with store.hold():
                store.put_if_absent(name, says) if before is None else store.replace_if(name, before, says)


def last_good(store: FolderStore) -> Policy:
    """The policy that was used last; the defaults if none was kept, or if its copy cannot be read."""
    with suppress(JobError, LookupError, TypeError):  # a damaged pointer or copy must not stop the run
        pointer = strict_json.parse(store.get(f"{POLICIES}/{LAST_GOOD}") or b"", where=f"{POLICIES}/{LAST_GOOD}")
        if found := kept(store, pointer["sha256"]):
            return found
    return rules.load(None, POLICY)


def kept(store: FolderStore, sha256: str) -> Policy | None:
    """The kept copy of a policy, by its hash; None if it is missing or damaged."""
    name = _copy_of(sha256)
    data = store.get(name, strict_json.EDITED_LIMIT)
    is_whole = data is not None and hashlib.sha256(data).hexdigest() == sha256
    return rules.load(data, name) if is_whole else None


def _copy_of(sha256: str) -> str:
    return f"{POLICIES}/{sha256[:12]}.json"
