"""No bit is lost on entry, and what float64 cannot hold is refused by its place."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import marginflow as mf
from marginflow.data.errors import DataError
from marginflow.data.features import read_features

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=5)


def bits(array):
    return np.ascontiguousarray(array).view(np.uint64)


def table(array):
    return pd.DataFrame(array, columns=[f"c{j}" for j in range(array.shape[1])])


CONTAINERS = {
    "array": lambda a: a,
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
    "big-endian": lambda a: a.astype(">f8"),
    "lists": lambda a: a.tolist(),
    "list of rows": list,
    "tuples": lambda a: tuple(map(tuple, a.tolist())),
    "objects": lambda a: a.astype(object),
    "masked": lambda a: np.ma.masked_array(a, mask=False),
    "pandas": table,
    "pandas nullable": lambda a: table(a).astype("Float64"),
    "pandas objects": lambda a: table(a).astype(object),
    "pyarrow": lambda a: pa.Table.from_pandas(table(a)),
    "record batch": lambda a: pa.RecordBatch.from_pandas(table(a)),
}


@pytest.mark.parametrize("container", CONTAINERS)
@given(array=hnp.arrays(np.float64, SHAPES, elements=FINITE))
def test_no_bit_is_lost_from_any_container(container, array):
    read, names = read_features(CONTAINERS[container](array))
    np.testing.assert_array_equal(bits(read), bits(array))
    assert read.flags.c_contiguous
    assert read.flags.owndata
    has_names = container.startswith(("pandas", "pyarrow", "record"))
    assert names == (tuple(f"c{j}" for j in range(array.shape[1])) if has_names else None)


@given(array=hnp.arrays(hnp.integer_dtypes() | hnp.unsigned_integer_dtypes(), SHAPES))
def test_integers_are_kept_exactly_or_refused(array):
    exact = all(int(float(int(v))) == int(v) for v in array.ravel())
    for given_as in (array, array.tolist(), array.astype(object), table(array)):
        if exact:
            read, _ = read_features(given_as)
            assert [int(v) for v in read.ravel()] == [int(v) for v in array.ravel()]
        else:
            with pytest.raises(DataError, match="float64, which cannot hold"):
                read_features(given_as)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
def test_the_integer_that_float64_would_change_is_named(dtype):
    array = np.array([[2**53, 2**60], [3 * 2**55, 2**53 + 1]], dtype=dtype)
    with pytest.raises(DataError, match=r"9007199254740993 at row 1, column 1, counted from 0"):
        read_features(array)


def test_an_integer_beside_a_fraction_in_a_list_is_not_rounded():
    with pytest.raises(DataError, match="9007199254740993 at row 0, column 1"):
        read_features([[0.5, 2**53 + 1]])
    with pytest.raises(DataError, match=r"an integer beyond 1\.8e308 at row 0, column 1"):
        read_features([[0.5, 10**5000]])


@pytest.mark.skipif(
    np.finfo(np.longdouble).nmant <= 52, reason="long double is float64 on this platform"
)
def test_long_doubles_are_kept_exactly_or_refused():
    third = np.longdouble(1) / 3
    np.testing.assert_array_equal(read_features(np.array([[np.longdouble(0.5)]]))[0], [[0.5]])
    with pytest.raises(DataError, match="row 0, column 1"):
        read_features(np.array([[np.longdouble(1), third]]))
    with pytest.raises(DataError, match="row 0, column 1"):
        read_features([[1.0, third]])


@pytest.mark.parametrize("dtype", ["float16", "float32", "bfloat16"])
def test_narrow_floats_are_widened_exactly(dtype):
    array = jnp.array([[0.1, -3.0], [1e4, 2.0**-14]], dtype=dtype)
    read, _ = read_features(array)
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read.astype(array.dtype), np.asarray(array))


def test_booleans_are_zero_and_one():
    read, _ = read_features(pd.DataFrame({"a": [True, False], "b": [0.5, 1.5]}))
    np.testing.assert_array_equal(read, [[1, 0.5], [0, 1.5]])


@pytest.mark.parametrize("container", ["array", "lists", "objects", "pandas", "pyarrow"])
@given(
    array=hnp.arrays(np.float64, SHAPES, elements=FINITE),
    bad=st.sampled_from([np.nan, np.inf, -np.inf]),
    data=st.data(),
)
def test_the_first_non_finite_cell_is_named(container, array, bad, data):
    row = data.draw(st.integers(0, array.shape[0] - 1))
    column = data.draw(st.integers(0, array.shape[1] - 1))
    array[row, column] = bad
    array[row + 1 :, -1:] = np.nan
    with pytest.raises(DataError, match="must be finite") as caught:
        read_features(CONTAINERS[container](array))
    named = f" ('c{column}')" if container in {"pandas", "pyarrow"} else ""
    assert f"at row {row}, column {column}{named}, counted from 0" in str(caught.value)


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_missing_objects_are_named(missing):
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": pd.Series([1.0, missing], dtype=object)})
    with pytest.raises(DataError, match=r"row 1, column 1 \('b'\)"):
        read_features(frame)


MALFORMED = {
    "one dimension": (np.arange(3.0), r"shape \(n, d\), got \(3,\); for one feature pass features"),
    "one dimension of text": (["a", "b"], r"got \(2,\)"),
    "three dimensions": (np.zeros((2, 2, 2)), r"got \(2, 2, 2\); flatten each sample"),
    "a scalar": (np.float64(3), r"got \(\)"),
    "no rows": (np.empty((0, 3)), r"at least one row and one column, got shape \(0, 3\)"),
    "no columns": (np.empty((3, 0)), r"got shape \(3, 0\)"),
    "nothing": ([], "at least one row"),
    "an empty table": (pd.DataFrame({"a": []}), r"got shape \(0, 1\)"),
    "ragged": ([[1, 2], [3, 4], [5]], "got 2 entries in row 0 and 1 in row 2"),
    "ragged arrays": ([np.ones(2), np.ones(3)], "2 entries in row 0 and 3 in row 1"),
    "complex": (np.array([[1j]]), "real and imaginary parts as two columns"),
    "complex with real values": ([[1.0, 2 + 0j]], r"\(2\+0j\).*row 0, column 1"),
    "text": ([[1.0, 2.0], [3.0, "four"]], r"'four' \(str\) at row 1, column 1"),
    "numbers as text": (np.array([["1.5"]]), r"at row 0, column 0, counted from 0; convert"),
    "text in a table": (
        pd.DataFrame({"a": [1], "b": ["x"]}),
        r"'x' \(str\) at row 0, column 1 \('b",
    ),
    "one text among numbers": (
        pd.DataFrame({"a": pd.Series([1, "?"], dtype=object)}),
        r"'\?' \(str\) at row 1, column 0 \('a'\)",
    ),
    "a category": (pd.DataFrame({"a": pd.Categorical([1, 2])}), r"column 0 \('a'\)"),
    "dates": (np.array([["2020-01-01"]], dtype="datetime64[D]"), "datetime64"),
    "fractions": ([[Fraction(1, 3)]], r"Fraction\(1, 3\)"),
    "raw bytes": (np.zeros((2, 2), dtype="V8"), "real numbers"),
    "masked": (
        np.ma.masked_array([[1.0, 2.0]], mask=[[False, True]]),
        r"masked cell at index \(0, 1",
    ),
    "sparse": (scipy.sparse.eye_array(2), r"must be dense.*features\.toarray\(\)"),
    "structured": (np.zeros((2, 2), dtype=[("a", float)]), "structured_to_unstructured"),
    "a text": ("features.csv", "got str"),
    "a dictionary": ({"a": [1.0]}, "got dict"),
    "a generator": ((row for row in [[1.0]]), "got generator"),
    "None": (None, "got NoneType"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_features_are_refused_with_a_reason(case):
    features, message = MALFORMED[case]
    with pytest.raises(DataError, match=message):
        mf.Dataset(features, [0, 1])


def test_feature_names_come_from_the_table_and_are_distinct():
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", 7])
    assert mf.Dataset(frame, [0, 1]).feature_names == ("a", "7")
    assert mf.Dataset(frame, [0, 1], feature_names=["p", "q"]).feature_names == ("p", "q")
    assert mf.Dataset(frame.to_numpy(), [0, 1]).feature_names == ("x0", "x1")
    with pytest.raises(DataError, match="'a' for columns 0 and 1"):
        mf.Dataset(frame.set_axis(["a", "a"], axis=1), [0, 1])
    with pytest.raises(DataError, match="must name 2 columns, got 1"):
        mf.Dataset(frame, [0, 1], feature_names=["p"])
    with pytest.raises(DataError, match="one text"):
        mf.Dataset(frame, [0, 1], feature_names="pq")
