"""The preprocessing job: its steps, and what it says of the files that cannot be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from jobs.preprocessing import bronze, gold, silver
from jobs.preprocessing.stock import Stock
from jobs.protocol import command, files
from jobs.protocol.command import Job, Run, Step
from jobs.protocol.errors import InputMissing, JobError
from jobs.protocol.events import amount
from jobs.protocol.index import entries
from jobs.protocol.layers import LANDING, SOURCES
from jobs.protocol.receipts import Problem
from jobs.protocol.shelf import nothing_landed
from jobs.protocol.store import DECISIONS, POLICIES

DRAFTS = ("datamart/bronze", "datamart/silver", "datamart/gold", "datamart/.index", DECISIONS, POLICIES)


def check(run: Run) -> None:
    """Say what has landed, what is missing for the date, and which names cannot be read."""
    stock = _looked(run)
    standing = stock.standing
    strays = [one.name for one in entries(run.root, LANDING) if one.name not in SOURCES and one.name[0] != "."]
    bronze.tell_of_columns(run, stock, bronze.of_today(stock))
    _pass_by(run, [f"{LANDING}/{name}" for name in strays], f"not the folder of a table: use {', '.join(SOURCES)}")
    ahead = [f"{LANDING}/{table}/{name}" for table in SOURCES for name in stock.dated_after(table, run.today)]
    _pass_by(run, ahead, "dated after today, so read when that day comes; if the date is wrong, rename the file")
    if standing is not None:
        run.report.problems += standing
        run.events.say("nothing_to_do", f"{run.day}: all that has landed is built", date=run.day)
        return
    known = bronze.refused(stock).values() if run.options.step else ()  # else the step bronze reports them
    for error in (*_unanswered(stock), *known):
        run.report.fail(error)
    _pass_by(run, stock.listing.unknown, "not the name of a landing file, which is like TABLE_YYYY_MM_DD.csv")
    for day in stock.listing.gaps():
        if day != run.day:  # the last step reports that one
            missing = " and ".join(stock.listing.missing_on(day))
            run.report.skip(f"features of {day}", f"{missing} have no landing file for it")
    landed = sum(map(len, stock.listing.days.values()))
    run.events.say("landed", f"{amount(landed, 'landing file')} up to {run.day}", files=landed)


def _pass_by(run: Run, names: Sequence[str], why: str) -> None:
    for name in names:
        run.report.skip(name, why)
    if names:
        shown = ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004
        run.events.say("passed_by", f"not read: {shown} ({why})", names=names[:3], of=len(names), why=why)


def _build(build: Callable[[Run, Stock], None], run: Run) -> None:
    stock = _looked(run)
    if stock.standing is None:
        build(run, stock)
        if not run.dry_run:
            stock.index.save()


def _build_gold(run: Run) -> None:
    """If nothing is left to do afterwards, remember that and the open problems, so that the next run need not look."""
    _build(gold.build, run)
    stock = _looked(run)
    if stock.standing is not None or run.dry_run:
        return
    if stock.policy is None:
        stock.look_at_policy()  # the run has written the first one
    refused = bronze.refused(stock)
    is_read = all(landed.name in refused for landed in bronze.stale(stock))
    is_clean = is_read and not any(silver.stale(stock, source) for source in SOURCES)
    if is_clean and not (gold.stale_features(stock) or gold.stale_labels(stock, gold.policy(run))):
        stock.settle([Problem.of(error) for error in (*_unanswered(stock), *refused.values())])


def _looked(run: Run) -> Stock:
    """The state of landing and partitions, surveyed once at the beginning of the run."""
    if "stock" not in run.memo:
        stock = run.memo["stock"] = Stock.of(run.root, run.day)
        for folder in DRAFTS if stock.standing is None and not run.dry_run else ():
            files.sweep(run.root.at(folder))
    found: Stock = run.memo["stock"]
    return found


def _unanswered(stock: Stock) -> list[JobError]:
    """What no run can fix: file names that cannot be parsed, and tables that have not landed for the date."""
    listing = stock.listing
    missing = listing.missing_on(stock.day)
    if not missing:
        return [*listing.refused]
    if nothing := nothing_landed(stock.root):
        return [nothing]
    error = InputMissing(
        f"{len(missing)} of {len(SOURCES)} tables have no file for {stock.day}",
        where=f"{LANDING}: {', '.join(f'{table}_{stock.day:%Y_%m_%d}.*' for table in missing)}",
        mend="wait for the source, or ask it to land the day again; the next run reads it",
    )
    return [*listing.refused, error]


JOB = Job(
    name="preprocessing",
    about="Build bronze, silver and gold from every landed file up to a date that is new or has changed.",
    steps=(
        Step("check", "what has landed, what is missing, what cannot be read", check),
        Step("bronze", "landing files into text, every row and column as it came", partial(_build, bronze.build)),
        Step("silver", "text into typed, clean tables; refused cells into _rejects", partial(_build, silver.build)),
        Step("gold", "features of the applications, and the labels that became known", _build_gold),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    return command.main(JOB, argv)
