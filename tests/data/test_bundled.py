"""Bundled data: their sizes, and standardization that does what it says."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import marginflow as mf
from marginflow.data import DataError
from marginflow.data.bundled import BUNDLED
from marginflow.data.standardize import standardize_columns

SIZES = {
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
}


def test_every_bundled_set_is_listed():
    assert SIZES.keys() == BUNDLED.keys()


@pytest.mark.parametrize("name", SIZES)
def test_raw_data_are_scikit_learns(name):
    data = mf.load_dataset(name, standardize=False, constant=False)
    bunch = getattr(sklearn.datasets, f"load_{name}")()
    assert (data.n_samples, data.n_features, data.n_classes) == SIZES[name]
    np.testing.assert_array_equal(data.features, bunch.data)
    np.testing.assert_array_equal(data.labels, bunch.target)
    assert data.classes.tolist() == list(range(data.n_classes))
    assert data.feature_names == tuple(bunch.feature_names)
    assert data.name == name
    assert data.provenance.endswith("as bundled with scikit-learn.")


@pytest.mark.parametrize("name", SIZES)
def test_the_default_is_standardized_with_a_constant_column(name):
    raw = mf.load_dataset(name, standardize=False, constant=False)
    data = mf.load_dataset(name)
    assert data.n_features == raw.n_features + 1
    assert data.feature_names == (*raw.feature_names, "constant")
    np.testing.assert_array_equal(data.features[:, -1], 1.0)
    for column, source in zip(data.features.T[:-1], raw.features.T, strict=True):
        if (source == source[0]).all():
            np.testing.assert_array_equal(column, 0.0)
        else:
            assert abs(column.mean()) < 1e-13
            assert abs(np.sqrt(np.mean(column**2)) - 1) < 1e-13
            plain = (source - source.mean()) / np.sqrt(np.mean((source - source.mean()) ** 2))
            np.testing.assert_allclose(column, plain, rtol=1e-11, atol=1e-13)
    assert "standardized" in data.provenance
    assert "column of ones" in data.provenance


def test_options_are_independent():
    both = mf.load_dataset("wine")
    assert mf.load_dataset("wine", constant=False).features.tobytes() == (
        np.ascontiguousarray(both.features[:, :-1]).tobytes()
    )
    assert mf.load_dataset("wine", standardize=False).feature_names[-1] == "constant"


@given(value=st.floats(allow_nan=False, allow_infinity=False), n=st.integers(1, 50))
def test_a_column_of_one_value_becomes_exactly_zero(value, n):
    np.testing.assert_array_equal(standardize_columns(np.full((n, 1), value)), 0.0)


@given(
    column=hnp.arrays(np.float64, st.integers(2, 20), elements=st.integers(-100, 100).map(float)),
    exponent=st.integers(-1000, 1000),
)
def test_standardization_does_not_see_the_scale(column, exponent):
    scaled = np.ldexp(column, exponent)[:, None]
    result = standardize_columns(scaled)
    np.testing.assert_array_equal(result, standardize_columns(column[:, None]))
    assert np.isfinite(result).all()
    if (column != column[0]).any():
        assert abs(np.sqrt(np.mean(result**2)) - 1) < 1e-13


@pytest.mark.parametrize("name", ["diggits", "", "Wine"])
def test_an_unknown_name_lists_the_names(name):
    with pytest.raises(DataError, match=r"wine, breast_cancer, digits, iris.*\.csv"):
        mf.load_dataset(name)


def test_a_bundled_set_has_no_target_to_choose():
    with pytest.raises(DataError, match="target names the label column of a file"):
        mf.load_dataset("wine", target="y")


def test_importing_the_room_imports_no_heavy_library():
    code = (
        "import sys, marginflow.data\n"
        "heavy = {'sklearn', 'pandas', 'pyarrow', 'jax', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    source = Path(mf.__file__).parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, cwd=source)
