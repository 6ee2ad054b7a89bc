from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from jobs.protocol import files, partitions, policy, policy_in_force
from jobs.protocol.files import Root
from jobs.protocol.store import POLICIES, POLICY, FolderStore

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(Root(tmp_path, durable=False))


def test_a_dry_first_run_goes_by_the_default_policy_and_writes_none(store: FolderStore) -> None:
    rules, problem = policy_in_force.begin(store, dry_run=True)
    assert (rules, problem) == (policy.load(None, POLICY), None)
    assert list(store.root.path.rglob("*")) == []


def test_a_dry_run_keeps_no_copy_of_the_policy_that_it_uses(store: FolderStore) -> None:
    store.put_if_absent(POLICY, b'{"mode": "advise"}')
    rules, _ = policy_in_force.begin(store, dry_run=True)
    assert rules is not None
    assert (rules.mode, policy_in_force.kept(store, rules.sha256)) == ("advise", None)


def test_where_there_are_scores_a_policy_was_lost_and_no_default_is_put_in_its_place(store: FolderStore) -> None:
    files.write_whole(store.root, store.root.at(partitions.manifest_name("gold/predictions", date(2024, 1, 14))), b"")
    rules, problem = policy_in_force.begin(store, dry_run=False)
    assert (rules, problem is not None and problem.what) == (None, "there is no policy")
    assert store.get(POLICY) is None


def test_only_the_first_run_writes_a_policy(store: FolderStore) -> None:
    rules, _ = policy_in_force.begin(store, dry_run=False)
    assert rules is not None
    assert store.get(POLICY) == policy.default_bytes()
    assert policy_in_force.kept(store, rules.sha256) == policy_in_force.last_good(store) == rules
    store.root.at(POLICY).unlink()
    rules, problem = policy_in_force.begin(store, dry_run=False)
    assert rules is None
    assert problem is not None
    assert problem.exit_code == 5
    assert store.get(POLICY) is None


def test_a_policy_that_is_saved_anew_just_after_it_was_read_is_kept_because_it_is_used(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_if_absent(POLICY, b'{"mode": "advise"}')
    read = FolderStore.get

    def saved_anew(self: FolderStore, name: str, limit: int = 1 << 20) -> bytes | None:
        data = read(self, name, limit)
        if name == POLICY:
            self.root.at(POLICY).write_bytes(b'{"mode": "auto"}')
        return data

    monkeypatch.setattr(FolderStore, "get", saved_anew)
    rules, _ = policy_in_force.begin(store, dry_run=False)
    assert rules is not None
    assert (rules.mode, policy_in_force.kept(store, rules.sha256)) == ("advise", rules)
    assert policy_in_force.last_good(store) == rules


@pytest.mark.parametrize("torn", [b"", b"{", b"{}", b"[]", b'{"sha256": 5}', b'{"sha256": "../../policy"}'])
def test_a_damaged_pointer_to_the_last_good_policy_stops_nothing_and_is_mended(store: FolderStore, torn: bytes) -> None:
    store.put_if_absent(POLICY, b'{"mode": "advise"}')
    policy_in_force.begin(store, dry_run=False)
    pointer = store.root.at("decisions/policies/last_good.json")
    pointer.chmod(0o600)
    pointer.write_bytes(torn)
    assert policy_in_force.last_good(store) == policy.load(None, POLICY)
    policy_in_force.begin(store, dry_run=False)
    assert policy_in_force.last_good(store).mode == "advise"


def test_a_kept_policy_that_was_changed_counts_no_more_and_is_mended(store: FolderStore) -> None:
    store.put_if_absent(POLICY, b'{"mode": "advise"}')
    rules, _ = policy_in_force.begin(store, dry_run=False)
    assert rules is not None
    copy = store.root.at(f"decisions/policies/{rules.sha256[:12]}.json")
    copy.chmod(0o600)
    copy.write_bytes(b'{"mode": "auto"}')
    assert (policy_in_force.kept(store, rules.sha256), policy_in_force.last_good(store)) == (
        None,
        policy.load(None, POLICY),
    )
    policy_in_force.begin(store, dry_run=False)
    assert policy_in_force.last_good(store) == rules


@pytest.mark.parametrize("refusal", [None, OSError("full")])
def test_the_defaults_are_kept_too_where_they_count_for_want_of_any_other(
    store: FolderStore, refusal: OSError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_if_absent(POLICY, b"{")
    assert policy_in_force.begin(store, dry_run=True)[0] is None
    assert not store.root.at(POLICIES).exists()
    if refusal:
        monkeypatch.setattr(FolderStore, "put_if_absent", Mock(side_effect=refusal))
    assert policy_in_force.begin(store, dry_run=False)[0] is None
    used = policy_in_force.last_good(store)
    assert policy_in_force.kept(store, used.sha256) == (None if refusal else used)
