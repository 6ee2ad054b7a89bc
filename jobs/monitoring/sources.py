"""What a week is judged by, told by hashes alone: so that a week that is judged already costs nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from jobs.monitoring import storing, weeks
from jobs.monitoring.session import FEATURES, LABELS, PREDICTIONS, Session
from jobs.monitoring.terms import MEDIUM, rank
from jobs.protocol import files, ledger, model_bank, partitions, strict_json, verdicts
from jobs.protocol.calendar import add_months
from jobs.protocol.facts import MONITOR
from jobs.protocol.partitions import Input, Ranges

Json = dict[str, Any]

VERSION = 1  # raised by each release after the first in which the same inputs give other evidence or another verdict
HISTORY_DAYS = 1096  # of loans that vintages are drawn of
FEED_DAYS = 35  # of landed tables: the week, and the four before it that it is held against
SOURCE_TABLES = ("credit_history", "demographic", "financial", "loan_terms")
FEED = (
    *(f"bronze/{name}" for name in SOURCE_TABLES),
    *(f"silver/{name}" for name in (*SOURCE_TABLES, "credit_performance", "loan_performance")),
    *(f"silver/_rejects/{name}" for name in SOURCE_TABLES),
)
_VERDICT = re.compile(r"datamart/gold/monitoring/week=\d{4}-\d{2}-\d{2}/decision\.json")


@dataclass(frozen=True, slots=True)
class Sources:
    """The days of each table of gold that count, the inputs as evidence cites them, and one hash of everything."""

    days: Mapping[str, Sequence[date]]
    inputs: tuple[Input, ...]
    trainings: list[Json]
    previous: Json | None
    made_from: str

    def is_judged(self, session: Session) -> bool:
        """Whether the verdict that lies there was made from exactly this, and nothing of it failed then."""
        known = storing.judged(session.root, session.week)
        return known is not None and known.evidence["made_from"] == self.made_from and not known.verdict["unknown"]


def of(session: Session) -> Sources:
    """Read once a run, so that nothing that lands meanwhile comes into it."""
    if "sources" not in session.run.memo:
        session.run.memo["sources"] = _read(session)
    found: Sources = session.run.memo["sources"]
    return found


def _read(session: Session) -> Sources:
    """Nothing of it lies after the week but the model, which is that of the run's date."""
    week, serving = session.week, session.serving
    assert serving is not None  # noqa: S101 - without a model no week is judged
    label = session.policy.label  # whoever matures now may have turned bad soon after applying
    matured = add_months(weeks.first_of(week, weeks.OUTCOME_DAYS), -label.longest_months)
    first = min(matured - timedelta(days=label.lag_days + 7), weeks.first_of(week, HISTORY_DAYS))
    ranges = {
        table: Ranges(f"datamart/{table}", {day: built.content for day, built in session.shelf.built(table).items()})
        for table in (FEATURES, LABELS, PREDICTIONS)
    }
    inputs = (*(known.input(first, week) for known in ranges.values()), *_feed(session))
    sha256 = ledger.vouched(session.store, serving.model_id)
    if sha256 is None:  # no training of this root made it: a person brought it
        manifest = session.store.get(f"{model_bank.BANK}/{serving.model_id}/{model_bank.MANIFEST}")
        sha256 = hashlib.sha256(manifest or b"").hexdigest()
    taught, previous = list(_trainings(session)), None
    if earlier := verdicts.weeks(session.root, week - timedelta(days=1)):  # what it says bears on this verdict
        verdict = session.root.at(f"{verdicts.folder(earlier[-1])}/{verdicts.DECISION}")
        previous = {"week": earlier[-1].isoformat(), "sha256": files.sha256_of(verdict)}
    facts = [[asdict(each) for each in inputs], serving.model_id, sha256, serving.as_of.isoformat(), serving.seq]
    facts += [session.policy.sha256, VERSION, taught, previous]
    made_from = hashlib.sha256(strict_json.canonical(facts)).hexdigest()
    days = {table: known.days(first, week) for table, known in ranges.items()}
    return Sources(days, inputs, taught, previous, made_from)


def _feed(session: Session) -> Iterator[Input]:
    """Manifests of what landed lately; by their bytes, for an index of all tables of all days would be far larger."""
    days = [weeks.first_of(session.week, FEED_DAYS) + timedelta(days=n) for n in range(FEED_DAYS)]
    for table in FEED:
        paths = {day: session.root.at(partitions.manifest_name(table, day)) for day in days}
        there = {day: path.read_bytes() for day, path in paths.items() if path.is_file()}
        lines = [f"{day} {hashlib.sha256(data).hexdigest()}" for day, data in there.items()]
        yield Input(f"datamart/{table}", hashlib.sha256("\n".join(lines).encode()).hexdigest(), len(there))


def _trainings(session: Session) -> Iterator[Json]:
    """The trainings up to the week's end, each with the reasons of the verdict that asked for it."""
    book = ledger.read(session.store)
    asked = {ending.seq: ending.decision for ending in book.state.ended}
    for entry in book.entries:
        if entry.kind == "completed" and entry.as_of <= session.week:
            by_monitor = entry.seq in asked and asked[entry.seq].source == MONITOR
            named = {"verdict": entry.body["verdict"], "model_id": entry.body["model_id"]}
            reasons = _reasons(session, asked[entry.seq].note) if by_monitor else []
            yield {"as_of": entry.as_of.isoformat(), **named, "reasons": reasons}


def _reasons(session: Session, note: bytes) -> list[str]:
    details = strict_json.parse(note, where="a note", allow_bom=True).get("details") or {}
    verdict = storing.kept_verdict(session.root, details) if _VERDICT.fullmatch(details.get("path", "")) else None
    reasons = verdict["reasons"] if verdict else ()
    return [reason["rule"] for reason in reasons if rank(reason["severity"]) >= rank(MEDIUM)]
