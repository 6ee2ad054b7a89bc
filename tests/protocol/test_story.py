"""The ledger and the note together: any sequence of acts against a reference. Real processes race in tests/prove."""

from __future__ import annotations

import json
import tempfile
from datetime import date, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import claim, complete, fail_attempt
from jobs.protocol.files import Root
from jobs.protocol.folder import ASIDE
from jobs.protocol.ingest import Desk, begin, place, withdraw
from jobs.protocol.store import RETRAINING_NOTE, FolderStore
from tests.protocol.build import OPEN_RULES, PASSED, READY, SUNDAY, desk, machine, person

DAY = timedelta(days=1)


class Story(RuleBasedStateMachine):
    """The reference knows, without ledger or fold, what is open, what is claimed and what ended how."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        self.store = FolderStore(Root(root, durable=False))
        self.note = root / RETRAINING_NOTE
        self.note.parent.mkdir()
        self.day, self.weeks, self.typed = SUNDAY, 0, 0
        self.open: bytes | None = None
        self.mine, self.claimed = False, 0
        self.until, self.failures = SUNDAY, 0
        self.ended: dict[bytes, str] = {}

    def teardown(self) -> None:  # type: ignore[explicit-override]
        if hasattr(self, "folder"):
            self.folder.cleanup()

    @property
    def desk(self) -> Desk:
        return desk(self.store, self.day)

    def end(self, how: str) -> None:
        if self.open is not None:
            self.ended[self.open] = how
        self.open, self.claimed, self.failures = None, 0, 0

    def opened(self, note: bytes, *, mine: bool) -> None:
        self.end("superseded")
        decided = date.fromisoformat(json.loads(note)["decision_date"])
        self.open, self.mine, self.until = note, mine, decided + 7 * DAY

    def in_place(self) -> bytes | None:
        return self.note.read_bytes() if self.note.exists() else None

    def ingested(self) -> bytes | None:
        """What any run that begins must make of the note; what lies in place then."""
        found = self.in_place()
        if self.claimed:
            return found
        found = None if found in self.ended else found
        if found is None:
            self.end("withdrawn")
        elif found != self.open and self.usable(found):
            self.opened(found, mine=True)
        if self.open is not None and self.failures == 3:
            self.end("declined")
        elif self.open is not None and self.day > self.until:
            self.end("expired")
        return None if found in self.ended else found

    def usable(self, note: bytes) -> bool:
        if not note.endswith(b"}"):
            return False
        return date.fromisoformat(json.loads(note)["decision_date"]) + 7 * DAY >= self.day

    @rule()
    def a_day_passes(self) -> None:
        self.day += DAY

    @rule(same=st.booleans())
    def a_person_saves(self, *, same: bool) -> None:
        self.typed += not same
        self.note.write_bytes(person(self.day, comment=str(self.typed)))

    @rule()
    def a_person_saves_half(self) -> None:
        self.note.write_bytes(b'{"decision_date": "2024-')

    @rule()
    def a_person_deletes(self) -> None:
        self.note.unlink(missing_ok=True)

    @rule(data=st.data())
    def a_person_restores(self, data: st.DataObject) -> None:
        if self.ended:
            self.note.write_bytes(data.draw(st.sampled_from(sorted(self.ended))))

    @rule()
    def a_run_begins(self) -> None:
        expected = self.ingested()
        begin(self.desk)
        assert self.in_place() == expected

    @rule()
    def monitoring_runs(self) -> None:
        self.a_run_begins()
        self.weeks += 1
        data = machine(self.day, reason=f"week {self.weeks}")
        free = not self.claimed and not (self.open is not None and self.mine)
        answer = place(self.desk, data, begin(self.desk))[1]
        assert (answer == "placed") == free, answer
        if free:
            self.opened(data, mine=False)

    @rule()
    def training_claims(self) -> None:
        self.a_run_begins()
        entry = claim(self.desk, OPEN_RULES, READY, "")[1]
        wanted = self.open is not None and not self.claimed and self.in_place() == self.open
        assert (entry is not None and entry.kind == "claimed") == wanted
        if entry and wanted:
            self.claimed = entry.seq

    @rule()
    def training_fails(self) -> None:
        if self.claimed:
            fail_attempt(self.desk, self.claimed, "died")
            self.claimed, self.failures = 0, self.failures + 1

    @rule()
    def training_completes(self) -> None:
        if self.claimed:
            note = self.open
            complete(self.desk, self.claimed, PASSED)
            self.end("completed")
            assert self.in_place() != note

    @rule()
    def a_person_vetoes(self) -> None:
        withdraw(self.desk, "no")
        if not self.claimed:
            self.end("withdrawn")

    @invariant()
    def the_ledger_says_what_the_reference_knows(self) -> None:
        state = ledgers.read(self.store).state
        assert (state.open.note if state.open else None) == self.open
        assert (state.claim.seq if state.claim else 0) == self.claimed
        assert {ending.decision.note: ending.how for ending in state.ended} == self.ended
        assert state.ignored == ()
        assert not [one for one in self.note.parent.iterdir() if one.name.startswith(ASIDE)]


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=40, stateful_step_count=25)
