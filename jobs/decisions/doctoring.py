"""`doctor`: check the jobs' surroundings: permissions, disk, libraries, locks, the store, gaps, claims and clocks."""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from functools import partial
from importlib import import_module
from itertools import chain, pairwise

from jobs.decisions.finding import damage, going_on, remark, strange, summed
from jobs.protocol import clock, files
from jobs.protocol import ledger as ledgers
from jobs.protocol.claims import abandoned
from jobs.protocol.command import failure_of
from jobs.protocol.errors import JobError
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import PREFIX, day_of, entries, manifests
from jobs.protocol.layers import FEATURES, LABELS, LANDING, LANDING_KINDS, PREDICTIONS
from jobs.protocol.outlook import clock_problem
from jobs.protocol.receipts import Problem
from jobs.protocol.store import FOLDER_MODES, NOTES, POLICY, FolderStore, mode_of

LEAST_FREE = 1 << 30  # bytes
ROUNDS = 20  # races for one name
_DATED = re.compile(rf"_(\d{{4}}_\d\d_\d\d)\.(?:{'|'.join(map(re.escape, LANDING_KINDS))})(?: |\Z)")
_TRY = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)"


def doctor(root: Root, _: argparse.Namespace) -> tuple[int, str]:
    """Check everything that the jobs depend on, and say what is wrong and how to mend it."""
    looks = (permissions, disk, libraries, locks, backend, gaps, times)
    return summed(strange(root) + [one for look in looks for one in going_on(look(root))], "all is well")


def permissions(root: Root) -> Iterator[Problem]:
    """Files and folders have the right modes; nothing is world-writable."""
    found_in = (f"{ledgers.FOLDER}/{one.name}" for one in entries(root, ledgers.FOLDER) if one.name[0] != ".")
    ledger = {name: mode_of(name) for name in found_in}
    for name, mode in (FOLDER_MODES | {name: mode_of(name) for name in (POLICY, *NOTES)} | ledger).items():
        found = stat.S_IMODE(root.at(name).lstat().st_mode) if files.mode_at(root.at(name)) else mode
        if found & ~mode or (found & mode) != mode:
            grave = bool(found & ~mode & 0o022) or name in ledger
            what = f"its mode is {found:o} and should be {mode:o}"
            yield (damage if grave else remark)(what, name, f"chmod {mode:o} {name}")
    walks = (files.walked(root.at(place)) for place in ("decisions", "datamart", "model_bank"))
    for folder, _, names in chain([(str(root.path), [], [])], *walks):
        for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118 - many of them
            mode = os.lstat(path).st_mode
            if mode & stat.S_IWOTH and not stat.S_ISLNK(mode):
                name = os.path.relpath(path, root.path)
                yield damage("it is world-writable", name, f"chmod o-w {name}, then look at what is in it")


def disk(root: Root) -> Iterator[Problem]:
    free = shutil.disk_usage(root.path).free
    if free < LEAST_FREE:
        mend = "free some space: `python -m jobs.decisions gc` lists files that nothing needs"
        yield damage(f"{free:,} bytes are free on the disk", str(root.path), mend)


def libraries(_: Root) -> Iterator[Problem]:
    """LightGBM can be imported: it does not bring the library that its threads need."""
    if error := failure_of(partial(import_module, "lightgbm")):
        yield Problem.of(error)


def locks(root: Root) -> Iterator[Problem]:
    """A lock that one process holds is really refused to another."""
    home = root.at("decisions")
    if not files.is_folder(home):
        return
    handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        other = subprocess.run([sys.executable, "-I", "-c", _TRY, home], capture_output=True, check=False)
    finally:
        os.close(handle)
    if b"BlockingIOError" not in other.stderr:
        mend = "keep the root on a file system with a working flock, or run all jobs on one host"
        yield damage("two processes held one lock at the same time", "decisions", mend)


def backend(root: Root) -> Iterator[Problem]:
    """When two puts race for a name, exactly one wins; unexpected bytes are never replaced or removed."""
    store, mend = FolderStore(root), "do not run the jobs on this file system: it lacks what the store relies on"
    if not files.is_folder(root.at("decisions")):
        return
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            name, given = f"decisions/probe-{os.urandom(6).hex()}.json", (b"one", b"other")
            try:
                won = list(pool.map(lambda data, name=name: store.put_if_absent(name, data), given))
                held = store.get(name)
                kept = sum(won) == 1 and held == given[won.index(True)]
                blind = store.replace_if(name, b"neither", b"") or store.remove_if(name, b"neither")
            except OSError as error:
                if not error.filename2:
                    raise
                yield damage(f"hard links do not work here ({error.strerror})", "decisions", mend)
                return
            finally:
                root.at(name).unlink(missing_ok=True)
            if blind or not kept:
                yield damage("two writers raced for one name, and not exactly one of them won", "decisions", mend)
                return


def gaps(root: Root) -> Iterator[Problem]:
    """Days between the first and the last that miss some table."""
    landed, today = dict[str, set[date]](), clock.today()
    for table in filter(os.DirEntry.is_dir, entries(root, LANDING)):
        named = (day_of(text.replace("_", "-"), "") for text in _DATED.findall(" ".join(os.listdir(table.path))))
        own = {day for day in named if day}  # preprocessing reports names without a valid day
        if ahead := sorted(day for day in own if day > today):
            mend = "if the date is wrong, rename the file by the day it landed; otherwise it waits for that day"
            yield remark(f"a file is dated {ahead[-1]}, but today is {today}", f"{LANDING}/{table.name}", mend)
        landed[table.name] = own.difference(ahead)
    days = set().union(*landed.values())
    for source, own in landed.items():
        yield from _missing(f"{LANDING}/{source}", days - own, "ask the source to land these days again")
    mend = "run preprocessing with --date of the last landed day: it fills gaps"
    whole = set.intersection(*landed.values()) if landed else set()
    for name in (FEATURES, LABELS):
        built = set(manifests(root, name))
        yield from _missing(f"datamart/{name}", whole - built, mend)
    for one, other in pairwise(sorted(days)):
        if other - one > timedelta(days=1):
            what = f"nothing at all landed between {one} and {other}"
            yield remark(what, LANDING, "ask the source to land these days")


def times(root: Root) -> Iterator[Problem]:
    """Claims whose trainer is dead or whose lease has expired; a ledger or partitions dated in the future."""
    store, today, known = FolderStore(root), clock.today(), ledgers.Ledger()
    mend = "set this host's clock (UTC); if it is right, find out who wrote this"
    try:
        known = ledgers.read(store)
    except JobError as error:
        yield Problem.of(error)
    claim = known.state.claim
    until = known.entries[claim.seq - 1].body["lease_until"] if claim else ""
    is_over, is_dead = until and datetime.fromisoformat(until) < clock.now(), abandoned(store, known.state)
    if claim and (is_over or is_dead):
        what = "the trainer of the claim is dead" if is_dead else f"the claim's lease expired at {until}"
        first = "" if is_dead else "its trainer is still running: wait for it, or end it if it hangs; then "
        again = f"{first}run training: it records a failed attempt and may claim the decision again"
        yield remark(what, ledgers.name_of(claim.seq), again)
    if behind := clock_problem(known.state, today):
        yield Problem.of(behind)
    for table in (FEATURES, PREDICTIONS):
        if ahead := [day for day in manifests(root, table) if day > today]:
            what = f"it is dated {ahead[-1]}, but today is {today}"
            yield damage(what, f"datamart/{table}/{PREFIX}{ahead[-1]}", mend)


def _missing(where: str, days: set[date], mend: str) -> Iterator[Problem]:
    if days:
        shown = ", ".join(map(str, sorted(days)[:5])) + (" ..." if len(days) > 5 else "")  # noqa: PLR2004
        yield remark(f"{amount(len(days), 'day')} missing: {shown}", where, mend)
