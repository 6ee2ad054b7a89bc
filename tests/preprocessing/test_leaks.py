from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from jobs.preprocessing.features import expression, feature_columns
from jobs.preprocessing.leaks import refuse_leaks
from jobs.protocol import contract, schemas
from jobs.protocol.errors import ContractBroken
from tests.preprocessing.applications import SILVER, STORE

OUTCOMES = """
loan_status pymnt_plan out_prncp out_prncp_inv total_pymnt total_pymnt_inv total_rec_prncp total_rec_int
total_rec_late_fee recoveries collection_recovery_fee last_pymnt_d last_pymnt_amnt next_pymnt_d last_credit_pull_d
last_fico_range_high last_fico_range_low hardship_flag hardship_type hardship_reason hardship_status deferral_term
hardship_amount hardship_start_date hardship_end_date payment_plan_start_date hardship_length hardship_dpd
hardship_loan_status orig_projected_additional_accrued_interest hardship_payoff_balance_amount
hardship_last_payment_amount debt_settlement_flag debt_settlement_flag_date settlement_status settlement_date
settlement_amount settlement_percentage settlement_term funded_amnt_inv
"""
NEVER = "id member_id issue_d application_date snapshot_date zip_code addr_state emp_title url desc title policy_code"
COLUMNS = feature_columns(STORE)


def with_feature(name: str, **said: Any) -> contract.Contract:
    """The store's contract after somebody has added a feature, or changed what is said of one."""
    schema = json.loads((schemas.HOME / f"{STORE.name}.json").read_text())
    added = {"description": "x", "type": ["number", "null"], "x-dtype": "float64", "x-role": "bureau"}
    schema["properties"][name] = (
        schema["properties"].get(name, {**added, "x-profiles": ["investor", "granting"]}) | said
    )
    return contract.read(json.dumps(schema).encode(), name=STORE.name)


def refusal(store: contract.Contract) -> str:
    with pytest.raises(ContractBroken) as caught:
        refuse_leaks(store, *SILVER)
    return caught.value.what


def test_the_store_leaks_nothing() -> None:
    refuse_leaks(STORE, *SILVER)
    read = {name for feature in COLUMNS for name in expression(feature.name).meta.root_names()}
    assert read & {*OUTCOMES.split(), *NEVER.split()} <= {"issue_d"}, (
        "of an application its month is known, and no more"
    )


@pytest.mark.parametrize("name", OUTCOMES.split())
def test_no_outcome_can_become_a_feature(name: str) -> None:
    assert name not in {column.name for column in COLUMNS}
    assert f"{name} reads {name}, whose role is post" in refusal(with_feature(name))


def test_there_are_forty_outcomes_and_silver_has_no_other() -> None:
    assert len(set(OUTCOMES.split())) == 40
    assert {column.name for table in SILVER for column in table.with_role("post")} == set(OUTCOMES.split())


@pytest.mark.parametrize("name", NEVER.split())
def test_no_key_date_place_or_text_can_become_a_feature(name: str) -> None:
    dtype = "date" if name.endswith(("_d", "_date")) else "float64"
    said = {"x-dtype": dtype, "x-profiles": ["investor"]}
    if dtype == "date":
        said |= {"type": "string", "format": "date"}
    else:
        said |= {"type": "number"}
    assert f"{name} reads {name}, whose role is" in refusal(with_feature(name, **said))


@pytest.mark.parametrize(
    ("name", "said", "refused"),
    [
        pytest.param(
            "earliest_cr_line",
            {"x-dtype": "date", "type": ["string", "null"], "format": "date"},
            "earliest_cr_line is a date, which tells the vintage",
            id="a-date-of-an-allowed-role",
        ),
        pytest.param(
            "int_rate",
            {"x-profiles": ["investor", "granting"]},
            "int_rate reads the lender's pricing",
            id="pricing-for-granting",
        ),
        pytest.param(
            "dti_with_loan",
            {"x-profiles": ["granting"]},
            "dti_with_loan reads the lender's pricing",
            id="made-of-pricing-for-granting",
        ),
        pytest.param("made_up", {}, "made_up reads made_up, whose role is unknown", id="a-column-that-nobody-lands"),
        pytest.param("made_up", {"x-profiles": []}, "made_up is neither a key", id="a-column-of-no-profile"),
        pytest.param("dti", {"x-profiles": ["invetsor"]}, "unknown profile invetsor", id="a-mistyped-profile"),
        pytest.param("dti", {"x-role": "post"}, "dti has the role post", id="a-feature-that-calls-itself-an-outcome"),
    ],
)
def test_a_feature_is_refused_by_name(name: str, said: dict[str, Any], refused: str) -> None:
    assert refused in refusal(with_feature(name, **said))


def test_a_column_whose_role_differs_between_tables_counts_as_the_worst() -> None:
    table = SILVER[3]
    columns = tuple(replace(column, role="post" if column.name == "dti" else column.role) for column in table.columns)
    worse = replace(table, columns=columns)
    for tables in ((*SILVER, worse), (worse, *SILVER)):
        with pytest.raises(ContractBroken, match="dti reads dti, whose role is post"):
            refuse_leaks(STORE, *tables)


def test_what_a_feature_reads_is_told_in_one_order() -> None:
    with pytest.raises(ContractBroken) as caught:
        refuse_leaks(STORE)
    told = re.findall(r"(\w+) reads (\w+), whose role is unknown", caught.value.what)
    names = [column.name for column in COLUMNS]
    assert told == sorted(told, key=lambda pair: (names.index(pair[0]), pair[1]))
