"""Columns of tables as they are: values, text and gaps survive, and trouble is named."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import marginflow as mf
from marginflow.data.columns import column_names, read_columns

FRAME = pd.DataFrame(
    {
        "a": [0.1, np.nan, 1e-300, 2 / 3],
        "b": [1, 2, 3, 4],
        "c": ["x", None, "y, z", "x"],
    }
)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_come_back_bit_by_bit(tmp_path, suffix):
    path = tmp_path / f"table.{suffix}"
    write = FRAME.to_csv if suffix == "csv" else FRAME.to_parquet
    write(path, index=False)
    assert column_names(path) == ["a", "b", "c"]
    found = read_columns(path, ["c", "a"])
    assert list(found.columns) == ["c", "a"]
    np.testing.assert_array_equal(found["a"], FRAME["a"])
    assert [None if pd.isna(v) else v for v in found["c"]] == ["x", None, "y, z", "x"]
    assert isinstance(found["c"].dtype, pd.CategoricalDtype)


def test_a_byte_order_mark_and_blanks_belong_to_no_name(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbfa, b\r\n1,2\r\n")
    assert read_columns(path, ["a", "b"]).to_numpy().tolist() == [[1, 2]]


def test_a_missing_cell_is_one_that_is_empty_or_nan(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a,b\nNA,1\n,2\nNaN,3\n"",4\nnull,5\n')
    found = read_columns(path, ["a"])["a"]
    assert found.isna().tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty file"),
        ("a,b\n", "expected rows"),
        ("a,a\n1,2\n", "several of that name"),
        ("b,c\n1,2\n", "expected one column 'a', got 'b', 'c'"),
        ("a;b\n1;2\n", "separated by ';'"),
        ("a\tb\n1\t2\n", "separated by '\\t'"),
        ("a,b\n1\n", "cannot be read"),
    ],
)
def test_trouble_is_named(tmp_path, content, words):
    path = tmp_path / "table.csv"
    path.write_text(content)
    with pytest.raises(mf.DataError, match=str(path)) as refused:
        read_columns(path, ["a"])
    assert words in str(refused.value)


def test_what_is_no_table_is_refused(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"not a table")
    with pytest.raises(mf.DataError, match="cannot be read"):
        read_columns(tmp_path / "bad.parquet", ["a"])
    (tmp_path / "bad.csv").write_bytes(b"\xff\xfe\n1\n")
    with pytest.raises(mf.DataError, match="expected UTF-8 text, got the byte 0xff"):
        read_columns(tmp_path / "bad.csv", ["a"])
    with pytest.raises(FileNotFoundError):
        read_columns(tmp_path / "none.csv", ["a"])


def test_a_leading_zero_makes_a_name_of_a_number(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n12,0.5,-3\n007,0,0\n")
    found = read_columns(path, ["a", "b", "c"])
    assert found["a"].tolist() == ["12", "007"]
    assert found[["b", "c"]].to_numpy().tolist() == [[0.5, -3], [0, 0]]


def test_decimals_and_nullable_integers_are_numbers(tmp_path):
    path = tmp_path / "table.parquet"
    counts = pd.array([1, None, 3], dtype="Int64")
    money = [Decimal("1.25"), None, Decimal("0.10")]
    pd.DataFrame({"count": counts, "money": money}).to_parquet(path)
    found = read_columns(path, ["count", "money"])
    np.testing.assert_array_equal(found["count"].to_numpy(float, na_value=np.nan), [1, np.nan, 3])
    np.testing.assert_array_equal(found["money"], [1.25, np.nan, 0.1])
