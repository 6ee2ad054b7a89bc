"""Channels lead to listed hosts only, and no secret is said: tried against real servers on loopback."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING

import pytest

from jobs.monitoring import channels
from jobs.protocol.receipts import Report
from tests.monitoring.receivers import LOOPBACK, SECRET, Mailbox, Web, find, pending, run, web
from tests.monitoring.test_alerts import reason

if TYPE_CHECKING:
    from pathlib import Path


SLACK_TOKEN = "TIiajkdnlazkcOXrIdevi7"  # noqa: S105 - of the library's own examples
pytestmark = pytest.mark.usefixtures("bare")


def test_a_host_that_is_not_listed_is_not_called(tmp_path: Path, hook: Web, mailbox: Mailbox) -> None:
    find(tmp_path, 0, reason())
    report = run(tmp_path, hosts=["localhost"])
    assert (hook.posts, mailbox.mails) == ([], [])
    assert {one["why"] for one in report.skipped} == {
        "the host in P2P_ALERT_WEBHOOK is not in alerts.hosts of the policy",
        "the host in P2P_ALERT_EMAIL is not in alerts.hosts of the policy",
    }
    run(tmp_path)  # listed now
    assert (len(hook.posts), len(mailbox.mails)) == (1, 1)


def test_a_mail_bears_the_name_that_its_address_gives_the_sender(
    tmp_path: Path, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_ALERT_EMAIL", os.environ["P2P_ALERT_EMAIL"] + "&name=Risk")
    find(tmp_path, 0, reason())
    run(tmp_path)
    assert mailbox.mails[0]["From"] == "Risk <p2p@example.org>"


@pytest.mark.parametrize(
    ("channel", "address", "allowed"),
    [
        ("email", "mailto", "from, to, cc, name, smtp, mode"),
        ("pagerduty", "pagerduty", "region"),
        ("slack", "https", "none"),
    ],
)
def test_a_parameter_that_may_not_be_there_is_told_with_those_that_may(
    monkeypatch: pytest.MonkeyPatch, channel: str, address: str, allowed: str
) -> None:
    variable = channels.VARIABLES[channel]
    monkeypatch.setenv(variable, f"{address}://{LOOPBACK}/?verify=no")
    letter = channels.Letter(key="k", kind="digest", subject="s", text="t")
    why = f"{variable} has a parameter that is not allowed (allowed: {allowed})"
    assert channels.send(channel, letter, [LOOPBACK]) == why


def test_a_redirect_is_not_followed(tmp_path: Path, hook: Web) -> None:
    with web() as other:
        hook.status, hook.location = 307, f"http://{LOOPBACK}:{other.server_port}/elsewhere"
        find(tmp_path, 0, reason())
        assert run(tmp_path).skipped[0]["why"] == "answered 307"
        assert (len(hook.posts), other.posts) == (1, [])


@pytest.mark.parametrize(
    ("channel", "tail"),
    [
        pytest.param("webhook", "?redirect=yes", id="redirects"),
        pytest.param("webhook", "?a=b;redirect=yes", id="redirects-behind-a-semicolon"),
        pytest.param("webhook", "?+Host=evil.example", id="a-header"),
        pytest.param("webhook", "?:attach=http://evil.example", id="payload"),
        pytest.param("webhook", "?verify=no", id="no-certificate"),
        pytest.param("webhook", "#@evil.example", id="fragment"),
        pytest.param("email", "?pgp=yes&wkd=yes&from=a@b.org", id="keys-from-the-network"),
        pytest.param("email", "?smtp=evil.example&from=a@b.org", id="another-server"),
        pytest.param("email", "?SMTP=evil.example&from=a@b.org", id="another-server-in-capitals"),
    ],
)
def test_an_address_that_could_lead_elsewhere_is_refused_before_anything_is_called(
    tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch, channel: str, tail: str
) -> None:
    scheme = "json" if channel == "webhook" else "mailto"
    monkeypatch.delenv("P2P_ALERT_WEBHOOK")
    monkeypatch.setenv(channels.VARIABLES[channel], f"{scheme}://me:{SECRET}@{LOOPBACK}:{hook.server_port}/{tail}")
    monkeypatch.setattr(channels, "_opened", lambda *_: pytest.fail("the address was opened"))
    find(tmp_path, 0, reason())
    (skipped,) = run(tmp_path).skipped
    assert SECRET not in str(skipped)
    assert hook.posts == []


@pytest.mark.parametrize(
    ("variable", "address"),
    [
        ("P2P_ALERT_EMAIL", f"mailtos://me:{SECRET}@gmail.com"),
        ("P2P_ALERT_SLACK", f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{SECRET}aaaaaaaaaaa"),
        ("P2P_ALERT_PAGERDUTY", f"pagerduty://{SECRET}@{SECRET}?region=eu"),
        ("P2P_ALERT_WEBHOOK", f"json://{SECRET}"),
        ("P2P_ALERT_WEBHOOK", f"json://{SECRET}/p@{LOOPBACK}"),
        ("P2P_ALERT_SLACK", f"slack://T1JJ3T3L2/A1BRTD4JD/{SECRET}"),
    ],
)
def test_no_secret_is_said_when_an_address_is_refused(
    tmp_path: Path,
    variable: str,
    address: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(variable, address)
    find(tmp_path, 0, reason("critical"))
    report = run(tmp_path)
    written = b"".join(path.read_bytes() for path in (tmp_path / "decisions").rglob("*") if path.is_file()).decode()
    assert report.skipped
    assert SECRET not in f"{report}{written}{capfd.readouterr()}"


def test_a_mail_address_that_the_library_would_send_by_another_server_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_ALERT_EMAIL", "mailtos://me:secret@gmail.com")
    monkeypatch.setattr(channels, "_mail", lambda *_: pytest.fail("a mail left"))
    find(tmp_path, 0, reason())
    assert "another host than it names" in run(tmp_path, hosts=["gmail.com"]).skipped[0]["why"]


def test_a_proxy_that_is_not_listed_is_not_called(tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with web() as proxy:
        monkeypatch.setenv("http_proxy", f"http://localhost:{proxy.server_port}")
        find(tmp_path, 0, reason())
        assert "proxy" in run(tmp_path).skipped[0]["why"]
        assert (hook.posts, proxy.posts) == ([], [])


def test_a_proxy_of_the_system_counts_as_one_of_the_environment(
    tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS has it: the library asks for it too."""
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"http": "http://localhost:3128"})
    find(tmp_path, 0, reason())
    assert "proxy" in run(tmp_path).skipped[0]["why"]
    assert hook.posts == []


@pytest.mark.parametrize(
    ("channel", "address", "host"),
    [
        ("slack", f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{SLACK_TOKEN}", "hooks.slack.com"),
        ("pagerduty", f"pagerduty://{'a' * 32}@{'b' * 20}", "events.pagerduty.com"),
        ("pagerduty", f"pagerduty://{'a' * 32}@{'b' * 20}?region=eu", "events.eu.pagerduty.com"),
        ("webhook", "jsons://me:secret@Hooks.example.org:8443/alerts", "hooks.example.org"),
        ("email", "mailtos://me:secret@example.org?smtp=Mail.example.org&from=a@example.org", "mail.example.org"),
        (
            "email",
            "mailto://mx.example.org?from=a@b.org&to=c@b.org&cc=d@b.org&name=Risk&mode=starttls",
            "mx.example.org",
        ),
    ],
)
def test_the_library_calls_the_very_host_that_an_address_names(channel: str, address: str, host: str) -> None:
    assert channels._named_host(channel, address) == host
    assert channels._called_host(channel, channels._opened(channel, address)[0]) == host


def test_slack_and_pagerduty_get_the_digest_and_the_pages(
    tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import pagerduty
    from apprise.plugins.slack import NotifySlack

    here = f"http://{LOOPBACK}:{hook.server_port}"
    monkeypatch.delenv("P2P_ALERT_WEBHOOK")
    monkeypatch.setenv("P2P_ALERT_SLACK", f"https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/{SLACK_TOKEN}")
    monkeypatch.setenv("P2P_ALERT_PAGERDUTY", f"pagerduty://{'a' * 32}@{'b' * 20}")
    monkeypatch.setattr(NotifySlack, "webhook_url", f"{here}/services")
    monkeypatch.setitem(pagerduty.PAGERDUTY_API_LOOKUP, "us", f"{here}/v2/enqueue")
    find(tmp_path, 0, reason("critical", subject="a"), reason("critical", subject="b"), reason())
    hosts = ["hooks.slack.com", "events.pagerduty.com"]
    assert {one["why"].split(" leads ")[0] for one in run(tmp_path, hosts=hosts).skipped} == {
        "P2P_ALERT_SLACK",  # what the library would call is looked at once more, and is not the service now
        "P2P_ALERT_PAGERDUTY",
    }
    assert hook.posts == []
    named = channels._named_host
    monkeypatch.setattr(channels, "_called_host", lambda channel, _: named(channel, _url(channel)))
    run(tmp_path, hosts=hosts)
    slack, page = (posted for _, posted in hook.posts)
    assert "medium, drift of score: score moved." in json.dumps(slack)
    assert slack["attachments"][0]["text"].endswith("-0")  # the key, for people
    assert page["dedup_key"].endswith("-1")
    assert page["payload"]["severity"] == "critical"
    assert "And 1 more in the digest." in page["payload"]["summary"]
    assert run(tmp_path, hosts=hosts) == Report()


def _url(channel: str) -> str:
    return os.environ[channels.VARIABLES[channel]]


def test_a_server_that_never_answers_is_left_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 0.6)
    find(tmp_path, 0, reason())
    with socket.create_server((LOOPBACK, 0)) as mute:
        monkeypatch.setenv("P2P_ALERT_WEBHOOK", f"json://{LOOPBACK}:{mute.getsockname()[1]}/")
        assert "gave no answer" in run(tmp_path).skipped[0]["why"]
    assert pending(tmp_path) == ["webhook"]
