"""Resumption: what ties a checkpoint file to a run.

A run is known by its data, its loss, its optimizer and its settings, and is continued only under
the same.  The number of steps is not among them: a finished run may be continued to more, and then
has the records of a run that was that long from the start.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow.dynamics.checkpoint import (
    Checkpoint,
    CheckpointError,
    check_identity,
    load_checkpoint,
    save_checkpoint,
)
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.driver import Position
from marginflow.dynamics.identity import array_hash
from marginflow.dynamics.minibatches import WithReplacement
from marginflow.dynamics.recording import Schedule
from marginflow.dynamics.records import Records


@dataclass(frozen=True)
class Resumption:
    """The checkpoint files of one run.

    Attributes:
        identity: of the run, JSON values by name.
        checkpoint: where it is written; None for nowhere.
        resume: where it is read from; None to start anew.
    """

    identity: dict[str, Any]
    checkpoint: Path | None
    resume: Path | None

    def __post_init__(self):
        path = self.checkpoint
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            raise CheckpointError(
                f"{path}: expected a file in a folder that exists; make the folder first."
            )

    def save(self, position: Position, records: Records) -> None:
        """Write the run as it is."""
        if self.checkpoint is None:
            return
        leaves = [_to_numpy(leaf) for leaf in jax.tree.leaves(position.state)]
        steps, observables = records.columns()
        found = Checkpoint(self.identity, position.step, leaves, steps, observables)
        save_checkpoint(self.checkpoint, found)

    def restore(self, state: Any, schedule: Schedule, steps: int) -> tuple[Any, int, Records]:
        """The state, step and records to go on from: those given, or those of the checkpoint.

        Raises:
            CheckpointError: if the checkpoint is missing, damaged or of another run.
        """
        path = self.resume
        if path is None or (path == self.checkpoint and not path.exists()):
            return state, 0, Records()
        found = load_checkpoint(path)
        check_identity(path, found.identity, self.identity)
        if found.step > steps:
            raise CheckpointError(
                f"{path}: the checkpoint is at step {found.step}, beyond steps = {steps}; ask for "
                "at least as many steps, or start anew with another file."
            )
        leaves, structure = jax.tree.flatten(state)
        if [_form(leaf) for leaf in found.state] != [_form(_to_numpy(leaf)) for leaf in leaves]:
            raise CheckpointError(
                f"{path}: the checkpoint's state has other shapes than this run's; it was written "
                "by another version of its optimizer: start anew with another file."
            )
        restored = [_like(leaf, array) for leaf, array in zip(leaves, found.state, strict=True)]
        try:
            records = Records(found.steps, found.observables).on(schedule, found.step, steps)
        except KeyError as error:
            raise CheckpointError(
                f"{path}: record differs: this run records step {error.args[0]}, which the "
                "checkpoint has passed without a record.  Resume with the record of the "
                "checkpoint, or start anew with another file."
            ) from None
        return jax.tree.unflatten(structure, restored), found.step, records


def run_identity(dynamics: Descent, initial: Any, seed: int) -> dict[str, Any]:
    """What tells a run from others, by the names of the arguments that would have to change."""
    objective, batches = dynamics.objective, dynamics.batches
    identity = objective.identity(initial) | dynamics.optimizer.identity()
    return identity | {
        "batch_size": None if batches is None else batches.batch_size,
        "replacement": isinstance(batches, WithReplacement),
        "seed": None if batches is None else seed,
        "initial": array_hash(initial),
        "observables": [name for name, _ in dynamics.observables],
    }


def _form(array: np.ndarray) -> tuple[tuple[int, ...], np.dtype]:
    return array.shape, array.dtype


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _to_numpy(leaf: Any) -> np.ndarray:
    return np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)


def _like(leaf: Any, array: np.ndarray) -> Any:
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return jnp.asarray(array)
