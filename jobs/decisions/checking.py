"""`check`, the fsck of ledger, notes, receipts and models. Read-only. A new check is a function among `looks`."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from jobs.decisions import checking_partitions
from jobs.decisions.finding import damage, going_on, held, remark, strange, summed
from jobs.decisions.showing import sight_of
from jobs.protocol import clock, files, model_bank, outlook, partitions, policy_in_force, strict_json, verdicts
from jobs.protocol import ledger as ledgers
from jobs.protocol.errors import JobError, StoreDamaged
from jobs.protocol.events import Events
from jobs.protocol.files import DRAFT, Root
from jobs.protocol.folder import ASIDE
from jobs.protocol.index import entries, manifests
from jobs.protocol.layers import FEATURES, PREDICTIONS
from jobs.protocol.ledger import Ledger
from jobs.protocol.notes import evidence_of
from jobs.protocol.receipts import Problem
from jobs.protocol.state import MONITOR
from jobs.protocol.store import POLICIES, QUARANTINE, STATUS, FolderStore

RESTORE = "restore it from a backup of decisions/"
SCORED = re.compile(rb'"name": "datamart/gold/predictions/snapshot_date=([0-9]{4}-[0-9]{2}-[0-9]{2})"')
FLAT = (ledgers.FOLDER, POLICIES, QUARANTINE)  # folders that hold only files
KEPT_BY_HASH = re.compile(r"[0-9a-f]{12}\.json")


def check(root: Root, options: argparse.Namespace) -> tuple[int, str]:
    """Run every check, and say what is damaged; exit 6 if anything is."""
    store = FolderStore(root)
    whole: Ledger | None = None
    with suppress(JobError):  # the check `ledger` says more about it
        whole = ledgers.read(store)
    known = ledgers.standing(store)
    looks = (
        *(ledger(root), notes(root), receipts(root), models(root, known), evidence(root, known), scores(root)),
        *([foreign_scores(root, whole)] if whole else []),
        *(planted(root, place) for place in ("decisions", model_bank.BANK, "datamart")),
    )
    found = [one for look in looks for one in going_on(look)]
    found += checking_partitions.check(root, Events(sys.stderr))
    found = list(dict.fromkeys([*strange(root), *found]))  # several checks may find the same
    code, said = summed(found, "everything is whole")
    return code, json.dumps([asdict(one) for one in found], indent=2) + "\n" if options.json else said


def ledger(root: Root) -> Iterator[Problem]:
    """Check entries and chain up to the first damage, say what stands before it, and look at STATUS.txt."""
    store = FolderStore(root)
    try:
        newest = len(ledgers.read(store).entries)
        ledgers.refuse_loss(store)
    except StoreDamaged as error:
        yield Problem.of(error)
        yield from _standing(store)
        return
    for name in (f"{ledgers.FOLDER}/{name}" for name in store.list(ledgers.FOLDER)):
        if broken := ledgers.breach(store.get(name) or b"", name):
            yield Problem.of(broken)
    seen = ledgers.witnessed(store)
    if newest and (seen is None or seen[0] < newest):
        mend = "nothing needs doing: the next run writes STATUS.txt again"
        yield remark(f"STATUS.txt does not name the newest entry, {newest}, yet", STATUS, mend)


def _standing(store: FolderStore) -> Iterator[Problem]:
    """Say which entries stand in spite of the damage."""
    state = ledgers.standing(store).state
    if state.head:
        serves = f"model {state.model_id} serves" if state.model_id else "no model serves"
        waits = f"decision {state.open.seq} is open" if state.open else "no decision is open"
        what = f"the entries up to {state.head} can be read; by them {serves}, and {waits}"
        yield remark(what, ledgers.name_of(state.head), "leave them as they are, but for any that the damage names")


def notes(root: Root) -> Iterator[Problem]:
    """Check notes and policy as the next run will find them, copies named by their hash, and leftovers of crashes."""
    store = FolderStore(root)
    with suppress(StoreDamaged):  # the ledger's own findings say more
        sight = sight_of(root, clock.today())
        for seq in sight.state.ignored:
            what = f"entry {seq} is not valid where it stands"
            yield damage(what, ledgers.name_of(seq), "report it: the entry has no effect")
        for problem in sight.problems:
            if problem is not sight.policy_problem or files.is_folder(root.at("decisions")):
                yield Problem.of(problem)
    for folder in (QUARANTINE, POLICIES):
        for name in store.list(folder):
            if not _is_named_by_hash(store, folder, name):
                yield damage("its content does not match its name", f"{folder}/{name}", RESTORE)
    yield from outlook.misnamed(store)
    lying = ((place, entry.name) for place in ("decisions", *FLAT) for entry in entries(root, place))
    for place, name in (left for left in lying if left[1].startswith((DRAFT, ASIDE))):
        mend = "nothing needs doing: the next run finishes it"
        yield remark("a run died while writing it, or is still writing", f"{place}/{name}", mend)


def _is_named_by_hash(store: FolderStore, folder: str, name: str) -> bool:
    if f"{folder}/{name}" == f"{POLICIES}/{policy_in_force.LAST_GOOD}":
        with suppress(JobError, LookupError, TypeError):  # of a pointer that cannot be read, or leads nowhere
            pointer = strict_json.parse(store.get(f"{folder}/{name}") or b"", where=name)
            return store.get(f"{folder}/{pointer['sha256'][:12]}.json") is not None
    data = store.get(f"{folder}/{name}") if KEPT_BY_HASH.fullmatch(name) else None
    return data is not None and hashlib.sha256(data).hexdigest().startswith(name[:12])  # also of an emptied note


def planted(root: Root, above: str) -> Iterator[Problem]:
    """Find links, pipes and devices, and folders in place of files: jobs never follow or wait for them."""
    mend = "move it away: no job put it there"
    for entry in entries(root, above):
        name = f"{above}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if above in FLAT or entry.name.startswith((DRAFT, ASIDE)) or entry.name.endswith((".json", ".txt")):
                yield damage("a folder lies where a file belongs", name, mend)
            yield from going_on(planted(root, name))
        elif entry.is_symlink() and entry.is_dir() and above.startswith("datamart"):
            yield remark("links are not followed: this one was not checked", name, "put the folder itself there")
        elif not entry.is_file(follow_symlinks=False):
            yield damage("it is not a plain file", name, mend)


def receipts(root: Root) -> Iterator[Problem]:
    """Check that every receipt can be parsed, keeps its contract and is in the right place."""
    home = "decisions/receipts"
    days = [
        f"{home}/{job.name}/{day.name}" for job in entries(root, home) for day in entries(root, f"{home}/{job.name}")
    ]
    for path in (Path(entry.path) for day in days for entry in entries(root, day)):
        if files.is_file(path) and not path.name.startswith("."):  # `planted` finds anything else
            yield from going_on(_receipt(root, path, RESTORE + "; or move it away: runs do not depend on it"))


def _receipt(root: Root, path: Path, mend: str) -> Iterator[Problem]:
    given = held(root, "receipt", root.name_of(path), mend)
    if (given["job"], given["date"]) != path.parts[-3:-1]:
        yield damage("the receipt belongs to another job or date", root.name_of(path), mend)


def models(root: Root, known: Ledger) -> Iterator[Problem]:
    """Check all files of all models by hash, and manifests against the ledger; the serving model must exist."""
    bodies = [entry.body for entry in ledgers.trainings(known)]
    vouched = {body["model_id"]: body["model_sha256"] for body in bodies if body.get("model_sha256")}
    promised = {*vouched, *([known.state.model_id] if known.state.model_id else [])}
    present = [entry.name for entry in entries(root, model_bank.BANK) if entry.is_dir(follow_symlinks=False)]
    for model_id in dict.fromkeys((*present, *sorted(promised))):
        where = f"{model_bank.BANK}/{model_id}"
        manifest = root.at(f"{where}/{model_bank.MANIFEST}")
        if not files.mode_at(manifest) and model_id not in promised:
            what = "a run died while writing this model, or is still writing it"
            yield remark(what, where, "nothing needs doing: no decision names it; it may be moved away")
            continue
        if wrong := model_bank.damage(root, model_id, vouched.get(model_id)):
            yield Problem.of(StoreDamaged(wrong.what, where=where, mend=wrong.mend))
            continue
        data = manifest.read_bytes()
        listed = strict_json.parse(data, where=where)
        if strict_json.pretty(listed) != data:
            yield damage("the manifest is not as it was written", where, "restore the folder from a backup")
        names = {model_bank.MANIFEST, *(one["name"] for one in listed["files"])}
        for name in sorted({entry.name for entry in entries(root, where)} - names):
            yield remark("the manifest does not list this file", f"{where}/{name}", "move it away")
        if model_id in vouched:  # models brought from elsewhere may lack their policy
            recipe = strict_json.parse(files.content(manifest.with_name(model_bank.RECIPE)), where=where)
            yield from checking_partitions.ruled(root, recipe["policy_sha256"])


def evidence(root: Root, known: Ledger) -> Iterator[Problem]:
    """Check that the evidence cited by recorded notes exists and has the cited hash."""
    for entry in known.entries:
        is_monitors = entry.kind == "proposed" and entry.body["source"] == MONITOR
        if is_monitors and (given := evidence_of(entry.body["note"].encode())):
            home = root.at(given.path).parent
            kept = [one for name in files.names_in(home) if files.is_file(one := home / name)]
            if given.sha256 not in map(files.sha256_of, kept):  # replaced verdicts are kept in the same folder
                what = f"the evidence of decision {entry.seq} is changed or missing"
                yield damage(what, given.path, verdicts.LOST)


def foreign_scores(root: Root, known: Ledger) -> Iterator[Problem]:
    """Find scores that cite an entry which the (undamaged) ledger lacks: then another ledger has taken its place."""
    served = {change.seq: change.model_id for change in known.state.served}
    for day in manifests(root, PREDICTIONS):
        with suppress(StoreDamaged):  # its own finding says more
            cites = partitions.existing(root, PREDICTIONS, day).notes
            if "ledger_seq" in cites and served.get(cites["ledger_seq"]) != cites.get("model_id"):
                what = "the ledger entry that these scores cite is missing, or names another model"
                yield damage(what, partitions.folder(PREDICTIONS, day), "restore a newer copy of the ledger")


def scores(root: Root) -> Iterator[Problem]:
    """Find scores that receipts mention but are gone, and unscored days between scored ones, which may be lost too."""
    mend = "restore it from a backup before the next run, which would score the day again by today's model"
    there = [*map(str, manifests(root, PREDICTIONS))]
    home = "decisions/receipts/training_inference"
    written = [Path(one.path) for day in entries(root, home) for one in entries(root, f"{home}/{day.name}")]
    told = {day.decode() for path in written if files.is_file(path) for day in SCORED.findall(path.read_bytes())}
    for day in sorted(told.difference(there)):
        what = "a run wrote scores for this day, and they are gone"
        yield damage(what, f"datamart/gold/predictions/snapshot_date={day}", mend)
    for day in map(str, manifests(root, FEATURES)):
        if there and there[0] < day < there[-1] and day not in {*there, *told}:
            what = "a day between scored days has features but no scores: not scored yet, or lost"
            yield remark(what, f"datamart/gold/predictions/snapshot_date={day}", mend)
