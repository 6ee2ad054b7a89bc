"""Alert channels: addresses from the environment, called only if the policy lists their host, and never reported."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jobs.protocol import clock

_SCHEMES = {"email": ("mailto", "mailtos"), "slack": ("https",), "pagerduty": ("pagerduty",)}
_SCHEMES["webhook"] = ("json", "jsons")
VARIABLES = {channel: f"P2P_ALERT_{channel.upper()}" for channel in _SCHEMES}
PATIENCE = 30.0  # seconds for one channel, whatever the other side does; a single wait takes less
_WAIT = 8.0
_PARAMETERS = {"email": ("from", "to", "cc", "name", "smtp", "mode"), "pagerduty": ("region",)}  # none redirects
_SLACK = "hooks.slack.com"
_PAGERDUTY = {"us": "events.pagerduty.com", "eu": "events.eu.pagerduty.com"}
_ADDRESS = re.compile(r"""[^\s\\;#"'<>`{}|^\x00-\x20\x7f-\U0010ffff]+""")  # ';' parts parameters for some readers
_STATUS = re.compile(r"\berror=(\d{3})\b")


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send. A retry has the same key, by which the receiver can recognise it."""

    key: str
    kind: str
    subject: str
    text: str


class NotSent(Exception):
    """A channel was not called, or did not accept the letter."""


def configured(channel: str) -> bool:
    return bool(os.environ.get(VARIABLES.get(channel, "")))


def send(channel: str, letter: Letter, hosts: Collection[str]) -> str | None:
    """Send by one channel. None if it was accepted, else why not, in words that reveal nothing of the address."""
    outcome: list[str | None] = [f"gave no answer within {PATIENCE:.0f} seconds"]

    def work() -> None:
        try:
            _deliver(channel, letter, {host.lower() for host in hosts})
            outcome[0] = None
        except NotSent as error:
            outcome[0] = str(error)
        except Exception as error:  # noqa: BLE001 - a library's message may quote the address
            outcome[0] = f"failed: {type(error).__name__}"

    thread = Thread(target=work, daemon=True)  # a server that trickles bytes must not hold the run
    thread.start()
    thread.join(PATIENCE)
    return outcome[0]


def _deliver(channel: str, letter: Letter, listed: set[str]) -> None:
    if not configured(channel):
        raise NotSent(f"{VARIABLES[channel]} is not set")
    url = os.environ[VARIABLES[channel]]
    host = _named_host(channel, url)
    if host not in listed:
        raise NotSent(f"the host in {VARIABLES[channel]} is not in alerts.hosts of the policy")
    from urllib.request import getproxies  # those of the environment, and on macOS those of the system

    proxies = [url for scheme, url in getproxies().items() if scheme in ("http", "https", "all")]
    proxy_hosts = {(urlsplit(url if "://" in url else f"//{url}").hostname or "").lower() for url in proxies}
    if channel != "email" and not proxy_hosts <= listed:
        raise NotSent("the environment names a proxy whose host is not in alerts.hosts of the policy")
    plugin, answers = _opened(channel, url)
    if _called_host(channel, plugin) != host:
        raise NotSent(f"{VARIABLES[channel]} leads to another host than it names; for e-mail give smtp=HOST")
    if channel == "email":
        _mail(plugin, letter)
    else:
        _post(plugin, channel, letter, answers)


def _named_host(channel: str, url: str) -> str:
    """The host in an address, parsed strictly: nothing unusual may reach the library's more liberal parser."""
    try:
        parts = urlsplit(url)
        given = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        host = parts.hostname or ""
    except ValueError:
        raise NotSent(f"{VARIABLES[channel]} cannot be read as an address") from None
    if not _ADDRESS.fullmatch(url) or parts.netloc.count("@") > 1 or parts.scheme not in _SCHEMES[channel]:
        schemes = " or ".join(f"{scheme}://" for scheme in _SCHEMES[channel])
        raise NotSent(f"{VARIABLES[channel]} must begin with {schemes}; quote special characters as %XX")
    if not set(given) <= set(_PARAMETERS.get(channel, ())):
        allowed = ", ".join(_PARAMETERS.get(channel, ())) or "none"
        raise NotSent(f"{VARIABLES[channel]} has a parameter that is not allowed (allowed: {allowed})")
    if channel == "slack" and not parts.path.startswith("/services/"):
        raise NotSent(f"{VARIABLES[channel]} must be the address of an incoming webhook, https://{_SLACK}/services/...")
    if channel == "pagerduty":
        return _PAGERDUTY.get(given.get("region", "us"), "")
    return (given.get("smtp") or host).lower()


def _opened(channel: str, url: str) -> tuple[Any, list[str]]:
    """The library's plugin for an address, with redirects and the like switched off, and the statuses that it logs.

    Nothing else of its log is kept: it may quote addresses.
    """
    from apprise import Apprise, AppriseAsset  # half a second that a run with nothing to send need not cost

    answers: list[str] = []

    def keep_status(record: logging.LogRecord) -> bool:
        answers.extend(_STATUS.findall(record.getMessage()))
        return False

    logging.getLogger("apprise").filters = [keep_status]
    plugin: Any = Apprise.instantiate(url, asset=AppriseAsset(app_id="P2PCreditScore"))
    if plugin is None:
        raise NotSent(f"{VARIABLES[channel]} is not a usable address")
    plugin.redirects = False
    plugin.socket_connect_timeout = plugin.socket_read_timeout = _WAIT
    plugin.include_image = plugin.include_footer = False
    return plugin, answers


def _called_host(channel: str, plugin: Any) -> str:  # noqa: ANN401
    """The host that the library will call."""
    if channel == "slack":
        return str(urlsplit(plugin.webhook_url).hostname if plugin.mode == "hook" else "")
    if channel == "pagerduty":
        from apprise.plugins.pagerduty import PAGERDUTY_API_LOOKUP

        return str(urlsplit(PAGERDUTY_API_LOOKUP[plugin.region_name]).hostname)
    return str(plugin.smtp_host if channel == "email" else plugin.host).lower()


def _post(plugin: Any, channel: str, letter: Letter, answers: list[str]) -> None:  # noqa: ANN401
    text = letter.text
    if channel == "webhook":
        plugin.headers["Idempotency-Key"] = letter.key
        plugin.payload_extras |= {"key": letter.key, "kind": letter.kind}
    elif channel == "pagerduty":
        plugin.dedup = letter.key
    else:
        text += f"\nMessage: {letter.key}"  # Slack knows no keys: a person can tell a message sent twice
    if not plugin.notify(body=text, title=letter.subject, notify_type="failure", body_format="text"):
        raise NotSent(f"answered {answers[-1]}" if answers else "could not be reached")


def _mail(plugin: Any, letter: Letter) -> None:  # noqa: ANN401
    """Send to all readers at once: the library would give every attempt and reader another Message-ID."""
    import smtplib
    import ssl
    from email.headerregistry import Address
    from email.message import EmailMessage

    mail, (name, sender) = EmailMessage(), plugin.from_addr
    mail["Subject"], mail["Message-ID"], mail["Date"] = letter.subject, f"<{letter.key}@p2pcreditscore>", clock.now()
    mail["From"] = Address(name or "", addr_spec=sender)
    mail["To"] = [Address(name or "", addr_spec=address) for name, address in plugin.targets]
    if plugin.cc:
        mail["Cc"] = [Address(addr_spec=address) for address in sorted(plugin.cc)]
    mail.set_content(letter.text)
    secure, taken = ssl.create_default_context(), False
    wrapped = partial(smtplib.SMTP_SSL, context=secure) if plugin.secure_mode == "ssl" else smtplib.SMTP
    try:
        with wrapped(plugin.smtp_host, plugin.port, timeout=_WAIT) as server:
            if plugin.secure_mode == "starttls":
                server.starttls(context=secure)
            if plugin.user and plugin.password:
                server.login(plugin.user, plugin.password)
            server.send_message(mail)  # raises unless at least one reader was accepted
            taken = True
    except (OSError, smtplib.SMTPException) as error:
        if not taken:  # else only the farewell failed
            code = getattr(error, "smtp_code", None)
            raise NotSent(f"answered {code}" if code else f"could not be sent: {type(error).__name__}") from None
