from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from hashlib import sha256
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from jobs.protocol import policy, schemas
from jobs.protocol.errors import ConfigInvalid
from jobs.protocol.strict_json import EDITED_LIMIT

SCHEMA = dict(schemas.document("policy"))


def written(given: object) -> bytes:
    return json.dumps(given).encode()


def read(given: object) -> policy.Policy:
    return policy.load(written(given), "decisions/policy.json")


def refusal(given: object) -> str:
    with pytest.raises(ConfigInvalid) as caught:
        read(given)
    return caught.value.what


def leaves(part: dict[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], dict[str, Any]]:
    if "properties" not in part:
        return {path: part}
    members = ((name, member) for name, member in part["properties"].items() if not name.startswith("$"))
    return {key: leaf for name, member in members for key, leaf in leaves(member, (*path, name)).items()}


def nested(path: tuple[str, ...], value: object) -> object:
    for name in reversed(path):
        value = {name: value}
    return value


def test_no_file_means_the_defaults_of_the_design() -> None:
    rules = policy.load(None, "decisions/policy.json")
    assert (rules.label.dpd, rules.label.window_months, rules.label.lag_days) == (90, 12, 31)
    assert rules.label.closing_days == 183
    assert (rules.feature_profile, rules.mode) == ("investor", "auto")
    assert rules.drift.psi == policy.Severities(low=0.10, medium=0.25, high=0.30, critical=0.50)
    assert rules.gates.credit.oe == (0.85, 1.15)
    assert dict(rules.decision.valid_days) == {"MEDIUM": 7, "HIGH": 7, "IMMEDIATE": 14}
    assert rules.gates.fraud_002.f1 is None
    assert rules.cutoff.approval_rate is None
    assert rules.leaks.max_single_feature_auc == 0.75


def test_the_file_of_the_first_run_holds_every_default_and_says_what_it_means() -> None:
    data = policy.default_bytes()
    given = json.loads(data)
    assert policy.load(data, "file") == policy.load(None, "no file")
    assert given["$schema"].endswith("contracts/policy.json")
    assert any("dpd" in line and "30, 60, 90, 120" in line for line in given["label"]["$comment"])
    for path, leaf in leaves(SCHEMA).items():
        value = given
        for name in path:
            value = value[name]
        assert value == leaf["default"], path


def test_the_schema_is_one_and_its_defaults_keep_it() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    policy.check(json.loads(policy.default_bytes()), policy.default_bytes(), "defaults")
    for path, leaf in leaves(SCHEMA).items():
        assert leaf["description"], path


def test_every_key_of_the_schema_is_a_field_and_the_other_way_round() -> None:
    def agree(part: dict[str, Any], kind: object) -> None:
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
            return
        types = get_type_hints(kind)
        keys = {name for name in part["properties"] if not name.startswith("$")}
        optional = {field.name for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING}
        assert keys - optional == types.keys() - optional - {"sha256"}, kind
        for name in keys:
            agree(part["properties"][name], types[name])

    agree(SCHEMA, policy.Policy)


def test_a_key_left_out_has_its_default_and_every_other_stays_as_written() -> None:
    rules, defaults = read({"label": {"dpd": 30}, "gates": {"credit": {"ks": 0.1}}}), policy.load(None, "")
    assert rules.label == dataclasses.replace(defaults.label, dpd=30)
    assert rules.gates == dataclasses.replace(defaults.gates, credit=dataclasses.replace(defaults.gates.credit, ks=0.1))
    untouched = {"label", "gates", "sha256"}
    for field in dataclasses.fields(rules):
        assert field.name in untouched or getattr(rules, field.name) == getattr(defaults, field.name)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param(
            {"label": {"dpd": 91}}, "/label/dpd is 91, but may be one of 30, 60, 90, 120", id="not-in-the-list"
        ),
        pytest.param(
            {"label": {"dpd": 30.0}},
            "/label/dpd is 30.0, but may be one of 30, 60, 90, 120",
            id="a-fraction-of-the-list",
        ),
        pytest.param({"label": {"window_months": "life"}}, 'from 3 to 60 or "term"', id="neither-number-nor-term"),
        pytest.param({"label": {"lag_days": 31.0}}, "a whole number from 0 to 92", id="a-fraction-for-a-whole-number"),
        pytest.param({"label": {"lag_days": True}}, "a whole number", id="true-is-no-number"),
        pytest.param({"label": {"lag_days": -1}}, "/label/lag_days is -1", id="below-the-range"),
        pytest.param({"label": 3}, "an object in { }", id="a-number-for-a-section"),
        pytest.param([], "the policy is []", id="a-list-for-the-policy"),
        pytest.param({"lable": {}}, "lable is unknown; did you mean 'label'?", id="mistyped-section"),
        pytest.param({"label": {"windw_months": 12}}, "did you mean 'window_months'?", id="mistyped-key"),
        pytest.param({"label": {"qqq": 1}}, "known here: $comment, dpd", id="a-key-like-no-other"),
        pytest.param({"alerts": {"hosts": ["a b"]}}, "/alerts/hosts/0", id="a-host-with-a-blank"),
        pytest.param({"alerts": {"hosts": ["a\n"]}}, "/alerts/hosts/0", id="a-host-with-a-line-end"),
        pytest.param({"guards": {"immediate_bypasses": ["data_quality"]}}, '"cooldown"', id="a-guard-never-bypassed"),
        pytest.param({"cbpe": {"max_severity": "critical"}}, '"high"', id="an-estimate-is-never-critical"),
        pytest.param({"alerts": {"channels": ["file", "file"]}}, "each once", id="the-same-channel-twice"),
        pytest.param({"mode": "a" * 70}, f'mode is "{"a" * 59}..., but may be', id="a-long-value-is-cut-short"),
        pytest.param({"gates": {"credit": {"oe": [0.9]}}}, "a list of a number", id="half-an-interval"),
        pytest.param({"gates": {"credit": {"oe": [1.1, 0.9]}}}, "from 0 to 1", id="an-interval-without-one"),
        pytest.param({"cutoff": {"approval_rate": 1}}, "a number from 0.001 to 0.999 or null", id="all-approved"),
        pytest.param({"drift": {"psi": {"low": 0.26}}}, "puts low (0.26) above medium (0.25)", id="severities-crossed"),
        pytest.param(
            {"calibration": {"critical": 0.2}},
            "/calibration/critical puts high (0.25) above critical (0.2)",
            id="bound-below-default",
        ),
        pytest.param({"gates": {"credit": {"auc_lower": 0.7}}}, "above auc (0.65)", id="lower-bound-above-the-value"),
        pytest.param({"\u001b[2J\u202e": 1}, "\\u001b[2J\\u202e is unknown", id="nothing-steers-the-terminal"),
    ],
)
def test_a_policy_that_cannot_hold_is_refused_and_says_what_may_stand_there(given: object, said: str) -> None:
    assert said in refusal(given)


def test_bounds_may_be_equal() -> None:
    assert read({"drift": {"psi": {"low": 0.25}}}).drift.psi.low == 0.25


def test_every_breach_is_told_at_once_with_its_line_and_column() -> None:
    data = b'{\n  "label": {"dpd": 1},\n  "moed": "auto"\n}'
    with pytest.raises(ConfigInvalid) as caught:
        policy.load(data, "decisions/policy.json")
    assert caught.value.what == (
        "line 2, column 20: /label/dpd is 1, but may be one of 30, 60, 90, 120; "
        "line 3, column 11: moed is unknown; did you mean 'mode'?"
    )
    assert caught.value.where == "decisions/policy.json"


def test_text_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(ConfigInvalid, match="line 1, column 11"):
        policy.load(b'{"label": }', "decisions/policy.json")
    with pytest.raises(ConfigInvalid, match="65536"):
        policy.load(b" " * (EDITED_LIMIT + 1), "decisions/policy.json")


def test_a_comment_may_stand_in_every_section_and_changes_nothing_but_the_hash() -> None:
    given = {"$comment": "ours", "label": {"$comment": ["a", "b"]}, "decision": {"valid_days": {"$comment": "c"}}}
    rules, defaults = read(given), policy.load(None, "")
    assert dataclasses.replace(rules, sha256=defaults.sha256) == defaults
    assert rules.sha256 == sha256(written(given)).hexdigest()


@pytest.mark.parametrize("rate", [None, 0.85])
def test_a_cut_off_by_approval_may_be_given_or_left_to_the_bads(rate: float | None) -> None:
    assert read({"cutoff": {"approval_rate": rate}}).cutoff.approval_rate == rate


def test_whole_numbers_do_for_fractions() -> None:
    auc = read({"performance_floor": {"auc": 1}}).performance_floor.auc
    assert isinstance(auc, float)


def test_a_policy_cannot_be_changed_once_read() -> None:
    rules = policy.load(None, "")
    with pytest.raises(dataclasses.FrozenInstanceError):
        rules.label.dpd = 30  # type: ignore[misc]
    with pytest.raises(TypeError):
        rules.decision.valid_days["HIGH"] = 1  # type: ignore[index]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.floats(-1, 2) | st.sampled_from(["term", "auto", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$comment", "label", "dpd", "drift", "psi", "low", "mode", "oe"]), inner)
    ),
    max_leaves=8,
)


@given(given=JSON)
def test_whatever_is_written_is_read_or_refused_with_what_where_and_mend(given: object) -> None:
    try:
        rules = read(given)
    except ConfigInvalid as invalid:
        refused = invalid
    else:
        assert rules.mode in {"auto", "advise"}
        return
    assert "line 1" in refused.what
    assert refused.mend


def test_a_policy_as_the_first_run_wrote_it_is_read_without_heavy_imports() -> None:
    code = (
        "import sys; from jobs.protocol import policy; policy.load(policy.default_bytes(), 'x');"
        "print(sorted({'polars', 'jsonschema', 'numpy'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("window", "longest"), [("term", 60 + 5), (24, 24)])
def test_the_longest_window_of_the_term_lasts_until_the_charge_off(window: object, longest: int) -> None:
    assert read({"label": {"window_months": window}}).label.longest_months == longest
