"""What the credit bureau knows of an applicant: every count a part of another, every ratio of the amounts beside it."""

from __future__ import annotations

import numpy as np

from jobs.simulate.applicants import MEDIAN_INCOME, MORTGAGE, Traits
from jobs.simulate.chance import Flags, Floats, Ints, below, chance, counts, share
from jobs.simulate.columns import Columns


def draw_bureau(rng: np.random.Generator, traits: Traits, person: Columns, month: np.datetime64) -> Columns:
    file = _accounts(rng, traits, person)
    file |= _openings(rng, traits, file)
    file |= _ages(rng, traits, file, month)
    file |= _revolving(rng, traits, person, file)
    file |= _debts(rng, traits, person, file)
    file |= _inquiries(rng, traits)
    file |= _delinquencies(rng, traits, file)
    return file | _public_records(rng, traits)


def only_where(known: Flags, values: Floats | Ints) -> Floats:
    """Empty where there is nothing to speak of."""
    return np.where(known, values, np.nan)


def _accounts(rng: np.random.Generator, traits: Traits, person: Columns) -> Columns:
    size = traits.wealth.size
    lines, loans = rng.standard_normal((2, size))
    at_home = person["home_ownership"] == MORTGAGE
    mortgages = at_home + counts(rng, 1.0, 0.55 * traits.thickness)
    revolving = 1 + counts(rng, 12.9, 0.22 * traits.thickness + 0.14 * traits.wealth + 0.45 * lines)
    instalment = counts(rng, 8.3, 0.22 * traits.wealth + 0.66 * loans)
    open_revolving = 1 + rng.binomial(revolving - 1, share(0.18 + 0.15 * traits.appetite))
    cards = rng.binomial(open_revolving, 0.58)
    active = rng.binomial(open_revolving, np.clip(0.68 - 0.06 * traits.quality, 0.2, 0.95))
    open_instalment = rng.binomial(instalment, 0.33)
    open_mortgages = at_home * np.maximum(1, rng.binomial(mortgages, 0.3))
    open_accounts = open_revolving + open_instalment + open_mortgages
    now_late = chance(rng, 0.006, size) * 1
    return {
        "mort_acc": mortgages,
        "num_rev_accts": revolving,
        "num_il_tl": instalment,
        "total_acc": mortgages + revolving + instalment,
        "num_op_rev_tl": open_revolving,
        "num_bc_sats": cards,
        "num_bc_tl": cards + rng.binomial(revolving - open_revolving, 0.5),
        "num_actv_rev_tl": active,
        "num_rev_tl_bal_gt_0": active,
        "num_actv_bc_tl": rng.binomial(np.minimum(active, cards), 0.85),
        "open_act_il": open_instalment,
        "open_mortgages": open_mortgages,  # no column of the file: what the balances are drawn from
        "open_acc": open_accounts,
        "num_sats": open_accounts - now_late,
        "acc_now_delinq": now_late,
        "num_tl_30dpd": now_late * chance(rng, 0.7, size),
        "total_cu_tl": np.minimum(counts(rng, 1.5, 1.1 * loans), revolving + instalment),
    }


def _openings(rng: np.random.Generator, traits: Traits, file: Columns) -> Columns:
    eager = 0.45 * traits.appetite
    luck = 0.30 * rng.standard_normal(eager.size)
    revolving_24 = np.minimum(counts(rng, 3.0, eager + luck), file["num_op_rev_tl"])
    instalment_24 = np.minimum(counts(rng, 1.65, eager + 0.30 * np.log1p(file["num_il_tl"]) - 0.58), file["num_il_tl"])
    mortgage_24 = rng.binomial(file["mort_acc"], 0.13)
    revolving_12 = rng.binomial(revolving_24, 0.47)
    instalment_12 = rng.binomial(instalment_24, 0.44)
    past_year = revolving_12 + instalment_12 + rng.binomial(mortgage_24, 0.44)
    return {
        "open_rv_24m": revolving_24,
        "open_il_24m": instalment_24,
        "acc_open_past_24mths": revolving_24 + instalment_24 + mortgage_24,
        "open_rv_12m": revolving_12,
        "open_il_12m": instalment_12,
        "num_tl_op_past_12m": past_year,
        "open_acc_6m": rng.binomial(past_year, 0.45),
    }


def _ages(rng: np.random.Generator, traits: Traits, file: Columns, month: np.datetime64) -> Columns:
    size = traits.wealth.size
    oldest = np.clip(np.round(175 * np.exp(0.4 * traits.thickness + 0.3 * rng.standard_normal(size))), 37, 690)
    younger = np.where(chance(rng, 0.7, size), 1, 0.3 + 0.7 * rng.random(size))
    old_revolving = np.maximum(25, np.round(oldest * younger))
    old_instalment = np.minimum(oldest, np.maximum(25, np.round(132 * np.exp(0.4 * rng.standard_normal(size)))))
    recent_revolving = _most_recent(rng, file["open_rv_12m"], file["open_rv_24m"], old_revolving)
    recent_instalment = _most_recent(rng, file["open_il_12m"], file["open_il_24m"], old_instalment)
    has_instalment = file["num_il_tl"] > 0
    later = np.round(rng.exponential(17, size)) * chance(rng, 0.6, size)
    return {
        "earliest_cr_line": month - oldest.astype("timedelta64[M]"),
        "mo_sin_old_rev_tl_op": old_revolving,
        "mo_sin_old_il_acct": only_where(has_instalment, old_instalment),
        "mo_sin_rcnt_rev_tl_op": recent_revolving,
        "mths_since_rcnt_il": only_where(has_instalment, recent_instalment),
        "mo_sin_rcnt_tl": np.where(has_instalment, np.minimum(recent_revolving, recent_instalment), recent_revolving),
        "mths_since_recent_bc": only_where(file["num_bc_tl"] > 0, np.minimum(recent_revolving + later, old_revolving)),
    }


def _most_recent(rng: np.random.Generator, past_year: Ints, past_two: Ints, oldest: Floats) -> Floats:
    """Months since the newest account: of several in a year, the newest lies nearer."""
    opened = np.maximum(1, np.where(past_year > 0, past_year, past_two))
    within = np.floor(12 * (1 - rng.random(oldest.size) ** (1 / opened)))
    longer = 24 + np.floor(rng.exponential(22, oldest.size))
    return np.asarray(np.minimum(np.select([past_year > 0, past_two > 0], [within, 12 + within], longer), oldest))


def _revolving(rng: np.random.Generator, traits: Traits, person: Columns, file: Columns) -> Columns:
    size = traits.wealth.size
    luck, use, mix, weight = rng.standard_normal((4, size))
    income = np.log(person["annual_inc"] / MEDIAN_INCOME)
    lines = np.log(file["num_op_rev_tl"] / 7.4)
    limit = 27_000 * np.exp(0.42 * income + 0.36 * traits.score + 0.55 * lines + 0.5 * luck)
    limit = np.maximum(300, np.round(limit / 100) * 100)
    drawn = -0.43 * traits.score - 0.25 * traits.appetite + 0.59 * use
    utilisation = np.round(np.clip(104 * share(drawn) - 2, 0, 150), 1)
    balance = np.rint(limit * utilisation / 100)
    part = np.where(file["num_bc_sats"] > 0, np.clip(0.68 + 0.22 * mix, 0.08, 1), 0)
    card_limit = np.round(limit * part / 100) * 100
    has_cards = card_limit > 0
    card_balance = np.floor(np.minimum(balance * np.clip(part * (1.16 + 0.16 * weight), 0, 1), 1.04 * card_limit))
    card_use = np.round(100 * card_balance / np.where(has_cards, card_limit, 1), 1)
    full = rng.binomial(file["num_bc_sats"], share((card_use - 66) / 26))
    of_cards = (1 / np.maximum(file["num_actv_bc_tl"], 1)) ** (0.3 + 0.4 * rng.random(size))
    return {
        "total_rev_hi_lim": limit,
        "revol_util": utilisation,
        "revol_bal": balance,
        "total_bc_limit": card_limit,
        "bc_util": only_where(has_cards, card_use),
        "bc_open_to_buy": only_where(has_cards, np.maximum(card_limit - card_balance, 0)),
        "percent_bc_gt_75": only_where(has_cards, np.round(100 * full / np.maximum(file["num_bc_sats"], 1), 1)),
        "max_bal_bc": np.floor(card_balance * of_cards),
    }


def _debts(rng: np.random.Generator, traits: Traits, person: Columns, file: Columns) -> Columns:
    size = traits.wealth.size
    luck, paid, place, other, amount = rng.standard_normal((5, size))
    owes = file["open_act_il"] > 0
    lent = 23_000 * np.maximum(file["open_act_il"], 1) ** 0.6 * np.exp(0.3 * traits.wealth + 0.55 * luck)
    lent = owes * np.round(lent)
    owed = np.round(lent * 1.12 * share(0.38 + 0.66 * paid))
    house = np.round(185_000 * np.exp(0.38 * traits.wealth + 0.42 * place) * (file["open_mortgages"] > 0))
    house_owed = np.round(house * (0.55 + 0.45 * rng.random(size)))
    except_house = file["revol_bal"] + owed
    monthly = 0.026 * file["revol_bal"] + 0.021 * owed + 140 * np.exp(0.6 * other)
    limits = file["total_rev_hi_lim"] + lent
    return {
        "total_bal_il": owed,
        "total_il_high_credit_limit": lent,
        "il_util": only_where(owes, np.rint(100 * owed / np.maximum(lent, 1))),
        "total_bal_ex_mort": except_house,
        "tot_cur_bal": except_house + house_owed,
        "avg_cur_bal": np.rint((except_house + house_owed) / file["open_acc"]),
        "tot_hi_cred_lim": np.maximum(limits + house, except_house + house_owed),
        "all_util": np.rint(100 * except_house / limits),
        "tot_coll_amt": chance(rng, 0.14, size) * np.round(400 * np.exp(1.3 * amount)),
        "dti": np.round(42 * np.tanh(1_200 * monthly / person["annual_inc"] / 42), 2),
    }


def _inquiries(rng: np.random.Generator, traits: Traits) -> Columns:
    size = traits.wealth.size
    eager = 0.6 * traits.appetite
    half_year = np.minimum(counts(rng, 0.6, eager), 8)
    year = half_year + counts(rng, 1.45, eager)
    since = below(rng, 6, size) + np.select([half_year > 0, year > 0], [0, 6], 12 + 6 * chance(rng, 0.5, size))
    return {
        "inq_last_6mths": half_year,
        "inq_last_12m": year,
        "inq_fi": counts(rng, 1.03, eager),
        "mths_since_recent_inq": only_where((year > 0) | chance(rng, 0.5, size), since),
    }


def _delinquencies(rng: np.random.Generator, traits: Traits, file: Columns) -> Columns:
    size = traits.wealth.size
    trouble = -0.55 * traits.score + 0.25 * traits.thickness + 0.8 * rng.standard_normal(size)
    two_years = counts(rng, 0.29, 1.05 * trouble)
    lately = two_years > 0
    ever = lately | chance(rng, share(-0.35 + 0.45 * trouble), size)
    since = np.where(lately, below(rng, 24, size), 24 + below(rng, 58, size))
    on_revolving = ever & chance(rng, 0.64, size)
    major = ever & chance(rng, 0.49, size)
    bad = (major & chance(rng, 0.85, size)) * np.minimum(1 + counts(rng, 0.8, 0.8 * trouble), file["total_acc"])
    late = ever * np.minimum(np.maximum(1, bad) + rng.poisson(0.6, size), file["total_acc"])
    later = since + np.floor(rng.exponential(6, size))
    return {
        "delinq_2yrs": two_years,
        "mths_since_last_delinq": only_where(ever, since),
        "mths_since_recent_revol_delinq": only_where(on_revolving, since),
        "mths_since_recent_bc_dlq": only_where(on_revolving & chance(rng, 0.69, size), later),
        "mths_since_last_major_derog": only_where(major, later),
        "num_accts_ever_120_pd": bad,
        "num_tl_90g_dpd_24m": rng.binomial(two_years, 0.2),
        "num_tl_120dpd_2m": file["acc_now_delinq"] * chance(rng, 0.1, size),
        "delinq_amnt": np.round(file["acc_now_delinq"] * rng.exponential(900, size)),
        "pct_tl_nvr_dlq": np.round(100 * (1 - late / file["total_acc"]), 1),
    }


def _public_records(rng: np.random.Generator, traits: Traits) -> Columns:
    size = traits.score.size
    trouble = -0.75 * traits.score + 0.3 * rng.standard_normal(size)
    bankruptcies, liens, others = (counts(rng, mean, trouble) for mean in (0.12, 0.05, 0.03))
    records = bankruptcies + liens + others
    return {
        "pub_rec": records,
        "pub_rec_bankruptcies": bankruptcies,
        "tax_liens": liens,
        "mths_since_last_record": only_where(records > 0, np.floor(119 * rng.beta(2.4, 1.6, size))),
        "collections_12_mths_ex_med": counts(rng, 0.016, trouble),
        "chargeoff_within_12_mths": counts(rng, 0.008, trouble),
    }
