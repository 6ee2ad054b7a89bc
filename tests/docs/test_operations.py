"""The order of the backup, as operations.md gives it: a run may come between any two parts."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.decisions.__main__ import main as decisions
from jobs.decisions.showing import sight_of
from jobs.protocol import clock, files, ledger, model_bank, receipts, status, strict_json
from jobs.protocol.claims import Outcome, claim, complete
from jobs.protocol.files import Root
from jobs.protocol.ingest import begin, place
from jobs.protocol.partitions import Input
from jobs.protocol.receipts import Occasion, Report
from jobs.protocol.store import POLICIES, FolderStore
from tests.decisions.wholes import ONE_DAY, VERDICT, cited, publish, whole
from tests.docs.backups import printed
from tests.docs.pages import ROOT
from tests.protocol.build import OPEN_RULES, READY, SUNDAY, desk, machine

RSYNC = """#!/bin/sh
echo >> {calls}
if [ $(wc -l < {calls}) = {after} ]; then {python} -m tests.docs.test_operations {root}; fi
if [ -e "$3" ]; then cp -a --remove-destination --parents "$3" "$4"; fi
"""
MONDAY = SUNDAY + ONE_DAY
PREDICTED = f"datamart/gold/predictions/snapshot_date={MONDAY}"
PARTS = 18  # of them three notes and STATUS.txt


def runs(root: Root) -> None:
    """All three jobs on the next day, by a policy of that day: tables, evidence, a training, a receipt, STATUS.txt."""
    policy = {"policy_sha256": hashlib.sha256(b"{}\n").hexdigest()}
    files.write_whole(root, root.at(f"{POLICIES}/{policy['policy_sha256'][:12]}.json"), b"{}\n")
    store, landed = FolderStore(root), "datamart/landing/toy/toy_2024_01_15.csv"
    files.write_whole(root, root.at(landed), b"id\n3\n")
    made = cited(publish(root, "bronze/toy", [3], [Input(landed, files.sha256_of(root.at(landed)))], MONDAY))
    for table in ("silver/toy", "gold/feature_store"):
        made = cited(publish(root, table, [3], [made], MONDAY))
    evidence = "datamart/gold/monitoring/week=2024-01-20/decision.json"
    files.write_whole(root, root.at(evidence), strict_json.pretty({**VERDICT, **policy}))
    model = model_bank.put(root, MONDAY, {"recipe.json": strict_json.pretty(policy)})
    trainer = desk(store, MONDAY, job="training_inference")
    details = {"path": evidence, "sha256": files.sha256_of(root.at(evidence))}
    place(trainer, machine(MONDAY, details=details), begin(trainer))
    _, entry = claim(trainer, OPEN_RULES, READY, "")
    assert entry
    outcome = Outcome(promote=True, model_id=model.model_id, model_sha256=model.sha256)
    complete(trainer, entry.seq, outcome)
    served = ledger.read(store).state.served[-1]
    publish(root, "gold/predictions", [3], [made], MONDAY, ledger_seq=served.seq, model_id=served.model_id)
    report = Report()
    report.change(PREDICTED, rows=1, why="new")
    receipts.write(root, Occasion("training_inference", MONDAY, "all"), report, at=clock.now(), seconds=1)
    status.refresh(trainer)


def backed_up(root: Root, backup: Path, after: int) -> None:
    """The page's own lines, with an rsync that copies, and before whose call of this number a run comes."""
    program = backup.with_name("rsync")
    program.write_text(RSYNC.format(calls=f"{program}.calls", after=after, python=sys.executable, root=root.path))
    program.chmod(0o755)
    script = printed()[0].replace("cd R\n", f"cd '{root.path}'\n").replace(" B/", f" '{backup}/'")
    path = {"PATH": f"{backup.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    subprocess.run(["bash", "-euc", script], env=os.environ | path, check=True)


@pytest.mark.parametrize("after", range(1, PARTS + 1))
def test_a_backup_is_whole_whichever_two_of_its_parts_a_run_came_between(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], after: int
) -> None:
    root, backup = Root(tmp_path / "R", durable=False), tmp_path / "B"
    for folder in (root.path, backup):
        folder.mkdir()
    whole(root)
    backed_up(root, backup, after)
    capsys.readouterr()
    assert decisions(["check", "--root", str(backup)]) == 0, capsys.readouterr().out
    state = sight_of(Root(backup), MONDAY)
    assert state.wish is None, "a note of another state than the ledger's"
    assert (root.path / PREDICTED).exists()
    assert len(list((backup / "decisions/ledger").iterdir())) == 8
    calls = (tmp_path / "rsync.calls").read_text().count("\n")
    assert calls in (2 * PARTS, 2 * PARTS - 1), "once more, perhaps without a note that the run ended"


if __name__ == "__main__":
    runs(Root(Path(sys.argv[1]), durable=False))
