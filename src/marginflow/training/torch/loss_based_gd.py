"""Gradient descent on the logarithm of the loss, its step found by backtracking, for torch."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from marginflow.dynamics.optimizers.loss_based import AT_A_CORNER, HALVINGS
from marginflow.dynamics.optimizers.settings import above_one, fraction, positive


class LossBasedGD(torch.optim.Optimizer):
    """Gradient descent with a learning rate set by the loss, for homogeneous networks.

    The twin of `marginflow.LossBasedGD`, step by step: W⁺ = W − α ∇ log L(W), with the α by which
    log L would fall by `lr`, or `growth` times the last one if that is less, halved until log L has
    fallen by the share `decrease` of what its slope promises.  So training goes on far below the
    least float.

    `step` takes a closure, as `torch.optim.LBFGS` does, which sets gradients to zero, computes the
    logarithm of the loss of **all** samples, by a loss of ``reduction="logmean"``, runs the
    backward pass and returns that logarithm.  It is called at least twice a step.

    Args:
        params: the parameters, in one group.
        lr: by how much the logarithm of the loss may fall in a step, above 0.
        growth: of α from a step to the next trial, above 1.
        decrease: in [0, 1), the share of the promised decrease that is asked for.

    Raises:
        ValueError: if one is out of range, or there are several groups of parameters; from `step`,
            if the closure returns no finite number.

    Example:
        >>> import torch
        >>> from marginflow.training import torch as mft
        >>> _ = torch.manual_seed(0)
        >>> inputs, targets = torch.eye(2), torch.tensor([0, 1])
        >>> layers = [torch.nn.Linear(2, 32, bias=False), torch.nn.ReLU()]
        >>> model = torch.nn.Sequential(*layers, torch.nn.Linear(32, 2, bias=False))
        >>> loss = mft.CrossEntropy(reduction="logmean")
        >>> optimizer = mft.LossBasedGD(model.parameters())
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     log_loss = loss(model(inputs), targets)
        ...     log_loss.backward()
        ...     return log_loss
        >>> for _ in range(150):
        ...     log_loss = optimizer.step(closure)
        >>> bool(log_loss < -104)  # below the least float32
        True

    Lyu & Li 2020 (arXiv 1906.05890), as `marginflow.LossBasedGD` says.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        *,
        growth: float = 1.2,
        decrease: float = 0.3,
    ):
        settings = {
            "lr": float(positive("lr", lr)),
            "growth": float(above_one("growth", growth)),
            "decrease": float(fraction("decrease", decrease)),
            "last_rate": math.inf,
        }
        super().__init__(params, settings)
        if len(self.param_groups) > 1:
            raise ValueError(
                "LossBasedGD: expected one group of parameters, since all of them take one step, "
                f"got {len(self.param_groups)}."
            )

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, closure: Callable[[], Tensor]
    ) -> Tensor:
        """Take a step; the gradients are left as they were before it, and all is if it fails.

        Args:
            closure: computes the logarithm of the loss and its gradients, and returns it.

        Returns:
            The logarithm of the loss before the step.
        """
        with torch.enable_grad():
            now = closure().detach()
        if not math.isfinite(now):
            raise ValueError(
                "LossBasedGD: expected the logarithm of a loss that is neither zero nor infinite, "
                f"as of reduction='logmean', got {float(now)}."
            )
        params = [each for each in self.param_groups[0]["params"] if each.grad is not None]
        slopes, starts = [each.grad for each in params], [each.clone() for each in params]
        square = sum(float(slope.double().square().sum()) for slope in slopes)
        try:
            if square > 0:
                self._search(closure, params, starts, slopes, float(now), square)
        except BaseException:  # Ctrl-C too: a trial may be a step too long
            _move(params, starts, slopes, 0.0)
            raise
        finally:
            for param, slope in zip(params, slopes, strict=True):
                param.grad = slope
        return now

    def _search(
        self,
        closure: Callable[[], Tensor],
        params: list[Tensor],
        starts: list[Tensor],
        slopes: list[Tensor],
        now: float,
        square: float,
    ) -> None:
        """Move the parameters by the longest of the trials that serves."""
        group = self.param_groups[0]
        first = min(group["growth"] * group["last_rate"], group["lr"] / square)
        for halvings in range(HALVINGS):
            rate = first / 2**halvings
            _move(params, starts, slopes, rate)
            for param in params:
                param.grad = None
            with torch.enable_grad():
                reached = closure().detach()
            if reached <= now - group["decrease"] * rate * square:
                group["last_rate"] = rate
                return
        _move(params, starts, slopes, AT_A_CORNER * first)
        group["last_rate"] = first


def _move(params: list[Tensor], starts: list[Tensor], slopes: list[Tensor], rate: float) -> None:
    for param, start, slope in zip(params, starts, slopes, strict=True):
        param.copy_(start - rate * slope)
