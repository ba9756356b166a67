"""Data sets from files: CSV, Parquet and NPZ.

Each reader returns features, names and labels in the file's own words, and reports trouble in the
file's own places (the line of a CSV file, the row of a table, the key of an archive).  Nothing is
ever unpickled: an array of Python objects is refused.
"""

import zipfile
import zlib
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from marginflow.data.csv_file import read_csv
from marginflow.data.dataset import Dataset
from marginflow.data.errors import DataError
from marginflow.data.features import read_features
from marginflow.data.standardize import prepare
from marginflow.data.target import find_target


class Content(NamedTuple):
    """What a file holds: features and labels as `Dataset` takes them, and where the labels were."""

    features: Any
    labels: Any
    feature_names: tuple[str, ...] | None
    target: str


def read_dataset(
    path: str | PathLike[str],
    *,
    target: str | None = None,
    standardize: bool = False,
    constant: bool = False,
) -> Dataset:
    """Read a data set from a CSV, Parquet or NPZ file.

    CSV: UTF-8, comma-separated, the first line names the columns; labels are read as integers or
    whole floats where all of them are, else as strings.  Parquet: columns as in CSV.  NPZ: arrays
    "features" and "labels", or "X" and "y".

    Args:
        path: a file that ends in .csv, .parquet or .npz.
        target: the column (NPZ: the array) that holds the labels; by default the one column named
            label, target or class in any case, else the one named y.
        standardize: whether columns are standardized, as in `load_dataset`.
        constant: whether a column of ones is appended, as in `load_dataset`.

    Returns:
        The data, named after the file.

    Raises:
        DataError: if the content cannot be taken; the message names the file and the place in it.
        FileNotFoundError: if there is no such file.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"expected a file that ends in {', '.join(READERS)}, got {str(path)!r}; convert it to "
            "one of these."
        )
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(f"expected a file at {str(path)!r}, found {what}; check the path.")
    try:
        content = reader(path, target)
        features, table_names = read_features(content.features)
        names = content.feature_names or table_names
        features, names, done = prepare(
            features,
            names or tuple(f"x{j}" for j in range(features.shape[1])),
            standardize=standardize,
            constant=constant,
        )
        return Dataset(
            features,
            content.labels,
            name=path.stem,
            feature_names=names,
            provenance=f"Read from {path}, labels from {content.target!r}. {done}".strip(),
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _read_csv(path: Path, target: str | None) -> Content:
    names, features, labels, column = read_csv(path, target)
    return Content(features, labels, names, column)


def _read_parquet(path: Path, target: str | None) -> Content:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # One file and no more: read_table would read meaning into a path such as "a=1/b.parquet".
        with path.open("rb") as handle:
            frame = pq.ParquetFile(handle).read().to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"expected a Parquet file, which this is not: {error}") from error
    frame.columns = [str(column) for column in frame.columns]
    column = find_target(list(frame.columns), target)
    return Content(frame.drop(columns=column), frame[column], None, column)


def _read_npz(path: Path, target: str | None) -> Content:
    with path.open("rb") as handle:
        try:
            archive = np.load(handle, allow_pickle=False)
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"expected an archive as numpy.savez writes, got: {error}") from error
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError("expected an archive as numpy.savez writes, got one bare array.")
        features, labels = _npz_keys(list(archive.files), target)
        return Content(_npz_array(archive, features), _npz_array(archive, labels), None, labels)


def _npz_keys(keys: list[str], target: str | None) -> tuple[str, str]:
    for features_key, labels_key in (("features", target or "labels"), ("X", target or "y")):
        if features_key in keys and labels_key in keys:
            return features_key, labels_key
    wanted = (
        f"'features' or 'X', and {target!r}"
        if target
        else "'features' and 'labels', or 'X' and 'y'"
    )
    raise DataError(f"expected the arrays {wanted}, got {keys}; save them under these names.")


def _npz_array(archive: Any, key: str) -> np.ndarray:
    try:
        return archive[key]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"array {key!r} cannot be read: {error}; save plain numbers, or strings with dtype=str "
            "(Python objects are never unpickled)."
        ) from error


READERS: dict[str, Callable[[Path, str | None], Content]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npz": _read_npz,
}
