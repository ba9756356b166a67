"""The monitor of a torch model."""

import json
import math
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

try:
    import torch
except ModuleNotFoundError as error:
    raise ImportError(
        "marginflow.training.monitor.Monitor needs PyTorch, which is not installed; "
        "pip install 'marginflow[torch]' brings it."
    ) from error

from marginflow.dynamics.checkpoint import replace_file
from marginflow.dynamics.recording import Schedule, as_schedule, log_spaced
from marginflow.training.monitor.findings import Finding, find
from marginflow.training.monitor.layer_quantities import Activations, weight_quantities
from marginflow.training.monitor.monitored_run import ABOUT
from marginflow.training.monitor.sample_quantities import (
    Samples,
    as_samples,
    homogeneity_of,
    loss_of,
    margins_of,
)
from marginflow.training.monitor.saturation import BEYOND
from marginflow.training.monitor.shadow import Shadow
from marginflow.training.monitor.sinks import ParquetSink, Sink, as_sink
from marginflow.training.monitor.update_quantities import (
    cosine,
    momenta,
    norm,
    settings,
    update_quantities,
)

PER_DECADE = 4
NEVER = 2**63 - 1


class Monitor:
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

    Attributes:
        records: what was recorded, a list of mappings from names to numbers.
        about: the model, its layers and the optimizer.

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
        if not 0 < beyond < 1:
            raise ValueError(f"beyond: expected a number between 0 and 1, got {beyond!r}.")
        self._probe = as_samples("probe", probe)
        self._validation = as_samples("validation", validation)
        self._loss, self._optimizer = loss, optimizer
        self._shadow, self._activations = Shadow(model), Activations(beyond)
        self._schedule = as_schedule(
            log_spaced(PER_DECADE) if schedule is None else schedule, NEVER
        )
        self.records: list[dict[str, float | int]] = []
        self._homogeneity = (
            homogeneity_of(self._shadow.source) if homogeneity is None else homogeneity
        )
        self.about = self._description(beyond)
        several = isinstance(to, tuple | list)
        self._records_here = _is_first()
        self._sinks: list[Sink] = (
            [as_sink(each) for each in (to if several else [to])] if self._records_here else []
        )
        self._describe()
        self._step, self._due, self._wake = 0, NEVER, NEVER
        self._before: list[torch.Tensor] | None = None
        self._memory: list[torch.Tensor] | None = None
        self._reference: tuple[int, list[torch.Tensor]] | None = None
        self._turn = math.nan
        if self._records_here:
            self._plan(-1)
            if self._due == 0:
                self._record()
                self._plan(0)

    def __enter__(self) -> "Monitor":
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def step(self) -> None:
        """Count a step of the optimizer, and look if it is time."""
        self._step += 1
        if self._step < self._wake:
            return
        if self._step == self._due:
            self._try_to_record()
            self._plan(self._step)
        else:
            self._remember()

    def close(self) -> None:
        """Record the last step, if it was not, and write what there is."""
        last = self.records[-1]["step"] if self.records else -1
        if self._records_here and last < self._step:
            self._try_to_record()
        for sink in self._sinks:
            if isinstance(sink, ParquetSink):
                sink.flush()

    def to_frame(self) -> pd.DataFrame:
        """A row a record, a column a quantity."""
        return pd.DataFrame(self.records)

    @property
    def n_steps(self) -> int:
        """How many steps were counted."""
        return self._step

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the records say, in sentences."""
        return find(self.to_frame(), self.about)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on: tensors, numbers and text."""
        reference = self._reference
        return {
            "step": self._step,
            "records": [dict(record) for record in self.records],
            "reference": None if reference is None else [reference[0], *reference[1]],
            "direction_change": self._turn,
            "dead": {name: torch.from_numpy(each) for name, each in self._activations.dead.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`.

        Args:
            state: what `state_dict` gave.
        """
        self._step = int(state["step"])
        self.records = [dict(record) for record in state["records"]]
        reference = state["reference"]
        self._reference = None if reference is None else (int(reference[0]), list(reference[1:]))
        self._turn = float(state["direction_change"])
        self._activations.dead = {name: each.numpy() for name, each in state["dead"].items()}
        self._before = self._memory = None
        if self._records_here:
            self._plan(self._step)
            for sink in self._sinks:
                if isinstance(sink, ParquetSink):
                    sink.restore(self.records)

    def _parameters(self) -> list[torch.Tensor]:
        return [each for each in self._shadow.source.parameters() if each.requires_grad]

    def _plan(self, step: int) -> None:
        """The next step to record, and the one before it, when weights are copied."""
        following = self._schedule.following(step, steps=NEVER, limit=1)
        self._due = int(following[0]) if len(following) else NEVER
        self._wake = max(self._due - 1, 0)
        if self._wake == self._step and self._due > self._step:
            self._remember()

    def _remember(self) -> None:
        """Copy what the next record compares with."""
        if self._optimizer is None:
            return
        parameters = self._parameters()
        self._before = [each.detach().clone() for each in parameters]
        memory = momenta(self._optimizer, parameters)
        self._memory = None if memory is None else [each.clone() for each in memory]

    def _try_to_record(self) -> None:
        """Record; what goes wrong with that must not end a training."""
        try:
            self._record()
        except Exception as error:
            warnings.warn(
                f"the monitor has no record of step {self._step}: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=3,
            )

    def _record(self) -> None:
        step = self._step
        found: dict[str, float | int] = {
            "step": step,
            "log_time": math.log(step) if step else -math.inf,
        }
        found |= self._of_weights() | self._of_updates() | self._of_samples()
        self.records.append(found)
        for sink in self._sinks:
            sink(found)
        self._before = self._memory = None

    def _of_weights(self) -> dict[str, float]:
        parameters = [each.detach() for each in self._parameters()]
        found = {"weights_norm": norm(parameters), "direction_change": self._turned(parameters)}
        before = dict(zip(map(id, self._parameters()), self._before or (), strict=False))
        for name, layer in _weights(self._shadow.source).items():
            found |= weight_quantities(name, layer, before.get(id(layer)))
        return found

    def _turned(self, parameters: list[torch.Tensor]) -> float:
        """The angle between the weights and those of an e-fold earlier, in radians."""
        if self._reference is None or self._step >= math.e * self._reference[0]:
            if self._reference is not None and self._reference[0] > 0:
                self._turn = math.acos(cosine(parameters, self._reference[1]))
            self._reference = (self._step, [each.clone() for each in parameters])
        return self._turn

    def _of_updates(self) -> dict[str, float]:
        return update_quantities(self._parameters(), self._optimizer, self._before, self._memory)

    def _of_samples(self) -> dict[str, float]:
        found: dict[str, float] = {}
        if self._probe is not None:
            found |= self._of_probe(self._probe)
        if self._validation is not None:
            inputs, targets = self._validation
            scores = self._shadow.scores(inputs)
            found["validation_loss"] = loss_of(scores, targets, self._loss)
            margins = margins_of(scores, targets)
            if margins:
                found["validation_accuracy"] = margins["accuracy"]
            if "loss" in found:
                found["loss_gap"] = found["validation_loss"] - found["loss"]
        return found

    def _of_probe(self, probe: Samples) -> dict[str, float]:
        found: dict[str, float] = {}

        def see(name: str, kind: str, outputs: torch.Tensor) -> None:
            found.update(self._activations.quantities(name, kind, outputs))

        scores = self._shadow.scores(probe.inputs, see)
        found["loss"] = loss_of(scores, probe.targets, self._loss)
        found |= margins_of(scores, probe.targets)
        size = norm([each.detach() for each in self._shadow.source.parameters()])
        if "margin" in found and self._homogeneity is not None and size > 0:
            found["normalized_margin"] = found["margin"] / size**self._homogeneity
        return found

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

    def _describe(self) -> None:
        for sink in self._sinks:
            if isinstance(sink, ParquetSink):
                content = json.dumps(self.about, indent=1).encode()
                replace_file(Path(sink.folder) / ABOUT, content)


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
