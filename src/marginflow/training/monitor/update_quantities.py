"""Quantities of one step of an optimizer: scales, angles, and what its memory does."""

import math
from typing import Any

import torch

Tensors = list[torch.Tensor]
MOMENTA = ("momentum_buffer", "exp_avg")


def update_quantities(
    parameters: Tensors, optimizer: Any, before: Tensors | None, memory: Tensors | None
) -> dict[str, float]:
    """Those of the last step, by name.

    Args:
        parameters: of the model, with gradients where there are any.
        optimizer: what made the step, or None.
        before: the parameters one step earlier, if known.
        memory: the optimizer's memory of gradients then, if it has one.
    """
    whole = [gradient_of(each) for each in parameters if each.grad is not None]
    found = {"gradient_norm": norm(whole)} if whole else {}
    if optimizer is None:
        return found
    found |= settings(optimizer)
    share = eps_dominated(optimizer)
    if share is not None:
        found["eps_dominated"] = share
    if before is None:
        return found
    now = [each.detach() for each in parameters]
    update, size = [a - b for a, b in zip(now, before, strict=True)], norm(now)
    found["update_norm"] = norm(update)
    found["update_to_weight"] = found["update_norm"] / size if size > 0 else math.nan
    if len(whole) == len(parameters):
        found["gradient_dot_update"] = dot(whole, update)
        if memory is not None:
            found["momentum_cosine"] = cosine(memory, whole)
    return found


def gradient_of(parameter: torch.Tensor) -> torch.Tensor:
    """The gradient of a parameter that has one, that of a sparse embedding too."""
    assert parameter.grad is not None
    gradient = parameter.grad.detach()
    return gradient.to_dense() if gradient.is_sparse else gradient


def dot(first: Tensors, second: Tensors) -> float:
    """⟨a, b⟩ over all tensors."""
    pairs = zip(first, second, strict=True)
    return float(sum(torch.sum(a.float() * b.float()) for a, b in pairs))


def norm(tensors: Tensors) -> float:
    """The Frobenius norm of all tensors together."""
    if not tensors:
        return 0.0
    norms = [torch.linalg.vector_norm(each.float()) for each in tensors]
    return float(torch.linalg.vector_norm(torch.stack(norms)))


def cosine(first: Tensors, second: Tensors) -> float:
    """The cosine of the angle between two lists of tensors; NaN where one is zero."""
    sizes = norm(first) * norm(second)
    return max(-1.0, min(1.0, dot(first, second) / sizes)) if sizes > 0 else math.nan


def momenta(optimizer: Any, parameters: Tensors) -> Tensors | None:
    """The optimizer's memory of gradients, in the order of the parameters; None without."""
    states = [optimizer.state.get(parameter, {}) for parameter in parameters]
    for name in MOMENTA:
        found = [state.get(name) for state in states]
        if found and all(isinstance(each, torch.Tensor) for each in found):
            return found
    return None


def settings(optimizer: Any) -> dict[str, float]:
    """Learning rate, momentum, ε and lr/(1 − momentum), the effective step, of the first group."""
    group = optimizer.param_groups[0]
    betas = group.get("betas")
    momentum = float(group.get("momentum", betas[0] if betas else 0.0))
    rate = float(group["lr"])
    step = rate if betas else rate / (1 - momentum) if momentum < 1 else math.nan
    found = {"learning_rate": rate, "momentum": momentum, "effective_step": step}
    return found | ({"eps": float(group["eps"])} if "eps" in group else {})


def eps_dominated(optimizer: Any) -> float | None:
    """The share of entries with √v̂ < ε of an optimizer of Adam's kind; None of another.

    v̂ = v/(1 − β₂^t) is the mean square of the gradients; where ε is above its root the step is
    lr m̂/ε, gradient descent.
    """
    below, entries = 0, 0
    for group in optimizer.param_groups:
        betas, eps = group.get("betas"), group.get("eps")
        if betas is None or eps is None:
            return None
        for parameter in group["params"]:
            state = optimizer.state.get(parameter, {})
            if "exp_avg_sq" not in state or "step" not in state:
                continue
            unbiased = 1 - betas[1] ** float(state["step"])
            below += int(torch.count_nonzero(state["exp_avg_sq"] < eps**2 * unbiased))
            entries += parameter.numel()
    return below / entries if entries else None
