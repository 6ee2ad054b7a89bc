"""What the silver contracts promise one another."""

from __future__ import annotations

from collections import Counter

import pytest

from jobs.preprocessing import cleaning, parsing, tables
from jobs.preprocessing.cleaning import landed_columns
from jobs.protocol import contract
from jobs.protocol.layers import SILVER_OF, SOURCES, UNSEEN

SILVER = {name: contract.load(tables.silver(name)) for names in SILVER_OF.values() for name in names}
COLUMNS = {f"{name}.{column.name}": column for name, agreed in SILVER.items() for column in agreed.columns}
REFRESHED = {
    "last_fico_range_high",
    "last_fico_range_low",
    "last_credit_pull_d",
}  # outcomes that land among bureau facts


def test_every_landed_column_has_one_home_but_keys_times_and_term() -> None:
    homes = Counter(column.name for column in COLUMNS.values())
    shared = {name for name, count in homes.items() if count > 1}
    assert shared == {"id", "member_id", "snapshot_date", "application_date", "issue_d", "term"}
    landed = {column.name for table in SOURCES for column in landed_columns(table)}
    assert len(landed) == 151 - len({"url", "desc", "title", "policy_code", "emp_title"})


def test_the_forty_outcomes_live_in_the_two_tables_of_performance_alone() -> None:
    homes = {name: {column.name for column in agreed.with_role("post")} for name, agreed in SILVER.items()}
    assert len(homes.pop("loan_performance")) == 37
    assert homes.pop("credit_performance") == REFRESHED
    assert not any(homes.values())


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_described_and_its_soft_limits_lie_within_its_hard_ones(name: str) -> None:
    column = COLUMNS[name]
    hard = [column.schema.get(keyword) for keyword in ("minimum", "exclusiveMinimum", "maximum")]
    low = [limit for limit in (*hard[:2], column.soft_minimum) if isinstance(limit, (int, float))]
    high = [limit for limit in (column.soft_maximum, hard[2]) if isinstance(limit, (int, float))]
    assert [*low, *high] == sorted([*low, *high])
    assert len(column.description) > 20


@pytest.mark.parametrize("name", [name for name, column in COLUMNS.items() if column.parse == "category"])
def test_a_category_leaves_room_for_what_nobody_has_seen(name: str) -> None:
    listed = COLUMNS[name].schema["enum"]
    assert listed[-2:] == [UNSEEN, None]
    levels = parsing.levels(COLUMNS[name])
    assert len({level.casefold() for level in levels}) == len(levels) == len(listed) - 2


def test_reasons_are_told_of_what_may_be_a_feature_only() -> None:
    told = {column.role for column in COLUMNS.values() if column.group}
    assert told == {"orig", "bureau", "pricing", "joint"}
    untold = {name for name, column in COLUMNS.items() if column.role in told and not column.group}
    assert untold == {"loan_performance.term"}


@pytest.mark.parametrize("table", tables.COMPANIONS)
def test_a_table_is_compared_with_those_whose_columns_its_rules_name_and_no_other(table: str) -> None:
    own = tuple(column.name for column in landed_columns(table))
    rules = {column: len(cleaning._checks(table, (*own, column))[0]) for column in ("", "issue_d", "application_type")}
    named = {"loan_terms": rules["issue_d"], "demographic": rules["application_type"]}
    assert tables.COMPANIONS[table] == tuple(other for other, known in named.items() if known > rules[""])
