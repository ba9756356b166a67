"""A rule as a differentiable function: the losses of rows, with little memory.

The forward pass keeps the scores as they came and the rule's state; the backward pass computes the
gradient from them.  Both go through the rows in blocks that fit a cache, and widen scores of 16
bits block by block.  So whatever temporaries a rule makes, the memory of a training step is that of
the scores, of what the rule keeps, mostly a number or two for a row, and of the gradient.  A
compiler is given all rows at once, since it fuses what a rule does, and so is autograd where a
gradient is differentiated again.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from marginflow.training.torch.row_blocks import rows_of_a_block
from marginflow.training.torch.row_rule import RowRule, State


def row_losses(scores: Tensor, labels: Tensor, rule: RowRule) -> Tensor:
    """The losses (n,) of rows (n, K), in float64 for scores of that type and else in float32.

    Args:
        scores: (n, K), of any floating type.
        labels: (n, 1), in 0..K−1.
        rule: which loss.
    """
    return _RowLosses.apply(scores, labels, rule)[0]


def computing_dtype(scores: Tensor) -> torch.dtype:
    """The type in which losses of such scores are computed."""
    return torch.float64 if scores.dtype == torch.float64 else torch.float32


class _RowLosses(Function):
    @staticmethod
    def forward(scores: Tensor, labels: Tensor, rule: RowRule) -> tuple[Tensor, ...]:
        dtype, outputs = computing_dtype(scores), ()
        for rows in _blocks(scores, rule):
            values, state = rule.values(scores[rows].to(dtype), labels[rows])
            block = (values, *state)
            if len(values) == len(scores):
                return block
            # made at once: small results between the blocks' temporaries would tear the heap
            outputs = outputs or tuple(
                part.new_empty((len(scores), *part.shape[1:])) for part in block
            )
            for output, part in zip(outputs, block, strict=True):
                output[rows] = part
        return outputs

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple[Tensor, ...]) -> None:
        scores, labels, ctx.rule = inputs
        ctx.save_for_backward(scores, labels, *output[1:])
        ctx.mark_non_differentiable(*output[1:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> tuple[Tensor | None, None, None]:
        scores, labels, *state = ctx.saved_tensors
        rule, factors = ctx.rule, cotangents[0]
        if factors is None:
            return None, None, None
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return _gradient_in_one(scores, labels, rule, factors, tuple(state)), None, None
        gradient = torch.empty_like(scores, memory_format=torch.contiguous_format)
        for rows in _blocks(scores, rule):
            given, kept = scores[rows].to(factors.dtype), tuple(part[rows] for part in state)
            block = rule.gradients(given, labels[rows], kept)
            _scale(block, factors[rows, None], rule, out=gradient[rows])
        return gradient, None, None

    @staticmethod
    def vmap(  # pyright: ignore[reportIncompatibleMethodOverride]
        info: Any, in_dims: tuple, scores: Tensor, labels: Tensor, rule: RowRule
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Rows of rows are rows."""
        scores, labels = (
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip((scores, labels), in_dims[:2], strict=True)
        )
        results = _RowLosses.apply(scores.flatten(0, 1), labels.flatten(0, 1), rule)
        return tuple(part.unflatten(0, scores.shape[:2]) for part in results), (0,) * len(results)


def _gradient_in_one(
    scores: Tensor, labels: Tensor, rule: RowRule, factors: Tensor, state: State
) -> Tensor:
    """The gradient of all rows, differentiable where gradients are enabled."""
    given = scores.to(factors.dtype)
    if torch.is_grad_enabled():
        state = rule.refined(given, labels, state)
    return _scale(rule.gradients(given, labels, state), factors[:, None], rule).to(scores.dtype)


def _scale(gradient: Tensor, factors: Tensor, rule: RowRule, out: Tensor | None = None) -> Tensor:
    """Gradients times factors (n, 1), and no gradient where the factor is zero."""
    scaled = torch.mul(gradient, factors, out=out)
    if not rule.overflows:
        return scaled
    # infinity times zero
    unused = factors == 0
    return scaled.masked_fill(unused, 0) if out is None else scaled.masked_fill_(unused, 0)


def _blocks(scores: Tensor, rule: RowRule) -> Iterator[slice]:
    """The rows that are computed together."""
    n_rows = scores.shape[0]
    kept_whole = rule.keeps_gradient and scores.dtype == computing_dtype(scores)
    if kept_whole or torch.compiler.is_compiling():
        yield slice(0, n_rows)
        return
    step = rows_of_a_block(scores)
    # at least one block, of no rows if there are none
    for start in range(0, max(n_rows, 1), step):
        yield slice(start, min(start + step, n_rows))
