"""The policy: every threshold that a person may set, read once, validated and frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, get_type_hints

from jobs.protocol import schemas, strict_json
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import pointer_to
from jobs.protocol.schemas import Complaint, allowed, complaints, located

Json = Mapping[str, Any]

POLICY = "policy"
_FOR_PEOPLE = ("$schema", "$comment")
# What each setting means stands in jobs/contracts/policy.json, and in the comments of every policy.


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPolicy:
    dpd: int
    window_months: int | Literal["term"]
    lag_days: int
    closing_days: int
    policy_exceptions: Literal["exclude", "include"]

    @property
    def longest_months(self) -> int:
        """The longest window in which a default counts. If the window is the term: 60, and 5 until the charge-off."""
        return 65 if self.window_months == "term" else self.window_months


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakPolicy:
    max_single_feature_auc: float
    max_age_correlation: float
    min_rows: int
    min_bads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Severities:
    low: float
    medium: float
    high: float
    critical: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    bins: int
    zero_policy: Literal["additive", "epsilon", "none"]
    n_min: int
    psi: Severities
    alpha: float
    fdr_q: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptPolicy:
    auc_drop: float
    one_sided_conf: float
    min_rows: int
    min_bads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPolicy:
    auc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CbpePolicy:
    enabled: bool
    max_mae: float
    max_severity: Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    cooldown_days: int
    min_new_rows: int
    max_per_iso_week: int
    max_per_28_days: int
    min_history_days: int
    immediate_bypasses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPolicy:
    valid_days: Mapping[str, int]
    lease_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoffPolicy:
    approval_rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditGates:
    auc: float
    auc_lower: float
    ks: float
    oe: tuple[float, float]
    ece: float
    noninferiority: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudGates:
    precision: float
    recall: float
    f1: float | None = None  # only one of the two profiles has it


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    profile: Literal["credit", "fraud_001", "fraud_002"]
    credit: CreditGates
    fraud_001: FraudGates
    fraud_002: FraudGates


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    hosts: tuple[str, ...]
    channels: tuple[str, ...]
    digest: bool
    max_pages_per_run: int
    renotify_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All settings, and the hash of the bytes they were read from."""

    label: LabelPolicy
    feature_profile: Literal["investor", "granting"]
    leaks: LeakPolicy
    drift: DriftPolicy
    concept: ConceptPolicy
    performance_floor: FloorPolicy
    cbpe: CbpePolicy
    calibration: Severities
    guards: GuardPolicy
    decision: DecisionPolicy
    cutoff: CutoffPolicy
    gates: GatePolicy
    mode: Literal["auto", "advise"]
    alerts: AlertPolicy
    sha256: str


@lru_cache(maxsize=4)
def load(data: bytes | None, where: Hashable) -> Policy:
    """Parse a policy and fill in missing keys; None gives the defaults.

    Raises ConfigInvalid with all errors at once, each with its line and column.
    """
    if data is None:
        data = default_bytes()
    given = strict_json.parse(data, where=where, limit=strict_json.EDITED_LIMIT)
    if data != default_bytes():
        check(given, data, where)
    rules: Policy = _frozen(Policy, schemas.document(POLICY), given, sha256=hashlib.sha256(data).hexdigest())
    return rules


def default_bytes() -> bytes:
    """The file that the first run writes: every key with its default, and comments that say what it means."""
    return strict_json.pretty(defaults(schemas.document(POLICY)))


def _frozen(kind: Any, part: Json, given: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever the field declares
    """Build a dataclass or mapping from the given values, with defaults for the rest and without the comments."""
    if "default" not in part:
        types = get_type_hints(kind) if is_dataclass(kind) else {}
        fields = {
            name: _frozen(types.get(name), member, given.get(name, defaults(member)))
            for name, member in _members(part).items()
        }
        return kind(**fields, **more) if types else MappingProxyType(fields)
    if isinstance(given, list):
        return tuple(given)
    return given if given is None or kind not in (float, float | None) else float(given)


def defaults(part: Json) -> Any:  # noqa: ANN401 - a setting is whatever its schema says
    """The default of a part of the schema; an object gets a `$comment` that says what its settings mean."""
    if "default" in part:
        return part["default"]
    members = _members(part)
    settings = [
        f"{name}: {member['description']} ({allowed(member)})"
        for name, member in members.items()
        if "default" in member
    ]
    pointer = part["properties"].get("$schema")
    return {
        **({"$schema": pointer["default"]} if pointer else {}),
        "$comment": [part["description"], *settings],
        **{name: defaults(member) for name, member in members.items()},
    }


def check(given: object, data: bytes, where: object) -> None:
    """Raise ConfigInvalid naming every breach of the schema, or every pair of bounds in the wrong order."""
    found = complaints(schemas.document(POLICY), given, quoting=True)
    if not found and isinstance(given, dict):
        found = [*_out_of_order(given, schemas.document(POLICY))]
    if found:
        mend = "correct these places; a key that is left out has its default"
        raise ConfigInvalid(located(data, found), where=where, mend=mend)


def _members(part: Json) -> Json:
    return {name: member for name, member in part["properties"].items() if name not in _FOR_PEOPLE}


def _out_of_order(given: Json, part: Json, here: str = "") -> Iterator[Complaint]:
    """What a schema cannot check: each setting in `x-rising` must be at most the next."""
    for lower, upper in pairwise(part.get("x-rising", ())):
        smaller, larger = (given.get(name, part["properties"][name]["default"]) for name in (lower, upper))
        if smaller > larger:
            place = pointer_to(here, lower if lower in given else upper)
            yield Complaint(place, "", f"{place} puts {lower} ({smaller}) above {upper} ({larger})")
    for name, member in _members(part).items():
        if "default" not in member and name in given:
            yield from _out_of_order(given[name], member, pointer_to(here, name))
