"""The applicant's credit bureau file, consistent in itself: subcounts fit their totals, ratios their amounts."""

from __future__ import annotations

import numpy as np

from jobs.simulate.applicants import MEDIAN_INCOME, MORTGAGE
from jobs.simulate.chance import Draw, Flags, Floats, Ints, share
from jobs.simulate.columns import Columns


def draw_bureau(draw: Draw, known: Columns) -> Columns:
    file = known.copy()
    for part in (_accounts, _openings, _ages, _revolving, _debts, _inquiries, _delinquencies, _public_records):
        part(draw, file)  # each adds its columns, from those before
    return file


def only_where(known: Flags, values: Floats | Ints) -> Floats:
    """The values where the condition holds, else empty."""
    return np.where(known, values, np.nan)


def _accounts(draw: Draw, file: Columns) -> None:
    binomial = draw.rng.binomial
    lines, loans = draw.normal(2)
    at_home = file["home_ownership"] == MORTGAGE
    file["mort_acc"] = mortgages = at_home + draw.counts(1.0, 0.55 * file["thickness"])
    often = 0.22 * file["thickness"] + 0.14 * file["wealth"] + 0.45 * lines
    file["num_rev_accts"] = revolving = 1 + draw.counts(12.9, often)
    file["num_il_tl"] = instalment = draw.counts(8.3, 0.22 * file["wealth"] + 0.66 * loans)
    file["total_acc"] = mortgages + revolving + instalment
    open_revolving = 1 + binomial(revolving - 1, share(0.18 + 0.15 * file["appetite"]))
    file["num_op_rev_tl"] = open_revolving
    file["num_bc_sats"] = cards = binomial(open_revolving, 0.58)
    active = binomial(open_revolving, np.clip(0.68 - 0.06 * file["quality"], 0.2, 0.95))
    file["num_actv_rev_tl"] = file["num_rev_tl_bal_gt_0"] = active
    file["open_act_il"] = binomial(instalment, 0.33)
    # no column of the file: what the balances are drawn from
    file["open_mortgages"] = at_home * np.maximum(1, binomial(mortgages, 0.3))
    file["open_acc"] = open_revolving + file["open_act_il"] + file["open_mortgages"]
    file["acc_now_delinq"] = now_late = draw.happens(0.006) * 1
    file["num_sats"] = file["open_acc"] - now_late
    file["num_bc_tl"] = cards + binomial(revolving - open_revolving, 0.5)
    file["num_actv_bc_tl"] = binomial(np.minimum(active, cards), 0.85)
    file["num_tl_30dpd"] = now_late * draw.happens(0.7)
    file["total_cu_tl"] = np.minimum(draw.counts(1.5, 1.1 * loans), revolving + instalment)


def _openings(draw: Draw, file: Columns) -> None:
    binomial = draw.rng.binomial
    eager = 0.45 * file["appetite"]
    file["open_rv_24m"] = np.minimum(draw.counts(3.0, eager + 0.30 * draw.normal()), file["num_op_rev_tl"])
    eager = eager + 0.30 * np.log1p(file["num_il_tl"]) - 0.58
    file["open_il_24m"] = np.minimum(draw.counts(1.65, eager), file["num_il_tl"])
    mortgages = binomial(file["mort_acc"], 0.13)
    file["acc_open_past_24mths"] = file["open_rv_24m"] + file["open_il_24m"] + mortgages
    file["open_rv_12m"] = binomial(file["open_rv_24m"], 0.47)
    file["open_il_12m"] = binomial(file["open_il_24m"], 0.44)
    file["num_tl_op_past_12m"] = file["open_rv_12m"] + file["open_il_12m"] + binomial(mortgages, 0.44)
    file["open_acc_6m"] = binomial(file["num_tl_op_past_12m"], 0.45)


def _ages(draw: Draw, file: Columns) -> None:
    oldest = np.clip(np.round(175 * np.exp(0.4 * file["thickness"] + 0.3 * draw.normal())), 37, 690)
    file["earliest_cr_line"] = file["issue_d"] - oldest.astype("timedelta64[M]")
    younger = np.where(draw.happens(0.7), 1, 0.3 + 0.7 * draw.rng.random(draw.size))
    file["mo_sin_old_rev_tl_op"] = old_revolving = np.maximum(25, np.round(oldest * younger))
    old_instalment = np.minimum(oldest, np.maximum(25, np.round(132 * np.exp(0.4 * draw.normal()))))
    recent_revolving = _most_recent(draw, file["open_rv_12m"], file["open_rv_24m"], old_revolving)
    recent_instalment = _most_recent(draw, file["open_il_12m"], file["open_il_24m"], old_instalment)
    file["mo_sin_rcnt_rev_tl_op"] = recent_revolving
    has_instalment = file["num_il_tl"] > 0
    file["mo_sin_old_il_acct"] = only_where(has_instalment, old_instalment)
    file["mths_since_rcnt_il"] = only_where(has_instalment, recent_instalment)
    file["mo_sin_rcnt_tl"] = np.fmin(recent_revolving, file["mths_since_rcnt_il"])
    later = np.round(draw.rng.exponential(17, draw.size)) * draw.happens(0.6)
    file["mths_since_recent_bc"] = only_where(
        file["num_bc_tl"] > 0, np.minimum(recent_revolving + later, old_revolving)
    )


def _most_recent(draw: Draw, past_year: Ints, past_two: Ints, oldest: Floats) -> Floats:
    """Months since the newest account: of several in a year, the newest lies nearer."""
    opened = np.maximum(1, np.where(past_year > 0, past_year, past_two))
    within = np.floor(12 * (1 - draw.rng.random(draw.size) ** (1 / opened)))
    longer = 24 + np.floor(draw.rng.exponential(22, draw.size))
    return np.asarray(np.minimum(np.select([past_year > 0, past_two > 0], [within, 12 + within], longer), oldest))


def _revolving(draw: Draw, file: Columns) -> None:
    luck, use, mix, weight = draw.normal(4)
    income, lines = np.log(file["annual_inc"] / MEDIAN_INCOME), np.log(file["num_op_rev_tl"] / 7.4)
    limit = 27_000 * np.exp(0.42 * income + 0.36 * file["score"] + 0.55 * lines + 0.5 * luck)
    file["total_rev_hi_lim"] = limit = np.maximum(300, np.round(limit / 100) * 100)
    drawn = -0.43 * file["score"] - 0.25 * file["appetite"] + 0.59 * use
    file["revol_util"] = np.round(np.clip(104 * share(drawn) - 2, 0, 150), 1)
    file["revol_bal"] = balance = np.rint(limit * file["revol_util"] / 100)
    part = np.where(file["num_bc_sats"] > 0, np.clip(0.68 + 0.22 * mix, 0.08, 1), 0)
    file["total_bc_limit"] = card_limit = np.round(limit * part / 100) * 100
    has_cards = card_limit > 0
    card_balance = np.floor(np.minimum(balance * np.clip(part * (1.16 + 0.16 * weight), 0, 1), 1.04 * card_limit))
    card_use = np.round(100 * card_balance / np.where(has_cards, card_limit, 1), 1)
    file["bc_util"] = only_where(has_cards, card_use)
    file["bc_open_to_buy"] = only_where(has_cards, np.maximum(card_limit - card_balance, 0))
    full = draw.rng.binomial(file["num_bc_sats"], share((card_use - 66) / 26))
    file["percent_bc_gt_75"] = only_where(has_cards, np.round(100 * full / np.maximum(file["num_bc_sats"], 1), 1))
    of_cards = (1 / np.maximum(file["num_actv_bc_tl"], 1)) ** (0.3 + 0.4 * draw.rng.random(draw.size))
    file["max_bal_bc"] = np.floor(card_balance * of_cards)


def _debts(draw: Draw, file: Columns) -> None:
    luck, paid, place, other, amount = draw.normal(5)
    owes = file["open_act_il"] > 0
    lent = 23_000 * np.maximum(file["open_act_il"], 1) ** 0.6 * np.exp(0.3 * file["wealth"] + 0.55 * luck)
    file["total_il_high_credit_limit"] = lent = owes * np.round(lent)
    file["total_bal_il"] = owed = np.round(lent * 1.12 * share(0.38 + 0.66 * paid))
    file["il_util"] = only_where(owes, np.rint(100 * owed / np.maximum(lent, 1)))
    house = np.round(185_000 * np.exp(0.38 * file["wealth"] + 0.42 * place) * (file["open_mortgages"] > 0))
    house_owed = np.round(house * (0.55 + 0.45 * draw.rng.random(draw.size)))
    file["total_bal_ex_mort"] = except_house = file["revol_bal"] + owed
    file["tot_cur_bal"] = except_house + house_owed
    file["avg_cur_bal"] = np.rint(file["tot_cur_bal"] / file["open_acc"])
    limits = file["total_rev_hi_lim"] + lent
    file["tot_hi_cred_lim"] = np.maximum(limits + house, file["tot_cur_bal"])
    file["all_util"] = np.rint(100 * except_house / limits)
    file["tot_coll_amt"] = draw.happens(0.14) * np.round(400 * np.exp(1.3 * amount))
    monthly = 0.026 * file["revol_bal"] + 0.021 * owed + 140 * np.exp(0.6 * other)
    file["dti"] = np.round(42 * np.tanh(1_200 * monthly / file["annual_inc"] / 42), 2)


def _inquiries(draw: Draw, file: Columns) -> None:
    eager = 0.6 * file["appetite"]
    file["inq_last_6mths"] = half_year = np.minimum(draw.counts(0.6, eager), 8)
    file["inq_last_12m"] = year = half_year + draw.counts(1.45, eager)
    since = draw.below(6) + np.select([half_year > 0, year > 0], [0, 6], 12 + 6 * draw.happens(0.5))
    file["inq_fi"] = draw.counts(1.03, eager)
    file["mths_since_recent_inq"] = only_where((year > 0) | draw.happens(0.5), since)


def _delinquencies(draw: Draw, file: Columns) -> None:
    trouble = -0.55 * file["score"] + 0.25 * file["thickness"] + 0.8 * draw.normal()
    file["delinq_2yrs"] = two_years = draw.counts(0.29, 1.05 * trouble)
    lately = two_years > 0
    ever = lately | draw.happens(share(-0.35 + 0.45 * trouble))
    since = np.where(lately, draw.below(24), 24 + draw.below(58))
    file["mths_since_last_delinq"] = only_where(ever, since)
    on_revolving, major = ever & draw.happens(0.64), ever & draw.happens(0.49)
    file["mths_since_recent_revol_delinq"] = only_where(on_revolving, since)
    bad = (major & draw.happens(0.85)) * np.minimum(1 + draw.counts(0.8, 0.8 * trouble), file["total_acc"])
    file["num_accts_ever_120_pd"] = bad
    late = ever * np.minimum(np.maximum(1, bad) + draw.rng.poisson(0.6, draw.size), file["total_acc"])
    file["pct_tl_nvr_dlq"] = np.round(100 * (1 - late / file["total_acc"]), 1)
    later = since + np.floor(draw.rng.exponential(6, draw.size))
    file["mths_since_recent_bc_dlq"] = only_where(on_revolving & draw.happens(0.69), later)
    file["mths_since_last_major_derog"] = only_where(major, later)
    file["num_tl_90g_dpd_24m"] = draw.rng.binomial(two_years, 0.2)
    file["num_tl_120dpd_2m"] = file["acc_now_delinq"] * draw.happens(0.1)
    file["delinq_amnt"] = np.round(file["acc_now_delinq"] * draw.rng.exponential(900, draw.size))


def _public_records(draw: Draw, file: Columns) -> None:
    trouble = -0.75 * file["score"] + 0.3 * draw.normal()
    file["pub_rec_bankruptcies"] = draw.counts(0.12, trouble)
    file["tax_liens"] = draw.counts(0.05, trouble)
    file["pub_rec"] = file["pub_rec_bankruptcies"] + file["tax_liens"] + draw.counts(0.03, trouble)
    file["mths_since_last_record"] = only_where(file["pub_rec"] > 0, np.floor(119 * draw.rng.beta(2.4, 1.6, draw.size)))
    file["collections_12_mths_ex_med"] = draw.counts(0.016, trouble)
    file["chargeoff_within_12_mths"] = draw.counts(0.008, trouble)
