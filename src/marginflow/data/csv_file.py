"""Comma-separated text, read strictly and exactly.

Every cell of a feature column becomes the float64 nearest to its text, and anything that is not a
finite number is refused with its line.  (Readers that guess types turn a mistyped cell into a
missing value or a column of text, pad short rows, and round the last digit.)
"""

import csv
import math
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from jaxtyping import Float64

from marginflow.data.errors import DataError
from marginflow.data.target import find_target

MISSING = ("", "nan", "NaN")  # as NumPy and pandas write a label that is not there
INTEGER = re.compile(r"[+-]?[0-9]+")
LEADING_ZERO = re.compile(r"[+-]?0[0-9]")


def read_csv(
    path: Path, target: str | None
) -> tuple[tuple[str, ...], Float64[np.ndarray, "n d"], list, str]:
    """Read a CSV file whose first line names its columns.

    Args:
        path: the file, UTF-8 with or without a byte order mark; any line ends; quotes as in
            RFC 4180.
        target: the label column's name, None to find it.

    Returns:
        The feature names, the features (n, d), the labels (n,), and the label column's name.

    Raises:
        DataError: naming the line, and the column where there is one.
    """
    with path.open(encoding="utf-8-sig", newline="") as handle:
        try:
            return _read(handle, target)
        except UnicodeDecodeError as error:
            raise DataError(
                f"expected UTF-8 text, got the byte 0x{error.object[error.start]:02x}; "
                "save the file as UTF-8."
            ) from error


def _read(
    handle: TextIO, target: str | None
) -> tuple[tuple[str, ...], Float64[np.ndarray, "n d"], list, str]:
    records = _records(handle)
    _, header = next(records, (0, []))
    if not header:
        raise DataError("expected a header line that names the columns, got an empty file.")
    columns = [name.strip() for name in header]
    column = find_target(columns, target)
    at = columns.index(column)
    names = (*columns[:at], *columns[at + 1 :])
    cells, labels = array("d"), []
    for line, record in records:
        if len(record) != len(columns):
            raise DataError(
                f"expected {len(columns)} cells as in the header, got {len(record)} in line "
                f"{line}; complete the line, or quote cells that contain commas."
            )
        label = record.pop(at).strip()
        if label in MISSING:
            raise DataError(
                f"expected a label, got {_worded(label)} in line {line}, column {column!r}; drop "
                "the line or give it a label."
            )
        labels.append(label)
        cells.extend(_numbers(record, line, names))
    if not labels:
        raise DataError("expected rows after the header, got none; check how the file was written.")
    features = np.frombuffer(cells, dtype=np.float64).reshape(len(labels), len(names))
    return names, features, _typed(labels), column


def _records(handle: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Records with the line on which each begins; blank lines are passed over."""
    reader = csv.reader(handle, strict=True, skipinitialspace=True)
    line = 1
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"expected comma-separated text, got a record that cannot be read in line {line}: "
                f"{error}; check the quotes there."
            ) from error
        if record is None:
            return
        if record:
            yield line, record
        line = reader.line_num + 1


def _numbers(record: list[str], line: int, names: tuple[str, ...]) -> list[float]:
    try:
        numbers = list(map(float, record))
    except ValueError:
        numbers = None
    # float() also reads nan, inf and digits grouped as in 1_000
    if numbers is not None and all(map(math.isfinite, numbers)) and "_" not in "".join(record):
        return numbers
    for name, text in zip(names, record, strict=True):
        if not _is_finite_number(text):
            raise DataError(
                f"features must be finite numbers, got {_worded(text)} in line {line}, "
                f"column {name!r}; correct the cell, drop the line, or encode the column."
            )
    raise AssertionError(f"line {line} was refused without a reason")


def _worded(cell: str) -> str:
    return repr(cell) if cell.strip() else "an empty cell"


def _is_finite_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _typed(labels: list[str]) -> list:
    """Labels as integers or floats where every one is written as such, else as they are.

    A leading zero makes a name of a number: 007 stays text.
    """
    distinct = set(labels)
    if any(LEADING_ZERO.match(text) for text in distinct):
        return labels
    if all(INTEGER.fullmatch(text) for text in distinct):
        return [int(text) for text in labels]
    if all(_is_finite_number(text) for text in distinct):
        return [float(text) for text in labels]
    return labels
