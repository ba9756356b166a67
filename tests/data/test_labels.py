"""Labels of any kind are encoded by rank and come back unchanged."""

import enum
from datetime import date

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marginflow as mf
from marginflow.data.errors import DataError
from marginflow.data.labels import class_key, encode_labels

KINDS = {
    "integers": st.integers(),
    "small integers": st.integers(-3, 3),
    "signs": st.sampled_from([-1, 1]),
    "whole floats": st.integers(-(2**60), 2**60).map(float),
    "booleans": st.booleans(),
    "strings": st.text(),
    "bytes": st.binary(),
}
ANY_KIND = st.sampled_from(list(KINDS.values())).flatmap(lambda kind: st.lists(kind, min_size=1))


@given(labels=ANY_KIND)
def test_encoding_is_the_rank_and_goes_back(labels):
    codes, classes = encode_labels(labels)
    assert classes.tolist() == sorted(set(labels))
    assert classes[codes].tolist() == labels
    assert {type(label) for label in classes.tolist()} == {type(label) for label in labels}
    assert codes.dtype == np.int64
    assert set(codes.tolist()) == set(range(len(classes)))


@given(labels=ANY_KIND, data=st.data())
def test_the_order_of_the_rows_does_not_matter(labels, data):
    order = data.draw(st.permutations(range(len(labels))))
    codes, classes = encode_labels(labels)
    permuted, again = encode_labels([labels[i] for i in order])
    assert again.tolist() == classes.tolist()
    assert permuted.tolist() == codes[order].tolist()


SMALL = st.lists(st.integers(-3, 3), min_size=1)
WORDS = st.lists(st.sampled_from(["a", "b", "ä", "", "long word"]), min_size=1)
CONTAINERS = {
    "tuple": tuple,
    "array": np.array,
    "objects": lambda labels: np.array(labels, dtype=object),
    "masked": lambda labels: np.ma.masked_array(labels, mask=False),
    "series": pd.Series,
    "series of objects": lambda labels: pd.Series(labels, dtype=object),
    "index": pd.Index,
    "categorical": pd.Categorical,
    "series of categories": lambda labels: pd.Series(labels, dtype="category"),
    "ordered": lambda labels: pd.Categorical(
        labels, categories=sorted(set(labels), reverse=True), ordered=True
    ),
    "nullable": lambda labels: pd.Series(labels).convert_dtypes(),
    "arrow": pa.array,
    "chunked": lambda labels: pa.chunked_array([labels, labels[:0]]),
    "dictionary": lambda labels: pa.array(labels).dictionary_encode(),
}


@pytest.mark.parametrize("container", CONTAINERS)
@given(labels=SMALL | WORDS)
def test_every_container_gives_the_same_code(container, labels):
    codes, classes = encode_labels(CONTAINERS[container](labels))
    assert classes[codes].tolist() == labels
    assert classes.tolist() == sorted(set(labels))


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int32", "uint64", "float16", "float32", "bool"]
)
def test_the_classes_keep_the_type_of_an_array(dtype):
    codes, classes = encode_labels(np.array([1, 0, 1], dtype=dtype))
    assert classes.dtype == dtype
    assert codes.tolist() == [1, 0, 1]


def test_labels_of_other_libraries():
    assert encode_labels(jnp.array([3, 1, 3]))[0].tolist() == [1, 0, 1]
    assert encode_labels(range(3))[0].tolist() == [0, 1, 2]
    assert encode_labels(np.array(["b", "a"], dtype=np.dtypes.StringDType()))[0].tolist() == [1, 0]
    assert encode_labels(np.array([b"b", b"a"]))[1].tolist() == [b"a", b"b"]


def test_enumerations_are_their_values():
    class Color(enum.StrEnum):
        RED = "red"
        BLUE = "blue"

    assert encode_labels([Color.RED, Color.BLUE])[1].tolist() == ["blue", "red"]


def test_negative_zero_is_zero():
    codes, classes = encode_labels(np.array([-0.0, 0.0, 1.0]))
    assert codes.tolist() == [0, 0, 1]
    assert not np.signbit(classes[0])


def test_whole_floats_among_integers_are_integers():
    codes, classes = encode_labels([2**53 + 1, 1.0, 1])
    assert codes.tolist() == [1, 0, 0]
    assert classes.tolist() == [1, 2**53 + 1]


@given(labels=ANY_KIND, data=st.data())
def test_given_classes_fix_the_codes(labels, data):
    some = data.draw(st.lists(st.sampled_from(labels), min_size=1))
    _, classes = encode_labels(labels)
    codes, same = encode_labels(some, classes)
    assert same.tolist() == classes.tolist()
    assert classes[codes].tolist() == some


def test_a_label_beyond_the_given_classes_is_named():
    with pytest.raises(DataError, match=r"among the classes \['a', 'b'\], got 'c' in row 1"):
        encode_labels(["a", "c", "d"], ["b", "a"])


@given(first=ANY_KIND, second=ANY_KIND)
def test_classes_have_one_key_where_python_calls_them_equal(first, second):
    a, b = first[0], second[0]
    same_kind = isinstance(a, bool) == isinstance(b, bool)
    assert (class_key(a) == class_key(b)) == (a == b and same_kind)


MALFORMED = {
    "one class": ([1, 1], r"at least two classes, got 1 in all 2 rows"),
    "one class of text": (["a", "a"], "got 'a' in all 2 rows"),
    "too few": ([0], "got 2 rows of features and 1 labels"),
    "too many": ([0, 1, 0], "got 2 rows of features and 3 labels"),
    "none": ([], "must not be empty"),
    "NaN": ([0.0, np.nan], r"must be complete, got nan in row 1, counted from 0"),
    "NaN in an array": (np.array([0.0, np.nan]), "got nan in row 1"),
    "None": (["a", None], "got None in row 1"),
    "NA": (pd.Series([1, pd.NA], dtype="Int64"), "got nan in row 1"),
    "NA among text": (pd.Series(["a", pd.NA], dtype=object), "got <NA> in row 1"),
    "missing category": (pd.Categorical(["a", None]), "got nan in row 1"),
    "missing text": (pd.Series(["a", None]), "in row 1"),
    "null": (pa.array([1, None]), "got nan in row 1"),
    "masked": (np.ma.masked_array([0, 1], mask=[False, True]), "a masked value in row 1"),
    "fraction": ([0, 0.5], r"must name classes, got 0\.5 in row 1.*cut it into classes"),
    "fraction in an array": (np.array([0.0, 0.5]), r"got 0\.5 in row 1"),
    "infinite": ([0.0, np.inf], "got inf in row 1"),
    "mixed": ([0, "a"], r"one kind.*int \(row 0\) and str \(row 1\)"),
    "mixed with booleans": ([2, True], r"int \(row 0\) and bool \(row 1\)"),
    "mixed objects": (np.array(["a", b"a"], dtype=object), r"str \(row 0\) and bytes \(row 1\)"),
    "complex": (np.array([0j, 1j]), "got complex128"),
    "dates": (np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"), "got datetime64"),
    "objects": ([date(2020, 1, 1), date(2020, 1, 2)], r"got datetime\.date.*in row 0"),
    "a column": (np.array([[0], [1]]), r"shape \(n,\), got \(2, 1\); pass one column"),
    "a table": (pd.DataFrame({"y": [0, 1]}), r"got \(2, 1\)"),
    "one-hot": (np.eye(2), r"got \(2, 2\); pass labels\.argmax\(axis=1\)"),
    "nested": ([[0], [1]], r"got \(2, 1\)"),
    "a number": (3, "must be a sequence of"),
    "a text": ("ab", "must be a sequence of"),
    "a set": ({0, 1}, "must be a sequence of"),
    "nothing": (None, "must be a sequence of"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_labels_are_refused_with_a_reason(case):
    labels, message = MALFORMED[case]
    with pytest.raises(DataError, match=message):
        mf.Dataset([[0.0], [1.0]], labels)
