"""Whether a new model may serve: numbers in, a verdict and every reason out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jobs.protocol.policy import CreditGates, FraudGates, GatePolicy

MOST_GINI_LOSS = 0.15  # relative, from in time to out of time, beyond what noise explains
MOST_VIOLATION = 1e-9  # rounding
MOST_LOG_LOSS_RISE = 0.005  # relative, against the champion


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What out-of-time rows say of a model; None where it could not be measured."""

    auc: float | None
    auc_lower: float | None  # of the 95 % interval
    ks: float | None
    oe: float | None
    ece: float | None
    rate_auc: float | None  # of the interest rate alone, on the same rows
    gini_in_time: float | None  # of rows in time that the trees were not fitted on: on fitted ones any model shines
    gini_change_upper: float | None  # in time to out of time, of the 95 % interval: few rows alone are no loss
    precision: float | None
    recall: float | None
    f1: float | None
    worst_violation: float | None  # of a monotone sign, in the raw score


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """The same rows scored by the new model and by the champion."""

    auc_change_lower: float | None  # one-sided 95 % bound of new less champion, paired DeLong
    log_loss: float | None
    champion_log_loss: float | None


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: what was found, what was asked, and whether it is met. What was not measured meets nothing."""

    name: str
    value: float | None
    asked: str  # at least, at most, above
    bound: float | None
    passed: bool

    @property
    def sentence(self) -> str:
        found = "could not be measured" if self.value is None else f"is {self.value:.4f}"
        bound = "a value that could not be measured" if self.bound is None else f"{self.bound:.4f}"
        return f"{self.name} {found}; {self.asked} {bound} is asked: {'met' if self.passed else 'not met'}"


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


def judge(facts: Facts, policy: GatePolicy, against: Against | None = None) -> Verdict:
    """Hold a model against the gates of the policy's profile and, where one serves, against the champion."""
    if policy.profile == "credit":
        gates = list(_credit(facts, policy.credit))
    else:
        gates = list(_fraud(facts, policy.fraud_001 if policy.profile == "fraud_001" else policy.fraud_002))
    if against is not None:
        gates += _champion(against, policy.credit.noninferiority)
    return Verdict(policy.profile, tuple(gates))


def _credit(facts: Facts, asked: CreditGates) -> Iterator[Gate]:
    yield _at_least("auc", facts.auc, asked.auc)
    yield _at_least("auc_lower", facts.auc_lower, asked.auc_lower)
    yield _at_least("ks", facts.ks, asked.ks)
    yield _at_least("oe_low", facts.oe, asked.oe[0])
    yield _at_most("oe_high", facts.oe, asked.oe[1])
    yield _at_most("ece", facts.ece, asked.ece)
    beats = facts.auc is not None and facts.rate_auc is not None and facts.auc > facts.rate_auc
    yield Gate("auc_over_interest_rate_alone", facts.auc, "above", facts.rate_auc, beats)
    change, before = facts.gini_change_upper, facts.gini_in_time
    loss = None if change is None or before is None or before <= 0 else -change / before
    yield _at_most("gini_loss_lower", loss, MOST_GINI_LOSS)
    yield _at_most("monotone_violation", facts.worst_violation, MOST_VIOLATION)


def _fraud(facts: Facts, asked: FraudGates) -> Iterator[Gate]:
    yield _at_least("precision", facts.precision, asked.precision)
    yield _at_least("recall", facts.recall, asked.recall)
    if asked.f1 is not None:
        yield _at_least("f1", facts.f1, asked.f1)


def _champion(against: Against, noninferiority: float) -> Iterator[Gate]:
    yield _at_least("auc_change_lower", against.auc_change_lower, -noninferiority)
    fall = _relative_fall(against.champion_log_loss, against.log_loss)
    yield _at_most("log_loss_rise", None if fall is None else -fall, MOST_LOG_LOSS_RISE)


def _at_least(name: str, value: float | None, bound: float) -> Gate:
    return Gate(name, value, "at least", bound, value is not None and value >= bound)


def _at_most(name: str, value: float | None, bound: float) -> Gate:
    return Gate(name, value, "at most", bound, value is not None and value <= bound)


def _relative_fall(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None or before <= 0 else 1 - after / before
