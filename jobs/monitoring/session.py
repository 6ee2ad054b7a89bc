"""What the steps of one run share: the week, the judged model, and the inputs by their hashes, which is cheap."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property

from jobs.monitoring import storing, weeks
from jobs.monitoring.terms import MEDIUM, rank
from jobs.protocol import files, ledger, model_bank, partitions, strict_json, verdicts
from jobs.protocol import session as sessions
from jobs.protocol.calendar import add_months
from jobs.protocol.layers import FEATURES, LABELS, PREDICTIONS, SOURCES
from jobs.protocol.model_bank import Model
from jobs.protocol.notes import evidence_of
from jobs.protocol.partitions import Input, Ranges
from jobs.protocol.state import Serving
from jobs.protocol.strict_json import Json

VERSION = 1  # raise it when the same inputs give other evidence or another verdict than in the release before
HISTORY_DAYS = 1096  # of loans that the vintages cover
FEED_DAYS = 35  # of landed tables: the week, and the four before it that it is compared with
LANDED = sorted(SOURCES)
FEED = (
    *(f"bronze/{name}" for name in LANDED),
    *(f"silver/{name}" for name in (*LANDED, "credit_performance", "loan_performance")),
    *(f"silver/_rejects/{name}" for name in LANDED),
)


@dataclass(frozen=True, slots=True)
class Sources:
    """The relevant days of each gold table, the inputs that evidence cites, and one hash of everything."""

    days: Mapping[str, Sequence[date]]
    inputs: tuple[Input, ...]
    trainings: list[Json]
    previous: Json | None
    made_from: str


class Session(sessions.Session):
    """The session of a monitoring run, and the week that its date stands for."""

    JOB = "monitoring"

    @property
    def week(self) -> date:
        return weeks.named_by(self.run.day)

    @cached_property
    def serving(self) -> Serving | None:
        """The model that served when the week ended, and since when; a change of its pin does not count.

        A model that came later did not score the week, except the very first one, which scored everything before it.
        """
        served = [change for change in self.state.served if change.as_of <= self.run.day]
        first = None
        for change in [each for each in served if each.as_of <= self.week] or served[:1]:
            if first is None or change.model_id != first.model_id:
                first = change
        return first

    @cached_property
    def model(self) -> Model:
        """The judged model, with every file verified."""
        return self.banked(self.judged.model_id)

    @property
    def judged(self) -> Serving:
        """The judged model's entry in the ledger."""
        assert self.serving is not None  # noqa: S101 - without a model no week is judged
        return self.serving

    def nothing_to_judge(self) -> str | None:
        """Why there is nothing to judge, or None. Once anything has been scored, even an empty week is judged."""
        if self.serving is None:
            return "no model serves"
        scored = any(day <= self.week for day in self.shelf.built(PREDICTIONS))
        return None if scored else "nothing had been scored by the end of the week"

    def is_judged(self) -> bool:
        """Whether the stored verdict was made from exactly these inputs, and no section of it failed."""
        known = storing.judged(self.root, self.week)
        made_from = known.evidence["made_from"] if known and not known.verdict["unknown"] else None
        return made_from == self.sources.made_from

    @cached_property
    def sources(self) -> Sources:
        """The inputs up to the end of the week, read once per run, so that later landings do not mix in."""
        week, label = self.week, self.policy.label  # loans that mature now may have turned bad soon after applying
        matured = add_months(weeks.first_of(week, weeks.OUTCOME_DAYS), -label.longest_months)
        first = min(matured - timedelta(days=label.lag_days + 7), weeks.first_of(week, HISTORY_DAYS)).replace(day=1)
        shelves = {table: self.shelf.built(table) for table in (FEATURES, LABELS, PREDICTIONS)}
        ranges = {
            table: Ranges(f"datamart/{table}", {day: known.content for day, known in built.items()})
            for table, built in shelves.items()
        }
        inputs = (*(known.input(first, week) for known in ranges.values()), *self._feed())
        taught, previous = list(self._trainings()), None
        if earlier := verdicts.weeks(self.root, week - timedelta(days=1)):  # the last verdict influences this one
            verdict = self.root.at(verdicts.name_of(earlier[-1]))
            previous = {"week": earlier[-1].isoformat(), "sha256": files.sha256_of(verdict)}
        facts = [[asdict(each) for each in inputs], *self._model_facts(), self.policy.sha256, VERSION, taught, previous]
        made_from = hashlib.sha256(strict_json.canonical(facts)).hexdigest()
        days = {table: known.days(first, week) for table, known in ranges.items()}
        return Sources(days, inputs, taught, previous, made_from)

    def _model_facts(self) -> list[object]:
        serving = self.judged
        sha256 = ledger.vouched(self.store, serving.model_id)
        if sha256 is None:  # it was not trained in this root: a person brought it
            manifest = self.store.get(f"{model_bank.BANK}/{serving.model_id}/{model_bank.MANIFEST}")
            sha256 = hashlib.sha256(manifest or b"").hexdigest()
        return [serving.model_id, sha256, serving.as_of.isoformat(), serving.seq]

    def _feed(self) -> Iterator[Input]:
        """Recent landings, as hashes of manifests: an index of all tables and days would be far larger."""
        days = [weeks.first_of(self.week, FEED_DAYS) + timedelta(days=n) for n in range(FEED_DAYS)]
        for table in FEED:
            paths = {day: self.root.at(partitions.manifest_name(table, day)) for day in days}
            there = {day: path.read_bytes() for day, path in paths.items() if files.is_file(path)}
            lines = [f"{day} {hashlib.sha256(data).hexdigest()}" for day, data in there.items()]
            yield Input(f"datamart/{table}", hashlib.sha256("\n".join(lines).encode()).hexdigest(), len(there))

    def _trainings(self) -> Iterator[Json]:
        """The trainings up to the week's end, each with the reasons of the verdict that asked for it.

        A note still cites that verdict after a person has edited it, for instance to approve it.
        """
        book = ledger.read(self.store)
        asked = {ending.seq: ending.decision for ending in book.state.ended}
        for entry in ledger.trainings(book):
            if entry.as_of <= self.week:
                named = {"verdict": entry.body["verdict"], "model_id": entry.body["model_id"]}
                reasons = self._reasons(asked[entry.seq].note) if entry.seq in asked else []
                yield {"as_of": entry.as_of.isoformat(), **named, "reasons": reasons}

    def _reasons(self, note: bytes) -> list[str]:
        cited = evidence_of(note)
        verdict = storing.kept_verdict(self.root, asdict(cited)) if cited else None
        reasons = verdict["reasons"] if verdict else ()
        return [reason["rule"] for reason in reasons if rank(reason["severity"]) >= rank(MEDIUM)]
