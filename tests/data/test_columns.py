"""Columns of tables as they are: values, text and gaps survive, and trouble is named."""

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
