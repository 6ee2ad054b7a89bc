"""The ways out: addresses from the environment, called only if the policy lists their host. No address is ever said."""

from __future__ import annotations

import os
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from functools import partial
from html import escape
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from jobs.protocol import clock, strict_json

VARIABLES = {name: f"P2P_ALERT_{name.upper()}" for name in ("email", "slack", "pagerduty", "webhook")}
PATIENCE = 30.0  # seconds for one channel, whatever the other side does; a single wait takes less
_WAIT = 8.0
_SCHEMES = {
    "email": ("mailto", "mailtos"),
    "slack": ("https",),
    "pagerduty": ("pagerduty",),
    "webhook": ("json", "jsons"),
}
_PARAMETERS = {"email": ("from", "to", "cc", "name", "smtp", "mode"), "pagerduty": ("region",)}
_PAGERDUTY = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
_MAIL_PORTS = {"": 25, "starttls": 587, "ssl": 465}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it is sent; sent again it has the same key, by which the other side can tell."""

    key: str
    kind: str
    subject: str
    text: str


class NotSent(Exception):
    """A channel was not called, or did not take the letter."""


def configured(channel: str) -> bool:
    return bool(os.environ.get(VARIABLES.get(channel, "")))


def send(channel: str, letter: Letter, hosts: Collection[str]) -> str | None:
    """Send by one channel. None if it was taken, else why not, in words that hold nothing of the address."""
    outcome: list[str | None] = [f"gave no answer within {PATIENCE:.0f} seconds"]

    def work() -> None:
        try:
            _deliver(channel, letter, {host.lower() for host in hosts})
            outcome[0] = None
        except NotSent as error:
            outcome[0] = str(error)
        except Exception as error:  # noqa: BLE001 - its message may quote the address
            outcome[0] = f"failed: {type(error).__name__}"

    thread = Thread(target=work, daemon=True)  # a server that trickles bytes must not hold the run
    thread.start()
    thread.join(PATIENCE)
    return outcome[0]


def _deliver(channel: str, letter: Letter, listed: set[str]) -> None:
    variable = VARIABLES[channel]
    if not configured(channel):
        raise NotSent(f"{variable} is not set")
    try:
        parts = urlsplit(os.environ[variable])
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise NotSent(f"{variable} cannot be read as an address") from None
    if parts.scheme not in _SCHEMES[channel] or parts.fragment:
        schemes = " or ".join(f"{scheme}://" for scheme in _SCHEMES[channel])
        raise NotSent(f"{variable} must begin with {schemes}; quote special characters as %XX")
    if not set(given) <= set(_PARAMETERS.get(channel, ())):
        allowed = ", ".join(_PARAMETERS.get(channel, ())) or "none"
        raise NotSent(f"{variable} has a parameter that is not allowed (allowed: {allowed})")
    if channel == "slack" and not parts.path.startswith("/services/"):
        raise NotSent(f"{variable} must be the address of an incoming webhook, https://hooks.slack.com/services/...")
    host = (given.get("smtp") or parts.hostname or "").lower()
    if channel == "pagerduty":
        host = _PAGERDUTY.get(given.get("region", "us"), "")
    if given.get("mode", "ssl") not in ("ssl", "starttls"):
        raise NotSent(f"{variable} may have mode=ssl or mode=starttls; without encryption it begins with mailto://")
    if host not in listed:
        raise NotSent(f"the host in {variable} is not in alerts.hosts of the policy")
    if channel == "email":
        _mail(host, parts, given, letter)
    else:
        _post(host, channel, parts, letter)


def _post(host: str, channel: str, parts: SplitResult, letter: Letter) -> None:
    """Post JSON to this host and no other: no redirect is followed, and no proxy of the environment is used."""
    headers, port, path = {"Content-Type": "application/json"}, parts.port, parts.path or "/"
    if channel == "webhook":
        headers["Idempotency-Key"] = letter.key
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        content: dict[str, object] = {
            "key": letter.key,
            "kind": letter.kind,
            "title": letter.subject,
            "message": letter.text,
        }
    elif channel == "pagerduty":
        port, path = None, "/v2/enqueue"
        told = {"summary": letter.text, "severity": "critical", "source": "P2PCreditScore"}
        key = {"routing_key": unquote(parts.username or ""), "dedup_key": letter.key}
        content = {**key, "event_action": "trigger", "payload": told}
    else:  # Slack knows no keys: a person can tell a message sent twice
        text = f"*{letter.subject}*\n{letter.text}\nMessage: {letter.key}"
        content = {"text": escape(text, quote=False)}
    secure = partial(HTTPSConnection, context=ssl.create_default_context())
    opened = HTTPConnection if parts.scheme == "json" else secure
    try:
        with closing(opened(host, port, timeout=_WAIT)) as line:
            line.request("POST", path, strict_json.canonical(content), headers)
            status = line.getresponse().status
    except (OSError, HTTPException) as error:
        raise NotSent(f"could not be reached: {type(error).__name__}") from None
    if not 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls success
        raise NotSent(f"answered {status}")


def _mail(host: str, parts: SplitResult, given: dict[str, str], letter: Letter) -> None:
    """One mail to all readers, in one transaction."""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    sender = given.get("from") or (user if "@" in user else f"{user}@{parts.hostname}")
    to, cc = (
        [Address(addr_spec=address) for address in addresses.split(",") if address]
        for addresses in (given.get("to") or sender, given.get("cc", ""))
    )
    mail = EmailMessage()
    mail["Subject"], mail["Message-ID"], mail["Date"] = letter.subject, f"<{letter.key}@p2pcreditscore>", clock.now()
    mail["From"], mail["To"] = Address(given.get("name", ""), addr_spec=sender), to
    if cc:
        mail["Cc"] = cc
    mail.set_content(letter.text)
    mode = "" if parts.scheme == "mailto" else given.get("mode", "starttls")
    secure, taken = ssl.create_default_context(), False
    opened = partial(smtplib.SMTP_SSL, context=secure) if mode == "ssl" else smtplib.SMTP
    try:
        with opened(host, parts.port or _MAIL_PORTS[mode], timeout=_WAIT) as server:
            if mode == "starttls":
                server.starttls(context=secure)
            if user and password:
                server.login(user, password)
            server.send_message(mail)  # raises unless at least one reader was accepted
            taken = True
    except (OSError, smtplib.SMTPException) as error:
        if not taken:  # else only the farewell failed
            code = getattr(error, "smtp_code", None)
            raise NotSent(f"answered {code}" if code else f"could not be sent: {type(error).__name__}") from None
