"""JSON: strictly valid, nothing lost but what JSON cannot say, and that in known ways."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import marginflow as mf
from marginflow.cli.json_document import json_document


def strictly(document: str):
    """What a reader of standard JSON gets."""

    def refuse(constant: str):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(document, parse_constant=refuse)


scalars = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def without_non_finite(value):
    """The same with null for each number that is not finite, by hand."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [without_non_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: without_non_finite(item) for key, item in value.items()}
    return value


@given(values)
def test_everything_comes_back_but_non_finite_numbers_which_become_null(value):
    assert strictly(json_document(value)) == without_non_finite(value)


@given(npst.arrays(npst.floating_dtypes(sizes=(16, 32, 64)) | npst.integer_dtypes(), (2, 3)))
def test_arrays_become_nested_lists_of_their_exact_values(array):
    read = strictly(json_document(array))
    back = np.array([[np.nan if entry is None else entry for entry in row] for row in read])
    finite = np.isfinite(array)
    assert np.array_equal(back[finite].astype(array.dtype), array[finite])
    assert np.array_equal(np.array(read, dtype=object) == None, ~finite)  # noqa: E711  elementwise


def test_scalars_and_arrays_of_numpy_and_jax():
    with mf.x64():
        found = {
            "scalar": np.float64(0.1),
            "whole": np.int64(3),
            "flag": np.bool_(True),
            "text": np.str_("a"),
            "array": jnp.asarray([0.1, jnp.nan]),
            "texts": np.array(["a", "b"]),
            "nothing": np.array([]),
        }
        read = strictly(json_document(found))
    assert read == {
        "scalar": 0.1,
        "whole": 3,
        "flag": True,
        "text": "a",
        "array": [0.1, None],
        "texts": ["a", "b"],
        "nothing": [],
    }


@given(st.integers(2**63, 2**4000) | st.just(10**5000))
def test_integers_beyond_64_bits_become_their_digits(number):
    for value in (number, -number):
        read = strictly(json_document([value]))[0]
        assert Fraction(value) == Fraction(*_halves(read))


def _halves(digits: str) -> tuple[int, int]:
    """A long integer from its digits, as a fraction, without the limit on long texts."""
    sign = -1 if digits.startswith("-") else 1
    value = 0
    for letter in digits.lstrip("-"):
        value = 10 * value + int(letter)
    return sign * value, 1


def test_values_of_the_library():
    class Kind(StrEnum):
        FIRST = "first"

    @dataclass(frozen=True)
    class Inner:
        kind: Kind
        bound: float

    found = {
        "status": mf.Status.DONE,
        "inner": Inner(Kind.FIRST, math.inf),
        "exact": Fraction(1, 3),
        "path": Path("a") / "b",
        "label": b"caf\xe9",
        Kind.FIRST: (1, 2),
    }
    assert strictly(json_document(found)) == {
        "status": "done",
        "inner": {"kind": "first", "bound": None},
        "exact": "1/3",
        "path": str(Path("a") / "b"),
        "label": "caf\\xe9",
        "first": [1, 2],
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, 1j, np.array([1j]), np.array([object()])])
def test_what_has_no_form_is_refused_by_its_place(value):
    with pytest.raises(TypeError, match=r"\$\.figures\.entry.* has no form in JSON"):
        json_document({"figures": {"entry": value}})


def test_keys_are_strings():
    with pytest.raises(TypeError, match="strings only"):
        json_document({1: "a"})
