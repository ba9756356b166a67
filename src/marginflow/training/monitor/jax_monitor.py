"""The monitor of a training in JAX."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from marginflow.dynamics.recording import Schedule
from marginflow.training.monitor.activations import activation_kind
from marginflow.training.monitor.base_monitor import BaseMonitor
from marginflow.training.monitor.jax_quantities import (
    cosine,
    default_loss,
    matrices,
    memory_of,
    setting_scalars,
    update_scalars,
    weight_arrays,
    wide,
)
from marginflow.training.monitor.layer_quantities import ranks
from marginflow.training.monitor.optax_monitor import MonitoredState
from marginflow.training.monitor.saturation import BEYOND
from marginflow.training.monitor.score_quantities import probe_quantities, validation_quantities


class JaxMonitor(BaseMonitor):
    """Follow margins, direction, saturation and momentum of a training in JAX.

    Records, findings and reports are those of `Monitor`, under the same names.  Call
    `step(params, state)` after each update; between records it only counts, and waits for nothing.
    With an optimizer that is `monitored`, the state has the gradient too.  Learning rate, momentum
    and Adam's ε are known where `optax.inject_hyperparams` keeps them in the state.

    Args:
        params: at the start, any tree of arrays, or a model of equinox; leaves that are no floating
            numbers are left to `apply`.
        apply: of (params, inputs), as it is outside of training: scores; or scores and a mapping
            from names of layers to the outputs of their activations, units last.
        probe: (inputs, targets), fixed samples to look at, some hundred of them; targets are
            classes, or numbers for a regression.  Without it only weights and updates are followed.
        loss: of (scores, targets); by default cross-entropy of classes, and mean squared error.
        validation: (inputs, targets) of samples that are not trained on, for the gap of losses.
        activations: the kind of each layer that `apply` gives outputs of, as {"hidden": "tanh"}.
        schedule: as `Monitor` takes it.
        to: as `Monitor` takes it.
        homogeneity: L of a model with scores(c·params) = c^L scores, for the normalized margin.
        beyond: the part of its range from which on an output counts as saturated.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> import optax
        >>> from marginflow.training.monitor import JaxMonitor, monitored
        >>> inputs, targets = jnp.array([[1.0, 2.0], [2.0, -1.0]]), jnp.array([0, 1])
        >>> def scores(w, inputs):
        ...     return inputs @ w
        >>> def mean_loss(w):
        ...     found = scores(w, inputs)
        ...     return optax.softmax_cross_entropy_with_integer_labels(found, targets).mean()
        >>> optimizer, w = monitored(optax.sgd(0.5)), jnp.zeros((2, 2))
        >>> state = optimizer.init(w)
        >>> with JaxMonitor(w, scores, (inputs, targets)) as monitor:
        ...     for _ in range(10):
        ...         updates, state = optimizer.update(jax.grad(mean_loss)(w), state, w)
        ...         w = optax.apply_updates(w, updates)
        ...         monitor.step(w, state)
        >>> monitor.to_frame()["step"].tolist()
        [0, 1, 2, 3, 6, 10]
    """

    def __init__(
        self,
        params: Any,
        apply: Callable[[Any, Any], Any] | None = None,
        probe: Any = None,
        *,
        loss: Callable[[Any, Any], Any] | None = None,
        validation: Any = None,
        activations: Mapping[str, str] | None = None,
        schedule: Schedule | Iterable[int] | None = None,
        to: Any = (),
        homogeneity: float | int | None = None,
        beyond: float = BEYOND,
    ):
        records_here = jax.process_index() == 0
        super().__init__(schedule, to, beyond, unit_axis=-1, records_here=records_here)
        self._probe = _as_samples("probe", probe)
        self._validation = _as_samples("validation", validation)
        if apply is None and (self._probe or self._validation):
            raise ValueError("apply: expected a function of (params, inputs), got None.")
        self._apply, self._loss = apply, loss or default_loss
        self._kinds = {name: activation_kind(kind) for name, kind in (activations or {}).items()}
        self._homogeneity = homogeneity
        self._model, self._state, self._gradients = params, None, None
        self._before: Any = None
        self._memory: Any = None
        self._begin(
            {
                "model": getattr(apply, "__name__", "parameters"),
                "parameters": sum(leaf.size for leaf in jax.tree.leaves(self._params)),
                "activations": self._kinds,
                "weights": list(matrices(self._params)),
                "homogeneity": homogeneity,
                "beyond": beyond,
            }
        )

    def step(
        self, params: Any, state: Any = None, *, gradients: Any = None, steps: int = 1
    ) -> None:
        """Count a step of the optimizer, and look if it is time.

        Args:
            params: after it.
            state: of the optimizer, after it.
            gradients: that it was made of, where the optimizer is not `monitored`.
            steps: how many steps there were, as after a `scan`; of the last of several the update
                is not known.
        """
        self._model, self._state, self._gradients = params, state, gradients
        self._count(steps)

    def close(self) -> None:
        """Record the last step, if it was not, and write what there is."""
        super().close()
        self._state = self._gradients = None

    @property
    def _params(self) -> Any:
        return eqx.filter(self._model, eqx.is_inexact_array)

    def _remember(self) -> None:
        # copies, since the arrays may be given away to the next step
        copied = jax.tree.map(jnp.copy, (self._params, memory_of(self._state, self._params)))
        self._before, self._memory = copied

    def _quantities(self) -> dict[str, float]:
        known = self._knows_the_step_before
        before, memory = (self._before, self._memory) if known else (None, None)
        self._before = self._memory = None
        gradients = self._gradients
        if gradients is None and isinstance(self._state, MonitoredState) and self._step > 0:
            gradients = self._state.gradients
        if gradients is not None:
            gradients = eqx.filter(gradients, eqx.is_inexact_array)
        found = update_scalars(self._params, before, gradients, memory)
        found |= setting_scalars(self._state, self._step) | self._of_weights(before, gradients)
        found = {name: float(value) for name, value in found.items()}
        return found | self._of_samples(found["weights_norm"])

    def _of_weights(self, before: Any, gradients: Any) -> dict[str, Any]:
        leaves = jax.tree.leaves(self._params)
        found: dict[str, Any] = {
            "direction_change": self._turned(
                lambda: jax.tree.map(jnp.copy, leaves),
                lambda others: float(cosine(leaves, others)),
            )
        }
        for layer, arrays in weight_arrays(self._params, before, gradients).items():
            gram = arrays.pop("gram", None)
            found |= {f"{name}/{layer}": value for name, value in arrays.items()}
            if gram is not None and np.all(np.isfinite(gram)):
                found |= ranks(layer, np.asarray(gram))
        return found

    def _of_samples(self, norm: float) -> dict[str, float]:
        found: dict[str, float] = {}
        if self._probe is not None:
            loss, scores, outputs = self._seen(self._probe)
            for layer, each in outputs.items():
                kind, values = self._kinds[layer], np.asarray(each)
                found |= self._activations.quantities(layer, kind, values)
            arrays = scores, np.asarray(self._probe[1])
            found |= probe_quantities(*arrays, loss, norm, self._homogeneity)
        if self._validation is not None:
            loss, scores, _ = self._seen(self._validation)
            arrays = scores, np.asarray(self._validation[1])
            found |= validation_quantities(*arrays, loss, found.get("loss"))
        return found

    def _seen(self, samples: tuple[Any, jax.Array]) -> tuple[float, np.ndarray, dict[str, Any]]:
        """Loss, scores, and outputs of activations, on samples."""
        loss, scores, outputs = _look(self._apply, self._loss, self._model, *samples)
        if set(outputs) != set(self._kinds):
            raise ValueError(
                "activations: expected the kind of each layer whose outputs apply returns, which "
                f"are {sorted(outputs)}; got {sorted(self._kinds)}."
            )
        return float(loss), np.asarray(scores), outputs


# compiled once a model, not once a monitor
@eqx.filter_jit
def _look(apply: Any, loss: Any, params: Any, inputs: Any, targets: jax.Array) -> tuple[Any, ...]:
    scores, outputs = apply(params, inputs), {}
    if isinstance(scores, tuple | list):
        scores, outputs = scores
    return loss(scores, targets), wide(scores), wide(dict(outputs))


def _as_samples(name: str, samples: Any) -> tuple[Any, jax.Array] | None:
    """A pair (inputs, targets), checked; None as it is."""
    if samples is None:
        return None
    if not isinstance(samples, tuple | list) or len(samples) != 2:
        raise TypeError(f"{name}: expected a pair (inputs, targets), got {type(samples).__name__}.")
    return samples[0], jnp.asarray(samples[1])
