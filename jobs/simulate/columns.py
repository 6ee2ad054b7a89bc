"""The four source tables as the public file writes them: columns in order, the eras they came with, and their texts."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from jobs.protocol import contract
from jobs.protocol.calendar import MONTHS

C = pl.col

# one value a loan: numbers with NaN for empty, texts as codes with -1, months with NaT; what no file shows among them
Columns = dict[str, npt.NDArray[Any]]

# landing table: the silver tables it becomes, and what of it stays in bronze
BECOMES = {
    "credit_history": (("credit_history", "credit_performance"), ()),
    "demographic": (("demographic",), ("emp_title",)),
    "financial": (("financial",), ()),
    "loan_terms": (("loan_terms", "loan_performance"), ("url", "desc", "title", "policy_code")),
}
JOINT_SINCE, SECOND_SINCE = date(2015, 12, 1), date(2017, 3, 1)
ERAS = {2012: date(2012, 8, 1), 2015: JOINT_SINCE, 2017: SECOND_SINCE}
SINCE: dict[str, date] = {}  # from which issue month on a column is filled; it stands in every header, empty before
TABLES: dict[str, tuple[str, ...]] = {}
for _table, (_silver, _in_bronze) in BECOMES.items():
    _columns = [column for name in _silver for column in contract.load(f"silver/{name}").columns]
    _names = dict.fromkeys([*(column.name for column in _columns), *_in_bronze])
    TABLES[_table] = tuple(name for name in _names if name not in {"snapshot_date", "application_date"})
    SINCE |= {column.name: ERAS[column.era] for column in _columns if column.era in ERAS}
del SINCE["disbursement_method"]  # the public file says Cash for every loan of before it was asked

EMPTY_CODE = -1
STATUSES = (
    *("Current", "In Grace Period", "Late (16-30 days)", "Late (31-120 days)", "Default", "Charged Off", "Fully Paid"),
)
NO_MONTH, NO_DAY = np.datetime64("NaT", "M"), np.datetime64("NaT", "D")
VERIFICATION = ("Not Verified", "Source Verified", "Verified")
PURPOSES = {  # purpose: (share, title)
    "debt_consolidation": (0.571, "Debt consolidation"),
    "credit_card": (0.216, "Credit card refinancing"),
    "home_improvement": (0.070, "Home improvement"),
    "other": (0.058, "Other"),
    "major_purchase": (0.021, "Major purchase"),
    "medical": (0.013, "Medical expenses"),
    "car": (0.011, "Car financing"),
    "small_business": (0.011, "Business"),
    "vacation": (0.009, "Vacation"),
    "moving": (0.008, "Moving and relocation"),
    "house": (0.006, "Home buying"),
    "wedding": (0.003, "Wedding expenses, both families'"),
    "renewable_energy": (0.002, "Green loan"),
    "educational": (0.001, "Winter term"),
}
# state, share in percent, first and last three digits of its postal codes
STATES = [
    (state, float(share), int(first), int(last))
    for state, share, first, last in (
        entry.split()
        for entry in """CA 14.0 900 961|TX 8.6 750 799|NY 8.4 100 149|FL 7.4 320 349|IL 3.9 600 629|GA 3.3 300 319
NJ 3.1 70 89|OH 3.2 430 458|PA 3.1 150 196|MA 2.9 10 27|NC 2.8 270 289|AZ 2.6 850 865|VA 2.5 220 246|MI 2.5 480 499
MD 2.3 206 219|IN 2.1 460 479|MN 2.0 550 567|CO 2.0 800 816|WA 1.9 980 994|WI 1.4 530 549|MO 1.5 630 658|CT 1.4 60 69
AL 1.2 350 369|LA 1.2 700 714|TN 1.4 370 385|OK 0.9 730 749|SC 1.2 290 299|KY 0.9 400 427|KS 0.9 660 679|NV 1.3 889 898
OR 1.1 970 979|MS 0.7 386 397|AR 0.8 716 729|UT 0.7 840 847|RI 0.5 28 29|HI 0.5 967 968|NM 0.5 870 884|ME 0.2 39 49
SD 0.2 570 577|DE 0.3 197 199|WV 0.4 247 268|DC 0.3 200 205|ID 0.2 832 838|WY 0.2 820 831|AK 0.3 995 999|MT 0.3 590 599
NH 0.4 30 38|NE 0.3 680 693|VT 0.2 50 59|ND 0.2 580 588|IA 0.1 500 528""".replace("\n", "|").split("|")
    )
]
EMP_LENGTHS = ("< 1 year", "1 year", *(f"{years} years" for years in range(2, 10)), "10+ years")
EMP_TITLES = (
    *("Teacher", "Manager", "Registered Nurse", "Owner", "Driver", "Supervisor", "RN", "Sales", "Project Manager"),
    *("Office Manager", "Director", "General Manager", "Truck Driver", "Engineer", "Operations Manager", "President"),
    *("teacher", "OWNER/MANAGER", "Accountant", "Administrative Assistant", "Vice President", "Server", "Electrician"),
    *("Manager, Server Operations", "Sr. Director, Labor and Operations", "VP, Business Development", "Nurse, ICU "),
    *('Foreman "Night Shift"', 'Owner, "Main St." Bakery', "Machinist's Mate, Nuclear", "R&B Grinding Co", "Técnico"),
    *("Investment Consulting Services,  LLC", "Bartender/Certified Trainer", "Police Officer", "LPN", "US Army"),
)
HARDSHIP_REASONS = ("UNEMPLOYMENT", "INCOME_CURTAILMENT", "MEDICAL", "NATURAL_DISASTER", "EXCESSIVE_OBLIGATIONS")
WISHES = (
    "I want to pay off my cards, and then never use them again.",
    'My bank calls me a "valued customer" and charges 24%, so I came here.',
    "New roof, new windows, new start.",
)
TEXTS: dict[str, tuple[str, ...]] = {
    "term": (" 36 months", " 60 months"),
    "grade": tuple("ABCDEFG"),
    "sub_grade": tuple(f"{letter}{step}" for letter in "ABCDEFG" for step in range(1, 6)),
    "loan_status": STATUSES,
    "hardship_loan_status": STATUSES,
    "pymnt_plan": ("n", "y"),
    "hardship_flag": ("N", "Y"),
    "debt_settlement_flag": ("N", "Y"),
    "desc": WISHES,
    "purpose": tuple(PURPOSES),
    "title": tuple(title for _, title in PURPOSES.values()),
    "initial_list_status": ("w", "f"),
    "hardship_type": ("INTEREST ONLY-3 MONTHS DEFERRAL",),
    "hardship_reason": HARDSHIP_REASONS,
    "hardship_status": ("ACTIVE", "COMPLETED"),
    "disbursement_method": ("Cash", "DirectPay"),
    "settlement_status": ("ACTIVE", "COMPLETE", "BROKEN"),
    "emp_title": EMP_TITLES,
    "emp_length": EMP_LENGTHS,
    "home_ownership": ("MORTGAGE", "RENT", "OWN", "ANY"),
    "verification_status": VERIFICATION,
    "verification_status_joint": VERIFICATION,
    "application_type": ("Individual", "Joint App"),
    "addr_state": tuple(state for state, *_ in STATES),
    "zip_code": tuple(f"{digits:03d}xx" for digits in range(1000)),
}
MONTH_NAMES = tuple(f"{month}-{year}" for year in range(1900, 2100) for month in MONTHS)
URL = "https://lendingclub.com/browse/loanDetail.action?loan_id={}"


def as_frame(table: str, month: date, columns: Columns) -> pl.DataFrame:
    """The table as its files show it, of loans issued in a month."""
    drawn = {"id": columns["id"]}
    shown = {"id": C("id"), "member_id": pl.format("MEM_{}", "id"), "url": pl.format(URL, "id")}
    for name in (name for name in TABLES[table] if name not in shown):
        texts, values = TEXTS.get(name), columns[name]
        if values.dtype.kind == "M":
            since = (values.astype("M8[M]") - np.datetime64("1900", "M")).astype(np.int64)
            texts, values = MONTH_NAMES, np.where(np.isnat(values), EMPTY_CODE, since)
        drawn[name] = np.asarray(values, np.float64 if texts is None else np.int64)
        shown[name] = C(name).fill_nan(None)
        if texts is not None:
            shown[name] = pl.lit(pl.Series(texts)).gather(pl.when(C(name) != EMPTY_CODE).then(C(name)))
        if month < SINCE.get(name, month):
            shown[name] = pl.when(pl.lit(value=False)).then(shown[name])
    return pl.DataFrame(drawn).select(shown[name].alias(name) for name in TABLES[table])
