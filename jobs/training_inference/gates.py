"""The gates that decide whether a new model may serve: numbers in, a verdict with all reasons out."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from jobs.protocol.policy import GatePolicy

MOST_GINI_LOSS = 0.15  # relative, from in-time to out-of-time rows, by the lower bound of its interval
MOST_VIOLATION = 1e-9  # allows for rounding
MOST_LOG_LOSS_RISE = 0.005  # relative to the champion's
MET = {"at least": operator.ge, "at most": operator.le, "above": operator.gt}


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: the value found, the bound asked for, and whether it is met. A missing value never meets a gate."""

    name: str
    value: float | None
    asked: str
    bound: float

    @property
    def passed(self) -> bool:
        return self.value is not None and MET[self.asked](self.value, self.bound)

    @property
    def sentence(self) -> str:
        found = "could not be measured" if self.value is None else f"is {self.value:.4f}"
        return f"{self.name} {found}; {self.asked} {self.bound:.4f} is asked: {'met' if self.passed else 'not met'}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """All gates of the profile, met or not, in their order."""

    profile: str
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(gate.sentence for gate in self.gates if not gate.passed)


def judge(
    facts: Mapping[str, float | None], policy: GatePolicy, against: Mapping[str, float | None] | None = None
) -> Verdict:
    """Judge a model by the gates of the policy's profile and, if a model serves, by comparison with that champion.

    `facts` comes from `measuring.facts` and `against` from `measuring.against`; None is a value that was not measured.
    """
    credit, before, loss = policy.credit, facts["gini_in_time"], facts["gini_loss_lower"]
    relative_loss = None if loss is None or before is None or before <= 0 else loss / before
    auc, rate_auc = facts["auc"], facts["rate_auc"]
    over_rate = None if auc is None or rate_auc is None else auc - rate_auc
    if policy.profile == "credit":
        gates = [Gate(name, facts[name], "at least", getattr(credit, name)) for name in ("auc", "auc_lower", "ks")]
        gates += [
            Gate("oe_low", facts["oe"], "at least", credit.oe[0]),
            Gate("oe_high", facts["oe"], "at most", credit.oe[1]),
            Gate("ece", facts["ece"], "at most", credit.ece),
            Gate("auc_over_interest_rate_alone", over_rate, "above", 0.0),
            Gate("gini_loss_lower", relative_loss, "at most", MOST_GINI_LOSS),
        ]
    else:
        asked = asdict(getattr(policy, policy.profile))
        gates = [Gate(name, facts[name], "at least", bound) for name, bound in asked.items() if bound is not None]
    gates.append(Gate("monotone_violation", facts["worst_violation"], "at most", MOST_VIOLATION))
    if against is not None:
        before, now = against["champion_log_loss"], against["log_loss"]
        rise = None if before is None or now is None or before <= 0 else -(1 - now / before)
        gates += [
            Gate("auc_change_lower", against["auc_change_lower"], "at least", -credit.noninferiority),
            Gate("log_loss_rise", rise, "at most", MOST_LOG_LOSS_RISE),
        ]
    return Verdict(policy.profile, tuple(gates))
