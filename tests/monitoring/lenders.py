"""A lender with a model and some weeks of monitoring; copies of it live on in scenarios of their own."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.monitoring import job as monitoring
from jobs.preprocessing import job as preprocessing
from jobs.simulate.__main__ import main as simulate
from jobs.training_inference import job as training

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
ONE_DAY, ONE_WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Plan:
    """How large the lender is, and its dates."""

    policy: Json
    loans_per_day: int
    first: date  # landing date
    learned: date  # landing date of the last loans that the model learns from
    trained: date  # a Sunday by which these have matured
    calm: date  # a Sunday three weeks later or more: nothing is put down to the promotion any more
    seed: int = 11

    @property
    def shifted(self) -> date:
        """The Sunday on which the first week of a shift is judged that begins when all was calm."""
        return self.calm + ONE_WEEK


SHORT = Plan(
    policy={
        # loans tell after four months, and a few hundred bads are enough to judge by
        "label": {"window_months": 4, "dpd": 30, "lag_days": 0},
        "guards": {"min_history_days": 60, "min_new_rows": 1},
        "gates": {"profile": "fraud_001", "fraud_001": {"precision": 0.0, "recall": 0.0, "f1": 0.0}},
        "performance_floor": {"auc": 0.5},
        "concept": {"min_bads": 100},
        # a model that knows so few bads spreads its scores little: they move half as far as those of a grown model
        "drift": {"psi": {"low": 0.05, "medium": 0.12, "high": 0.15, "critical": 0.35}},
        "calibration": {"high": 0.9, "critical": 0.95},
    },
    loans_per_day=400,
    first=date(2015, 4, 22),
    learned=date(2015, 7, 1),
    trained=date(2015, 11, 1),
    calm=date(2015, 11, 22),
)


@dataclass(frozen=True)
class Lender:
    """A root, and what is done with it day by day."""

    root: Path
    plan: Plan
    scenarios: tuple[str, ...] = field(default=())

    def copied(self, into: Path, *scenarios: str) -> Lender:
        """The same until now; what lands from now on does so under these scenarios too."""
        shutil.copytree(self.root, into / "root")
        return replace(self, root=into / "root", scenarios=(*self.scenarios, *scenarios))

    def set_policy(self, policy: Json) -> None:
        (self.root / "decisions").mkdir(exist_ok=True)
        (self.root / "decisions/policy.json").write_text(json.dumps(policy))

    def land(self, last: date) -> None:
        plan = self.plan
        asked = [part for name in self.scenarios for part in ("--scenario", name)]
        dates = ["--start", str(plan.first), "--end", str(last)]  # old loans go on being serviced; nothing lands twice
        size = ["--loans-per-day", str(plan.loans_per_day), "--seed", str(plan.seed)]
        assert simulate(["--root", str(self.root), *dates, *size, *asked]) == 0

    def preprocess(self, day: date) -> None:
        assert preprocessing.main(["--root", str(self.root), "--date", str(day)]) == 0

    def train_and_score(self, day: date) -> None:
        assert training.main(["--root", str(self.root), "--date", str(day)]) == 0

    def live(self, last: date) -> None:
        """Land, preprocess and score until that date."""
        self.land(last)
        self.preprocess(last)
        self.train_and_score(last)

    def judge(self, sunday: date) -> Json:
        """Monitoring of a Sunday: the verdict on its week."""
        assert monitoring.main(["--root", str(self.root), "--date", str(sunday)]) == 0
        return self.verdict(sunday)

    def live_and_judge(self, sunday: date) -> Json:
        self.live(sunday - ONE_DAY)
        return self.judge(sunday)

    def verdict(self, sunday: date) -> Json:
        path = self.root / f"datamart/gold/monitoring/week={sunday - ONE_DAY}/decision.json"
        found: Json = json.loads(path.read_bytes())
        return found

    def evidence(self, sunday: date) -> Json:
        found: Json = json.loads((self.root / self.verdict(sunday)["evidence"]["path"]).read_bytes())
        return found

    def reference(self) -> Json:
        """What the only model of the bank is held against."""
        (path,) = self.root.glob("model_bank/*/reference_profile.json")
        found: Json = json.loads(path.read_bytes())
        return found


def learnable(plan: Plan, into: Path) -> Lender:
    """Landed and preprocessed as far as the model is to learn."""
    lender = Lender(into / "root", plan)
    lender.root.mkdir()
    lender.set_policy(plan.policy)
    lender.land(plan.learned)
    lender.preprocess(plan.learned)
    return lender


def calm(begun: Lender, into: Path) -> Lender:
    """Steady until the Saturday before `calm`, with a model, and a verdict on every week since."""
    lender, plan = begun.copied(into), begun.plan
    lender.land(plan.calm - ONE_DAY)
    lender.preprocess(plan.calm - ONE_DAY)
    lender.train_and_score(plan.trained)
    lender.train_and_score(plan.calm - ONE_DAY)
    for weeks in range(1, (plan.calm - plan.trained) // ONE_WEEK + 1):
        lender.judge(plan.trained + weeks * ONE_WEEK)
    return lender


def shifted(calm: Lender, into: Path, *names: str, after: date | None = None) -> Lender:
    """What was calm, with scenarios from `after` on (default: from the Sunday on)."""
    return calm.copied(into, *(f"{name}@{after or calm.plan.calm}" for name in names))


def aged(begun: Lender, calm: Lender, into: Path, *names: str) -> Lender:
    """The calm lender's model, on loans that were otherwise from those on that it could not learn from."""
    lender = begun.copied(into, *(f"{name}@{begun.plan.learned + ONE_DAY}" for name in names))
    lender.land(begun.plan.shifted - ONE_DAY)
    lender.preprocess(begun.plan.shifted - ONE_DAY)
    for below in ("decisions", "model_bank", "datamart/gold/predictions"):
        shutil.rmtree(lender.root / below, ignore_errors=True)
        shutil.copytree(calm.root / below, lender.root / below)
    lender.train_and_score(begun.plan.shifted - ONE_DAY)
    return lender
