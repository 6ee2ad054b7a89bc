"""Verdicts in order become episodes, and episodes messages: one for as long as a reason lasts. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from jobs.protocol import strict_json
from jobs.protocol.policy import AlertPolicy

Verdict = Mapping[str, Any]

SEVERITIES = ("none", "low", "medium", "high", "critical")
OPENS, URGENT = "medium", "critical"
QUIET_WEEKS = 2  # verdicts in a row without the reason, after which an episode is over
_PAGE_CHARACTERS = 900  # PagerDuty takes 1,024


@dataclass(frozen=True, slots=True)
class Episode:
    """One reason for as long as it lasts, about one model."""

    model_id: str
    rule: str
    subject: str
    opened: date
    seen: date
    severity: str
    sentence: str
    resolved: date | None = None
    missed: int = 0  # verdicts in a row, up to the newest, that did not name it

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(strict_json.canonical([self.model_id, self.rule, self.subject])).hexdigest()


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of an episode: when, and how grave it was at its gravest."""

    week: date
    severity: str


@dataclass(frozen=True, slots=True)
class Message:
    """What one kind of channel is to say: the digest of a run, or a page about one urgent episode."""

    kind: str
    subject: str
    text: str


def rank(severity: str) -> int:
    return SEVERITIES.index(severity)


def episodes(verdicts: Iterable[Verdict]) -> dict[str, Episode]:
    """The newest episode of every fingerprint, from verdicts oldest first."""
    known: dict[str, Episode] = {}
    for verdict in verdicts:
        week = date.fromisoformat(verdict["week"])
        lasting = {
            _name(verdict, each) for each in verdict["set_aside"]
        }  # seen or not judged: for all we know not gone
        for reason in _opening(verdict):
            episode = _episode(verdict, reason, week)
            before = known.get(episode.fingerprint)
            if before and before.resolved is None:
                episode = replace(episode, opened=before.opened)
            known[episode.fingerprint] = episode
        for fingerprint, episode in known.items():
            if episode.resolved is None and episode.seen < week:
                missed = 0 if (episode.model_id, episode.rule, episode.subject) in lasting else episode.missed + 1
                over = week if missed >= QUIET_WEEKS else None
                known[fingerprint] = replace(episode, missed=missed, resolved=over)
    return known


def due(
    known: Iterable[Episode],
    told: Mapping[tuple[str, date], Told],
    acknowledged: Collection[str],
    week: date,
    renotify_days: int,
) -> list[Episode]:
    """The episodes of a week's verdict to tell of, gravest first: new, graver than told, or told long ago."""

    def is_due(episode: Episode) -> bool:
        before = told.get((episode.fingerprint, episode.opened))
        if before is None or rank(episode.severity) > rank(before.severity):
            return True
        long_ago = (week - before.week).days >= renotify_days
        return long_ago and episode.fingerprint not in acknowledged

    named = [episode for episode in known if episode.seen == week and is_due(episode)]
    return sorted(named, key=lambda one: (-rank(one.severity), one.rule, one.subject))


def messages(
    verdict: Verdict, telling: Sequence[Episode], known: Iterable[Episode], head: tuple[int, str], policy: AlertPolicy
) -> list[Message]:
    """The digest of a run, first, and its pages. They hold sentences of the judge, no values."""
    urgent = [episode for episode in telling if episode.severity == URGENT]
    paged = urgent[: policy.max_pages_per_run]
    mark = "URGENT: " if paged else ""
    count = f"{len(telling)} alert{'s' if len(telling) > 1 else ''}"
    subject = f"[P2PCreditScore] {mark}week {verdict['week']}, {_decision(verdict)}, {count}"
    digest = Message("digest", subject, _digest(verdict, telling, known, head))
    more = len(urgent) - len(paged)
    return [digest] + [
        Message("page", subject, _page(verdict, episode, more if episode is paged[-1] else 0)) for episode in paged
    ]


def _opening(verdict: Verdict) -> list[Mapping[str, Any]]:
    """The reasons that count and are grave enough, and the call for a person, which is none of the measured ones."""
    found = [reason for reason in verdict["reasons"] if rank(reason["severity"]) >= rank(OPENS)]
    if verdict["action_hint"] == "escalate":
        sentence = "A retraining did not mend it and one more cannot yet: a person must decide."
        found.append({"rule": "escalation", "subject": "model", "severity": URGENT, "sentence": sentence})
    return found


def _name(verdict: Verdict, reason: Mapping[str, Any]) -> tuple[str, str, str]:
    return verdict["model_id"], reason["rule"], reason["subject"]


def _episode(verdict: Verdict, reason: Mapping[str, Any], week: date) -> Episode:
    return Episode(*_name(verdict, reason), week, week, reason["severity"], _one_line(reason["sentence"]))


def _decision(verdict: Verdict) -> str:
    decision: str = verdict["decision"].replace("_", " ")
    return f"{decision} ({verdict['priority']})" if verdict["priority"] else decision


def _digest(verdict: Verdict, telling: Sequence[Episode], known: Iterable[Episode], head: tuple[int, str]) -> str:
    week = date.fromisoformat(verdict["week"])
    silent = [one for one in known if one.resolved is None and one not in telling]
    over = [one for one in known if one.resolved == week]
    noted = [f"{each['rule']} of {each['subject']}" for each in verdict["reasons"] if each["severity"] == "low"]
    lines = [f"Week {verdict['week']}, model {verdict['model_id']}: {_decision(verdict)}.", verdict["sentence"], ""]
    lines += [_line(episode) for episode in telling]
    lines += [f"Still open, told before: {_names(silent)}."] if silent else []
    lines += [f"Over: {_names(over)}."] if over else []
    lines += [f"Noted only: {', '.join(noted)}."] if noted else []
    lines += [f"Could not be computed: {', '.join(verdict['unknown'])}."] if verdict["unknown"] else []
    lines += ["", f"Decision: datamart/gold/monitoring/week={week}/decision.json"]
    lines += [f"Report: datamart/gold/reports/week={week}/report.html"]
    lines += [f"Head of the ledger: entry {head[0]}, sha256 {head[1] or 'none'}"]
    return "\n".join(lines)


def _line(episode: Episode) -> str:
    since = f"open since {episode.opened}; to acknowledge: decisions/alerts/{episode.fingerprint[:12]}.json"
    return f"- {episode.severity}, {episode.rule} of {episode.subject}: {episode.sentence}\n  ({since})"


def _page(verdict: Verdict, episode: Episode, more: int) -> str:
    text = f"{episode.rule} of {episode.subject}, week {verdict['week']}, model {episode.model_id}: {episode.sentence}"
    others = f" And {more} more in the digest." if more else ""
    return text[:_PAGE_CHARACTERS] + others


def _names(found: Iterable[Episode]) -> str:
    return ", ".join(f"{one.rule} of {one.subject}" for one in found)


def _one_line(text: str) -> str:
    return " ".join(text.split())
