"""One verb for data by name and data from a file."""

from os import PathLike, fspath
from pathlib import PurePath

from marginflow.data.bundled import BUNDLED, load_bundled
from marginflow.data.dataset import Dataset
from marginflow.data.errors import DataError
from marginflow.data.files import READERS, read_dataset


def load_dataset(
    name: str | PathLike[str],
    *,
    target: str | None = None,
    standardize: bool | None = None,
    constant: bool | None = None,
) -> Dataset:
    """Load a bundled data set by its name, or a CSV, Parquet or NPZ file by its path.

    Bundled data come standardized and with a constant column, in which form wine, breast_cancer and
    digits are linearly separable (iris is not).  A file is taken as it is, so that the margin is in
    the file's own units, unless `standardize` or `constant` is passed.  CSV is UTF-8 text whose
    first line names the columns; NPZ holds the arrays "features" and "labels", or "X" and "y".

    Args:
        name: "wine", "breast_cancer", "digits", "iris", or the path of a .csv, .parquet or .npz
            file.
        target: the column of a file that holds the labels (in an NPZ file, the array).  By default
            the one column named label, target or class, else the one named y.
        standardize: whether each column becomes (column − mean) / population standard deviation; a
            column of one repeated value becomes 0.  None: True for bundled data, False for files.
        constant: whether a column of ones named "constant" is appended; its weight counts in the
            norm.  None: True for bundled data, False for files.

    Returns:
        The data, with their source and what was done to them in `provenance`.

    Raises:
        DataError: if no data set has this name, or the file's content cannot be taken; the message
            names the place.
        FileNotFoundError: if there is no such file.

    Example:
        >>> import marginflow as mf
        >>> data = mf.load_dataset("breast_cancer")
        >>> data.n_samples, data.n_features, data.n_classes
        (569, 31, 2)
    """
    if name in BUNDLED:
        if target is not None:
            raise DataError(
                f"target names the label column of a file, got target={target!r} for the bundled "
                f"data set {name!r}, whose labels are known; leave it out."
            )
        return load_bundled(
            str(name), standardize=standardize is not False, constant=constant is not False
        )
    path = PurePath(fspath(name))
    if isinstance(name, str) and not path.suffix and path.name == name:
        raise DataError(
            f"expected one of the data sets {', '.join(BUNDLED)}, or a file that ends in "
            f"{', '.join(READERS)}, got {name!r}; correct the name."
        )
    return read_dataset(path, target=target, standardize=bool(standardize), constant=bool(constant))
