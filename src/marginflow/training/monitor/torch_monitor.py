"""The monitor of a torch model."""

from collections.abc import Callable, Iterable
from typing import Any

try:
    import torch
except ModuleNotFoundError as error:
    raise ImportError(
        "marginflow.training.monitor.Monitor needs PyTorch, which is not installed; "
        "pip install 'marginflow[torch]' brings it."
    ) from error

from marginflow.dynamics.recording import Schedule
from marginflow.training.monitor.base_monitor import BaseMonitor
from marginflow.training.monitor.sample_quantities import (
    Samples,
    as_samples,
    homogeneity_of,
    loss_of,
)
from marginflow.training.monitor.saturation import BEYOND
from marginflow.training.monitor.score_quantities import probe_quantities, validation_quantities
from marginflow.training.monitor.shadow import Shadow
from marginflow.training.monitor.update_quantities import (
    cosine,
    momenta,
    norm,
    settings,
    update_quantities,
)
from marginflow.training.monitor.weight_quantities import as_numpy, weight_quantities


class Monitor(BaseMonitor):
    """Follow margins, direction, saturation and momentum of a torch model while it trains.

    Call `step()` after each `optimizer.step()`, before gradients are set to zero.  At a few steps,
    evenly spaced in log t, it runs the model on a probe set and looks at weights and gradients;
    between them it only counts.  The model is not touched: no hooks are on it, its mode, its
    buffers, its gradients and the random numbers stay as they are, and training goes on bit for bit
    as without.

    Args:
        model: a `torch.nn.Module`, also compiled or of DistributedDataParallel, of which the
            process of rank 0 records.
        probe: (inputs, targets), fixed samples to look at, some hundred of them; targets are
            classes, or numbers for a regression.  Without it only weights and updates are followed.
        optimizer: to follow updates, momentum and ε too.
        loss: of (scores, targets); by default cross-entropy of classes, and mean squared error.
        validation: (inputs, targets) of samples that are not trained on, for the gap of losses.
        schedule: which steps are recorded: `mf.log_spaced`, `mf.every`, or a sequence of steps; by
            default 0 and four in each decade.
        to: where records go besides `records`: a folder, which `marginflow report` takes; a
            function of a record; or several of them.
        homogeneity: L of a model with scores(c·weights) = c^L scores, for the normalized margin; by
            default found where the model is a chain of layers without biases and ReLU.
        beyond: the part of its range from which on an output counts as saturated.

    Raises:
        TypeError, ValueError: if an argument does not fit.

    Example:
        >>> import torch
        >>> from marginflow.training.monitor import Monitor
        >>> _ = torch.manual_seed(0)
        >>> inputs, targets = torch.randn(64, 3), torch.arange(64) % 2
        >>> model = torch.nn.Linear(3, 2)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> with Monitor(model, (inputs, targets), optimizer=optimizer) as monitor:
        ...     for _ in range(10):
        ...         loss = torch.nn.functional.cross_entropy(model(inputs), targets)
        ...         loss.backward()
        ...         optimizer.step()
        ...         monitor.step()
        ...         optimizer.zero_grad()
        >>> monitor.to_frame()["step"].tolist()
        [0, 1, 2, 3, 6, 10]
    """

    def __init__(
        self,
        model: Any,
        probe: Any = None,
        *,
        optimizer: Any = None,
        loss: Callable[[Any, Any], Any] | None = None,
        validation: Any = None,
        schedule: Schedule | Iterable[int] | None = None,
        to: Any = (),
        homogeneity: float | None = None,
        beyond: float = BEYOND,
    ):
        if not isinstance(model, torch.nn.Module):
            raise TypeError(f"model: expected a torch.nn.Module, got {type(model).__name__}.")
        super().__init__(schedule, to, beyond, unit_axis=1, records_here=_is_first())
        self._probe = as_samples("probe", probe)
        self._validation = as_samples("validation", validation)
        self._loss, self._optimizer, self._shadow = loss, optimizer, Shadow(model)
        self._homogeneity = (
            homogeneity_of(self._shadow.source) if homogeneity is None else homogeneity
        )
        self._before: list[torch.Tensor] | None = None
        self._memory: list[torch.Tensor] | None = None
        self._begin(self._description(beyond))

    def step(self) -> None:
        """Count a step of the optimizer, and look if it is time."""
        self._count()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on: tensors, numbers and text."""
        state = super().state_dict()
        dead = {name: torch.from_numpy(each) for name, each in state["dead"].items()}
        return state | {"dead": dead}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`.

        Args:
            state: what `state_dict` gave.
        """
        dead = {name: each.numpy() for name, each in state["dead"].items()}
        super().load_state_dict(state | {"dead": dead})

    def _parameters(self) -> list[torch.Tensor]:
        return [each for each in self._shadow.source.parameters() if each.requires_grad]

    def _remember(self) -> None:
        if self._optimizer is None:
            return
        parameters = self._parameters()
        self._before = [each.detach().clone() for each in parameters]
        memory = momenta(self._optimizer, parameters)
        self._memory = None if memory is None else [each.clone() for each in memory]

    def _quantities(self) -> dict[str, float]:
        if not self._knows_the_step_before:
            self._before = self._memory = None
        found = self._of_weights() | self._of_updates() | self._of_samples()
        self._before = self._memory = None
        return found

    def _of_weights(self) -> dict[str, float]:
        parameters = [each.detach() for each in self._parameters()]
        found = {
            "weights_norm": norm(parameters),
            "direction_change": self._turned(
                lambda: [each.clone() for each in parameters],
                lambda others: cosine(parameters, others),
            ),
        }
        before = dict(zip(map(id, self._parameters()), self._before or (), strict=False))
        for name, layer in _weights(self._shadow.source).items():
            found |= weight_quantities(name, layer, before.get(id(layer)))
        return found

    def _of_updates(self) -> dict[str, float]:
        return update_quantities(self._parameters(), self._optimizer, self._before, self._memory)

    def _of_samples(self) -> dict[str, float]:
        found: dict[str, float] = {}
        if self._probe is not None:
            found |= self._of_probe(self._probe)
        if self._validation is not None:
            scores = self._shadow.scores(self._validation.inputs)
            loss = loss_of(scores, self._validation.targets, self._loss)
            arrays = as_numpy(scores), as_numpy(self._validation.targets)
            found |= validation_quantities(*arrays, loss, found.get("loss"))
        return found

    def _of_probe(self, probe: Samples) -> dict[str, float]:
        found: dict[str, float] = {}

        def see(name: str, kind: str, outputs: torch.Tensor) -> None:
            found.update(self._activations.quantities(name, kind, as_numpy(outputs)))

        scores = self._shadow.scores(probe.inputs, see)
        loss = loss_of(scores, probe.targets, self._loss)
        size = norm([each.detach() for each in self._shadow.source.parameters()])
        arrays = as_numpy(scores), as_numpy(probe.targets)
        return found | probe_quantities(*arrays, loss, size, self._homogeneity)

    def _description(self, beyond: float) -> dict[str, Any]:
        source = self._shadow.source
        found: dict[str, Any] = {
            "model": type(source).__name__,
            "parameters": sum(each.numel() for each in source.parameters()),
            "activations": self._shadow.activations,
            "weights": list(_weights(source)),
            "homogeneity": self._homogeneity,
            "beyond": beyond,
        }
        if self._optimizer is not None:
            found["optimizer"] = type(self._optimizer).__name__
            found |= settings(self._optimizer)
        return found


def _weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Matrices of weights by the names of their layers."""
    return {
        name.removesuffix(".weight") or "model": each
        for name, each in model.named_parameters()
        if each.ndim >= 2 and each.requires_grad
    }


def _is_first() -> bool:
    """Whether this process records: the only one, or that of rank 0."""
    distributed = torch.distributed
    if not distributed.is_available() or not distributed.is_initialized():
        return True
    return distributed.get_rank() == 0
