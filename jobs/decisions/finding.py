"""What a command found: problems as a run has them, and remarks, which are none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from jobs.protocol import files, schemas, strict_json
from jobs.protocol.errors import StoreDamaged, as_job_error, gravest
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.receipts import Problem, told

damage = partial(Problem, StoreDamaged.exit_code)
remark = partial(Problem, 0)  # worth knowing; nothing is damaged


def strange(root: Root) -> list[Problem]:
    """A folder on which no job has run is whole and well, but hardly what was meant."""
    mend = "is this the right --root? If so, nothing needs doing"
    return [] if root.at("decisions").is_dir() else [remark("no job has run on this root yet", "decisions", mend)]


def going_on(look: Iterable[Problem]) -> Iterator[Problem]:
    """What a look finds, and what ends it early: a full disk or a forged file hides nothing that others find."""
    try:
        yield from look
    except Exception as error:  # noqa: BLE001 - told as a run tells it
        yield Problem.of(as_job_error(error))


def held(root: Root, contract: str, name: str, mend: str) -> Any:  # noqa: ANN401
    """What a file holds that only jobs write; StoreDamaged where it does not keep its contract."""
    data = files.content(root.at(name), strict_json.LIMIT + 1)
    if broken := schemas.broken(contract, data, name, mend):
        raise broken
    return json.loads(data)


def summed(found: Sequence[Problem], well: str) -> tuple[int, str]:
    """The exit code of all of it, and what is said of it; `well` where nothing is to be mended."""
    grave = sum(1 for one in found if one.code)
    last = f"{grave} to mend" if grave else well
    return gravest([one.code for one in found]), f"{told(found)}{last}, {amount(len(found) - grave, 'remark')}\n"
