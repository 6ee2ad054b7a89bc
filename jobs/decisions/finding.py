"""What a command found: what is wrong, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.protocol.errors import JobError, StoreDamaged

REMARK = 0  # worth knowing; nothing is damaged


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding; its code is the exit code that it stands for, 0 for a remark."""

    what: str
    where: str
    mend: str
    code: int = StoreDamaged.exit_code

    @classmethod
    def of(cls, error: JobError) -> Finding:
        return cls(error.what, error.where, error.mend, error.exit_code)


def told(found: Sequence[Finding]) -> str:
    """Each finding once: what is the same in one folder is told by its first place and a number. JSON holds all."""
    alike: dict[tuple[str, str, str, int], list[Finding]] = {}
    for one in found:
        alike.setdefault((one.what, one.mend, one.where.rpartition("/")[0] or one.where, one.code), []).append(one)
    lines = []
    for first, *others in alike.values():
        kind = "" if first.code else "remark: "
        more = f", and {len(others)} more like it" if others else ""
        lines.append(f"{kind}{first.what}\n  where: {first.where}{more}\n  mend:  {first.mend}\n")
    return "".join(lines)
