"""Applicants, their requests, true risk and price, all tied together by a few hidden traits."""

from __future__ import annotations

import numpy as np

from jobs.simulate.chance import Draw, Floats, logistic, share
from jobs.simulate.columns import (
    EMPTY_CODE,
    JOINT_SINCE,
    NO_MONTH,
    PURPOSES,
    SECOND_SINCE,
    STATES,
    SUB_GRADES,
    TEXTS,
    Columns,
)
from jobs.simulate.settings import Market

MORTGAGE, RENT, OWN, ANY = range(4)
MEDIAN_INCOME, MEDIAN_LOAN = 66_000, 12_700
TOP_FICO = 845  # its range ends at 850, one point wider than all others
SHORT_LIMIT, LONG_LIMIT, LONG_LIMIT_SINCE = 35_000, 40_000, np.datetime64("2016-03", "M")
LONG_TERM_SINCE, LONG_TERM_FROM = np.datetime64("2010-05", "M"), 4_000
WISHES_UNTIL = np.datetime64("2014-04", "M")
EMP_SHARES = (0.09, 0.075, 0.10, 0.08, 0.073, 0.066, 0.05, 0.042, 0.04, 0.042, 0.342)
TERMS = np.array([36, 60])
RATES, PER_MILLE = (np.array([each[what] for each in SUB_GRADES.values()]) for what in ("rate", "share"))
REFINANCING = [code for code, name in enumerate(PURPOSES) if name in {"debt_consolidation", "credit_card"}]


def draw_traits(draw: Draw, market: Market) -> Columns:
    """The hidden traits: standard normal, one value per applicant."""
    quality, wealth, own, appetite, luck = draw.normal(5)
    quality = quality + market.quality
    thickness = 0.35 * wealth + 0.937 * own  # how long and how much credit was used
    score = 0.88 * quality + 0.12 * wealth + 0.12 * thickness - 0.15 * appetite + 0.40 * luck  # a bureau's, of these
    return {"quality": quality, "wealth": wealth, "thickness": thickness, "appetite": appetite, "score": score}


def draw_applicants(draw: Draw, file: Columns, market: Market) -> Columns:
    fico = market.fico_floor + market.fico_scale * (-np.log(1 - share(file["score"]))) ** (1 / 1.2)
    income = MEDIAN_INCOME * np.exp(0.52 * (0.95 * file["wealth"] + 0.31 * draw.normal()))
    unit = np.array([1, 500, 5_000])[draw.one_of((0.25, 0.45, 0.3))]
    unemployed = draw.happens(0.073)
    emp_length = draw.one_of(EMP_SHARES)
    title = draw.one_of([1 / (rank + 4) for rank in range(len(TEXTS["emp_title"]))])
    owns = draw.happens(0.895 * logistic(-0.02 + 0.75 * file["wealth"] + 0.35 * file["thickness"]))
    home = np.where(owns, MORTGAGE, np.array([RENT, OWN, ANY])[draw.one_of((79, 20, 0.2))])
    state = draw.one_of([each["share"] for each in STATES.values()])
    first, last = np.array([each["codes"] for each in STATES.values()])[state].T
    return {
        **_fico("", fico),
        "annual_inc": np.clip(np.round(income / unit) * unit, 8_000, 1_500_000),
        "emp_length": np.where(unemployed, EMPTY_CODE, emp_length),
        "emp_title": np.where(unemployed | draw.happens(0.01), EMPTY_CODE, title),
        "home_ownership": home,
        "addr_state": state,
        "zip_code": first + draw.below(last - first + 1),
        "verification_status": draw.one_of((0.33, 0.38, 0.29)),
    }


def draw_request(draw: Draw, file: Columns, market: Market) -> Columns:
    """The amount and purpose: those who earn more, or have more card debt to pay off, ask for more."""
    month = file["issue_d"]
    debt = np.log((file["revol_bal"] + 500) / 11_000)
    wish = 0.38 * file["wealth"] + 0.30 * debt + 0.05 * file["score"] + 0.80 * draw.normal()
    limit = np.where(month >= LONG_LIMIT_SINCE, LONG_LIMIT, SHORT_LIMIT)
    unit = np.where(draw.happens(0.65), 1_000, 25)
    amount = np.clip(np.round(MEDIAN_LOAN * np.exp(0.66 * wish) / unit) * unit, 1_000, limit)
    sixty = logistic(market.sixty_months + 1.15 * np.log(amount / MEDIAN_LOAN) - 0.25 * file["quality"])
    long = draw.happens(sixty) & (amount >= LONG_TERM_FROM) & (month >= LONG_TERM_SINCE)
    purpose = draw.one_of([each["share"] for each in PURPOSES.values()])
    tells = draw.happens(0.4) & (month < WISHES_UNTIL)
    return {
        "loan_amnt": amount,
        "term": long.astype(np.int64),
        "purpose": purpose,
        "title": np.where(draw.happens(0.01), EMPTY_CODE, purpose),
        "desc": np.where(tells, draw.rng.integers(0, len(TEXTS["desc"]), draw.size), EMPTY_CODE),
    }


def draw_second(draw: Draw, file: Columns, market: Market) -> Columns:
    """The second person of a joint application; everyone else's columns stay empty."""
    joint = draw.happens(market.joint_share) & (file["issue_d"] >= np.datetime64(JOINT_SINCE, "M"))
    wealth, debts, quality, age, lines = draw.normal(5)
    income = np.round(45_000 * np.exp(0.5 * wealth))
    both = file["annual_inc"] + income
    open_accounts = 1 + draw.counts(10, 0.4 * lines)
    values: Columns = {
        **_fico("sec_app_", 672 + 45 * quality),
        "annual_inc_joint": both,
        "dti_joint": np.round((file["dti"] * file["annual_inc"] + 16 * income * np.exp(0.4 * debts)) / both, 2),
        "revol_bal_joint": file["revol_bal"] + np.round(9_500 * np.exp(0.9 * debts)),
        "sec_app_inq_last_6mths": draw.counts(0.7, 0.7 * debts),
        "sec_app_mort_acc": draw.counts(1.4, 0.7 * wealth),
        "sec_app_open_acc": open_accounts,
        "sec_app_revol_util": np.round(np.clip(104 * share(0.7 * debts - 0.5 * quality) - 1, 0, 120), 1),
        "sec_app_open_act_il": draw.rng.binomial(open_accounts, 0.26),
        "sec_app_num_rev_accts": open_accounts + draw.counts(1.0, lines),
        "sec_app_chargeoff_within_12_mths": draw.counts(0.03, -0.6 * quality),
        "sec_app_collections_12_mths_ex_med": draw.counts(0.08, -0.6 * quality),
        "sec_app_mths_since_last_major_derog": np.where(draw.happens(0.37), draw.below(80), np.nan),
    }
    oldest = file["issue_d"] - np.clip(np.round(160 * np.exp(0.55 * age)), 12, 600).astype("timedelta64[M]")
    verified = draw.one_of((0.52, 0.28, 0.20))
    return {
        "application_type": joint,
        "verification_status_joint": np.where(joint & draw.happens(0.96), verified, EMPTY_CODE),
        "sec_app_earliest_cr_line": np.where(joint, oldest, NO_MONTH),
        **{name: np.where(joint, column, np.nan) for name, column in values.items()},
    }


def true_pd(file: Columns, market: Market) -> Floats:
    """The probability of 90 days past due within twelve months: a function of what lands with the application."""
    index = market.risk_slope * (_plain_risk(file) + _joint_effects(file)) + 0.16 * (file["int_rate"] - 13) / 5
    return logistic(market.risk_level + index)


def price(draw: Draw, file: Columns, market: Market) -> Columns:
    """The platform's price: it sees the additive part of the risk, with noise, but no interactions between features."""
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
    """The additive part of the risk, with the signs that a practitioner expects; mean about 0, deviation about 1."""
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
    """Interactions, which only a model of several features together can find; each one only adds risk."""
    weak = np.clip((700 - file["fico_range_low"]) / 40, 0, None)
    stretched = np.clip((file["dti"] - 20) / 10, 0, None)
    drawn = np.clip((file["revol_util"] - 60) / 25, 0, None)
    seeking = np.clip((file["acc_open_past_24mths"] - 5) / 3, 0, 3)
    renting = file["home_ownership"] == RENT
    return np.asarray(
        1.2 * drawn * seeking + 1.0 * weak * file["term"] + 1.2 * stretched * renting + 0.8 * weak * seeking - 0.44
    )


def _fico(prefix: str, points: Floats) -> Columns:
    low = np.clip(5 * np.floor(points / 5), 540, TOP_FICO)
    return {f"{prefix}fico_range_low": low, f"{prefix}fico_range_high": low + np.where(low >= TOP_FICO, 5, 4)}
