"""What the numbers of a report rest on: thresholds, hashes, and the words used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from jobs.monitoring.page import Cell, Panel, Table, Week, part, plain
from jobs.protocol.policy import Policy


def appendix(week: Week, policy: Policy) -> Panel:
    """What the numbers rest on: thresholds, hashes, words."""
    thresholds = [[Cell(name), Cell(text)] for name, text in _flat(policy)]
    evidence = week.evidence
    hashes = {
        "evidence": part(week.verdict, "evidence", "sha256"),
        "evidence made from": evidence.get("made_from"),
        "policy": week.verdict.get("policy_sha256"),
        "model": part(evidence, "model", "sha256"),
        "verdict of the week before": part(week.verdict, "previous", "sha256"),
        **{one["path"]: one["sha256"] for one in evidence.get("inputs") or []},
    }
    tables = [
        Table("Policy", ("setting", "value"), thresholds),
        Table(
            "Hashes (sha256)", ("of", "hash"), [[Cell(of), Cell(str(found or "none"))] for of, found in hashes.items()]
        ),
    ]
    lead = "Every threshold that this verdict rests on, what it was computed from, and the words used here."
    return Panel(id="appendix", title="Appendix", lead=lead, tables=tables, terms=GLOSSARY)


def _flat(value: object, name: str = "") -> list[tuple[str, str]]:
    """Settings by their dotted names."""
    if is_dataclass(value):
        inner = {one.name: getattr(value, one.name) for one in fields(value)}
    elif isinstance(value, Mapping):
        inner = dict(value)
    else:
        return [(name, plain(value) or "none")]
    return [pair for key, found in inner.items() for pair in _flat(found, f"{name}.{key}" if name else key)]


GLOSSARY = (
    (
        "AUC",
        "Chance that a random bad loan has a higher score (PD) than a random good one; 0.5 is no better than a coin.",
    ),
    ("backscored", "Scored again with the model judged here, because another one scored the row then."),
    ("CBPE", "Performance estimated from the scores alone, before outcomes are known; blind to concept drift."),
    (
        "CSI, PSI",
        "Stability index of a feature or of the score: how far its bins moved from the reference; 0 is not at all.",
    ),
    ("distance to flip", "How far the value is from the threshold at which this reason would appear or vanish."),
    ("Gini, KS", "Gini is 2 AUC - 1; KS is the largest gap between the score distributions of goods and bads."),
    ("matured", "A loan whose whole label window has passed, and the lag of its servicing news with it."),
    ("n", "Rows that a number rests on."),
    ("O/E", "Bads observed over bads that the scores promised; 1 is as promised."),
    ("p, adjusted p", "How often noise alone would give as much; adjusted for the number of features tested at once."),
    ("set aside", "A reason that a rule gave and another rule kept from counting."),
)
