"""What is due leaves the house once by each channel: tried against real servers on loopback."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from jobs.monitoring import channels, delivering
from jobs.protocol import ledger, strict_json, verdicts
from jobs.protocol.files import Root
from jobs.protocol.receipts import Report
from jobs.protocol.store import FolderStore
from tests.monitoring.receivers import LOOPBACK, Mailbox, Web, alert_files, find, outbox, pending, run
from tests.monitoring.test_alerts import CANARY, reason, week

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("bare")


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
        assert "Newest ledger entry: 0, sha256 none" in text
        assert "/report.html" in text
    assert mail["Message-ID"] == f"<{headers['Idempotency-Key']}@p2pcreditscore>"
    assert headers["Idempotency-Key"] == posted["key"]
    assert {change.get("channel") for change in first.changed} == {None, "file", "email", "webhook"}
    assert again == Report()
    assert pending(tmp_path) == []


def test_a_week_with_nothing_to_tell_writes_and_sends_nothing(tmp_path: Path, hook: Web, mailbox: Mailbox) -> None:
    find(tmp_path, 0, reason("low"))
    assert run(tmp_path) == Report()
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
    assert len(hook.posts) == 1, "the other channels do not wait for it"
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


def test_a_channel_that_was_taken_away_is_not_called_and_that_is_said(
    tmp_path: Path, hook: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook.status = 500
    find(tmp_path, 0, reason())
    run(tmp_path)
    why = {one["why"] for one in run(tmp_path, channels=["file"]).skipped}
    assert why == {"the channel is no longer in alerts.channels of the policy"}
    monkeypatch.delenv("P2P_ALERT_WEBHOOK")
    assert {one["why"] for one in run(tmp_path).skipped} == {"P2P_ALERT_WEBHOOK is not set"}
    assert len(hook.posts) == 1


def test_the_file_channel_keeps_all_messages_of_a_week(tmp_path: Path) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    find(tmp_path, 0, reason(), reason(subject="income"))  # late files gave the week another verdict
    run(tmp_path)
    text = (tmp_path / "decisions/alerts/2024-01-06.txt").read_text()
    assert text.count("Message: ") == 2
    assert text.count("- medium, drift of score") == 1
    assert "Still open, already reported: drift of score." in text


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


def test_a_lasting_episode_is_told_again_after_the_days_of_the_policy_unless_it_is_graver_than_ever(
    tmp_path: Path, hook: Web
) -> None:
    for number in range(10):
        find(tmp_path, number, reason({0: "high", 5: "high", 9: "critical"}.get(number, "medium")))
        run(tmp_path, number)
    told = ["2024-01-06", "2024-02-03", "2024-03-02", "2024-03-09"]
    assert [posted["title"].partition("week ")[2][:10] for _, posted in hook.posts] == told


def test_old_messages_that_never_got_through_are_no_news(tmp_path: Path, hook: Web) -> None:
    hook.status = 500
    find(tmp_path, 0, reason())
    run(tmp_path)
    hook.status = 200
    find(tmp_path, 4)
    run(tmp_path, 4)
    assert len(hook.posts) == 1


@pytest.mark.parametrize(("days", "times"), [(28, 1), (29, 0)])
def test_a_week_that_is_made_good_long_after_is_told_in_its_file_alone(
    tmp_path: Path, hook: Web, days: int, times: int
) -> None:
    find(tmp_path, 0, reason("critical"))
    run(tmp_path, 0, week(0) + timedelta(days=days))
    assert len(hook.posts) == times
    assert (tmp_path / "decisions/alerts/2024-01-06.txt").is_file()


@pytest.mark.parametrize("spoiled", [("", "{"), ("episodes", "episodez"), ('"medium"', '"mfdium"')])
def test_a_spoiled_file_of_the_outbox_is_damage_is_named_and_keeps_back_no_other_message(
    tmp_path: Path, hook: Web, spoiled: tuple[str, str]
) -> None:
    find(tmp_path, 0, reason())
    run(tmp_path)
    (path,) = (tmp_path / delivering.OUTBOX).iterdir()
    path.chmod(0o640)
    path.write_text(path.read_text().replace(*spoiled, 1))
    for number, sent in ((0, 1), (1, 2), (1, 2)):  # the same week again tells no more of it; the next one tells all
        find(tmp_path, number, reason())
        assert [problem.where for problem in run(tmp_path, number).problems] == [f"{delivering.OUTBOX}/{path.name}"]
        assert len(hook.posts) == sent


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
    assert f"Newest ledger entry: 3, sha256 {'ab' * 32}" in outbox(tmp_path)[0]["messages"][0]["text"]


def test_a_damaged_verdict_on_an_earlier_week_is_told_of_and_the_newest_is_delivered(tmp_path: Path) -> None:
    for number in range(3):
        find(tmp_path, number, reason())
    (tmp_path / verdicts.name_of(week(0))).write_bytes(b"{")
    told = run(tmp_path, 2)
    assert [problem.where for problem in told.problems] == [verdicts.name_of(week(0))]
    assert [sent["week"] for sent in outbox(tmp_path)] == [week(2).isoformat()]
