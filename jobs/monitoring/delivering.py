"""Deliver alerts: written durably before they are sent, sent once by each channel, retried by later runs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from jobs.monitoring import alerts, channels
from jobs.monitoring.alerts import Episode, Told
from jobs.monitoring.session import Session
from jobs.monitoring.terms import CRITICAL, rank
from jobs.protocol import clock, ledger, strict_json, verdicts
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.json_scan import JsonInvalid
from jobs.protocol.policy import AlertPolicy
from jobs.protocol.store import ALERTS, FolderStore
from jobs.protocol.strict_json import Json

OUTBOX = f"{ALERTS}/outbox"
LIMIT = 64 << 10  # bytes, for files that a person may edit
FILE, PAGER = "file", "pagerduty"
UNREADABLE: Json = {}


def deliver(session: Session) -> None:
    """Write the messages that a week's verdict calls for, and send what is unsent. A failing channel is no failure."""
    store, past = session.store, verdicts.until(session.root, session.week, session.run.report.fail)
    outbox, policy = _outbox(session), session.policy.alerts
    if past and past[-1]["week"] == session.week.isoformat():
        known = alerts.episodes(past)
        shown = {fingerprint: _alert(store, episode.file) for fingerprint, episode in known.items()}
        owned = [key for key, alert in shown.items() if _owner(alert, known[key])]
        if telling := alerts.due(known.values(), _reported(outbox), owned, session.week, policy.renotify_days):
            outbox |= _written(session, past[-1], telling, known)
        for fingerprint, episode in known.items():
            _show(session, episode, shown[fingerprint])
    for name, content in outbox.items():
        _send(session, name, content, policy)


def standing(store: FolderStore, past: Sequence[Json]) -> list[Json]:
    """The open episodes after these verdicts, gravest first, with their age in weeks and who acknowledged them."""
    found = [episode for episode in alerts.episodes(past).values() if episode.resolved is None]
    found.sort(key=lambda one: (-rank(one.severity), one.opened, one.rule, one.subject))
    week = date.fromisoformat(past[-1]["week"])
    return [
        _facts(one) | {"weeks": (week - one.opened).days // 7, "acknowledged_by": _owner(_alert(store, one.file), one)}
        for one in found
    ]


def _written(session: Session, verdict: Json, telling: Sequence[Episode], known: Mapping[str, Episode]) -> Json:
    """Put one file with all due messages into the outbox; after a crash before that, nothing counts as reported."""
    book, policy = ledger.read(session.store), session.policy.alerts
    said = alerts.messages(verdict, telling, known.values(), (len(book.entries), book.head), policy)
    told = [
        {"fingerprint": one.fingerprint, "opened": one.opened.isoformat(), "severity": one.severity} for one in telling
    ]
    content: Json = {"format": 1, "week": verdict["week"], "episodes": told, "messages": said}
    key = _key(content)
    # Pages go to whoever is on call; the digest to all others, where it is wanted or urgent, and always to a file.
    ways = [way for way in policy.channels if channels.configured(way)]
    worth_it = policy.digest or any(one.severity == CRITICAL for one in telling)
    by_kind = {
        alerts.PAGE: [way for way in ways if way == PAGER],
        alerts.DIGEST: [FILE, *(way for way in ways if way != PAGER and worth_it)],
    }
    content["deliveries"] = [
        {"channel": channel, "message": number, "key": f"{key[:32]}-{number}", "delivered": None}
        for number, one in enumerate(said)
        for channel in by_kind[one["kind"]]
    ]
    name = f"{OUTBOX}/{verdict['week']}-{key[:12]}.json"
    if not session.store.put_if_absent(name, strict_json.pretty(content)):
        return {}  # it is there, and damaged: whatever was sent of it is marked nowhere
    session.run.report.change(name, alerts=len(telling))
    return {name: content}


def _outbox(session: Session) -> dict[str, Json]:
    """The files of the outbox, oldest week first; a damaged one is told of, and what it said may be said again."""
    found: dict[str, Json] = {}
    for name in (f"{OUTBOX}/{file}" for file in session.store.list(OUTBOX)):
        try:
            found[name] = _content(session.store, name)
        except StoreDamaged as damage:
            session.run.report.fail(damage)
    return found


def _reported(outbox: Mapping[str, Json]) -> Told:
    """What has been reported: everything in the outbox counts, however long sending it takes."""
    told: dict[tuple[str, date], tuple[date, str]] = {}
    for content in outbox.values():
        week = date.fromisoformat(content["week"])
        for one in content["episodes"]:
            key = one["fingerprint"], date.fromisoformat(one["opened"])
            _, before = told.get(key, (week, one["severity"]))
            told[key] = week, max(before, one["severity"], key=rank)
    return told


def _send(session: Session, name: str, content: Json, policy: AlertPolicy) -> None:
    """Send what is pending in one file of the outbox, marking each delivery before trying the next."""
    # Too old to be news: what lasts is reported again by now, and a week made up for late goes to its file alone.
    is_old = (session.run.today - date.fromisoformat(content["week"])).days > policy.renotify_days
    for delivery in content["deliveries"]:
        if delivery["delivered"] or (is_old and delivery["channel"] != FILE):
            continue
        channel, message = delivery["channel"], content["messages"][delivery["message"]]
        letter = channels.Letter(key=delivery["key"], **message)
        if why := _by(session.store, channel, content["week"], letter, policy):
            session.run.report.skip(f"{letter.kind} of {content['week']} by {channel}", why)
            continue
        before = strict_json.pretty(content)
        delivery["delivered"] = clock.now().isoformat(timespec="seconds")
        session.store.replace_if(name, before, strict_json.pretty(content))
        session.run.report.change(name, channel=channel, kind=letter.kind)


def _by(store: FolderStore, channel: str, week: str, letter: channels.Letter, policy: AlertPolicy) -> str | None:
    """Send by one channel; for the channel `file`, append to the week's text file. None if done, else why not."""
    if channel not in (FILE, *policy.channels):
        return "the channel is no longer in alerts.channels of the policy"
    if channel != FILE:
        return channels.send(channel, letter, policy.hosts)
    name, text = f"{ALERTS}/{week}.txt", f"{letter.subject}\n\n{letter.text}\nMessage: {letter.key}\n".encode()
    before = store.get(name)
    if before is None:
        store.put_if_absent(name, text)
    elif text not in before:
        store.replace_if(name, before, before + b"\n" + text)
    return None


def _show(session: Session, episode: Episode, alert: Json | None) -> None:
    """Update the file of an episode to this week (never to an earlier one), keeping a person's name in it."""
    name, week = episode.file, (episode.resolved or session.week).isoformat()
    if alert == UNREADABLE:
        session.run.report.skip(name, "it cannot be read: correct it, or delete it and it is written again")
        return
    if alert and alert["week"] > session.week.isoformat():
        return
    owner = _owner(alert, episode)
    state = "resolved" if episode.resolved else "acknowledged" if owner else "open"
    after = {"format": 1, "state": state, **_facts(episode), "week": week, "acknowledged_by": owner}
    before = session.store.get(name, LIMIT)
    if before is None:
        session.store.put_if_absent(name, strict_json.pretty(after))
    elif strict_json.parse(before, where=name, allow_bom=True) == alert != after:
        session.store.replace_if(name, before, strict_json.pretty(after))  # unless a person saved it a moment ago


def _facts(episode: Episode) -> Json:
    facts = {key: value for key, value in asdict(episode).items() if key != "missed"}
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in facts.items()}


def _owner(alert: Json | None, episode: Episode) -> str | None:
    """Who acknowledged this episode; a name that was given to an earlier one does not count."""
    return (alert["acknowledged_by"] or None) if alert and alert["opened"] == episode.opened.isoformat() else None


def _alert(store: FolderStore, name: str) -> Json | None:
    """The file of an episode, or `UNREADABLE` if a person broke it: it then counts as not acknowledged, and is kept."""
    try:
        data = store.get(name, LIMIT)
        alert: Any = None if data is None else strict_json.parse(data, where=name, allow_bom=True)
    except JobError:
        return UNREADABLE
    if alert is None:
        return None
    whole = isinstance(alert, dict) and all(isinstance(alert.get(key), str) for key in ("opened", "week"))
    return alert if whole and isinstance(alert.get("acknowledged_by"), str | None) else UNREADABLE


def _key(content: Json) -> str:
    """The hash of the messages, used in the file's name; the deliveries are not part of it."""
    told = {name: value for name, value in content.items() if name != "deliveries"}
    return hashlib.sha256(strict_json.canonical(told)).hexdigest()


def _content(store: FolderStore, name: str) -> Json:
    mend = "restore it from a backup, or move it away: then its message may be sent again"
    try:
        content: Json = strict_json.parse(store.get(name) or b"", where=name)
    except JsonInvalid as error:
        raise StoreDamaged("a message that was written cannot be read", where=name, mend=mend) from error
    if not name.endswith(f"-{_key(content)[:12]}.json"):
        raise StoreDamaged("a message is not as it was written", where=name, mend=mend)
    return content
