"""Breadth first through every reachable world."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tests.model.sentences import Unsettled, Violation
from tests.model.things import DAYS, Bounds, World
from tests.model.world import Model


@dataclass
class Findings:
    """What a search met. `exhausted` is False where it stopped at its limit or at the first violation."""

    states: int = 0
    steps: int = 0
    violations: dict[str, list[str]] = field(default_factory=dict)  # the sentence broken, and a shortest way there
    dead_ends: dict[str, list[str]] = field(default_factory=dict)
    exhausted: bool = False

    def told(self) -> str:
        found = f"{self.states:,} states, {self.steps:,} steps{'' if self.exhausted else ' (not exhausted)'}"
        return f"{found}, {len(self.violations)} violations, {len(self.dead_ends)} dead ends"


def search(bounds: Bounds, limit: int = 10_000_000, *, until_violation: bool = False) -> Findings:
    """Visit every world within the bounds once; check each step, and that each world at rest can be recovered."""
    model, findings = Model(bounds), Findings()
    first = model.first()
    came: dict[World, tuple[World, str] | None] = {first: None}
    queue = deque([first])
    recovered: set[object] = set()
    while queue and len(came) < limit:
        world = queue.popleft()
        try:
            following = list(model.steps(world))
            _check_rest(model, world, following, recovered)
        except Unsettled as left:
            findings.dead_ends.setdefault(str(left), way_to(world, came))
        except Violation as broken:
            findings.violations.setdefault(str(broken), way_to(world, came))
        else:
            findings.steps += len(following)
            for step, after in following:
                if after not in came:
                    came[after] = (world, step)
                    queue.append(after)
        if until_violation and (findings.violations or findings.dead_ends):
            break
    findings.states = len(came)
    findings.exhausted = not queue
    return findings


def _check_rest(model: Model, world: World, following: list[tuple[str, World]], recovered: set[object]) -> None:
    """Somebody can always move; and where all rest, one run of training settles whatever is left."""
    if any(world.processes):
        if not any(": " in step for step, _ in following):
            raise Unsettled("nobody can move")
        return
    key = (world.ledger, world.files)
    if key in recovered:
        return
    recovered.add(key)
    alone: World | None = model.begun(world, 0, "train", DAYS[-1])
    while alone is not None and alone.processes[0] is not None:
        alone = model.stepped(alone, 0)
    if alone is None:
        raise Unsettled("the run after it can never go on")


def way_to(world: World, came: dict[World, tuple[World, str] | None]) -> list[str]:
    way: list[str] = []
    while (before := came[world]) is not None:
        world, step = before
        way.append(step)
    return way[::-1]
