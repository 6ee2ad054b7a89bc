"""Whether anything has changed since a run that left nothing to do: one hash of every name, size and time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import date
from functools import cache

from jobs.preprocessing import arrivals
from jobs.preprocessing.stock import Stock
from jobs.preprocessing.tables import ALL_TABLES, VERSIONS
from jobs.protocol import files, index
from jobs.protocol.contract import HOME
from jobs.protocol.receipts import Problem

NAME = "datamart/.index/preprocessing.settled.json"


def key(stock: Stock, until: date) -> str:
    """What a run saw of the world up to a date, without opening a data file, and what it has made of it."""
    policy = index.identity_of(stock.policy) if stock.policy else None
    digest = hashlib.sha256(f"{until} {VERSIONS} {_contracts()} {policy}".encode())
    for table, stats in stock.offered.items():
        names = [name for name in stats if arrivals.day_of(table, name, date.min) <= until]
        digest.update(f"{names} {[index.identity_of(stats[name]) for name in names]}".encode())
    for table in ALL_TABLES:
        built = stock.built(table).stats
        seen = [[day.toordinal(), *index.identity_of(built[day])] for day in sorted(built) if day <= until]
        digest.update(f"{table} {seen}".encode())
    return digest.hexdigest()


def standing(stock: Stock) -> list[Problem] | None:
    """The problems that still stand where nothing else is to do; None where something may be to do.

    Where an earlier date was settled without any, and is as it was then, only what came after it is to be looked at.
    """
    try:
        found = json.loads(stock.root.at(NAME).read_bytes())
        day, problems = date.fromisoformat(found["day"]), [Problem(**problem) for problem in found["problems"]]
        if day > stock.day or found["key"] != key(stock, day):
            return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    if day == stock.day:
        return problems
    stock.since = date.min if problems else day
    return None


def remember(stock: Stock, problems: list[Problem]) -> None:
    """By what the run saw at its beginning: what changed since is looked at by the next run."""
    facts = {"day": str(stock.day), "key": key(stock, stock.day), "problems": [asdict(each) for each in problems]}
    data = json.dumps(facts, sort_keys=True).encode()
    path = stock.root.at(NAME)
    if not path.is_file() or path.read_bytes() != data:
        files.write_whole(stock.root, path, data)


@cache
def _contracts() -> str:
    """As `contract.load`, which reads each of them once a process."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(HOME.rglob("*.json")))).hexdigest()
