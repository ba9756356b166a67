"""Batches: the runs of a sweep that one compiled loop carries together.

Runs whose dynamics have one shape (the same kind of optimizer, one loss, n, d, K and batch size)
differ in numbers alone and become the lanes of one loop.  Which runs are together follows from the
sweep and from nothing else, so that a resumed sweep computes the same bits as an uninterrupted one.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow.dynamics.arguments import check_batches
from marginflow.dynamics.conclusion import conclude
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.lanes import drive_lanes, shape_of, stack
from marginflow.dynamics.objective import MarginObjective
from marginflow.dynamics.resumption import Resumption
from marginflow.dynamics.trajectory import Trajectory
from marginflow.experiments.errors import SweepError
from marginflow.experiments.sweep import Point, Sweep
from marginflow.losses import Loss, as_loss
from marginflow.margins import LinearMarginMap, as_linear_map

MOST_LANES = 256
MOST_ENTRIES = 2**26  # of features that differ from lane to lane: half a gigabyte


@dataclass(frozen=True)
class Setup:
    """A run made ready.

    Attributes:
        point: of the sweep.
        margin_map: of its data.
        loss: checked for its number of classes.
        dynamics: with JAX arrays; those of one data set are the same objects in all its runs.
        first: the first weights.
    """

    point: Point
    margin_map: LinearMarginMap
    loss: Loss
    dynamics: Descent
    first: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Runs of one shape.

    Attributes:
        id: a word for its files.
        runs: their numbers in the sweep, ascending.
        setups: one a run.
    """

    id: str
    runs: tuple[int, ...]
    setups: tuple[Setup, ...]

    def __repr__(self) -> str:
        return f"Batch {self.id}: {len(self.runs)} runs"


def make_batches(sweep: Sweep) -> list[Batch]:
    """The batches of a sweep, in the order of their first runs.

    Raises:
        SweepError: if a loss, a batch size or an optimizer does not go with the data.
    """
    maps: dict[int, tuple[LinearMarginMap, LinearMarginMap]] = {}
    groups: dict[tuple[Any, ...], list[tuple[int, Setup]]] = {}
    for number, point in enumerate(sweep.points):
        setup = _set_up(sweep, point, maps)
        key = (*shape_of(setup.dynamics), setup.first.shape)
        groups.setdefault(key, []).append((number, setup))
    parts = [part for group in groups.values() for part in _cut(group)]
    parts.sort(key=lambda part: part[0][0])
    return [_batch(index, part) for index, part in enumerate(parts)]


def run_batch(
    sweep: Sweep,
    batch: Batch,
    files: Resumption,
    *,
    progress: Callable[[int], object],
    interrupted: Callable[[], bool],
) -> list[Trajectory] | None:
    """Run a batch, from its checkpoint if there is one; None if it was interrupted.

    Args:
        sweep: whose batch it is.
        batch: to be run.
        files: its checkpoint.
        progress: called with the step between chunks.
        interrupted: asked between chunks.
    """
    lanes = stack([setup.dynamics for setup in batch.setups])
    first = jnp.stack([jnp.asarray(setup.first) for setup in batch.setups])
    state, step, records = files.restore(lanes.init(first), sweep.record, sweep.steps)
    outcomes = drive_lanes(
        lanes,
        state,
        steps=sweep.steps,
        schedule=sweep.record,
        step=step,
        records=records,
        save=files.save,
        progress=progress,
        interrupted=interrupted,
    )
    if outcomes is None:
        return None
    return [
        conclude(
            outcome,
            setup.dynamics.params(outcome.position.state),
            steps=sweep.steps,
            margin_map=setup.margin_map,
            loss=setup.loss,
            optimizer=setup.point.optimizer.optimizer,
            initial=setup.first,
            reduction=sweep.reduction,
        )
        for outcome, setup in zip(outcomes, batch.setups, strict=True)
    ]


def _set_up(
    sweep: Sweep, point: Point, maps: dict[int, tuple[LinearMarginMap, LinearMarginMap]]
) -> Setup:
    data = sweep.datasets[point.data.label, point.seed]
    optimizer = point.optimizer.optimizer
    if id(data) not in maps:
        own = as_linear_map(data, "sweep")
        maps[id(data)] = own, _to_device(own)
    margin_map, on_device = maps[id(data)]
    try:
        loss = as_loss(point.loss.loss, data.n_classes)
        objective = MarginObjective(
            on_device,
            loss,
            mean=sweep.reduction == "mean",
            scaled=optimizer.scale_free,
            norms=sweep.norms,
        )
        first = sweep.first_weights(point, margin_map.weights_shape)
        drawn = sweep.drawn("batches", point)
        batches = check_batches(margin_map, first, sweep.batch_size, drawn, sweep.replacement)
    except (TypeError, ValueError) as error:
        raise SweepError(
            f"data {point.data.label!r} with loss {point.loss.label!r}: {error}"
        ) from error
    dynamics = Descent(objective, _to_device(optimizer), batches)
    return Setup(point, margin_map, loss, dynamics, first)


def _cut(group: Sequence[tuple[int, Setup]]) -> list[Sequence[tuple[int, Setup]]]:
    """Parts that fit into memory, should every lane have features of its own."""
    entries = group[0][1].margin_map.features_t.size
    size = max(1, min(MOST_LANES, MOST_ENTRIES // entries))
    return [group[i : i + size] for i in range(0, len(group), size)]


def _batch(index: int, part: Sequence[tuple[int, Setup]]) -> Batch:
    runs, setups = zip(*part, strict=True)
    digest = hashlib.sha256(repr(runs).encode()).hexdigest()
    return Batch(f"{index:04d}-{digest[:8]}", runs, setups)


def _to_device(tree: Any) -> Any:
    def move(leaf: Any) -> Any:
        return jnp.asarray(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf

    return jax.tree.map(move, tree)
