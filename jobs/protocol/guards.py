"""What an open decision must wait for before it may be claimed. Pure numbers and dates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from jobs.protocol.policy import GuardPolicy, Policy
from jobs.protocol.state import COLD_START, Decision, State

BUDGET_DAYS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    note: bool  # the note in place holds exactly the bytes of the open decision
    new_rows: int  # labelled rows that matured since the last training
    readiness: bool = True  # enough history, all its partitions whole, and the model that serves
    policy: bool = True  # it can be read; else the last good one stands in for it
    data_quality: bool = True  # the newest week's evidence has nothing critical


def blocked_by(state: State, decision: Decision, day: date, policy: Policy, found: Circumstances) -> tuple[str, ...]:
    """Every guard that keeps this decision from being claimed on this day; empty if none does."""
    checks = {
        "note": not found.note,
        "policy": not found.policy,
        "approval": policy.mode == "advise" and not (decision.approved_by or "").strip(),
        **dict.fromkeys(held_until(state, decision, day, policy), True),
        "new_rows": decision.source != COLD_START and found.new_rows < policy.guards.min_new_rows,
        "readiness": not found.readiness,
        "data_quality": not found.data_quality,
    }
    return tuple(name for name, blocks in checks.items() if blocks)


def held_until(state: State, decision: Decision, day: date, policy: Policy) -> dict[str, date]:
    """The guards that block now and that time alone will clear, each with the day on which it clears."""
    clears = {"valid_from": decision.valid_from, **waits(state.trained, day, policy.guards)}
    bypassed = policy.guards.immediate_bypasses if decision.priority == "IMMEDIATE" else ()
    return {name: until for name, until in clears.items() if until > day and name not in bypassed}


def waits(completed: Iterable[date], day: date, guards: GuardPolicy) -> dict[str, date]:
    """For each guard that limits how often to train, the day from which it allows the next claim."""
    trained = sorted(completed)
    monday = day - timedelta(days=day.weekday())
    week = [at for at in trained if monday <= at < monday + timedelta(days=7)]
    most = guards.max_per_28_days
    return {
        "cooldown": trained[-1] + timedelta(days=guards.cooldown_days) if trained else day,
        "week": monday + timedelta(days=7) if len(week) >= guards.max_per_iso_week else day,
        "budget": trained[-most] + timedelta(days=BUDGET_DAYS) if len(trained) >= most else day,
    }
