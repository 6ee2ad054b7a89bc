"""The policy's JSON Schema put to use: its defaults, its explanations, and every breach of it with place and mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from jobs.protocol import contract
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.json_scan import pointer_to
from jobs.protocol.note_check import Breach, allowed, breaches, told

Json = Mapping[str, Any]

_FOR_PEOPLE = ("$schema", "$comment")
_RISING = (  # bounds that a schema cannot compare
    ("drift/psi", ("low", "medium", "high", "critical")),
    ("calibration", ("low", "medium", "high", "critical")),
    ("gates/credit", ("auc_lower", "auc")),
    ("concept", ("min_bads", "min_rows")),
    ("leaks", ("min_bads", "min_rows")),
)


def schema() -> Json:
    """The one place of the policy's ranges, defaults and explanations."""
    return contract.document("policy")


def defaults(part: Json) -> Any:  # noqa: ANN401 - a setting is whatever its schema says
    """The value where nothing is given; an object tells in its `$comment` what its settings mean."""
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


def filled(part: Json, given: Any) -> Any:  # noqa: ANN401
    """What was given, the defaults of what was not, and nothing that is for people only."""
    if "default" in part:
        return given
    return {name: filled(member, given.get(name, defaults(member))) for name, member in _members(part).items()}


def check(given: object, data: bytes, where: object) -> None:
    """Raise ConfigInvalid naming every breach of the schema, or of the order that its bounds must keep."""
    found = list(breaches(given, "policy"))
    if not found and isinstance(given, dict):
        found = [breach for path, keys in _RISING for breach in _out_of_order(given, path, keys)]
    if found:
        mend = "correct these places; a key that is left out has its default"
        raise ConfigInvalid(told(data, found), where=where, mend=mend)


def _members(part: Json) -> Json:
    return {name: member for name, member in part["properties"].items() if name not in _FOR_PEOPLE}


def _out_of_order(given: Json, path: str, keys: tuple[str, ...]) -> Iterator[Breach]:
    part = schema()
    for name in path.split("/"):
        given, part = given.get(name, {}), part["properties"][name]
    values = [given.get(key, part["properties"][key]["default"]) for key in keys]
    for (lower, smaller), (upper, larger) in pairwise(zip(keys, values, strict=True)):
        if smaller > larger:
            place = pointer_to(f"/{path}", lower if lower in given else upper)
            yield place, f"{place} puts {lower} ({smaller}) above {upper} ({larger})"
