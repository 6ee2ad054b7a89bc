"""Alerts on their way: written durably before they are sent, sent by each channel once, tried again by later runs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any

from jobs.monitoring import alerts, channels
from jobs.monitoring.alerts import Episode, Message, Told
from jobs.monitoring.channels import Letter
from jobs.monitoring.session import Session
from jobs.protocol import clock, ledger, strict_json, verdicts
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.policy import AlertPolicy
from jobs.protocol.store import ALERTS, Store
from jobs.protocol.strict_json import JsonInvalid

Json = dict[str, Any]

OUTBOX = f"{ALERTS}/outbox"
LIMIT = 64 << 10  # of the files a person may edit
FILE = "file"
_PAGERS = ("pagerduty",)
UNREADABLE: Json = {}


def deliver(session: Session) -> None:
    """Write what a week's verdict gives to tell, and send what is not sent yet. No failure of a channel is one here."""
    store, policy = session.store, session.policy.alerts
    weeks = verdicts.weeks(session.root, session.week)
    past = [verdict for week in weeks if (verdict := verdicts.read(session.root, week))]
    known = alerts.episodes(past)
    if past and weeks[-1] == session.week:
        shown = {fingerprint: _alert(store, fingerprint) for fingerprint in known}
        _write(session, past[-1], known, [key for key, alert in shown.items() if _owner(alert, known[key])], policy)
        for fingerprint, episode in known.items():
            _show(session, episode, shown[fingerprint])
    for name in store.list(OUTBOX):
        _send(session, f"{OUTBOX}/{name}", policy)


def name_of(fingerprint: str) -> str:
    return f"{ALERTS}/{fingerprint[:12]}.json"


def standing(store: Store, past: Sequence[Json]) -> list[Json]:
    """The open episodes after these verdicts, gravest first, each with its age in weeks and who acknowledged it."""
    found = [episode for episode in alerts.episodes(past).values() if episode.resolved is None]
    rows = []
    for episode in sorted(found, key=lambda one: (-alerts.rank(one.severity), one.opened, one.rule, one.subject)):
        weeks = (date.fromisoformat(past[-1]["week"]) - episode.opened).days // 7
        owner = _owner(_alert(store, episode.fingerprint), episode)
        rows.append(_facts(episode) | {"weeks": weeks, "acknowledged_by": owner})
    return rows


def _write(
    session: Session, verdict: Json, known: dict[str, Episode], acknowledged: list[str], policy: AlertPolicy
) -> None:
    """Put one file into the outbox for all that is due; a crash before its name stands leaves nothing told."""
    store = session.store
    telling = alerts.due(known.values(), _told(store), acknowledged, session.week, policy.renotify_days)
    if not telling:
        return
    book = ledger.read(store)
    said = alerts.messages(verdict, telling, known.values(), (len(book.entries), book.head), policy)
    told = [
        {"fingerprint": one.fingerprint, "opened": one.opened.isoformat(), "severity": one.severity} for one in telling
    ]
    content: Json = {"format": 1, "week": verdict["week"], "episodes": told}
    content["messages"] = [{"kind": one.kind, "subject": one.subject, "text": one.text} for one in said]
    key = hashlib.sha256(strict_json.canonical(content)).hexdigest()
    content["deliveries"] = [
        {"channel": channel, "message": number, "key": f"{key[:32]}-{number}", "delivered": None}
        for number, one in enumerate(said)
        for channel in _ways(one, telling, policy)
    ]
    name = f"{OUTBOX}/{verdict['week']}-{key[:12]}.json"
    store.put_if_absent(name, strict_json.pretty(content))
    session.run.report.change(name, alerts=len(telling))


def _ways(message: Message, telling: Sequence[Episode], policy: AlertPolicy) -> list[str]:
    """The channels a message goes by: pages to whoever is on call, the digest to all others, and always to a file."""
    open_ways = [way for way in policy.channels if channels.configured(way)]
    if message.kind == "page":
        return [way for way in open_ways if way in _PAGERS]
    worth_it = policy.digest or any(one.severity == alerts.URGENT for one in telling)
    return [FILE, *(way for way in open_ways if way not in _PAGERS and worth_it)]


def _told(store: Store) -> dict[tuple[str, date], Told]:
    """What the outbox says was told; what is in it is told, however long its sending takes."""
    told: dict[tuple[str, date], Told] = {}
    for name in store.list(OUTBOX):
        content = _content(store, f"{OUTBOX}/{name}")
        week = date.fromisoformat(content["week"])
        for one in content["episodes"]:
            key = one["fingerprint"], date.fromisoformat(one["opened"])
            before = told.get(key, Told(week, one["severity"]))
            told[key] = Told(max(before.week, week), max(before.severity, one["severity"], key=alerts.rank))
    return told


def _send(session: Session, name: str, policy: AlertPolicy) -> None:
    """Send what a file of the outbox has pending, marking each delivery before the next one is tried."""
    content = _content(session.store, name)
    if (session.week - date.fromisoformat(content["week"])).days >= policy.renotify_days:
        return  # too old to be news: what lasts is told again by now
    for delivery in content["deliveries"]:
        if delivery["delivered"]:
            continue
        message = content["messages"][delivery["message"]]
        letter = Letter(delivery["key"], message["kind"], message["subject"], message["text"])
        why = _by(session.store, delivery["channel"], content["week"], letter, policy)
        if why:
            session.run.report.skip(f"{message['kind']} of {content['week']} by {delivery['channel']}", why)
            continue
        before = strict_json.pretty(content)
        delivery["delivered"] = clock.now().isoformat(timespec="seconds")
        session.store.replace_if(name, before, strict_json.pretty(content))
        session.run.report.change(name, channel=delivery["channel"], kind=message["kind"])


def _by(store: Store, channel: str, week: str, letter: Letter, policy: AlertPolicy) -> str | None:
    if channel == FILE:
        _file(store, week, letter)
        return None
    if channel not in policy.channels:
        return "it is no longer among alerts.channels of the policy"
    if not channels.configured(channel):
        return f"{channels.VARIABLES[channel]} is not set"
    return channels.send(channel, letter, policy.hosts)


def _file(store: Store, week: str, letter: Letter) -> None:
    """Append to the week's text, unless it is in it."""
    name = f"{ALERTS}/{week}.txt"
    before = store.get(name)
    text = f"{letter.subject}\n\n{letter.text}\nMessage: {letter.key}\n".encode()
    if before is None:
        store.put_if_absent(name, text)
    elif text not in before:
        store.replace_if(name, before, before + b"\n" + text)


def _show(session: Session, episode: Episode, alert: Json | None) -> None:
    """Bring the file of an episode up to this week, leaving a person's name in it; never back to an earlier one."""
    name, week = name_of(episode.fingerprint), (episode.resolved or session.week).isoformat()
    if alert == UNREADABLE:
        session.run.report.skip(name, "it cannot be read; mend it, or delete it and it is written again")
        return
    if alert and alert["week"] > session.week.isoformat():
        return
    owner = _owner(alert, episode)
    state = "resolved" if episode.resolved else "acknowledged" if owner else "open"
    after = strict_json.pretty({"format": 1, "state": state, **_facts(episode), "week": week, "acknowledged_by": owner})
    before = session.store.get(name, LIMIT)
    if before is None:
        session.store.put_if_absent(name, after)
    elif strict_json.parse(before, where=name, allow_bom=True) == alert != strict_json.parse(after, where=name):
        session.store.replace_if(name, before, after)  # unless a person saved it a moment ago


def _facts(episode: Episode) -> Json:
    return {
        "model_id": episode.model_id,
        "rule": episode.rule,
        "subject": episode.subject,
        "severity": episode.severity,
        "sentence": episode.sentence,
        "opened": episode.opened.isoformat(),
        "seen": episode.seen.isoformat(),
        "resolved": episode.resolved.isoformat() if episode.resolved else None,
    }


def _owner(alert: Json | None, episode: Episode) -> str | None:
    """Who acknowledged this very episode: a name given to an earlier one is of that one."""
    if not alert or alert["opened"] != episode.opened.isoformat():
        return None
    return alert["acknowledged_by"] or None


def _alert(store: Store, fingerprint: str) -> Json | None:
    """The file of an episode; `UNREADABLE` where a person left it so: it counts as not acknowledged, and is let be."""
    name = name_of(fingerprint)
    try:
        data = store.get(name, LIMIT)
        alert: Any = None if data is None else strict_json.parse(data, where=name, allow_bom=True)
    except JobError:
        return UNREADABLE
    if alert is None:
        return None
    whole = isinstance(alert, dict) and all(isinstance(alert.get(key), str) for key in ("opened", "week"))
    found: Json = alert if whole and isinstance(alert.get("acknowledged_by"), str | None) else UNREADABLE
    return found


def _content(store: Store, name: str) -> Json:
    try:
        content: Json = strict_json.parse(store.get(name) or b"", where=name)
    except JsonInvalid as error:
        mend = "restore it from a backup, or move it away: then what it told may be told again"
        raise StoreDamaged("a message that was written cannot be read", where=name, mend=mend) from error
    return content
