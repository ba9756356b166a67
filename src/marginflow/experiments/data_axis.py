"""The data axis: each entry is a bundled set, a file, a generator, or data that the caller holds.

A generator without a seed of its own draws anew for each seed of the sweep; everything else is the
same under all of them.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from marginflow.data import (
    DataError,
    Dataset,
    as_dataset,
    gaussian_clusters,
    linear_teacher,
    load_dataset,
    random_labels,
    soudry_toy,
)
from marginflow.data.bundled import BUNDLED
from marginflow.experiments.errors import SweepError
from marginflow.experiments.grid import Settings, expand, labels, text_of
from marginflow.experiments.seeds import derive_seed
from marginflow.experiments.words import as_entry, as_list, refuse_unknown, unknown_name

GENERATORS: dict[str, Callable[..., Dataset]] = {
    "soudry-toy": soudry_toy,
    "linear-teacher": linear_teacher,
    "random-labels": random_labels,
    "gaussian-clusters": gaussian_clusters,
}
_PREPARATION = ("standardize", "constant")


@dataclass(frozen=True)
class DataEntry:
    """One point of the data axis.

    Attributes:
        label: in tables and pictures.
        settings: its name and what goes with it, as JSON can hold it; what seeds are folded with.
        folder: in which the path of a file starts.
        given: data that the caller holds, in place of a name.
    """

    label: str
    settings: Settings
    folder: Path = field(default_factory=Path)
    given: Dataset | None = None

    @property
    def draws(self) -> bool:
        """Whether each seed of a sweep has data of its own."""
        return self.settings.get("name") in GENERATORS and "seed" not in self.settings

    @property
    def key(self) -> str:
        """What tells it from other entries, also in another sweep."""
        return text_of(self.settings)

    def load(self, root: int, seed: int) -> Dataset:
        """The data that a seed of the sweep has.

        Args:
            root: the sweep's own seed.
            seed: a point of its seed axis.

        Raises:
            SweepError: if there are no such data, or they cannot be made with these settings.
        """
        if self.given is not None:
            return self.given
        settings = dict(self.settings)
        name = settings.pop("name")
        try:
            if name in GENERATORS:
                drawn = derive_seed(root, "data", data=self.key, seed=seed)
                return GENERATORS[name](settings.pop("seed", drawn), **settings)
            return load_dataset(name if name in BUNDLED else self.folder / name, **settings)
        except (DataError, OSError, TypeError) as error:
            raise SweepError(f"data {self.label!r}: {error}") from error


def data_entries(data: Any, folder: Path) -> tuple[DataEntry, ...]:
    """The data axis of a sweep, from what a user wrote.

    Args:
        data: one or several of: a name, a `Dataset`, a pair (features, labels), or a mapping with
            "name" and settings, or with "data" and a "label".
        folder: in which the paths of files start.

    Raises:
        SweepError: if a name or a setting is unknown.
    """
    found = [data] if _is_pair(data) else as_list(data, "data", str, Mapping, Dataset)
    entries: list[DataEntry] = []
    named: list[Settings] = []
    for i, item in enumerate(found):
        place = ("data", i)
        if isinstance(item, Dataset) or _is_pair(item):
            entries.append(_given(as_dataset(item), None))
            continue
        entry = as_entry(item, place, "a data set")
        if "data" in entry:
            refuse_unknown(entry, ("data", "label"), place)
            entries.append(_given(as_dataset(entry["data"]), entry.get("label")))
            continue
        _check(entry, place)
        try:
            named += expand(entry)
        except SweepError as error:
            raise SweepError(str(error), (*place, *error.place)) from error
    own = [{k: v for k, v in settings.items() if k != "label"} for settings in named]
    names = [str(s.get("label", _stem(s["name"]))) for s in named]
    for label, settings in zip(labels(names, own), own, strict=True):
        entries.append(DataEntry(label, settings, folder))
    return tuple(entries)


def _given(data: Dataset, label: str | None) -> DataEntry:
    return DataEntry(label or data.name, {"hash": data.hash}, given=data)


def _check(entry: Mapping[str, Any], place: tuple[str | int, ...]) -> None:
    name = entry["name"]
    generator = GENERATORS.get(name)
    if generator is not None:
        known: Sequence[str] = tuple(inspect.signature(generator).parameters)
        refuse_unknown(entry, ("name", "label", *known), place)
    elif name in BUNDLED:
        refuse_unknown(entry, ("name", "label", *_PREPARATION), place)
    elif PurePath(name).suffix:
        refuse_unknown(entry, ("name", "label", "target", *_PREPARATION), place)
    else:
        known = (*BUNDLED, *GENERATORS)
        message = unknown_name("a data set", name, known)
        raise SweepError(
            f"{message} Or a path that ends in .csv, .parquet or .npz.", (*place, "name")
        )


def _stem(name: str) -> str:
    return PurePath(name).stem if PurePath(name).suffix else name


def _is_pair(item: Any) -> bool:
    named = str | Mapping | Dataset
    return isinstance(item, tuple) and len(item) == 2 and not isinstance(item[0], named)
