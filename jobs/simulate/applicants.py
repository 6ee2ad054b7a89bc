"""Who applies for what: income, home, work, and the loan asked for, tied together by a few hidden traits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.simulate.chance import Floats, below, chance, counts, logistic, one_of, share
from jobs.simulate.columns import EMP_TITLES, EMPTY_CODE, JOINT_SINCE, PURPOSES, STATES, WISHES, Columns
from jobs.simulate.settings import Market

MORTGAGE, RENT, OWN, ANY = range(4)
MEDIAN_INCOME, MEDIAN_LOAN = 66_000, 12_700
TOP_FICO = 845  # its range ends at 850, one point wider than all others
SHORT_LIMIT, LONG_LIMIT, LONG_LIMIT_SINCE = 35_000, 40_000, np.datetime64("2016-03", "M")
LONG_TERM_SINCE, LONG_TERM_FROM = np.datetime64("2010-05", "M"), 4_000
WISHES_UNTIL = np.datetime64("2014-04", "M")
EMP_SHARES = (0.09, 0.075, 0.10, 0.08, 0.073, 0.066, 0.05, 0.042, 0.04, 0.042, 0.342)


@dataclass(frozen=True, slots=True)
class Traits:
    """What no file shows: standard normal, one value an applicant."""

    quality: Floats
    wealth: Floats
    thickness: Floats  # how long and how much credit was used
    appetite: Floats  # how eagerly credit is sought now
    score: Floats  # what a bureau's score makes of the others


def draw_traits(rng: np.random.Generator, size: int, market: Market) -> Traits:
    quality, wealth, own, appetite, luck = rng.standard_normal((5, size))
    quality = quality + market.quality
    thickness = 0.35 * wealth + 0.937 * own
    score = 0.88 * quality + 0.12 * wealth + 0.12 * thickness - 0.15 * appetite + 0.40 * luck
    return Traits(quality, wealth, thickness, appetite, score)


def draw_applicants(rng: np.random.Generator, traits: Traits, market: Market) -> Columns:
    size = traits.wealth.size
    fico = market.fico_floor + market.fico_scale * (-np.log(1 - share(traits.score))) ** (1 / 1.2)
    income = MEDIAN_INCOME * np.exp(0.52 * (0.95 * traits.wealth + 0.31 * rng.standard_normal(size)))
    unit = np.array([1, 500, 5_000])[one_of(rng, (0.25, 0.45, 0.3), size)]
    unemployed = chance(rng, 0.073, size)
    emp_length = one_of(rng, EMP_SHARES, size)
    title = one_of(rng, [1 / (rank + 4) for rank in range(len(EMP_TITLES))], size)
    owner = logistic(-0.02 + 0.75 * traits.wealth + 0.35 * traits.thickness)
    home = np.where(
        chance(rng, 0.895 * owner, size), MORTGAGE, np.array([RENT, OWN, ANY])[one_of(rng, (79, 20, 0.2), size)]
    )
    state = one_of(rng, [entry[1] for entry in STATES], size)
    first, last = (np.array([entry[place] for entry in STATES])[state] for place in (2, 3))
    return {
        **_fico("", fico),
        "annual_inc": np.clip(np.round(income / unit) * unit, 8_000, 1_500_000),
        "emp_length": np.where(unemployed, EMPTY_CODE, emp_length),
        "emp_title": np.where(unemployed | chance(rng, 0.01, size), EMPTY_CODE, title),
        "home_ownership": home,
        "addr_state": state,
        "zip_code": first + below(rng, last - first + 1, size).astype(np.int64),
        "verification_status": one_of(rng, (0.33, 0.38, 0.29), size),
    }


def draw_request(
    rng: np.random.Generator, traits: Traits, file: Columns, month: np.datetime64, market: Market
) -> Columns:
    """What is asked for: more by those who earn more, and by those with more card debt to pay off."""
    size = traits.wealth.size
    debt = np.log((file["revol_bal"] + 500) / 11_000)
    wish = 0.38 * traits.wealth + 0.30 * debt + 0.05 * traits.score + 0.80 * rng.standard_normal(size)
    limit = LONG_LIMIT if month >= LONG_LIMIT_SINCE else SHORT_LIMIT
    unit = np.where(chance(rng, 0.65, size), 1_000, 25)
    amount = np.clip(np.round(MEDIAN_LOAN * np.exp(0.66 * wish) / unit) * unit, 1_000, limit)
    sixty = logistic(market.sixty_months + 1.15 * np.log(amount / MEDIAN_LOAN) - 0.25 * traits.quality)
    long = chance(rng, sixty, size) & (amount >= LONG_TERM_FROM) & (month >= LONG_TERM_SINCE)
    purpose = one_of(rng, [weight for weight, _ in PURPOSES.values()], size)
    tells = chance(rng, 0.4, size) & (month < WISHES_UNTIL)
    return {
        "loan_amnt": amount,
        "term": long.astype(np.int64),
        "purpose": purpose,
        "title": np.where(chance(rng, 0.01, size), EMPTY_CODE, purpose),
        "desc": np.where(tells, rng.integers(0, len(WISHES), size), EMPTY_CODE),
    }


def draw_second(rng: np.random.Generator, file: Columns, month: np.datetime64, market: Market) -> Columns:
    """The second person of a joint application; everyone else's columns stay empty."""
    size = file["dti"].size
    joint = chance(rng, market.joint_share, size) & (month >= np.datetime64(JOINT_SINCE, "M"))
    wealth, debts, quality, age, lines = rng.standard_normal((5, size))
    income = np.round(45_000 * np.exp(0.5 * wealth))
    both = file["annual_inc"] + income
    open_accounts = 1 + counts(rng, 10, 0.4 * lines)
    values: Columns = {
        **_fico("sec_app_", 672 + 45 * quality),
        "annual_inc_joint": both,
        "dti_joint": np.round((file["dti"] * file["annual_inc"] + 16 * income * np.exp(0.4 * debts)) / both, 2),
        "revol_bal_joint": file["revol_bal"] + np.round(9_500 * np.exp(0.9 * debts)),
        "sec_app_inq_last_6mths": counts(rng, 0.7, 0.7 * debts),
        "sec_app_mort_acc": counts(rng, 1.4, 0.7 * wealth),
        "sec_app_open_acc": open_accounts,
        "sec_app_revol_util": np.round(np.clip(104 * share(0.7 * debts - 0.5 * quality) - 1, 0, 120), 1),
        "sec_app_open_act_il": rng.binomial(open_accounts, 0.26),
        "sec_app_num_rev_accts": open_accounts + counts(rng, 1.0, lines),
        "sec_app_chargeoff_within_12_mths": counts(rng, 0.03, -0.6 * quality),
        "sec_app_collections_12_mths_ex_med": counts(rng, 0.08, -0.6 * quality),
        "sec_app_mths_since_last_major_derog": np.where(chance(rng, 0.37, size), below(rng, 80, size), np.nan),
    }
    oldest = month - np.clip(np.round(160 * np.exp(0.55 * age)), 12, 600).astype("timedelta64[M]")
    verified = one_of(rng, (0.52, 0.28, 0.20), size)
    return {
        "application_type": joint.astype(np.int64),
        "verification_status_joint": np.where(joint & chance(rng, 0.96, size), verified, EMPTY_CODE),
        "sec_app_earliest_cr_line": np.where(joint, oldest, np.datetime64("NaT", "M")),
        **{name: np.where(joint, column, np.nan) for name, column in values.items()},
    }


def _fico(prefix: str, points: Floats) -> Columns:
    low = np.clip(5 * np.floor(points / 5), 540, TOP_FICO)
    return {f"{prefix}fico_range_low": low, f"{prefix}fico_range_high": low + np.where(low >= TOP_FICO, 5, 4)}
