"""A shadow of a torch model: its modules without weights, to look at a training from outside.

A probe pass runs the shadow on the model's own weights.  Hooks, evaluation mode and random numbers
are the shadow's, so that the model, which may be compiled or wrapped for several processes, is not
touched: no hook of ours is ever on it, and training goes on bit for bit as without.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.func import functional_call

from marginflow.training.monitor.activations import ACTIVATIONS

Seen = Callable[[str, str, torch.Tensor], None]


class Shadow:
    """The modules of a model.

    Args:
        model: as it is trained; a compiled one and one of DistributedDataParallel are unwrapped.

    Attributes:
        source: the model without wrappers.
        activations: the kinds of its activation modules, by their names.
    """

    def __init__(self, model: torch.nn.Module):
        self.source = unwrapped(model)
        try:
            self._modules = copy.deepcopy(self.source).to("meta").eval()
        except RuntimeError as error:
            raise TypeError(
                f"model: expected one that copy.deepcopy copies, got {type(self.source).__name__}: "
                f"{error}"
            ) from error
        self.activations = {
            name: type(module).__name__
            for name, module in self._modules.named_modules()
            if type(module).__name__ in ACTIVATIONS
        }

    def scores(self, inputs: Any, see: Seen | None = None) -> torch.Tensor:
        """What the model gives for inputs, in evaluation mode, without gradients.

        Args:
            inputs: as the model takes them: a tensor, or a tuple or mapping of arguments.
            see: called as see(name, kind, outputs) for each activation.
        """
        state = dict(self.source.named_parameters()) | dict(self.source.named_buffers())
        args, kwargs = arguments(inputs)
        with torch.no_grad(), _random_numbers_kept(state), self._hooked(see):
            return _scores(functional_call(self._modules, state, args, kwargs))

    @contextlib.contextmanager
    def _hooked(self, see: Seen | None) -> Iterator[None]:
        handles = []
        if see is not None:
            modules = dict(self._modules.named_modules())
            handles = [
                modules[name].register_forward_hook(_hook(see, name, kind))
                for name, kind in self.activations.items()
            ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _hook(see: Seen, name: str, kind: str) -> Callable[..., None]:
    return lambda _module, _inputs, output: see(name, kind, output)


def unwrapped(model: torch.nn.Module) -> torch.nn.Module:
    """The model that compilation and DistributedDataParallel hold."""
    while True:
        inner: Any = getattr(model, "_orig_mod", None)
        if inner is None and type(model).__name__ in ("DistributedDataParallel", "DataParallel"):
            inner = model.module
        if inner is None:
            return model
        model = inner


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and named arguments of a model."""
    if isinstance(inputs, dict):
        return (), inputs
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def _scores(output: Any) -> torch.Tensor:
    found = getattr(output, "logits", output)
    if isinstance(found, dict):
        found = found.get("logits", next(iter(found.values())))
    if isinstance(found, tuple | list):
        found = found[0]
    if not isinstance(found, torch.Tensor):
        raise TypeError(f"model: expected scores as a tensor, got {type(found).__name__}.")
    return found


@contextlib.contextmanager
def _random_numbers_kept(state: dict[str, torch.Tensor]) -> Iterator[None]:
    devices = {tensor.device for tensor in state.values() if tensor.is_cuda}
    with torch.random.fork_rng(devices=list(devices)):
        yield
