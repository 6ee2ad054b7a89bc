"""The preprocessing job: its steps, and what it says of the files that cannot be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jobs.preprocessing.stock import Stock
from jobs.preprocessing.tables import ALL_TABLES, SOURCES
from jobs.protocol import command, files
from jobs.protocol.command import Job, Run, Step
from jobs.protocol.errors import InputMissing, JobError
from jobs.protocol.receipts import Problem


def check(run: Run) -> None:
    """Say what has landed, what is missing for the date, and which names cannot be read."""
    standing = _standing(run)
    if standing is not None:
        run.report.problems += standing
        run.events.say("nothing_to_do", f"{run.day}: all that has landed is built", date=run.day)
        return
    stock = _stock(run)
    for error in _unanswered(stock):
        run.report.fail(error)
    for name in stock.listing.unknown:
        run.report.skip(name, "its name is not that of a landing file")
    for day, tables in stock.gaps():
        run.report.skip(f"features of {day}", f"{' and '.join(tables)} have no landing file for it")
    run.events.say(
        "landed", f"{len(stock.listing.landed)} landing files up to {run.day}", files=len(stock.listing.landed)
    )


def bronze(run: Run) -> None:
    from jobs.preprocessing import bronze as layer

    _build(run, layer.build)


def silver(run: Run) -> None:
    from jobs.preprocessing import silver as layer

    _build(run, layer.build)


def gold(run: Run) -> None:
    from jobs.preprocessing import gold as layer

    _build(run, layer.build)
    if _standing(run) is None:
        _settle(run)


def _build(run: Run, build: Callable[[Run, Stock], None]) -> None:
    if _standing(run) is None:
        build(run, _stock(run))
        if not run.dry_run:
            _stock(run).index.save()


def _standing(run: Run) -> list[Problem] | None:
    if "standing" not in run.memo:
        run.memo["stock"] = Stock.of(run.root, run.day)
        run.memo["standing"] = run.memo["stock"].standing()
        if run.memo["standing"] is None:
            _begin(run)
    found: list[Problem] | None = run.memo["standing"]
    return found


def _begin(run: Run) -> None:
    _stock(run).discover()
    drafts = (*(f"datamart/{table}" for table in ALL_TABLES), "datamart/.index", "decisions")
    for folder in drafts if not run.dry_run else ():
        files.sweep(run.root.at(folder))


def _stock(run: Run) -> Stock:
    stock: Stock = run.memo["stock"]
    return stock


def _unanswered(stock: Stock) -> list[JobError]:
    """What no run can mend: names that cannot be read, and tables that have not landed for the date."""
    missing = [table for table in stock.missing_on(stock.day) if (table, stock.day) not in stock.listing.twice]
    if not missing:
        return [*stock.listing.refused]
    if not stock.root.at("datamart/landing").is_dir():
        mend = "give the right --root, or land the first files"
        return [InputMissing("nothing has ever landed under this root", where="datamart/landing", mend=mend)]
    places = ", ".join(f"{table}_{stock.day.isoformat().replace('-', '_')}.*" for table in missing)
    error = InputMissing(
        f"{len(missing)} of {len(SOURCES)} tables have no file for {stock.day}",
        where=f"datamart/landing: {places}",
        mend="wait for the source, or ask it to land the day again; the next run takes it up"
        + (
            f". Names there that say nothing to us: {', '.join(stock.listing.unknown[:3])}"
            if stock.listing.unknown
            else ""
        ),
    )
    return [*stock.listing.refused, error]


def _settle(run: Run) -> None:
    """Where nothing is left to do, remember that, and the problems that stand: the next run need not look again."""
    from jobs.preprocessing import bronze as bronze_layer
    from jobs.preprocessing import gold as gold_layer
    from jobs.preprocessing import silver as silver_layer

    stock = _stock(run)
    if stock.policy is None:
        stock.look_at_policy()  # the run has written the first one
    refused = bronze_layer.refused(stock)
    to_read = [landed for landed in bronze_layer.stale(stock) if landed.name not in refused]
    if (
        run.dry_run
        or to_read
        or any(silver_layer.stale(stock, source) for source in SOURCES)
        or gold_layer.is_stale(run, stock)
    ):
        return
    stock.settle([Problem.of(error) for error in (*_unanswered(stock), *refused.values())])


JOB = Job(
    name="preprocessing",
    about="Turn every landed file up to a date that is not yet built, or has changed, into bronze, silver and gold.",
    steps=(
        Step("check", "what has landed, what is missing, what cannot be taken", check),
        Step("bronze", "landing files into text, every row and column as it came", bronze),
        Step("silver", "text into typed, clean tables; what is refused into _rejects", silver),
        Step("gold", "features of the applications, and the labels that became known", gold),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    return command.main(JOB, argv)
