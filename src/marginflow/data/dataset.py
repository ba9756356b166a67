"""The data set: what every verb of marginflow takes.

A margin problem is its features and its labels and nothing else, so a `Dataset` is a value: checked
once on entry, frozen, compared and hashed by content.  Features are a float64 NumPy array in which
no bit of the input was lost; labels are codes 0..K−1 with the user's own labels kept beside them.
What a user should know but need not act on (rows that contradict each other, a class without a
sample) stands in `notes`.  A held-out part, where there is one, is another `Dataset` with the same
classes.
"""

import hashlib
import html
from collections.abc import Iterable
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
from jaxtyping import Float64, Int64

from marginflow.data.errors import DataError
from marginflow.data.features import read_features
from marginflow.data.labels import class_key, encode_labels
from marginflow.data.repeats import contradiction_note, contradictory_rows

SHOWN = 10  # classes in a repr


class Dataset:
    """Features and labels of a classification problem, checked and frozen.

    Args:
        features: (n, d) finite real numbers: a NumPy array, nested lists, a pandas DataFrame (whose
            column names are kept) or a pyarrow Table.
        labels: (n,) integers, whole floats, booleans, strings or bytes, of one kind: a list, a
            NumPy array, a pandas Series or Categorical, a pyarrow array.  Classes are encoded
            0..K−1 in sorted order.
        name: a short name for tables and pictures.
        feature_names: d distinct names; by default those of the table, else x0, x1, ...
        provenance: a sentence that says where the data come from.
        classes: all classes there are, where the labels may lack some; by default those that occur,
            of which there must be at least two.
        holdout: data kept apart for testing: a `Dataset` or a pair (features, labels).  Its labels
            must be among the classes of the training data and may lack some of them.

    Attributes:
        features: (n, d) float64, read-only.
        labels: (n,) int64 in 0..K−1, read-only.
        classes: (K,) the labels as they were given, in sorted order; `classes[labels]` gives them
            back row by row.
        feature_names: d strings.
        name: as given.
        provenance: as given.
        holdout: a `Dataset` with the same classes, or None.

    Raises:
        DataError: a ValueError whose message names the row and the column, says what was expected,
            what came and what to do.

    Example:
        >>> import marginflow as mf
        >>> data = mf.Dataset([[1.0, 2.0], [3.0, 5.0], [0.0, 1.0]], ["cat", "dog", "cat"])
        >>> data.labels
        array([0, 1, 0])
        >>> data.classes
        array(['cat', 'dog'], dtype='<U3')
        >>> data
        Dataset 'data': 3 samples, 2 features, 2 classes ('cat': 2, 'dog': 1)
    """

    features: Float64[np.ndarray, "n d"]
    labels: Int64[np.ndarray, " n"]
    classes: np.ndarray
    feature_names: tuple[str, ...]
    name: str
    provenance: str
    holdout: "Dataset | None"

    def __init__(
        self,
        features: Any,
        labels: Any,
        *,
        name: str = "data",
        feature_names: Iterable[str] | None = None,
        provenance: str = "",
        classes: Any = None,
        holdout: "Dataset | tuple[Any, Any] | None" = None,
    ):
        array, table_names = read_features(features)
        codes, found = encode_labels(labels, classes)
        if len(codes) != len(array):
            raise DataError(
                f"features and labels must have one row a sample, got {len(array)} rows of "
                f"features and {len(codes)} labels; check that both hold the same samples."
            )
        if len(found) < 2:
            raise DataError(
                f"labels must hold at least two classes, got {found.tolist()[0]!r} in all "
                f"{len(codes)} rows; add rows of another class, or name all classes with classes=."
            )
        names = _feature_names(feature_names or table_names, array.shape[1])
        self._fill(
            features=array,
            labels=codes,
            classes=found,
            feature_names=names,
            name=name,
            provenance=provenance,
            holdout=None,
        )
        if holdout is not None:
            try:
                self._fill(holdout=_as_holdout(holdout, self))
            except DataError as error:
                raise DataError(f"holdout: {error}") from error

    def _fill(self, **attributes: Any) -> None:
        for key, value in attributes.items():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)
            object.__setattr__(self, key, value)

    def __setattr__(self, key: str, value: Any) -> NoReturn:
        raise AttributeError(f"a Dataset is frozen: {key} stays as it is; make another Dataset.")

    def __delattr__(self, key: str) -> NoReturn:
        raise AttributeError(f"a Dataset is frozen: {key} stays; make another Dataset.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._fill(**state)

    @property
    def n_samples(self) -> int:
        """n, the number of rows."""
        return self.features.shape[0]

    @property
    def n_features(self) -> int:
        """d, the number of columns."""
        return self.features.shape[1]

    @property
    def n_classes(self) -> int:
        """K, the number of classes."""
        return len(self.classes)

    @property
    def class_counts(self) -> Int64[np.ndarray, " K"]:
        """The number of rows of each class, (K,)."""
        return np.bincount(self.labels, minlength=self.n_classes)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Sentences about the data that a user should know: contradictory rows, empty classes."""
        notes = []
        absent = self.classes[self.class_counts == 0].tolist()
        if absent:
            notes.append(f"No row has the label {', '.join(map(repr, absent))}.")
        groups = contradictory_rows(self.features, self.labels)
        if groups:
            notes.append(contradiction_note(groups, self.classes[self.labels]))
        return tuple(notes)

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the content, the same on every platform; equal data have equal hashes.

        Content is the features (0.0 and −0.0 are equal), the labels, the classes (numbers by value)
        and the holdout's content.  Names and provenance are not content.
        """
        digest = hashlib.sha256()
        keys = [class_key(label) for label in self.classes.tolist()]
        digest.update(repr((self.features.shape, keys)).encode("utf-8", "surrogatepass"))
        digest.update((self.features + 0.0).astype("<f8").tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        if self.holdout is not None:
            digest.update(self.holdout.hash.encode())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dataset):
            return NotImplemented
        return self is other or self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def __repr__(self) -> str:
        text = (
            f"Dataset {self.name!r}: {self.n_samples} samples, {self.n_features} features, "
            f"{self.n_classes} classes ({self._counted_classes()})"
        )
        if self.holdout is not None:
            text += f", holdout of {self.holdout.n_samples} samples"
        return "\n  ".join([text, *self.notes])

    def _repr_html_(self) -> str:
        shown = [
            ("samples", str(self.n_samples)),
            ("features", str(self.n_features)),
            ("classes", f"{self.n_classes} ({self._counted_classes()})"),
        ]
        if self.holdout is not None:
            shown.append(("holdout", f"{self.holdout.n_samples} samples"))
        if self.provenance:
            shown.append(("provenance", self.provenance))
        shown += [("note", note) for note in self.notes]
        rows = "".join(
            f"<tr><th style='text-align:left'>{key}</th><td>{html.escape(value)}</td></tr>"
            for key, value in shown
        )
        return f"<table><caption>{html.escape(f'Dataset {self.name!r}')}</caption>{rows}</table>"

    def _counted_classes(self) -> str:
        pairs = zip(self.classes.tolist(), self.class_counts.tolist(), strict=True)
        counts = [f"{label!r}: {count}" for label, count in pairs]
        return ", ".join(counts[:SHOWN] + ["..."] * (len(counts) > SHOWN))


def as_dataset(data: Any) -> Dataset:
    """A `Dataset` as it is, or one made of a pair (features, labels).

    Raises:
        TypeError: if `data` is neither.

    Example:
        >>> import marginflow as mf
        >>> from marginflow.data import as_dataset
        >>> as_dataset(([[0.0], [1.0]], [-1, 1])).n_classes
        2
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple | list) and len(data) == 2:
        return Dataset(data[0], data[1])
    raise TypeError(
        f"data must be a Dataset or a pair (features, labels), got {type(data).__name__}; pass "
        "mf.Dataset(features, labels), (features, labels) or mf.load_dataset(name)."
    )


def _feature_names(names: Iterable[str] | None, n_features: int) -> tuple[str, ...]:
    if names is None:
        return tuple(f"x{j}" for j in range(n_features))
    if isinstance(names, str):
        raise DataError(f"feature_names must be a list of names, got one text, {names!r}.")
    given = tuple(str(name) for name in names)
    if len(given) != n_features:
        raise DataError(
            f"feature_names must name {n_features} columns, got {len(given)} names; "
            "give one name a column, in their order."
        )
    seen: dict[str, int] = {}
    for j, name in enumerate(given):
        if seen.setdefault(name, j) != j:
            raise DataError(
                f"feature names must be distinct, got {name!r} for columns {seen[name]} and {j}, "
                "counted from 0; rename one of them."
            )
    return given


def _as_holdout(holdout: Any, train: Dataset) -> Dataset:
    """The holdout with the columns and the classes of the training data."""
    if isinstance(holdout, Dataset):
        if holdout.holdout is not None:
            raise DataError("it must not have a holdout of its own; pass a Dataset without.")
        features, labels = holdout.features, holdout.classes[holdout.labels]
        names, provenance = holdout.feature_names, holdout.provenance
        if names == _feature_names(None, len(names)):
            names = None
    elif isinstance(holdout, tuple | list) and len(holdout) == 2:
        features, names = read_features(holdout[0])
        labels, provenance = holdout[1], train.provenance
    else:
        raise TypeError(
            f"holdout must be a Dataset or a pair (features, labels), got {type(holdout).__name__}."
        )
    if features.shape[1] != train.n_features:
        raise DataError(
            f"it must have {train.n_features} features as the training data have, got "
            f"{features.shape[1]}; select the same columns."
        )
    if names is not None and names != train.feature_names:
        raise DataError(
            f"it must have the columns of the training data in their order, "
            f"{train.feature_names}, got {names}; select them by name."
        )
    return Dataset(
        features,
        labels,
        name=f"{train.name} holdout",
        feature_names=train.feature_names,
        provenance=provenance,
        classes=train.classes,
    )
