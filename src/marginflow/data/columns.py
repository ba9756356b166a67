"""Single columns of a large table, as they are: numbers or text, with what is missing left missing.

A data set of features and labels is read strictly (`read_dataset`).  A column of targets is looked
at before anybody knows what it holds, and may have ten million rows; it is read by Arrow, and
nothing else of the file is kept.
"""

import csv
import itertools
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from marginflow.data.csv_file import INTEGER, LEADING_ZERO, MISSING
from marginflow.data.errors import DataError
from marginflow.data.target import listed

SUFFIXES = (".csv", ".parquet")
LOOKED_AT = 1_000  # rows, for numbers that are names


def read_columns(path: str | PathLike[str], columns: Sequence[str]) -> pd.DataFrame:
    """Read columns of a CSV or Parquet file.

    Args:
        path: ends in .parquet, or in .csv: UTF-8, comma-separated, names in the first line.
        columns: their names, in the order wanted.

    Returns:
        A frame of numbers, booleans and categories of text; empty cells, nan and NaN are missing.

    Raises:
        DataError: if the file is empty, cannot be read, or lacks a column.
        FileNotFoundError: if there is no such file.
    """
    import pyarrow as pa

    path = Path(path)
    names = column_names(path)
    for name in columns:
        if names.count(name) != 1:
            what = "several of that name" if name in names else listed(names) + _separated(names)
            raise DataError(f"{path}: expected one column {name!r}, got {what}.")
    read = _csv_table if path.suffix.lower() == ".csv" else _parquet_table
    try:
        table = read(path, names, list(dict.fromkeys(columns)))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: the file cannot be read: {error}") from error
    if not table.num_rows:
        raise DataError(f"{path}: expected rows, got none; check how the file was written.")
    for j, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            table = table.set_column(j, field.name, table.column(j).dictionary_encode())
        elif pa.types.is_decimal(field.type):
            table = table.set_column(j, field.name, table.column(j).cast(pa.float64()))
    return table.to_pandas(split_blocks=True, self_destruct=True)[list(columns)]


def column_names(path: str | PathLike[str]) -> list[str]:
    """The names of the columns of a CSV or Parquet file.

    Raises:
        DataError: if the file is empty or cannot be read.
        FileNotFoundError: if there is no such file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise DataError(f"expected a file that ends in {', '.join(SUFFIXES)}, got {str(path)!r}.")
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(f"expected a file at {str(path)!r}, found {what}; check the path.")
    if not path.stat().st_size:
        raise DataError(f"{path}: expected a table, got an empty file.")
    try:
        if path.suffix.lower() == ".parquet":
            return [str(name) for name in pq.ParquetFile(path).schema_arrow.names]
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return [name.strip() for name in next(csv.reader(handle, skipinitialspace=True), [])]
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise DataError(
            f"{path}: expected UTF-8 text, got the byte 0x{byte:02x}; save the file as UTF-8."
        ) from error
    except (pa.ArrowException, csv.Error, OSError) as error:
        raise DataError(f"{path}: the file cannot be read: {error}") from error


def _csv_table(path: Path, names: list[str], columns: list[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv as arrow

    named = {name: pa.string() for name in _zero_led(path, names) if name in columns}
    return arrow.read_csv(
        path,
        read_options=arrow.ReadOptions(column_names=names, skip_rows=1),
        convert_options=arrow.ConvertOptions(
            include_columns=columns,
            column_types=named,
            null_values=list(MISSING),
            strings_can_be_null=True,
        ),
    )


def _zero_led(path: Path, names: list[str]) -> set[str]:
    """Columns whose first cells hold a number such as 007, which is a name."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = itertools.islice(csv.reader(handle, skipinitialspace=True), 1, 1 + LOOKED_AT)
        return {
            name
            for row in rows
            for name, cell in zip(names, row, strict=False)
            if INTEGER.fullmatch(cell) and LEADING_ZERO.match(cell)
        }


def _separated(names: list[str]) -> str:
    """A hint where one name holds what may be the separator of the cells."""
    marks = [mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]]
    if not marks:
        return ""
    return f"; the cells seem to be separated by {marks[0]!r}: write the file with commas"


def _parquet_table(path: Path, names: list[str], columns: list[str]) -> Any:
    import pyarrow.parquet as pq

    # one file and no more: read_table would read meaning into a path such as "a=1/b.parquet"
    return pq.ParquetFile(path).read(columns=columns)
