"""The specification of a sweep: optimizers × losses × data × seeds, as one frozen value.

A sweep says what is to be run and looked at, and nothing of how.  Its `identity` says the same in
JSON, with the content of data in place of their names; two sweeps of one identity have one table.
"""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from marginflow._precision import in_x64
from marginflow.data import Dataset
from marginflow.dynamics.identity import loss_identity
from marginflow.dynamics.recording import AtSteps, Every, LogSpaced, Schedule
from marginflow.experiments.data_axis import DataEntry, data_entries
from marginflow.experiments.errors import SweepError
from marginflow.experiments.fields import (
    as_count,
    as_flag,
    as_norms,
    as_scale,
    as_schedule_of,
    as_seeds,
    as_word,
)
from marginflow.experiments.grid import text_of
from marginflow.experiments.loss_axis import LossEntry, loss_entries
from marginflow.experiments.optimizer_axis import OptimizerEntry, optimizer_entries
from marginflow.experiments.seeds import derive_seed
from marginflow.experiments.words import refuse_unknown
from marginflow.norms import Norm

FORMAT = 1


class Point(NamedTuple):
    """One run: a point of the four axes."""

    data: DataEntry
    loss: LossEntry
    optimizer: OptimizerEntry
    seed: int


@dataclass(frozen=True, init=False, eq=False)
class Sweep:
    """Every optimizer with every loss on every data set under every seed.

    Args:
        data: one or several of: a name, as of `load_dataset` or of a generator ("soudry-toy",
            "linear-teacher", "random-labels", "gaussian-clusters"); a mapping {"name": ...} with
            settings; a `Dataset`; a pair (features, labels); {"label": ..., "data": ...}.  A
            generator without a "seed" draws data for each of `seeds`.
        optimizers: one or several of: a mapping {"name": ...} with settings, as
            {"name": "heavy-ball", "learning_rate": 0.1}; an optimizer; an optax transformation;
            {"label": ..., "optimizer": ...}.  In any mapping a list stands for one entry with each
            of its values.
        losses: one or several of: a registered name, a `Loss`, a template function,
            {"label": ..., "loss": ...}.
        seeds: how many repetitions, counted from 0, or their seeds.
        steps: of each run, at least 1.  A run of fewer is the beginning of a longer one: name the
            steps to look at in `record`.
        record: which steps are looked at: a schedule, "log:10", "every:100", or a list of steps.
        norms: in which the margin is measured, and the best margin solved for.
        initial: the standard deviation of the Gaussian first weights; 0 for zeros.
        batch_size: samples in a minibatch; None for all.
        replacement: whether minibatches are drawn with replacement, as in `train`.
        reduction: "sum" or "mean" of the samples' losses.
        seed: of all that is drawn.  What depends on which axes: data on the data and the seed;
            first weights and minibatches too.  Optimizers and losses are compared on equal draws.
        name: for titles.
        folder: in which paths of data files start.

    Raises:
        SweepError: if a name, a setting or a value is not one of those expected.

    Example:
        >>> import marginflow as mf
        >>> sweep = mf.Sweep(
        ...     data=["soudry-toy", "wine"],
        ...     optimizers={"name": "heavy-ball", "learning_rate": [0.1, 0.01]},
        ...     seeds=3,
        ...     steps=100,
        ... )
        >>> len(sweep.points), [entry.label for entry in sweep.optimizers]
        (12, ['heavy-ball learning_rate=0.1', 'heavy-ball learning_rate=0.01'])
    """

    name: str
    data: tuple[DataEntry, ...]
    losses: tuple[LossEntry, ...]
    optimizers: tuple[OptimizerEntry, ...]
    seeds: tuple[int, ...]
    steps: int
    record: Schedule
    norms: tuple[Norm, ...]
    initial: float
    batch_size: int | None
    replacement: bool
    reduction: str
    seed: int

    def __init__(
        self,
        *,
        data: Any,
        optimizers: Any,
        steps: Any,
        losses: Any = "cross-entropy",
        seeds: Any = 1,
        record: Any = "log:10",
        norms: Any = "frobenius",
        initial: Any = 0.0,
        batch_size: Any = None,
        replacement: Any = False,
        reduction: Any = "sum",
        seed: Any = 0,
        name: Any = "sweep",
        folder: Path | str = ".",
    ):
        count = as_count("steps", steps, least=1)
        values = {
            "name": as_word("name", name),
            "data": data_entries(data, Path(folder)),
            "losses": loss_entries(losses),
            "optimizers": optimizer_entries(optimizers),
            "seeds": as_seeds(seeds),
            "steps": count,
            "record": as_schedule_of(record, count),
            "norms": as_norms(norms),
            "initial": as_scale("initial", initial),
            "batch_size": None if batch_size is None else as_count("batch_size", batch_size, 1),
            "replacement": as_flag("replacement", replacement),
            "reduction": as_word("reduction", reduction, ("sum", "mean")),
            "seed": as_count("seed", seed, least=0),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)
        for axis in ("data", "losses", "optimizers"):
            _refuse_repeated(axis, [entry.label for entry in values[axis]])

    @classmethod
    def of(cls, mapping: Mapping[str, Any], folder: Path | str = ".") -> "Sweep":
        """A sweep from a mapping with the names of the arguments, as of a file.

        Raises:
            SweepError: also if a key is unknown, or one that is needed is missing.
        """
        refuse_unknown(mapping, KEYS, ())
        for key in ("data", "optimizers", "steps"):
            if key not in mapping:
                raise SweepError(f"{key}: expected in every sweep, and it is missing.")
        return cls(**mapping, folder=folder)

    @property
    def points(self) -> tuple[Point, ...]:
        """All runs in the order of the table."""
        axes = itertools.product(self.data, self.losses, self.optimizers, self.seeds)
        return tuple(Point(*each) for each in axes)

    @cached_property
    def datasets(self) -> dict[tuple[str, int], Dataset]:
        """The data by label and seed; one object where all seeds share them.

        Raises:
            SweepError: if some cannot be loaded.
        """
        found: dict[tuple[str, int], Dataset] = {}
        for entry in self.data:
            shared = None if entry.draws else entry.load(self.seed, self.seeds[0])
            for seed in self.seeds:
                own = entry.load(self.seed, seed) if shared is None else shared
                found[entry.label, seed] = own
        return found

    def drawn(self, purpose: str, point: Point) -> int:
        """The seed of what is drawn for a run, "initial" or "batches"."""
        return derive_seed(self.seed, purpose, data=point.data.key, seed=point.seed)

    @in_x64
    def identity(self) -> dict[str, Any]:
        """What tells the sweep from others, as JSON can hold it."""
        return {
            "format": FORMAT,
            "data": [
                {
                    "label": entry.label,
                    "settings": entry.settings,
                    "hashes": [self.datasets[entry.label, seed].hash for seed in self.seeds],
                }
                for entry in self.data
            ],
            "losses": [
                {"label": entry.label, "identity": loss_identity(entry.loss, 2)}
                for entry in self.losses
            ],
            "optimizers": [
                {
                    "label": entry.label,
                    "name": entry.name,
                    "settings": entry.settings,
                    "identity": entry.optimizer.identity(),
                }
                for entry in self.optimizers
            ],
            "seeds": list(self.seeds),
            "steps": self.steps,
            "record": record_text(self.record),
            "norms": [norm.name for norm in self.norms],
            "initial": self.initial,
            "batch_size": self.batch_size,
            "replacement": self.replacement,
            "reduction": self.reduction,
            "seed": self.seed,
        }

    @cached_property
    def hash(self) -> str:
        """The SHA-256 of the identity."""
        return hashlib.sha256(text_of(self.identity()).encode()).hexdigest()

    def first_weights(self, point: Point, shape: tuple[int, ...]) -> np.ndarray:
        """The first weights of a run."""
        if not self.initial:
            return np.zeros(shape)
        generator = np.random.default_rng(self.drawn("initial", point))
        return self.initial * generator.standard_normal(shape)

    def __repr__(self) -> str:
        sizes = [
            _count(len(self.data), "data set"),
            _count(len(self.losses), "loss", "losses"),
            _count(len(self.optimizers), "optimizer"),
            _count(len(self.seeds), "seed"),
        ]
        return f"Sweep {self.name!r}: {' × '.join(sizes)}, {self.steps} steps each"


KEYS = (
    "name",
    "data",
    "losses",
    "optimizers",
    "seeds",
    "steps",
    "record",
    "norms",
    "initial",
    "batch_size",
    "replacement",
    "reduction",
    "seed",
)


def record_text(record: Schedule) -> Any:
    """A schedule as a specification holds it; `as_schedule_of` reads it back."""
    if isinstance(record, LogSpaced):
        return f"log:{record.per_decade}"
    if isinstance(record, Every):
        return f"every:{record.interval}"
    return list(record.named) if isinstance(record, AtSteps) else repr(record)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def _refuse_repeated(axis: str, found: list[str]) -> None:
    for i, label in enumerate(found):
        if label in found[:i]:
            raise SweepError(
                f"{axis}: two entries are called {label!r}; give one of them another label.",
                (axis, i),
            )
