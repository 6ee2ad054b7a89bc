"""The mend that a message names, typed as a person would, makes the note readable."""

from __future__ import annotations

import pytest

from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.notes import read_retraining

DAYS = {"MEDIUM": 14, "HIGH": 14, "IMMEDIATE": 14}
NOTE = """{
  "decision_date": "2024-01-14",
  "performance_score": 0.65,
  "retrain": true,
  "reason": "a drop"
}
"""
NO_NUMBER = "a number that is not one in JSON"
MENDS = (  # what stands in the note, what a person makes of it, the place, what is found, what is allowed
    ('"2024-01-14"', "2024-01-14", '"2024-01-14"', "line 2, column 20", NO_NUMBER, "put a date in quotes"),
    ("0.65", "9007199254740993", "900719925474099", "line 3, column 24", "past 2^53", "at most 15 digits"),
    ("0.65", "-9007199254740993", "-900719925474099", "line 3, column 24", "past 2^53", "at most 15 digits"),
    ("0.65", "-1e400", "-1e307", "line 3, column 24", "too large", "between -1e308 and 1e308"),
    ("0.65", ".65", "0.65", "line 3, column 24", NO_NUMBER, "both sides of the point"),
    ("0.65", "-.65", "-0.65", "line 3, column 24", NO_NUMBER, "both sides of the point"),
    ("0.65", "+0.65", "0.65", "line 3, column 24", NO_NUMBER, "no plus"),
    ("0.65", "$0.65", "0.65", "line 3, column 24", NO_NUMBER, "units"),
    ("0.65", "\N{MINUS SIGN}0.65", "-0.65", "line 3, column 24", NO_NUMBER, "write 0.5"),
    ("0.65", "1 000", "1000", "line 3, column 26", "two pieces", "in one, as in 1000 or 0.5"),
    ("0.65", "1'000", "1000", "line 3, column 25", "two pieces", "in one, as in 1000"),
    ("0.65", "1,000", "1000", "line 3, column 26", "no key in double quotes", "a thousand as 1000"),
    ("0.65", "5 points", "5", "line 3, column 26", "two pieces", "no unit"),
    ("0.65", "nan", "null", "line 3, column 24", "found NaN", "write null"),
    ("0.65", "-inf", "null", "line 3, column 24", "found -Infinity", "write null"),
    ("0.65", "NULL", "null", "line 3, column 24", "found None or NULL", "write null in small letters"),
    ("true", "TRUE", "true", "line 4, column 14", "found True", "write true in small letters"),
    ('"retrain"', "`retrain`", '"retrain"', "line 4, column 3", 'a quote that is not "', "double quotes only"),
    ("}\n", "}}\n", "}\n", "line 6, column 2", "something follows the JSON value", "in one { }"),
    ("0.65", "65%", "0.65", "line 3, column 24", NO_NUMBER, "0.5"),
    ("0.65", "65/100", "0.65", "line 3, column 26", "two pieces", "in one, as in 1000 or 0.5"),
    ("0.65", "0. 65", "0.65", "line 3, column 24", NO_NUMBER, "both sides of the point"),
    ("0.65", "0.6 5", "0.65", "line 3, column 28", "two pieces", "in one, as in 1000 or 0.5"),
    ("0.65,", "0.65;", "0.65,", "line 3, column 28", "a semicolon", "a comma between members"),
    ('drop"', 'drop";', 'drop"', "line 5, column 21", "a semicolon", "nothing after the last"),
    ("0.65", "\N{NO-BREAK SPACE}0.65", " 0.65", "line 3, column 24", "a blank that is not one", "a plain space"),
    ('  "ret', '\N{ZERO WIDTH SPACE}"ret', ' "ret', "line 4, column 1", "a blank that is not one", "a plain space"),
    ("}\n", "}\n\0", "}\n", "line 7, column 1", "a zero byte", "remove it"),
    ("a drop", 'a "big" drop', 'a \\"big\\" drop', "line 5, column 17", "neither a comma nor }", '\\" for a quote'),
    (' drop"\n}\n', "", '"}', "line 5, column 13", "a string without an end", 'close what is open, by ", }'),
    ('"reason"', '"": 1, "reason"', '"reason"', "line 5, column 7", '"" is unknown', "known here"),
    (
        '"reason"',
        '"valid_from": "9999-12-31", "reason"',
        '"valid_from": "2024-02-01", "reason"',
        "line 5, column 17",
        "valid_from is too late",
        "an earlier date",
    ),
)


@pytest.mark.parametrize(("good", "spoiled", "mended", "place", "found", "allowed"), MENDS)
def test_the_mend_that_is_named_works(
    good: str, spoiled: str, mended: str, place: str, found: str, allowed: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_retraining(NOTE.replace(good, spoiled).encode(), DAYS)
    told = f"{caught.value.where} {caught.value.what} {caught.value.mend}"
    assert all(part in told for part in (place, found, allowed)), told
    assert read_retraining(NOTE.replace(good, mended).encode(), DAYS).retrain
