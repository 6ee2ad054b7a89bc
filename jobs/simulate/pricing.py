"""Risk and its price: the true probability of default, and the platform's noisy view of it as grade and rate."""

from __future__ import annotations

import numpy as np

from jobs.simulate.applicants import MEDIAN_INCOME, RENT
from jobs.simulate.chance import Draw, Floats, logistic, share
from jobs.simulate.columns import EMPTY_CODE, PURPOSES, SECOND_SINCE, SUB_GRADES, Columns
from jobs.simulate.settings import Market

TERMS = np.array([36, 60])
RATES, PER_MILLE = (np.array([each[what] for each in SUB_GRADES.values()]) for what in ("rate", "share"))
REFINANCING = [code for code, name in enumerate(PURPOSES) if name in {"debt_consolidation", "credit_card"}]


def true_pd(file: Columns, market: Market) -> Floats:
    """The probability of 90 days past due within twelve months: a function of what lands with the application."""
    index = market.risk_slope * (_plain_risk(file) + _joint_effects(file)) + 0.16 * (file["int_rate"] - 13) / 5
    return logistic(market.risk_level + index)


def price(draw: Draw, file: Columns, market: Market) -> Columns:
    """The platform sees the plain part of the risk through noise, and nothing of how features work together."""
    known = _plain_risk(file) + 0.9 * (file["term"] - 0.28)  # it charges more for the long term than that costs
    seen = (known + market.lender_noise * draw.normal()) / np.hypot(1.15, market.lender_noise)
    sub_grade = np.searchsorted(np.cumsum(PER_MILLE)[:-1] / PER_MILLE.sum(), share(seen - 0.02), side="right")
    asked, rate = file["loan_amnt"], RATES[sub_grade]
    monthly = rate / 1_200
    funded = np.where(draw.happens(0.0015), 25 * np.ceil(0.9 * asked / 25), asked)
    annuity_cents = 100 * funded * monthly / (1 - (1 + monthly) ** -TERMS[file["term"]])
    can_go_direct = np.isin(file["purpose"], REFINANCING) & (file["issue_d"] >= np.datetime64(SECOND_SINCE, "M"))
    return {
        "funded_amnt": funded,
        "funded_amnt_inv": funded - 25 * draw.happens(0.07),
        "int_rate": rate,
        "installment": np.ceil(annuity_cents) / 100,  # rounded up, as Lending Club does
        "grade": sub_grade // 5,
        "sub_grade": sub_grade,
        "initial_list_status": draw.happens(0.31),
        "disbursement_method": can_go_direct & draw.happens(0.10),
    }


def _plain_risk(file: Columns) -> Floats:
    """Every feature by itself, each in the direction a practitioner expects; mean about 0, deviation about 1."""
    purpose = np.array([each["risk"] for each in PURPOSES.values()])[file["purpose"]]
    income = np.fmax(file["annual_inc"], file["annual_inc_joint"])  # a joint application is carried by both
    return np.asarray(
        -0.60 * (file["fico_range_low"] - 700) / 33
        + 0.28 * (file["dti"] - 18) / 9
        - 0.30 * np.log(income / MEDIAN_INCOME) / 0.52
        + 0.16 * (file["revol_util"] - 50) / 25
        + 0.20 * (np.minimum(file["inq_last_6mths"], 5) - 0.6)
        + 0.08 * (np.minimum(file["acc_open_past_24mths"], 12) - 4.6)
        + 0.22 * np.log(np.maximum(file["loan_amnt"] / income, 0.02) / 0.2)
        + 0.55 * (file["term"] - 0.28)
        + 0.16 * (np.minimum(file["delinq_2yrs"], 4) - 0.3)
        + 0.20 * (np.minimum(file["pub_rec"], 4) - 0.2)
        + 0.20 * (file["emp_length"] == EMPTY_CODE)
        + purpose
    )


def _joint_effects(file: Columns) -> Floats:
    """What only a model that sees several features together can find; each part only adds to the risk."""
    weak = np.clip((700 - file["fico_range_low"]) / 40, 0, None)
    stretched = np.clip((file["dti"] - 20) / 10, 0, None)
    drawn = np.clip((file["revol_util"] - 60) / 25, 0, None)
    seeking = np.clip((file["acc_open_past_24mths"] - 5) / 3, 0, 3)
    renting = file["home_ownership"] == RENT
    return np.asarray(
        1.2 * drawn * seeking + 1.0 * weak * file["term"] + 1.2 * stretched * renting + 0.8 * weak * seeking - 0.44
    )
