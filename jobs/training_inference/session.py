"""What the steps of a run share, and whether to train, according to ledger, notes and matured gold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs.protocol import circumstances, claims, clock, ingest, notes, outlook
from jobs.protocol import session as sessions
from jobs.protocol.errors import InputMissing, JobError
from jobs.protocol.guards import Circumstances, blocked_by
from jobs.protocol.ingest import Seen
from jobs.protocol.layers import FEATURES, LABELS, PREDICTIONS
from jobs.protocol.shelf import cited, cited_files
from jobs.protocol.state import Decision, Entry, Serving, State

if TYPE_CHECKING:
    import polars as pl

COLD_START = "no model serves"


class Session(sessions.Session):
    """The serving model, the days that are not scored yet, and whether to train."""

    JOB = "training_inference"

    @property
    def serving(self) -> Serving | None:
        """The model that serves on the run's date, according to the ledger."""
        return self.state.serving_on(self.run.day)

    def days(self, table: str) -> list[date]:
        """The days of a table up to the run's date."""
        return self.shelf.days(table, self.run.day)

    def pending(self) -> dict[date, int]:
        """The days with applications but no scores, and how many. A scored day is never scored again automatically.

        A day without applications stays unscored: a corrected file may bring them. Of a damaged day nobody knows how
        many there are: it has 0 here, and scoring reports it.
        """
        scored = self.shelf.built(PREDICTIONS)
        rows = {day: self._applications(day) for day in self.days(FEATURES) if day not in scored}
        return {day: n or 0 for day, n in rows.items() if n != 0}

    def _applications(self, day: date) -> int | None:
        with suppress(JobError, OSError):
            built = self.shelf.built(FEATURES)[day]
            return built.rows if built.parts else None  # only a damaged day has no parts
        return None

    def cited(self, table: str, inputs: Mapping[str, str]) -> pl.DataFrame:
        """The rows of one table as cited in `inputs` (content hashes by folder), oldest day first."""
        import polars as pl

        root = self.root
        names = sorted(name for name in inputs if name.startswith(f"datamart/{table}/"))
        manifests = [cited(root, name, inputs[name]) for name in names]
        return pl.read_parquet([path for manifest in manifests for path in cited_files(root, manifest)], glob=False)

    def asks(self) -> bool:
        """Whether a decision asks for a training that nothing blocks. New reasons that block it are recorded."""
        state, wanted = self._asked()
        if wanted is None:
            return False
        found = self._found(state)
        blocked = blocked_by(state, wanted, self.run.day, self.policy, found)
        if blocked:  # recorded here, because the step train will be skipped
            claims.claim(self.desk, self.policy, found, None)
            self.run.events.say("deferred", f"a retraining waits: {', '.join(blocked)}", blocked_by=list(blocked))
            self.run.report.skip("a retraining", f"blocked by {', '.join(blocked)}")
        return not blocked

    def prospects(self) -> Iterator[str]:
        """What this run would do with notes and decisions, as `decisions lint` says it; nothing of a backfill."""
        sight = outlook.survey(self.desk)
        if not sight.state.is_backfill(self.run.day):
            yield from outlook.next_run(replace(sight, circumstances=self._found(outlook.ahead(sight))))

    def claim(self) -> Entry | None:
        """Claim the open decision, or record what blocks it; returns the claim, if there is one now."""
        state, wanted = self._asked()
        if wanted is None:
            return None
        lease = (clock.now() + timedelta(minutes=self.policy.decision.lease_minutes)).isoformat(timespec="seconds")
        _, entry = claims.claim(self.desk, self.policy, self._found(state), lease)
        return entry if entry and entry.kind == "claimed" else None

    def _found(self, state: State) -> Circumstances:
        return replace(circumstances.of(self.shelf, state, self.run.day, self.policy), policy=not self.policy_problem)

    def _asked(self) -> tuple[State, Decision | None]:
        """Begin as every run does. No other trainer is alive, so a claim found now is that of a dead one.

        Returns the open decision if it asks for a retraining and has not expired; a backfill carries out none.
        """
        known, day = self.state, self.run.day
        if known.is_backfill(day):
            return ingest.begin(self.desk).state, None
        ingest.settle(self.desk)
        if known.claim:
            claims.fail_attempt(self.desk, known.claim.seq, "its trainer is gone")
        claims.try_wish(self.desk)
        claims.choose(self.desk)
        seen = self._cold_start(ingest.begin(self.desk))
        standing = None if seen.backfill else seen.state.waiting
        wanted = standing and standing.retrain and day <= standing.valid_until
        return seen.state, standing if wanted else None

    def _cold_start(self, seen: Seen) -> Seen:
        """If there is no model but enough matured history, write a note that asks for the first training."""
        run, state = self.run, seen.state
        if seen.backfill or state.model_id or state.open or seen.found.kind in notes.BLOCKING:
            return seen
        if self.policy_problem or not circumstances.is_ready(self.shelf, run.day, self.policy):
            return seen
        from jobs.training_inference import dataset

        try:
            dataset.refuse_too_few(self.shelf.scan(LABELS, self.days(LABELS)).collect(), run.day, self.policy)
        except InputMissing as missing:  # a claim would only fail
            if not run.report.skipped:  # a run gets here twice
                run.report.skip("a first model", missing.what)
            return seen
        wanted = {"performance_score": None, "retrain": True, "reason": COLD_START, "priority": "MEDIUM"}
        fields = {"decision_date": run.day.isoformat(), **wanted, "approved_by": None}
        return ingest.place(self.desk, notes.retraining_bytes(fields), seen)[0]
