"""What the credit bureau knows of an applicant: every count a part of another, every ratio of the amounts beside it."""

from __future__ import annotations

import numpy as np

from jobs.simulate.applicants import MEDIAN_INCOME, MORTGAGE
from jobs.simulate.chance import Draw, Flags, Floats, Ints, share
from jobs.simulate.columns import Columns


def draw_bureau(draw: Draw, file: Columns) -> Columns:
    for part in (_accounts, _openings, _ages, _revolving, _debts, _inquiries, _delinquencies, _public_records):
        file = file | part(draw, file)
    return file


def only_where(known: Flags, values: Floats | Ints) -> Floats:
    """Empty where there is nothing to speak of."""
    return np.where(known, values, np.nan)


def _accounts(draw: Draw, file: Columns) -> Columns:
    new: Columns = {}
    binomial = draw.rng.binomial
    lines, loans = draw.normals(2)
    at_home = file["home_ownership"] == MORTGAGE
    new["mort_acc"] = mortgages = at_home + draw.counts(1.0, 0.55 * file["thickness"])
    often = 0.22 * file["thickness"] + 0.14 * file["wealth"] + 0.45 * lines
    new["num_rev_accts"] = revolving = 1 + draw.counts(12.9, often)
    new["num_il_tl"] = instalment = draw.counts(8.3, 0.22 * file["wealth"] + 0.66 * loans)
    new["total_acc"] = mortgages + revolving + instalment
    open_revolving = 1 + binomial(revolving - 1, share(0.18 + 0.15 * file["appetite"]))
    new["num_op_rev_tl"] = open_revolving
    new["num_bc_sats"] = cards = binomial(open_revolving, 0.58)
    active = binomial(open_revolving, np.clip(0.68 - 0.06 * file["quality"], 0.2, 0.95))
    new["num_actv_rev_tl"] = new["num_rev_tl_bal_gt_0"] = active
    new["open_act_il"] = binomial(instalment, 0.33)
    # no column of the file: what the balances are drawn from
    new["open_mortgages"] = at_home * np.maximum(1, binomial(mortgages, 0.3))
    new["open_acc"] = open_revolving + new["open_act_il"] + new["open_mortgages"]
    new["acc_now_delinq"] = now_late = draw.happens(0.006) * 1
    new["num_sats"] = new["open_acc"] - now_late
    new["num_bc_tl"] = cards + binomial(revolving - open_revolving, 0.5)
    new["num_actv_bc_tl"] = binomial(np.minimum(active, cards), 0.85)
    new["num_tl_30dpd"] = now_late * draw.happens(0.7)
    new["total_cu_tl"] = np.minimum(draw.counts(1.5, 1.1 * loans), revolving + instalment)
    return new


def _openings(draw: Draw, file: Columns) -> Columns:
    new: Columns = {}
    binomial = draw.rng.binomial
    eager = 0.45 * file["appetite"]
    new["open_rv_24m"] = np.minimum(draw.counts(3.0, eager + 0.30 * draw.normal()), file["num_op_rev_tl"])
    eager = eager + 0.30 * np.log1p(file["num_il_tl"]) - 0.58
    new["open_il_24m"] = np.minimum(draw.counts(1.65, eager), file["num_il_tl"])
    mortgages = binomial(file["mort_acc"], 0.13)
    new["acc_open_past_24mths"] = new["open_rv_24m"] + new["open_il_24m"] + mortgages
    new["open_rv_12m"] = binomial(new["open_rv_24m"], 0.47)
    new["open_il_12m"] = binomial(new["open_il_24m"], 0.44)
    new["num_tl_op_past_12m"] = new["open_rv_12m"] + new["open_il_12m"] + binomial(mortgages, 0.44)
    new["open_acc_6m"] = binomial(new["num_tl_op_past_12m"], 0.45)
    return new


def _ages(draw: Draw, file: Columns) -> Columns:
    oldest = np.clip(np.round(175 * np.exp(0.4 * file["thickness"] + 0.3 * draw.normal())), 37, 690)
    younger = np.where(draw.happens(0.7), 1, 0.3 + 0.7 * draw.rng.random(draw.size))
    old_revolving = np.maximum(25, np.round(oldest * younger))
    old_instalment = np.minimum(oldest, np.maximum(25, np.round(132 * np.exp(0.4 * draw.normal()))))
    recent_revolving = _most_recent(draw, file["open_rv_12m"], file["open_rv_24m"], old_revolving)
    recent_instalment = _most_recent(draw, file["open_il_12m"], file["open_il_24m"], old_instalment)
    has_instalment = file["num_il_tl"] > 0
    later = np.round(draw.rng.exponential(17, draw.size)) * draw.happens(0.6)
    return {
        "earliest_cr_line": file["issue_d"] - oldest.astype("timedelta64[M]"),
        "mo_sin_old_rev_tl_op": old_revolving,
        "mo_sin_old_il_acct": only_where(has_instalment, old_instalment),
        "mo_sin_rcnt_rev_tl_op": recent_revolving,
        "mths_since_rcnt_il": only_where(has_instalment, recent_instalment),
        "mo_sin_rcnt_tl": np.where(has_instalment, np.minimum(recent_revolving, recent_instalment), recent_revolving),
        "mths_since_recent_bc": only_where(file["num_bc_tl"] > 0, np.minimum(recent_revolving + later, old_revolving)),
    }


def _most_recent(draw: Draw, past_year: Ints, past_two: Ints, oldest: Floats) -> Floats:
    """Months since the newest account: of several in a year, the newest lies nearer."""
    opened = np.maximum(1, np.where(past_year > 0, past_year, past_two))
    within = np.floor(12 * (1 - draw.rng.random(draw.size) ** (1 / opened)))
    longer = 24 + np.floor(draw.rng.exponential(22, draw.size))
    return np.asarray(np.minimum(np.select([past_year > 0, past_two > 0], [within, 12 + within], longer), oldest))


def _revolving(draw: Draw, file: Columns) -> Columns:
    luck, use, mix, weight = draw.normals(4)
    income = np.log(file["annual_inc"] / MEDIAN_INCOME)
    lines = np.log(file["num_op_rev_tl"] / 7.4)
    limit = 27_000 * np.exp(0.42 * income + 0.36 * file["score"] + 0.55 * lines + 0.5 * luck)
    limit = np.maximum(300, np.round(limit / 100) * 100)
    drawn = -0.43 * file["score"] - 0.25 * file["appetite"] + 0.59 * use
    utilisation = np.round(np.clip(104 * share(drawn) - 2, 0, 150), 1)
    balance = np.rint(limit * utilisation / 100)
    part = np.where(file["num_bc_sats"] > 0, np.clip(0.68 + 0.22 * mix, 0.08, 1), 0)
    card_limit = np.round(limit * part / 100) * 100
    has_cards = card_limit > 0
    card_balance = np.floor(np.minimum(balance * np.clip(part * (1.16 + 0.16 * weight), 0, 1), 1.04 * card_limit))
    card_use = np.round(100 * card_balance / np.where(has_cards, card_limit, 1), 1)
    full = draw.rng.binomial(file["num_bc_sats"], share((card_use - 66) / 26))
    of_cards = (1 / np.maximum(file["num_actv_bc_tl"], 1)) ** (0.3 + 0.4 * draw.rng.random(draw.size))
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


def _debts(draw: Draw, file: Columns) -> Columns:
    luck, paid, place, other, amount = draw.normals(5)
    owes = file["open_act_il"] > 0
    lent = 23_000 * np.maximum(file["open_act_il"], 1) ** 0.6 * np.exp(0.3 * file["wealth"] + 0.55 * luck)
    lent = owes * np.round(lent)
    owed = np.round(lent * 1.12 * share(0.38 + 0.66 * paid))
    house = np.round(185_000 * np.exp(0.38 * file["wealth"] + 0.42 * place) * (file["open_mortgages"] > 0))
    house_owed = np.round(house * (0.55 + 0.45 * draw.rng.random(draw.size)))
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
        "tot_coll_amt": draw.happens(0.14) * np.round(400 * np.exp(1.3 * amount)),
        "dti": np.round(42 * np.tanh(1_200 * monthly / file["annual_inc"] / 42), 2),
    }


def _inquiries(draw: Draw, file: Columns) -> Columns:
    eager = 0.6 * file["appetite"]
    half_year = np.minimum(draw.counts(0.6, eager), 8)
    year = half_year + draw.counts(1.45, eager)
    since = draw.below(6) + np.select([half_year > 0, year > 0], [0, 6], 12 + 6 * draw.happens(0.5))
    return {
        "inq_last_6mths": half_year,
        "inq_last_12m": year,
        "inq_fi": draw.counts(1.03, eager),
        "mths_since_recent_inq": only_where((year > 0) | draw.happens(0.5), since),
    }


def _delinquencies(draw: Draw, file: Columns) -> Columns:
    trouble = -0.55 * file["score"] + 0.25 * file["thickness"] + 0.8 * draw.normal()
    two_years = draw.counts(0.29, 1.05 * trouble)
    lately = two_years > 0
    ever = lately | draw.happens(share(-0.35 + 0.45 * trouble))
    since = np.where(lately, draw.below(24), 24 + draw.below(58))
    on_revolving = ever & draw.happens(0.64)
    major = ever & draw.happens(0.49)
    bad = (major & draw.happens(0.85)) * np.minimum(1 + draw.counts(0.8, 0.8 * trouble), file["total_acc"])
    late = ever * np.minimum(np.maximum(1, bad) + draw.rng.poisson(0.6, draw.size), file["total_acc"])
    later = since + np.floor(draw.rng.exponential(6, draw.size))
    return {
        "delinq_2yrs": two_years,
        "mths_since_last_delinq": only_where(ever, since),
        "mths_since_recent_revol_delinq": only_where(on_revolving, since),
        "mths_since_recent_bc_dlq": only_where(on_revolving & draw.happens(0.69), later),
        "mths_since_last_major_derog": only_where(major, later),
        "num_accts_ever_120_pd": bad,
        "num_tl_90g_dpd_24m": draw.rng.binomial(two_years, 0.2),
        "num_tl_120dpd_2m": file["acc_now_delinq"] * draw.happens(0.1),
        "delinq_amnt": np.round(file["acc_now_delinq"] * draw.rng.exponential(900, draw.size)),
        "pct_tl_nvr_dlq": np.round(100 * (1 - late / file["total_acc"]), 1),
    }


def _public_records(draw: Draw, file: Columns) -> Columns:
    trouble = -0.75 * file["score"] + 0.3 * draw.normal()
    bankruptcies, liens, others = (draw.counts(mean, trouble) for mean in (0.12, 0.05, 0.03))
    records = bankruptcies + liens + others
    return {
        "pub_rec": records,
        "pub_rec_bankruptcies": bankruptcies,
        "tax_liens": liens,
        "mths_since_last_record": only_where(records > 0, np.floor(119 * draw.rng.beta(2.4, 1.6, draw.size))),
        "collections_12_mths_ex_med": draw.counts(0.016, trouble),
        "chargeoff_within_12_mths": draw.counts(0.008, trouble),
    }
