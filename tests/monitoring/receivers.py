"""Servers on loopback that keep what they are sent, and runs of what is due against them."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from jobs.monitoring import delivering
from jobs.protocol import files, policy, strict_json, verdicts
from jobs.protocol.files import Root
from jobs.protocol.receipts import Report
from jobs.protocol.store import FolderStore
from tests.monitoring.test_alerts import verdict, week

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
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


def session(tmp_path: Path, number: int = 0, today: date | None = None, **alerts: object) -> Session:
    """A session as far as alerts know it, on the Sunday after the week if no day is given."""
    root = Root(tmp_path, durable=False)
    rules = {"hosts": [LOOPBACK], "channels": ["file", "email", "slack", "pagerduty", "webhook"]} | alerts
    run = SimpleNamespace(report=Report(), today=today or week(number) + timedelta(days=1))
    found = policy.load(strict_json.pretty({"alerts": rules}), "policy")
    return cast(
        "Session", SimpleNamespace(run=run, root=root, store=FolderStore(root), policy=found, week=week(number))
    )


def find(tmp_path: Path, number: int, *reasons: dict[str, Any], **more: object) -> None:
    said = verdict(number, *reasons, **more)
    name = f"{verdicts.folder(week(number))}/{verdicts.DECISION}"
    root = Root(tmp_path, durable=False)
    files.write_whole(root, root.at(name), strict_json.pretty(said))


def run(tmp_path: Path, number: int = 0, today: date | None = None, **alerts: object) -> Report:
    one = session(tmp_path, number, today, **alerts)
    delivering.deliver(one)
    return one.run.report


def outbox(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_bytes()) for path in sorted((tmp_path / delivering.OUTBOX).glob("*.json"))]


def alert_files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "decisions/alerts").glob("*.json"))


def acknowledge(tmp_path: Path, name: str) -> None:
    (path,) = alert_files(tmp_path)
    path.write_bytes(strict_json.pretty(json.loads(path.read_bytes()) | {"acknowledged_by": name}))


def pending(tmp_path: Path) -> list[str]:
    return [one["channel"] for sent in outbox(tmp_path) for one in sent["deliveries"] if not one["delivered"]]
