"""Verdicts in order become episodes (one per reason, for as long as it lasts), and episodes become messages. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from jobs.monitoring import weeks
from jobs.monitoring.terms import CRITICAL, LOW, MEDIUM, rank
from jobs.protocol import strict_json
from jobs.protocol.events import amount
from jobs.protocol.policy import AlertPolicy
from jobs.protocol.strict_json import Json

Told = Mapping[tuple[str, date], tuple[date, str]]  # of an episode: the newest week, and the gravest severity

QUIET_WEEKS = 2  # an episode is over after so many verdicts in a row without its reason
DIGEST, PAGE = "digest", "page"
_PAGE_CHARACTERS = 900  # PagerDuty takes 1,024


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One reason about one model, for as long as it lasts."""

    model_id: str
    rule: str
    subject: str
    severity: str
    sentence: str
    opened: date
    seen: date
    resolved: date | None = None
    missed: int = 0  # the latest verdicts in a row that did not name it

    @property
    def name(self) -> str:
        return f"{self.rule} of {self.subject}"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(strict_json.canonical([self.model_id, self.rule, self.subject])).hexdigest()

    @property
    def file(self) -> str:
        return f"decisions/alerts/{self.fingerprint[:12]}.json"


def episodes(verdicts: Iterable[Json]) -> dict[str, Episode]:
    """The newest episode of every fingerprint, from verdicts oldest first."""
    known: dict[str, Episode] = {}
    for verdict in verdicts:
        week, model = date.fromisoformat(verdict["week"]), verdict["model_id"]
        for reason in _opening(verdict):
            given = {key: reason[key] for key in ("rule", "subject", "severity")}
            sentence = " ".join(reason["sentence"].split())  # one line: it cannot forge another
            episode = Episode(model_id=model, **given, sentence=sentence, opened=week, seen=week)
            before = known.get(episode.fingerprint)
            if before and before.resolved is None:
                episode = replace(episode, opened=before.opened)
            known[episode.fingerprint] = episode
        # A reason that was set aside, or could not be judged, is not known to be gone.
        lasting = {(model, each["rule"], each["subject"]) for each in verdict["set_aside"]}
        for fingerprint, episode in known.items():
            if episode.resolved is None and episode.seen < week:
                missed = 0 if (episode.model_id, episode.rule, episode.subject) in lasting else episode.missed + 1
                over = week if missed >= QUIET_WEEKS else None
                known[fingerprint] = replace(episode, missed=missed, resolved=over)
    return known


def _opening(verdict: Json) -> list[Json]:
    """The reasons that are grave enough to open an episode, and escalation, which no rule measures."""
    found = [reason for reason in verdict["reasons"] if rank(reason["severity"]) >= rank(MEDIUM)]
    if verdict["action_hint"] == "escalate":
        sentence = "A retraining did not fix this, and another cannot help yet: a person must decide."
        found.append({"rule": "escalation", "subject": "model", "severity": CRITICAL, "sentence": sentence})
    return found


def due(
    known: Iterable[Episode], told: Told, acknowledged: Collection[str], week: date, renotify_days: int
) -> list[Episode]:
    """The episodes to report this week, gravest first: new, graver than last reported, or reported long ago."""

    def is_due(episode: Episode) -> bool:
        when, severity = told.get((episode.fingerprint, episode.opened), (None, ""))
        if when is None or rank(episode.severity) > rank(severity):
            return True
        return (week - when).days >= renotify_days and episode.fingerprint not in acknowledged

    named = [episode for episode in known if episode.seen == week and is_due(episode)]
    return sorted(named, key=lambda one: (-rank(one.severity), one.rule, one.subject))


def messages(
    verdict: Json, telling: Sequence[Episode], known: Iterable[Episode], head: tuple[int, str], policy: AlertPolicy
) -> list[dict[str, str]]:
    """The digest of a run, then its pages. They contain only the verdict's sentences, no row values."""
    urgent = [episode for episode in telling if episode.severity == CRITICAL]
    paged = urgent[: policy.max_pages_per_run]
    decision = verdict["decision"] + (f" ({verdict['priority']})" if verdict["priority"] else "")
    count = amount(len(telling), "alert")
    subject = f"[P2PCreditScore] {'URGENT: ' if paged else ''}week {verdict['week']}, {decision}, {count}"
    about = f"week {verdict['week']}, model {verdict['model_id']}"
    texts = [f"{one.name}, {about}: {one.sentence}"[:_PAGE_CHARACTERS] for one in paged]
    if texts and len(urgent) > len(paged):
        texts[-1] += f" And {len(urgent) - len(paged)} more in the digest."
    ledger = f"Newest ledger entry: {head[0]}, sha256 {head[1] or 'none'}"
    digest = "\n".join([*_digest(verdict, decision, telling, known), ledger])
    said = [(DIGEST, digest), *((PAGE, text) for text in texts)]
    return [{"kind": kind, "subject": subject, "text": text} for kind, text in said]


def _digest(verdict: Json, decision: str, telling: Sequence[Episode], known: Iterable[Episode]) -> list[str]:
    week = verdict["week"]
    lines = [f"Week {week}, model {verdict['model_id']}: {decision}.", verdict["sentence"], ""]
    for one in telling:
        since = f"open since {one.opened}; to acknowledge, put your name in acknowledged_by of {one.file}"
        lines.append(f"- {one.severity}, {one.name}: {one.sentence}\n  ({since})")
    also = {
        "Still open, already reported": [one.name for one in known if one.resolved is None and one not in telling],
        "Resolved": [one.name for one in known if one.resolved == date.fromisoformat(week)],
        "Only noted": [f"{one['rule']} of {one['subject']}" for one in verdict["reasons"] if one["severity"] == LOW],
        "Could not be computed": verdict["unknown"],
    }
    lines += [f"{what}: {', '.join(names)}." for what, names in also.items() if names]
    lines += ["", f"Decision: datamart/gold/monitoring/week={week}/decision.json"]
    return [*lines, f"Report: {weeks.report_of(date.fromisoformat(week))}"]
