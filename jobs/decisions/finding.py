"""What a command found: what is wrong, where, and how to mend it."""

from __future__ import annotations

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

    def told(self) -> str:
        kind = "" if self.code else "remark: "
        return f"{kind}{self.what}\n  where: {self.where}\n  mend:  {self.mend}"
