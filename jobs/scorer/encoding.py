"""How rows become numbers that trees take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Encoding:
    """How rows become numbers: the columns in order, and the levels of the categorical ones as training saw them."""

    columns: tuple[str, ...]
    vocabulary: Mapping[str, tuple[str, ...]]

    def table(self, frame: pl.DataFrame) -> pa.Table:
        """The rows as LightGBM takes them.

        A level is its place in the vocabulary; one that training never saw has the code after the last, which no split
        names, so it goes the way of all other levels; null stays null, which LightGBM reads as missing.
        """
        return frame.select(self._expression(name) for name in self.columns).rechunk().to_arrow()

    def _expression(self, name: str) -> pl.Expr:
        if name not in self.vocabulary:
            return pl.col(name)
        levels = self.vocabulary[name]
        codes = pl.col(name).replace_strict(
            list(levels), list(range(len(levels))), default=len(levels), return_dtype=pl.Int16
        )
        return pl.when(pl.col(name).is_not_null()).then(codes).alias(name)
