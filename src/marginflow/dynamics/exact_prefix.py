"""The first steps of a run, made exactly; each is made once, however often more are asked for."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._results import NotConvergedError
from marginflow.dynamics.arguments import check_observables
from marginflow.dynamics.conclusion import conclude
from marginflow.dynamics.descent import Descent, DescentState
from marginflow.dynamics.driver import End, Position, drive
from marginflow.dynamics.minibatches import Batches
from marginflow.dynamics.objective import MarginObjective
from marginflow.dynamics.optimizers import Optimizer
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.recording import as_schedule
from marginflow.losses import Loss
from marginflow.margins import LinearMarginMap


class ExactPrefix:
    """The loop of an optimizer, as far as it was asked to go.

    Args:
        margin_map: the data, in NumPy.
        loss: of the run.
        optimizer: of the run.
        initial: the weights at step 0.
        reduction: "sum" or "mean".
        record: steps whose weights are kept.
        batches: draws minibatches; None for all samples.
        progress: called while steps are made.
    """

    def __init__(
        self,
        margin_map: LinearMarginMap,
        loss: Loss,
        optimizer: Optimizer,
        initial: np.ndarray,
        *,
        reduction: str,
        record: np.ndarray,
        batches: Batches | None = None,
        progress: Progress | None = None,
    ):
        self.margin_map, self.loss, self.optimizer = margin_map, loss, optimizer
        self.initial, self.reduction, self.batches = initial, reduction, batches
        self.record, self.progress = record, progress
        self.dynamics, start = _to_device(
            (
                Descent(
                    MarginObjective(
                        margin_map, loss, mean=reduction == "mean", scaled=optimizer.scale_free
                    ),
                    optimizer,
                    batches,
                    check_observables(None, record_weights=True),
                ),
                initial,
            )
        )
        self.step, self.at_rest = 0, False
        self.states: dict[int, DescentState] = {0: self.dynamics.init(start)}
        self.weights: dict[int, np.ndarray] = {}

    def state(self, step: int) -> DescentState:
        """The state at a step, which is kept: the last one so far, one before that, or a later one.

        A loop whose steps no longer change its weights ends early, and stays where it is.

        Raises:
            NotConvergedError: if the run diverges on the way.
            KeyboardInterrupt: if it is interrupted.
        """
        if step not in self.states:
            if step < self.step:
                raise ValueError(f"step {step} was passed; step {self.step} is reached.")
            self._advance(step)
        return self.states[step]

    def made(self, step: int) -> dict[int, np.ndarray]:
        """The weights of the recorded steps up to this one, and of this one."""
        last = np.array(self.state(step).params)
        wanted = [at for at in self.record.tolist() if at <= step]
        return {at: self.weights.get(at, last) for at in wanted} | {step: last}

    def beside(self, seed: int, size: float) -> "ExactPrefix":
        """The same loop from other first weights, so far apart, with other rounding.

        The samples are summed in another order.
        """
        rng = np.random.default_rng(seed)
        change = rng.standard_normal(self.initial.shape)
        return ExactPrefix(
            self.margin_map.take(rng.permutation(self.margin_map.n_samples)),
            self.loss,
            self.optimizer,
            self.initial + size * change / np.linalg.norm(change),
            reduction=self.reduction,
            record=np.zeros(0, dtype=int),
            batches=self.batches,
            progress=self.progress,
        )

    def _advance(self, step: int) -> None:
        state = self.states[self.step]
        if not self.at_rest:
            between = self.record[(self.record > self.step) & (self.record < step)]
            outcome = drive(
                self.dynamics,
                state,
                steps=step,
                schedule=as_schedule(between.tolist(), step),
                step=self.step,
                progress=self.progress,
            )
            if outcome.end is End.DIVERGED:
                raise self._diverged(outcome, step)
            if outcome.end is End.INTERRUPTED:
                raise KeyboardInterrupt
            self._keep(outcome.records.columns())
            self.at_rest = outcome.end is End.FIXED
            state = _state(outcome.position)
        self.step, self.states[step] = step, state

    def _keep(self, columns: tuple[np.ndarray, dict[str, np.ndarray]]) -> None:
        steps, observables = columns
        self.weights |= zip(steps.tolist(), observables.get("weights", ()), strict=False)

    def _diverged(self, outcome: Any, steps: int) -> NotConvergedError:
        result = conclude(
            outcome,
            self.dynamics.params(outcome.position.state),
            steps=steps,
            margin_map=self.margin_map,
            loss=self.loss,
            optimizer=self.optimizer,
            initial=self.initial,
            reduction=self.reduction,
        )
        return NotConvergedError(result.message, result)


def _state(position: Position) -> DescentState:
    return position.state


def _to_device(tree: Any) -> Any:
    def move(leaf: Any) -> Any:
        return jnp.asarray(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf

    return jax.tree.map(move, tree)
