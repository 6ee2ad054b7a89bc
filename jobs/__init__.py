"""Credit scoring by files: three jobs, and the tools around them."""

from __future__ import annotations

import sys
from types import TracebackType


def _stop_quietly(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        return sys.__excepthook__(kind, error, trace)
    if sys.stderr:
        sys.stderr.write("stopped\n")
    raise SystemExit(143)


if sys.argv[:1] == ["-m"]:  # a command is being found: Ctrl-C while it imports what it needs is a stop, and no bug
    sys.excepthook = _stop_quietly
