from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl
import pytest

from jobs.simulate.dirt import KINDS
from tests.simulate.simulated import TABLES, landed, run, truth

if TYPE_CHECKING:
    from pathlib import Path

C = pl.col
RATE = 0.02
ADDED = {"duplicate", "conflicting_duplicate", "footer"}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same seven weeks clean and dirty."""
    clean, dirty = tmp_path_factory.mktemp("clean"), tmp_path_factory.mktemp("dirty")
    for root, rate in ((clean, 0.0), (dirty, RATE)):
        run(root, "2017-04-20", "2017-06-07", "--dirt", str(rate), loans=80)
    return clean, dirty


@pytest.mark.parametrize("table", TABLES)
def test_a_dirty_file_differs_from_the_clean_one_exactly_where_the_truth_says(
    roots: tuple[Path, Path], table: str
) -> None:
    clean, dirty = (_cells(landed(root, table)) for root in roots)
    both = clean.join(dirty, on=["date", "row", "column"], how="full", suffix="_now", coalesce=True)
    differing = both.filter(C("value").ne_missing(C("value_now")))
    said = truth(roots[1], "dirt").filter(C("table") == table)
    cells = said.filter(C("column").is_not_null(), C("kind") != "conflicting_duplicate")
    last = clean.group_by("date").agg(rows=C("row").max())
    changed = differing.join(last, on="date").filter(C("row") <= C("rows"))
    key = ["date", "row", "column"]
    assert (
        changed.select(*key, was="value", now="value_now").sort(key).equals(cells.select(*key, "was", "now").sort(key))
    )
    added = differing.join(last, on="date").filter(C("row") > C("rows")).select("date", "row").unique()
    whole = said.filter(C("kind").is_in(list(ADDED))).select("date", "row")
    assert whole.is_unique().all()
    assert added.sort("date", "row").equals(whole.sort("date", "row"))


def _cells(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.unpivot(index=["date", "row"], variable_name="column", value_name="value")


@pytest.mark.parametrize("table", TABLES)
def test_added_rows_are_what_they_are_called(roots: tuple[Path, Path], table: str) -> None:
    frame = landed(roots[1], table)
    rows = truth(roots[1], "dirt").filter(C("table") == table).join(frame, on=["date", "row"])
    footers = rows.filter(C("kind") == "footer")
    assert footers["id"].str.starts_with("Total amount funded").all()
    assert footers.select(pl.all_horizontal(C(name).is_null() for name in frame.columns[2:-1])).to_series().all()
    content = [name for name in frame.columns if name not in ("row", "date")]
    for kind, differing in (("duplicate", 0), ("conflicting_duplicate", 1)):
        copies = rows.filter(C("kind") == kind).select("date", "row", *content)
        assert copies.height > 5
        pairs = copies.join(frame.filter(C("row") < 10_000), on=["date", "id"], suffix="_of").filter(
            C("row") != C("row_of")
        )
        other = [(C(name).ne_missing(C(f"{name}_of"))).cast(pl.Int64) for name in content if name != "id"]
        assert pairs.height == copies.height
        assert pairs.select(pl.sum_horizontal(other)).to_series().to_list() == [differing] * copies.height


def test_every_kind_happens_at_about_its_rate(roots: tuple[Path, Path]) -> None:
    said = truth(roots[1], "dirt")
    rows = {table: landed(roots[0], table).height for table in TABLES}
    seen = Counter(said.select("table", "kind", "column").iter_rows())
    for table, kinds in KINDS.items():
        assert len({(kind.name, kind.column) for kind in kinds}) == len(kinds)
        for kind in kinds:
            assert seen[table, kind.name, kind.column] > 0, kind
        always = [kind for kind in kinds if kind.name in ("not_a_number", "percent_sign", "more_open_than_total")]
        for kind in always:
            found = seen[table, kind.name, kind.column]
            assert abs(found - RATE * rows[table]) < 5 * (RATE * rows[table]) ** 0.5


def test_harmless_dirt_still_says_the_clean_value(roots: tuple[Path, Path]) -> None:
    """Blanks, case, a percent sign and a fee of minus nothing are ways of writing; all else changes what is said."""
    said = truth(roots[1], "dirt").filter(C("harmless"), C("column").is_not_null())
    plain = {name: C(name).str.strip_chars(" %").str.to_lowercase() for name in ("was", "now")}
    same = said.with_columns(**plain).filter(C("was") != C("now"), C("kind") != "tiny_negative_fee")
    assert said["kind"].unique().sort().to_list() == [
        *("blanks_and_case", "no_leading_blank", "percent_sign", "tiny_negative_fee")
    ]
    assert same.height == 0


def test_a_clean_simulation_keeps_no_log(roots: tuple[Path, Path]) -> None:
    assert list((roots[0] / "truth").glob("dirt_*")) == []


def test_dirt_changes_nothing_about_the_loans(roots: tuple[Path, Path]) -> None:
    assert truth(roots[0]).equals(truth(roots[1]))


def test_even_the_highest_rate_leaves_the_log_whole(tmp_path: Path) -> None:
    run(tmp_path, "2017-04-20", "2017-04-21", "--dirt", "0.5", loans=40)
    said = truth(tmp_path, "dirt")
    assert said.select("table", "date", "row", "column").is_unique().all()
    for table in TABLES:
        cells = landed(tmp_path, table).drop("row").with_columns(row=pl.int_range(1, pl.len() + 1).over("date"))
        told = said.filter(C("table") == table, C("column").is_not_null())
        found = told.join(_cells(cells), on=["date", "row", "column"])
        assert found.height == told.height
        assert (found["value"] == found["now"]).all()
