"""What is due leaves the house once by each channel, to listed hosts only: tried against real servers on loopback."""

from __future__ import annotations

import email
import email.policy
import json
import os
import socket
import stat
import threading
import warnings
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiosmtpd.controller import Controller

from jobs.monitoring import channels, delivering
from jobs.protocol import contract, files, ledger, policy, strict_json, verdicts
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.judge import complaints
from jobs.protocol.receipts import Report
from jobs.protocol.store import FolderStore
from tests.monitoring.test_alerts import CANARY, MODEL, reason, verdict, week

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from jobs.monitoring.session import Session

SECRET = "k4n4rienvogel"  # noqa: S105 - planted where an address has its secret
LOOPBACK = "127.0.0.1"


class Mailbox:
    """Keeps what an SMTP server takes; refuses while `refusing`."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.readers: list[str] = []
        self.refusing = False

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        if self.refusing:
            return "451 try again later"
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        self.readers.extend(envelope.rcpt_tos)
        return "250 taken"


class Web(ThreadingHTTPServer):
    """Keeps what is posted to it; answers with `status`, and with `location` where one is given."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), _Answer)
        self.posts: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.status = 200
        self.location: str | None = None


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        web = cast("Web", self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        web.posts.append((dict(self.headers), json.loads(body)))
        self.send_response(web.status)
        if web.location:
            self.send_header("Location", web.location)
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST  # noqa: N815 - the names are the library's

    def log_message(self, *_: object) -> None:  # type: ignore[explicit-override]
        pass


@contextmanager
def web() -> Iterator[Web]:
    with Web() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with web() as server:
        monkeypatch.setenv("P2P_ALERT_WEBHOOK", f"json://me:{SECRET}@{LOOPBACK}:{server.server_port}/hook")
        yield server


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname=LOOPBACK, port=port)
    server.start()
    monkeypatch.setenv("P2P_ALERT_EMAIL", f"mailto://{LOOPBACK}:{port}/?from=p2p@example.org&to=a@b.org,c@d.org")
    yield box
    server.stop()


@pytest.fixture(scope="module", autouse=True)
def library() -> None:
    """The library imports a module that Python 3.13 drops; here warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise

        Apprise.instantiate("json://localhost")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*channels.VARIABLES.values(), "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def session(tmp_path: Path, number: int = 0, **alerts: object) -> Session:
    """A session as far as alerts know it."""
    root = Root(tmp_path, durable=False)
    rules = {"hosts": [LOOPBACK], "channels": ["file", "email", "slack", "pagerduty", "webhook"]} | alerts
    run = SimpleNamespace(report=Report())
    found = policy.load(strict_json.pretty({"alerts": rules}), "policy")
    return cast(
        "Session", SimpleNamespace(run=run, root=root, store=FolderStore(root), policy=found, week=week(number))
    )


def find(tmp_path: Path, number: int, *reasons: dict[str, Any], **more: object) -> None:
    said = verdict(number, *reasons, **more)
    name = f"{verdicts.folder(week(number))}/{verdicts.DECISION}"
    root = Root(tmp_path, durable=False)
    files.write_whole(root, root.at(name), strict_json.pretty(said))


def run(tmp_path: Path, number: int = 0, **alerts: object) -> Report:
    one = session(tmp_path, number, **alerts)
    delivering.deliver(one)
    return one.run.report


def outbox(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((tmp_path / delivering.OUTBOX).glob("*.json"))]


def alert_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "decisions/alerts").glob("*.json"))


def pending(tmp_path: Path) -> list[str]:
    return [one["channel"] for sent in outbox(tmp_path) for one in sent["deliveries"] if not one["delivered"]]


def test_an_episode_reaches_every_channel_once_however_often_the_week_is_run(
    tmp_path: Path, hook: Web, mailbox: Mailbox
) -> None:
    find(tmp_path, 0, reason(), reason("high", subject="income"))
    first = run(tmp_path)
    again = run(tmp_path)
    (mail,), ((headers, posted),) = mailbox.mails, hook.posts
    assert mailbox.readers == ["a@b.org", "c@d.org"]
    assert mail["Subject"] == posted["title"] == "[P2PCreditScore] week 2024-01-06, alert, 2 alerts"
    for text in (mail.get_content(), posted["message"], (tmp_path / "decisions/alerts/2024-01-06.txt").read_text()):
        assert text.count("- medium, drift of score: score moved.") == 1
        assert "Head of the ledger: entry 0, sha256 none" in text
        assert "/report.html" in text
    assert mail["Message-ID"] == f"<{headers['Idempotency-Key']}@p2pcreditscore>"
    assert headers["Idempotency-Key"] == posted["key"]
    assert {change.get("channel") for change in first.changed} == {None, "file", "email", "webhook"}
    assert again.is_silent
    assert pending(tmp_path) == []


def test_a_week_with_nothing_to_tell_writes_and_sends_nothing(tmp_path: Path, hook: Web, mailbox: Mailbox) -> None:
    find(tmp_path, 0, reason("low"))
    assert run(tmp_path).is_silent
    assert (hook.posts, mailbox.mails) == ([], [])
    assert not (tmp_path / "decisions").exists()


def test_an_episode_that_lasts_is_told_once_and_again_when_graver(tmp_path: Path, hook: Web) -> None:
    for number, severity in enumerate(["medium", "medium", "high", "medium"]):
        find(tmp_path, number, reason(severity))
        run(tmp_path, number)
    assert [posted["message"].count("- medium") for _, posted in hook.posts] == [1, 0]
    assert "- high" in hook.posts[1][1]["message"]


@pytest.mark.parametrize("status", [500, 404, 302])
def test_what_a_channel_refuses_is_tried_again_by_the_next_run_and_by_that_channel_alone(
    tmp_path: Path, hook: Web, mailbox: Mailbox, status: int
) -> None:
    find(tmp_path, 0, reason())
    hook.status = status
    report = run(tmp_path)
    assert report.code == 0
    assert report.skipped == [{"what": "digest of 2024-01-06 by webhook", "why": f"answered {status}"}]
    assert pending(tmp_path) == ["webhook"]
    hook.status = 200
    find(tmp_path, 1)
    run(tmp_path, 1)
    assert len(mailbox.mails) == 1
    assert len({headers["Idempotency-Key"] for headers, _ in hook.posts}) == 1
    assert len(hook.posts) == 2
    assert pending(tmp_path) == []


def test_a_mail_that_is_refused_or_finds_nobody_listening_is_tried_again(
    tmp_path: Path, hook: Web, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(tmp_path, 0, reason())
    listening = os.environ["P2P_ALERT_EMAIL"]
    with socket.socket() as closed:
        closed.bind((LOOPBACK, 0))  # bound and not listening: connections are refused
        monkeypatch.setenv("P2P_ALERT_EMAIL", f"mailto://{LOOPBACK}:{closed.getsockname()[1]}/?from=p@q.org&to=a@b.org")
        assert "ConnectionRefusedError" in run(tmp_path).skipped[0]["why"]
    monkeypatch.setenv("P2P_ALERT_EMAIL", listening)
    mailbox.refusing = True
    assert run(tmp_path).skipped[0]["why"] == "answered 451"
    mailbox.refusing = False
    assert run(tmp_path).skipped == []
    assert (len(mailbox.mails), len(hook.posts)) == (1, 1)


def test_a_kill_between_sending_and_recording_repeats_the_same_message_under_the_same_key(
    tmp_path: Path, hook: Web, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    find(tmp_path, 0, reason())
    sent = channels.send

    def killed_after(*given: Any) -> str | None:
        sent(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(channels, "send", killed_after)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path)
    store = FolderStore(Root(tmp_path))
    store.put_if_absent("datamart/more.json", b"")  # what the ledger or the data became meanwhile changes no message
    run(tmp_path)
    assert len(mailbox.mails) == 3
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1
    assert len({mail.get_content() for mail in mailbox.mails}) == 1
    assert len(hook.posts) == 1
    assert len(outbox(tmp_path)) == 1


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


def test_slack_and_pagerduty_get_the_digest_and_the_pages(
    tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apprise.plugins import pagerduty
    from apprise.plugins.slack import NotifySlack

    here = f"http://{LOOPBACK}:{hook.server_port}"
    monkeypatch.delenv("P2P_ALERT_WEBHOOK")
    monkeypatch.setenv("P2P_ALERT_SLACK", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7")
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
    assert run(tmp_path, hosts=hosts).is_silent


def _url(channel: str) -> str:
    return os.environ[channels.VARIABLES[channel]]


def test_a_server_that_never_answers_is_left_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "PATIENCE", 0.6)
    find(tmp_path, 0, reason())
    with socket.create_server((LOOPBACK, 0)) as mute:
        monkeypatch.setenv("P2P_ALERT_WEBHOOK", f"json://{LOOPBACK}:{mute.getsockname()[1]}/")
        assert "gave no answer" in run(tmp_path).skipped[0]["why"]
    assert pending(tmp_path) == ["webhook"]


def test_the_file_channel_keeps_all_messages_of_a_week(tmp_path: Path) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    find(tmp_path, 0, reason(), reason(subject="income"))  # late files gave the week another verdict
    run(tmp_path)
    text = (tmp_path / "decisions/alerts/2024-01-06.txt").read_text()
    assert text.count("Message: ") == 2
    assert text.count("- medium, drift of score") == 1
    assert "Still open, told before: drift of score." in text


def test_a_kill_after_the_file_was_written_does_not_write_into_it_again(tmp_path: Path) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    ((name, content),) = zip((tmp_path / delivering.OUTBOX).iterdir(), outbox(tmp_path), strict=True)
    content["deliveries"][0]["delivered"] = None  # as it was before the mark
    name.chmod(0o640)
    name.write_bytes(strict_json.pretty(content))
    run(tmp_path)
    assert pending(tmp_path) == []
    assert (tmp_path / "decisions/alerts/2024-01-06.txt").read_text().count("Message: ") == 1


def test_what_is_only_a_digest_stays_in_the_file_where_the_policy_wants_none(tmp_path: Path, hook: Web) -> None:
    find(tmp_path, 0, reason("high"))
    run(tmp_path, digest=False)
    assert hook.posts == []
    find(tmp_path, 1, reason("critical"))
    run(tmp_path, 1, digest=False)
    assert "URGENT" in hook.posts[0][1]["title"]


def test_an_alert_file_is_kept_up_to_date_and_keeps_its_contract(tmp_path: Path) -> None:
    for number, said in enumerate([[reason()], [reason("high")], [], []]):
        find(tmp_path, number, *said)
        run(tmp_path, number)
        (path,) = alert_files(tmp_path)
        alert = json.loads(path.read_bytes())
        assert complaints(contract.document("alert"), alert) == []
        assert alert["severity"] == ("medium", "high", "high", "high")[number]
    assert (alert["state"], alert["opened"], alert["seen"], alert["resolved"]) == (
        "resolved",
        "2024-01-06",
        "2024-01-13",
        "2024-01-27",
    )
    before = path.read_bytes()
    run(tmp_path, 1)  # an earlier week run again takes nothing back
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path.parent, path.parent / "outbox")]
    assert modes == [0o2770, 0o2750]


def acknowledge(tmp_path: Path, name: str) -> None:
    (path,) = alert_files(tmp_path)
    path.write_bytes(strict_json.pretty(json.loads(path.read_bytes()) | {"acknowledged_by": name}))


def test_an_acknowledged_episode_is_told_again_only_when_it_grows_graver(tmp_path: Path, hook: Web) -> None:
    for number in range(7):
        find(tmp_path, number, reason("critical" if number == 6 else "medium"))
        run(tmp_path, number)
        if number == 0:
            acknowledge(tmp_path, "Ada")
        alert = json.loads(alert_files(tmp_path)[0].read_bytes())
        assert alert["acknowledged_by"] == "Ada"
        assert alert["state"] == ("acknowledged" if number else "open")  # of the run before the name was given
        assert len(hook.posts) == (2 if number == 6 else 1)


def test_an_acknowledgement_is_of_one_episode_and_not_of_the_next(tmp_path: Path) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    acknowledge(tmp_path, "Ada")
    for number, said in enumerate([[], [], [reason()]], start=1):
        find(tmp_path, number, *said)
        run(tmp_path, number)
    alert = json.loads(alert_files(tmp_path)[0].read_bytes())
    assert (alert["state"], alert["acknowledged_by"], alert["opened"]) == ("open", None, "2024-01-27")


def test_a_lasting_episode_is_told_again_after_the_days_of_the_policy(tmp_path: Path, hook: Web) -> None:
    for number in range(5):
        find(tmp_path, number, reason())
        run(tmp_path, number)
    assert [posted["title"][16:31] for _, posted in hook.posts] == [" week 2024-01-0", " week 2024-02-0"]


@pytest.mark.parametrize("spoiled", [b"{", b"[]", b'{"week": 3}', b'{"acknowledged_by": 3}'])
def test_a_file_that_a_person_left_unreadable_is_let_be_and_said(tmp_path: Path, spoiled: bytes) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    (path,) = alert_files(tmp_path)
    path.write_bytes(spoiled)
    find(tmp_path, 1, reason("high"))
    report = run(tmp_path, 1)
    assert path.read_bytes() == spoiled
    assert [one["what"] for one in report.skipped] == [f"decisions/alerts/{path.name}"]
    assert len(outbox(tmp_path)) == 2


def test_old_messages_that_never_got_through_are_no_news(tmp_path: Path, hook: Web) -> None:
    hook.status = 500
    find(tmp_path, 0, reason())
    run(tmp_path)
    hook.status = 200
    find(tmp_path, 4)
    run(tmp_path, 4)
    assert len(hook.posts) == 1


def test_a_spoiled_file_of_the_outbox_is_damage_and_is_named(tmp_path: Path) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    (path,) = (tmp_path / delivering.OUTBOX).iterdir()
    path.chmod(0o640)
    path.write_bytes(b"{")
    with pytest.raises(StoreDamaged, match=path.name):
        run(tmp_path)


def test_nothing_but_sentences_leaves_the_house(tmp_path: Path, hook: Web, mailbox: Mailbox) -> None:
    find(tmp_path, 0, reason("critical"), set_aside=[reason(why="persistence")], extra={"row": "c4n4ry"})
    run(tmp_path)
    said = f"{hook.posts}{[mail.as_string() for mail in mailbox.mails]}{outbox(tmp_path)}"
    said += (tmp_path / "decisions/alerts/2024-01-06.txt").read_text() + alert_files(tmp_path)[0].read_text()
    assert "c4n4ry" not in said
    assert str(CANARY) not in said


def test_the_digest_carries_the_head_of_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find(tmp_path, 0, reason())
    monkeypatch.setattr(ledger, "read", lambda _: SimpleNamespace(entries=(1, 2, 3), head="ab" * 32))
    run(tmp_path)
    assert f"Head of the ledger: entry 3, sha256 {'ab' * 32}" in outbox(tmp_path)[0]["messages"][0]["text"]


def test_the_report_is_given_open_alerts_with_age_and_owner(tmp_path: Path) -> None:
    for number in range(3):
        find(tmp_path, number, reason(), *([reason("critical", subject="income")] if number == 2 else []))
        run(tmp_path, number)
        if number == 0:
            acknowledge(tmp_path, "Ada")
    root = Root(tmp_path)
    past = [found for one in verdicts.weeks(root, week(2)) if (found := verdicts.read(root, one))]
    rows = delivering.standing(FolderStore(root), past)
    told = [(row["subject"], row["weeks"], row["acknowledged_by"], row["model_id"]) for row in rows]
    assert told == [("income", 0, None, MODEL), ("score", 2, "Ada", MODEL)]
