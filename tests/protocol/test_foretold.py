"""What STATUS.txt and lint foretell is what the next training run does, whatever was done to both notes before."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.protocol import claims, ingest, ledger, policy
from jobs.protocol.files import Root
from jobs.protocol.outlook import next_run, survey
from jobs.protocol.store import POLICY, RETRAINING_NOTE, SERVING_NOTE, FolderStore
from tests.protocol.build import MODEL, OPEN_RULES, OTHER, PASSED, READY, SUNDAY, desk, machine, person

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from jobs.protocol.ingest import Desk

FORETOLD = {
    "withdrawn": ("is withdrawn",),
    "expired": ("it expires.",),
    "declined": ("is declined",),
    "proposed": ("it is recorded as a decision",),
    "serving": ("records a person's choice",),
    "superseded": ("is superseded", ", which ends decision"),
    "claimed": ("may be claimed by the next training run",),
}


@dataclass
class Past:
    """A root with what people and jobs did to it, and the day that it is there."""

    store: FolderStore
    chance: random.Random
    day: date = SUNDAY
    claim: int = 0

    def desk(self) -> Desk:
        known = (MODEL, OTHER)
        return desk(self.store, self.day, unusable=lambda model_id: None if model_id in known else "it is not there")

    def write(self, name: str, data: bytes) -> None:
        self.store.root.at(name).write_bytes(data)

    def ask(self) -> None:
        until = (
            {"valid_until": str(self.day + timedelta(self.chance.randrange(4)))} if self.chance.random() < 0.5 else {}
        )
        fields = {
            "priority": self.chance.choice(["MEDIUM", "IMMEDIATE"]),
            "retrain": self.chance.random() < 0.7,
            **until,
        }
        self.write(RETRAINING_NOTE, person(self.day, reason=str(self.chance.random()), **fields))

    def judge(self) -> None:
        ingest.place(self.desk(), machine(self.day, retrain=self.chance.random() < 0.7), ingest.begin(self.desk()))

    def edit(self) -> None:
        if note := self.store.get(RETRAINING_NOTE):
            self.write(RETRAINING_NOTE, note.replace(b"Because", b"Edited").replace(b"Performance", b"Edited"))

    def put_back(self) -> None:
        if ended := ledger.read(self.store).state.ended:
            self.write(RETRAINING_NOTE, self.chance.choice(ended).decision.note)

    def choose(self) -> None:
        chosen = self.chance.choice([MODEL, OTHER, "20200101-000000000000"])
        self.write(SERVING_NOTE, json.dumps({"model_id": chosen, "pinned": self.chance.random() < 0.3}).encode())

    def train(self) -> None:
        ingest.begin(self.desk())
        _, entry = claims.claim(self.desk(), OPEN_RULES, READY, "")
        self.claim = entry.seq if entry and entry.kind == "claimed" else self.claim

    def end(self) -> None:
        if self.chance.random() < 0.5:
            claims.fail_attempt(self.desk(), self.claim, "it failed")
        else:
            claims.complete(self.desk(), self.claim, replace(PASSED, promote=self.chance.random() < 0.6))

    def sleep(self) -> None:
        self.day += timedelta(self.chance.randrange(1, 9))


ACTIONS: dict[str, Callable[[Past], None]] = {
    "ask": Past.ask,
    "judge": Past.judge,
    "edit": Past.edit,
    "put back": Past.put_back,
    "choose": Past.choose,
    "train": Past.train,
    "end": Past.end,
    "sleep": Past.sleep,
    "delete": lambda past: past.store.root.at(RETRAINING_NOTE).unlink(missing_ok=True),
    "save half": lambda past: past.write(RETRAINING_NOTE, b'{"retrain": '),
}


@settings(max_examples=300)
@given(seed=st.integers(0, 2**64))
def test_the_next_run_does_what_is_foretold(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance = random.Random(seed)
    actions = chance.choices(list(ACTIONS), k=chance.randrange(2, 9))
    store = FolderStore(Root(tmp_path_factory.mktemp("root"), durable=False))
    rules = policy.default_bytes() if chance.random() < 0.5 else b'{"mode": "advise"}'
    store.put_if_absent(POLICY, rules)
    past = Past(store, chance)
    for action in actions:
        ACTIONS[action](past)
    store.root.at(claims.TRAINER).parent.mkdir(exist_ok=True)
    store.root.at(claims.TRAINER).touch()  # nobody holds it: a claim that stands is that of a dead trainer
    before, at_desk = ledger.read(store), past.desk()
    said = " ".join(next_run(replace(survey(at_desk), circumstances=READY)))
    if before.state.is_backfill(past.day):
        return
    ingest.settle(at_desk)
    if before.state.claim:
        claims.fail_attempt(at_desk, before.state.claim.seq, "its trainer is gone")
    claims.choose(at_desk)
    ingest.begin(at_desk)
    claims.claim(at_desk, policy.load(rules, POLICY), READY, "")
    after = ledger.read(store)
    done = {entry.kind for entry in after.entries[len(before.entries) :]}
    done |= {ending.how for ending in after.state.ended[len(before.state.ended) :]}
    for kind, signs in FORETOLD.items():
        assert any(sign in said for sign in signs) == (kind in done), (kind, said)
