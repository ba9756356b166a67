"""`predict_limit`: where an optimizer takes a loss, before it is run."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow._precision import in_x64
from marginflow._results import Result, Status
from marginflow.dynamics import StepBound, step_bound
from marginflow.dynamics.optimizers import Adam, HeavyBall, Nesterov, as_optimizer
from marginflow.limits import MaxMargin, max_margin
from marginflow.losses import Loss, Tail, TailKind, as_loss
from marginflow.margins import as_margin_map
from marginflow.norms import Norm, as_norm
from marginflow.theory.adam_throttle import AdamThrottle, adam_throttle
from marginflow.theory.optimizer_limits import (
    NACSON,
    OptimizerLimit,
    nowhere,
    optimizer_limit,
)

LAI = "Lai & Muthukumar 2023, arXiv 2303.07475; Ji & Telgarsky 2021, arXiv 1906.04540"
EDGE = "Wu, Braverman & Lee 2023, arXiv 2305.11788"


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class LimitPrediction(Result):
    """What theory says of the limit of an optimizer on a loss.

    Attributes:
        optimizer: its class.
        loss: its name.
        norm: the name of the norm whose margin is maximized in the end; None if none is.
        problem: the limit in a sentence.
        rate: at which the margin gets there.
        source: of the statement.
        breaks: what it rests on and what breaks it, each in a sentence.
        before: the limit that is headed for first, if another one takes over, as with Adam.
        eps: the gradient's size at which it takes over; 0 if none does.
        limit: the certified `MaxMargin` in that norm, if data were given.
        throttle: of Adam while its ε plays no part, if data were given.
        step_bound: the largest learning rate for which the risk is known to fall, if data were
            given and one is known.
        beyond_bound: whether the learning rate is beyond it, at the edge of stability; None if
            that cannot be said.

    Example:
        >>> import marginflow as mf
        >>> predicted = mf.predict_limit(mf.Adam(1e-3), "cross-entropy")
        >>> predicted.norm, predicted.before.norm.name
        ('frobenius', 'max')
    """

    optimizer: str
    loss: str
    norm: str | None
    problem: str
    rate: str
    source: str
    breaks: tuple[str, ...] = ()
    before: OptimizerLimit | None = None
    eps: float = 0.0
    limit: MaxMargin | None = None
    throttle: AdamThrottle | None = None
    step_bound: StepBound | None = None
    beyond_bound: bool | None = None


@in_x64
def predict_limit(
    optimizer: Any,
    loss: Any,
    data: Any = None,
    *,
    n_classes: int | None = None,
    reduction: str = "sum",
) -> LimitPrediction:
    """Predict where the direction of training ends, how fast, and what breaks the prediction.

    The loss decides by its tail whether the margin is maximized at all, the optimizer in which
    norm.  An optimizer of marginflow is judged by what the literature proves of its class, any
    other by its steps on gradients that fade in one direction (`probe_optimizer`).

    Args:
        optimizer: one of marginflow's, or an optax transformation.
        loss: a `Loss`, its registered name, or a template function.
        data: a `Dataset`, a pair (features, labels) or a linear margin map; with them the limit is
            solved and the learning rate held against its bound.
        n_classes: K, for a loss whose tail depends on it, where no data are given; 3 by default.
        reduction: "sum", or "mean" to divide the risk by n, for the bound.

    Returns:
        A `LimitPrediction`.

    Raises:
        NotSeparableError: if nothing separates the data.
        TypeError, ValueError: if an argument does not fit.

    Example:
        >>> import marginflow as mf
        >>> predicted = mf.predict_limit(mf.SignDescent(mf.inverse_sqrt(0.1)), "cross-entropy")
        >>> predicted.norm, predicted.rate
        ('max', 'log t/√t')
    """
    optimizer = as_optimizer(optimizer)
    margin_map = None if data is None else as_margin_map(data)
    if margin_map is not None:
        n_classes = getattr(margin_map, "n_classes", n_classes)
    loss = as_loss(loss, n_classes)
    tail = loss.tail(3 if n_classes is None else n_classes)
    found = _with_tail(optimizer_limit(optimizer), loss, tail)
    limit = bound = beyond = throttle = None
    breaks = found.breaks
    if margin_map is not None:
        if found.norm is not None and tail is not None and tail.is_exponential:
            limit = max_margin(margin_map, found.norm)
        bound = step_bound(margin_map, loss, reduction=reduction)
        beyond = _beyond(optimizer, bound)
        if beyond and bound is not None:
            breaks += (_edge(optimizer, bound),)
        if isinstance(optimizer, Adam) and not callable(optimizer.learning_rate):
            throttle = _throttle(optimizer, margin_map, tail)
    return LimitPrediction(
        status=Status.DONE,
        message=_sentence(optimizer, loss, found),
        optimizer=type(optimizer).__name__,
        loss=loss.name,
        norm=_name(found.norm),
        problem=found.statement,
        rate=found.rate,
        source=found.source,
        breaks=breaks,
        before=found.before,
        eps=found.eps,
        limit=limit,
        throttle=throttle,
        step_bound=bound,
        beyond_bound=beyond,
    )


def _with_tail(found: OptimizerLimit, loss: Loss, tail: Tail | None) -> OptimizerLimit:
    """The limit for the tail that the loss has."""
    if tail is None:
        return nowhere(
            f"the tail of {loss.name} is of no known kind; `certify_loss` says what it looks like",
            "no theorem of the sources",
        )
    if tail.kind == TailKind.FINITE:
        return nowhere(
            f"the slopes of {loss.name} end at a finite margin: training stops at a point that "
            "depends on the start",
            "by the definition of the tail",
        )
    if tail.kind == TailKind.RISING:
        return nowhere(
            f"slopes of {loss.name} turn positive at large margins, which training then keeps",
            "by the definition of the tail",
        )
    if tail.kind == TailKind.EXPONENTIAL or found.norm is None:
        return found
    euclidean = found.norm.name == "frobenius" and found.before is None
    if tail.kind == TailKind.STRETCHED:
        words = "the tail is stretched; proved for gradient descent and two classes only"
        return OptimizerLimit(
            found.norm, found.statement, "slower than 1/log t", NACSON, (*found.breaks, words)
        )
    if not euclidean:
        words = "the tail is polynomial, for which only the Euclidean limit is known"
        return nowhere(words, LAI)
    words = (
        f"argmin Σ u_ik^(−{tail.degree:.4g}) over ‖W‖_F ≤ 1, see `polynomial_limit`: not the "
        "maximum margin"
    )
    return OptimizerLimit(None, words, "a power of t", LAI, found.breaks)


def _beyond(optimizer: Any, bound: StepBound | None) -> bool | None:
    """Whether the steps of a gradient method are longer than the bound allows."""
    rate = getattr(optimizer, "learning_rate", None)
    if bound is None or not isinstance(optimizer, HeavyBall | Nesterov) or callable(rate):
        return None
    return float(np.asarray(rate)) > bound.value * _stretch(optimizer)


def _stretch(optimizer: Any) -> float:
    """How much longer than 2/λ the step of a momentum method may be on a quadratic."""
    beta = 0.0 if optimizer.momentum is None else float(np.asarray(optimizer.momentum))
    return 1 + beta if isinstance(optimizer, HeavyBall) else (1 + beta) / (1 + 2 * beta)


def _edge(optimizer: Any, bound: StepBound) -> str:
    rate, allowed = float(np.asarray(optimizer.learning_rate)), bound.value * _stretch(optimizer)
    return (
        f"the learning rate {rate:.4g} is beyond {allowed:.4g} = {bound.formula}, at the edge of "
        f"stability: the theorem does not apply and the risk may rise at first ({EDGE}, show the "
        "same limit for two classes and the logistic loss)"
    )


def _throttle(optimizer: Adam, margin_map: Any, tail: Tail | None) -> AdamThrottle | None:
    """Adam's rate in the phase of the max-norm."""
    if tail is None or not tail.is_exponential:
        return None
    assert tail.rate is not None
    best = max_margin(margin_map, as_norm("max"))
    return adam_throttle(
        tail.rate * best.margin,
        float(np.asarray(optimizer.learning_rate)),
        b1=float(np.asarray(optimizer.b1)),
        b2=float(np.asarray(optimizer.b2)),
    )


def _sentence(optimizer: Any, loss: Loss, found: OptimizerLimit) -> str:
    first = f"{type(optimizer).__name__} on {loss.name}: "
    if found.before is not None and found.before.norm is not None:
        first += (
            f"first towards the maximum margin in the norm {found.before.norm.name} "
            f"({found.before.rate}); once gradients are below {found.eps:.3g}, "
        )
    if found.norm is None:
        return f"{first}{found.statement}."
    return f"{first}towards the maximum margin in the norm {found.norm.name} ({found.rate})."


def _name(norm: Norm | None) -> str | None:
    return None if norm is None else norm.name
