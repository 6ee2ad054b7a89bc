"""What `check` and `doctor` find: problems (with an exit code), and remarks (without one)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from jobs.protocol import files, schemas, strict_json
from jobs.protocol.errors import StoreDamaged, as_job_error, gravest
from jobs.protocol.events import amount
from jobs.protocol.files import Root
from jobs.protocol.index import manifests
from jobs.protocol.layers import PREDICTIONS
from jobs.protocol.receipts import Problem, in_words
from jobs.protocol.store import DECISIONS

damage = partial(Problem, StoreDamaged.exit_code)
remark = partial(Problem, 0)  # worth knowing; nothing is damaged


def strange(root: Root) -> list[Problem]:
    """A remark if no job has ever run on this root: nothing is damaged, but it is hardly the folder that was meant."""
    mend = "is this the right --root? If so, nothing needs doing"
    has_run = files.is_folder(root.at(DECISIONS)) or manifests(root, PREDICTIONS)
    return [] if has_run else [remark("no job has run on this root yet", DECISIONS, mend)]


def going_on(look: Iterable[Problem]) -> Iterator[Problem]:
    """The findings of one check; if the check itself fails, that is one more finding, and the others still run."""
    try:
        yield from look
    except Exception as error:  # noqa: BLE001 - told as a run tells it
        yield Problem.of(as_job_error(error))


def held(root: Root, contract: str, name: str, mend: str) -> Any:  # noqa: ANN401
    """Parse a file that only jobs write; StoreDamaged if it breaks its contract."""
    data = files.content(root.at(name), strict_json.LIMIT + 1)
    if broken := schemas.broken(contract, data, name, mend):
        raise broken
    return json.loads(data)


def summed(found: Sequence[Problem], well: str) -> tuple[int, str]:
    """The exit code and the text for all findings; the text ends with `well` if there is nothing to mend."""
    grave = sum(1 for one in found if one.code)
    last = f"{grave} to mend" if grave else well
    return gravest([one.code for one in found]), f"{in_words(found)}{last}, {amount(len(found) - grave, 'remark')}\n"
