"""What a run says of what a library or the system raised."""

from __future__ import annotations

import ctypes
import sys

import pytest

from jobs.protocol.errors import GRAVEST_FIRST, READ, JobError, StoreDamaged, as_job_error, gravest


def test_of_all_that_a_run_met_the_gravest_is_its_exit_code() -> None:
    assert [gravest([0, *GRAVEST_FIRST[at:][::-1]]) for at in range(8)] == [1, 6, 5, 4, 3, 75, 2, 0]


def test_no_failure_has_an_exit_code_that_a_run_would_pass_over() -> None:
    assert {kind.exit_code for kind in JobError.__subclasses__()} <= set(GRAVEST_FIRST)


@pytest.mark.skipif(sys.platform != "linux", reason="each system says it in its own words")
def test_a_missing_library_is_named_with_how_to_get_it() -> None:
    with pytest.raises(OSError, match="cannot open") as found:
        ctypes.CDLL("libnobody-has.so.1")
    told = as_job_error(found.value)
    assert (told.exit_code, told.what) == (1, "a library is missing: libnobody-has.so.1")
    assert "libgomp1 (apt-get)" in told.mend


@pytest.mark.parametrize(
    ("error", "what"),
    [
        pytest.param(
            OSError("dlopen(/v/lib_lightgbm.dylib, 0x0006): Library not loaded: @rpath/libomp.dylib\n  Reason: tried"),
            "a library is missing: @rpath/libomp.dylib",
            id="as-a-mac-says-it",
        ),
        pytest.param(
            ImportError("libstdc++.so.6: cannot open shared object file: No such file or directory"),
            "a library is missing: libstdc++.so.6",
            id="when-a-module-is-imported",
        ),
        pytest.param(
            ValueError("4711: cannot open shared object file"), "a bug: ValueError in ", id="not-where-a-value-says-it"
        ),
    ],
)
def test_only_what_loads_libraries_is_taken_at_its_word(error: Exception, what: str) -> None:
    def raised() -> None:
        raise error

    with pytest.raises(type(error)) as found:
        raised()
    assert as_job_error(found.value).what.startswith(what)


def test_a_bug_that_comes_of_a_forged_file_is_damage_and_whole_files_are_looked_at_once() -> None:
    looked: list[str] = []

    def whole() -> None:
        looked.append("whole")

    forged = StoreDamaged("it is forged", where="b", mend="restore it")
    READ.update(a=lambda: forged, b=whole)
    with pytest.raises(TypeError) as found:
        len(3)  # type: ignore[arg-type]
    assert [as_job_error(found.value), as_job_error(found.value)] == [forged, forged]
    READ["a"] = whole
    assert [as_job_error(found.value).what[:16] for _ in range(2)] == ["a bug: TypeError"] * 2
    assert looked == ["whole", "whole"]
