"""Channels that lead to servers on loopback; a report of a full week, not to be changed."""

from __future__ import annotations

import socket
import warnings
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller

from jobs.monitoring import channels, report
from jobs.protocol.files import Root
from tests.monitoring.evidences import WEEK
from tests.monitoring.judged_weeks import judge_weeks
from tests.monitoring.receivers import LOOPBACK, SECRET, Mailbox, Web, web
from tests.monitoring.report_pages import page_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch, bare: None) -> Iterator[Web]:
    with web() as server:
        monkeypatch.setenv("P2P_ALERT_WEBHOOK", f"json://me:{SECRET}@{LOOPBACK}:{server.server_port}/hook")
        yield server


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch, bare: None) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname=LOOPBACK, port=port)
    server.start()
    monkeypatch.setenv("P2P_ALERT_EMAIL", f"mailto://{LOOPBACK}:{port}/?from=p2p@example.org&to=a@b.org,c@d.org")
    yield box
    server.stop()


@pytest.fixture(scope="module")
def library() -> None:
    """The library imports a module that Python 3.13 drops; here warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from apprise import Apprise

        Apprise.instantiate("json://localhost")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, library: None) -> None:
    """No channel and no proxy but what a test sets."""
    for name in (*channels.VARIABLES.values(), "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Root, str]:
    home = tmp_path_factory.mktemp("judged") / "of[1]"  # which polars by itself takes for a pattern
    home.mkdir()
    root = Root(home, durable=False)
    judge_weeks(root)
    report.write(root, WEEK)
    return root, page_of(root)
