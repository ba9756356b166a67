"""Training step by step: `train` with any optimizer, and `gradient_descent`, its thin case."""

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import in_x64
from marginflow._results import NotConvergedError, Status
from marginflow.dynamics.arguments import (
    check_batches,
    check_initial,
    check_norms,
    check_observables,
    check_sample_weight,
    check_steps,
    count_samples,
    try_observables,
)
from marginflow.dynamics.conclusion import conclude
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.driver import drive
from marginflow.dynamics.objective import MarginObjective
from marginflow.dynamics.optimizers import HeavyBall, as_optimizer
from marginflow.dynamics.progress import Progress
from marginflow.dynamics.recording import Schedule, as_schedule, log_spaced
from marginflow.dynamics.resumption import Resumption, run_identity
from marginflow.dynamics.trajectory import Trajectory
from marginflow.losses import Loss
from marginflow.losses.registry import as_loss
from marginflow.margins import as_margin_map
from marginflow.norms import Norm

FilePath = str | PathLike[str]

_STANDARD_RECORD = log_spaced(50)


def gradient_descent(
    data: Any,
    loss: Loss | str | Callable,
    *,
    learning_rate: float | int | Callable[[Any], Any],
    steps: int,
    initial: Any = None,
    momentum: float = 0.0,
    batch_size: int | None = None,
    replacement: bool = False,
    seed: int = 0,
    reduction: str = "sum",
    sample_weight: Any = None,
    record: Schedule | Iterable[int] = _STANDARD_RECORD,
    norms: Iterable[Norm | str] = (),
    observables: Mapping[str, Callable[[Any], Any]] | None = None,
    record_weights: bool = False,
    checkpoint: FilePath | None = None,
    resume: FilePath | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> Trajectory:
    """Run gradient descent on the risk of a loss, step by step, in float64.

    W⁺ = W − η ∇L(W) + β (W − W₋), with L(W) = Σ_i ψ(u_i); β is the momentum of Polyak's heavy ball,
    as in PyTorch without dampening.  A run of 10⁷ steps and more is quicker by `fast_forward`.

    Args:
        data: a `Dataset`, a pair (features, labels) or a `MarginMap`.
        loss: a `Loss`, the name of a registered one, or a template function.
        learning_rate: η > 0, or a schedule: a function of the step, as `inverse_sqrt`.
        steps: how many steps, from 0 to 2⁶³−1.
        initial: the first weights, (d, K), or (d,) in the binary map; zeros by default.
        momentum: β in [0, 1).
        batch_size: as in `train`: b, to step on minibatches drawn by random reshuffling.
        replacement: as in `train`: whether they are drawn with replacement.
        seed: of the minibatches.
        reduction: "sum", or "mean" to divide the risk by n, and a minibatch's by b.
        sample_weight: as in `train`: (n,) positive weights of the samples' losses.
        record: which steps are recorded: `log_spaced`, `every`, or a sequence of steps.
        norms: norms or their names, see `marginflow.norms.as_norm`, in which the normalized margin
            is recorded too, as `observables["normalized_margin_max"]`.
        observables: functions of the weights by name, recorded besides the standard ones.
        record_weights: whether the weights are recorded too, as `observables["weights"]`; a
            network's as one vector, which `NetworkMargins.layers` takes apart.
        checkpoint: a file to which the run is written every few seconds and at its end.
        resume: a checkpoint to go on from; see `train`.
        progress: called as `progress(step, steps, message)` a few times a second.
        throw: whether a run that diverged or saturated raises; its result comes with the error.

    Returns:
        A `Trajectory` with status `done`, `diverged`, `saturated` or `interrupted`.

    Raises:
        ValueError, TypeError: if an argument is out of its range.
        NotConvergedError: if the run diverged or saturated and `throw` is true.
        CheckpointError: if the checkpoint is missing, damaged, or of another run.

    Example:
        >>> import marginflow as mf
        >>> data = mf.Dataset([[1.0, 2.0], [2.0, 1.0], [-1.0, -2.0], [-2.0, -1.0]], [1, 1, 0, 0])
        >>> run = mf.gradient_descent(data, mf.CrossEntropy(), learning_rate=0.1, steps=1000)
        >>> run.weights
        array([2.498, 2.498])
        >>> run.steps[-1].item(), run.observables["accuracy"][-1].item()
        (1000, 1.0)
    """
    return train(
        data,
        loss,
        HeavyBall(learning_rate, momentum),
        steps=steps,
        initial=initial,
        batch_size=batch_size,
        replacement=replacement,
        seed=seed,
        reduction=reduction,
        sample_weight=sample_weight,
        record=record,
        norms=norms,
        observables=observables,
        record_weights=record_weights,
        checkpoint=checkpoint,
        resume=resume,
        progress=progress,
        throw=throw,
    )


@in_x64
def train(
    data: Any,
    loss: Loss | str | Callable,
    optimizer: Any,
    *,
    steps: int,
    initial: Any = None,
    batch_size: int | None = None,
    replacement: bool = False,
    seed: int = 0,
    reduction: str = "sum",
    sample_weight: Any = None,
    record: Schedule | Iterable[int] = _STANDARD_RECORD,
    norms: Iterable[Norm | str] = (),
    observables: Mapping[str, Callable[[Any], Any]] | None = None,
    record_weights: bool = False,
    checkpoint: FilePath | None = None,
    resume: FilePath | None = None,
    progress: Progress | None = None,
    throw: bool = True,
) -> Trajectory:
    """Minimize the risk of a loss with an optimizer, step by step, in float64.

    Ctrl-C ends the run after the current chunk, a fifth of a second or so, and returns what was
    done with status `interrupted`.  A run that comes to rest, so that no further step changes its
    weights, ends there.

    Args:
        data: a `Dataset`, a pair (features, labels) or a `MarginMap`.
        loss: a `Loss`, the name of a registered one, or a template function.
        optimizer: an optimizer of marginflow, as `Adam(0.01)` or `get_optimizer(name, ...)`, or an
            optax transformation.
        steps: how many steps, from 0 to 2⁶³−1.
        initial: the first weights, (d, K), or (d,) in the binary map; zeros by default.
        batch_size: b, to step on minibatches.  Each epoch permutes the n samples anew and cuts them
            into ⌊n/b⌋ batches, without replacement; what is left over sits the epoch out.  None, or
            n, for all samples at every step.
        replacement: whether each of a batch's samples is drawn from all n, by itself, instead.
        seed: of the permutations or draws.
        reduction: "sum" for the risk Σ_i ψ(u_i); "mean" divides it by n, and a minibatch's by b.
        sample_weight: (n,) positive weights w of the samples' losses, Σ_i w_i ψ(u_i); the mean
            divides by their sum.  On separable data an exponential tail forgets them: they move
            ρ(t), not the direction that training ends in.
        record: which steps are recorded: `log_spaced`, `every`, or a sequence of steps.
        norms: norms or their names, see `marginflow.norms.as_norm`, in which the normalized margin
            is recorded too, as `observables["normalized_margin_max"]`.
        observables: functions of the weights by name, recorded besides the standard ones.  They are
            compiled with the run, so they must use `jax.numpy` and give arrays of a fixed shape; a
            run compiles once for each set of functions.
        record_weights: whether the weights are recorded too, as `observables["weights"]`; a
            network's as one vector, which `NetworkMargins.layers` takes apart.
        checkpoint: a file to which the run is written every few seconds, at its end, and when it is
            interrupted.  A process killed at any moment leaves a whole checkpoint.
        resume: a checkpoint to go on from, with the bits of an uninterrupted run.  Where `resume`
            and `checkpoint` are the same path and no file is there yet, the run starts anew, so
            that one command can be repeated until it is done.  A finished run goes on if `steps` is
            larger.
        progress: called as `progress(step, steps, message)` a few times a second.
        throw: whether a run that diverged or saturated raises; its result comes with the error.

    Returns:
        A `Trajectory` with status `done`, `diverged`, `saturated` or `interrupted`; and
        `eps_dominated`, which raises nothing, where the optimizer's ε took over on the way.

    Raises:
        ValueError, TypeError: if an argument is out of its range.
        NotConvergedError: if the run diverged or saturated and `throw` is true.
        CheckpointError: if the checkpoint is missing, damaged, or of another run.

    Example:
        >>> import marginflow as mf
        >>> import optax
        >>> data = mf.Dataset([[1.0, 2.0], [2.0, 1.0], [-1.0, -2.0], [-2.0, -1.0]], [1, 1, 0, 0])
        >>> run = mf.train(data, mf.CrossEntropy(), optax.adam(0.01), steps=100)
        >>> str(run.status), run.observables["accuracy"][-1].item()
        ('done', 1.0)
    """
    if reduction not in ("sum", "mean"):
        raise ValueError(f"reduction: expected 'sum' or 'mean', got {reduction!r}.")
    margin_map, optimizer = as_margin_map(data), as_optimizer(optimizer)
    loss = as_loss(loss, getattr(margin_map, "n_classes", None))
    steps = check_steps(steps)
    schedule = as_schedule(record, steps)
    first = check_initial(margin_map, initial)
    mean = reduction == "mean"
    host_dynamics = Descent(
        MarginObjective(
            margin_map,
            loss,
            mean=mean,
            scaled=optimizer.scale_free,
            norms=check_norms(norms, first),
            log_weights=check_sample_weight(count_samples(margin_map, first), sample_weight),
        ),
        optimizer,
        check_batches(margin_map, first, batch_size, seed, replacement),
        check_observables(observables, record_weights),
    )
    dynamics, params = _to_device((host_dynamics, first))
    state = dynamics.init(params)
    if dynamics.observables:
        try_observables(dynamics, state)
    files = Resumption(
        run_identity(dynamics, first, seed) if checkpoint or resume else {},
        Path(checkpoint) if checkpoint else None,
        Path(resume) if resume else None,
    )
    state, step, records = files.restore(state, schedule, steps)
    outcome = drive(
        dynamics,
        state,
        steps=steps,
        schedule=schedule,
        step=step,
        records=records,
        save=files.save if checkpoint else None,
        progress=progress,
    )
    result = conclude(
        outcome,
        dynamics.params(outcome.position.state),
        steps=steps,
        margin_map=margin_map,
        loss=loss,
        optimizer=optimizer,
        initial=first,
        reduction=reduction,
        sample_weight=sample_weight,
    )
    if throw and result.status in (Status.DIVERGED, Status.SATURATED):
        raise NotConvergedError(result.message, result)
    return result


def _to_device(tree: Any) -> Any:
    def move(leaf: Any) -> Any:
        return jnp.asarray(leaf) if isinstance(leaf, np.ndarray | np.generic) else leaf

    return jax.tree.map(move, tree)
