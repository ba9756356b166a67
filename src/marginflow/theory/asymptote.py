"""The asymptote that theory predicts: W(t) = (Ŵ/a) log t + ρ(t), with every constant that is known.

The theorem gives the direction.  The law of the residual says where ρ settles on the support pairs:
each pair's pull t·h·c·e^(−a u) must become its dual weight over a, hence

    u_p(ρ) → (1/a) log(a c h / α*_p),

with a and c the tail's rate and constant, h the effective step (1 for the flow, η/(1−β) for heavy
ball, times b/n for minibatches of b out of n on the summed risk) and α* the entropic dual.  Outside
the span of the support pairs ρ depends on the start.  The approach is as t^(−min(1, δ, λ)): 1 from
the tail's next term, δ from the next margin after the support, λ from the residual's relaxation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow._precision import in_x64
from marginflow._results import MarginflowError, Result, Status
from marginflow.dynamics import step_bound
from marginflow.dynamics.arguments import check_initial
from marginflow.dynamics.optimizers.settings import fraction, positive
from marginflow.dynamics.reduction import log_reduction
from marginflow.limits import MaxMargin, max_margin
from marginflow.losses import TailKind, as_loss
from marginflow.margins import as_linear_map
from marginflow.theory.entropic_dual import entropic_dual

# e-folds of the slowest decay after which the residual is at its limit to 1e-16 of its distance.
SETTLED_EFOLDS = 40.0


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Asymptote(Result):
    """What theory says of a path's end.

    Attributes:
        direction: Ŵ/a, the weights' growth for each e-fold of time; in the weights' shape.
        residual: the limit of ρ on the span of the support rows, in the weights' shape; its part
            outside that span depends on the start and is zero here.
        support: (m, 2), the pairs (sample, class) at margin 1 of Ŵ.
        support_margins: (m,), the limit of u_p(ρ); +∞ on pairs without dual weight.
        dual: (m,), the entropic dual α* on the support pairs.
        spans: whether the support rows span all directions that training can move in, so that the
            whole residual is known.
        effective_step: h.
        rate: a, of the tail.
        constant: c, of the tail.
        next_margin: 1 + δ, the least margin of Ŵ off the support; ∞ if there is none.
        relaxation: λ, the smallest nonzero eigenvalue of Σ α* a aᵀ over the support rows.
        decay: min(1, δ, λ): the residual's distance to its limit fades as t^(−decay).
        valid_from: the log time 40/decay from which the residual is at its limit to rounding.
        loss_constant: the limit of risk times t, ‖Ŵ‖²/(a² h), for the reduction asked for.
        margin_gap_constant: the limit of margin gap times log t.
        step_bound: the largest learning rate for which the theorem holds, or None if none is known.
        limit: the certified `MaxMargin` that all this rests on.
    """

    direction: Any
    residual: Any
    support: Any
    support_margins: Any
    dual: Any
    spans: bool
    effective_step: float
    rate: float
    constant: float
    next_margin: float
    relaxation: float
    decay: float
    valid_from: float
    loss_constant: float
    margin_gap_constant: float
    step_bound: float | None
    limit: MaxMargin


@in_x64
def asymptote(
    data: Any,
    loss: Any,
    *,
    learning_rate: float | None = None,
    momentum: float = 0.0,
    batch_size: int | None = None,
    reduction: str = "sum",
    initial: Any = None,
    limit: MaxMargin | None = None,
) -> Asymptote:
    """Predict the direction and the residual that training ends with.

    Args:
        data: a `Dataset`, a pair (features, labels), or a linear margin map.
        loss: a loss with an exponential tail.
        learning_rate: η of gradient descent; None for gradient flow.
        momentum: β of heavy ball.
        batch_size: b of minibatches.
        reduction: "sum" or "mean".
        initial: the weights at the start, zeros by default; used for the level-set step bound only.
        limit: the data's `max_margin`, where it is at hand; computed otherwise.

    Returns:
        An `Asymptote`.

    Raises:
        NotSeparableError: if nothing separates the data.
        MarginflowError: if the loss has no exponential tail.
        ValueError: if an argument does not fit.

    Example:
        The exactly solvable case of one point x = 1 per class: u(ρ) → log(1/α).

        >>> import marginflow as mf
        >>> line = mf.asymptote(mf.soudry_toy(), mf.CrossEntropy(), learning_rate=0.1)
        >>> line.direction.round(12)
        array([0.5, 0.5])

    Reference:
        Soudry et al. 2018, arXiv 1710.10345, Theorems 3 and 4; Ravi et al. 2024, arXiv 2411.01350,
        main theorem.  The law for general rate, constant and dependent support is derived.
    """
    margin_map = as_linear_map(data, "asymptote")
    loss = as_loss(loss, margin_map.n_classes)
    tail = loss.tail(margin_map.n_classes)
    if tail is not None and tail.kind == TailKind.RISING:
        raise MarginflowError(
            f"asymptote needs margins that grow with log t, and some slopes of {loss.name} turn "
            "positive however large the margins are, which holds them back; run gradient_descent "
            "to see where it ends."
        )
    if tail is None or tail.rate is None or tail.log_constant is None:
        kind = "no tail that could be derived" if tail is None else f"a {tail.kind} tail"
        raise MarginflowError(
            f"asymptote needs a loss with an exponential tail, and {loss.name} has {kind}: its "
            "training does not end in W = Ŵ log t + ρ."
        )
    step = _effective_step(margin_map, learning_rate, momentum, batch_size, reduction)
    limit = limit or max_margin(margin_map)
    rows = _support_rows(margin_map, limit)
    dual = entropic_dual(rows, limit.weights.ravel())
    carried = dual > 0
    with np.errstate(divide="ignore"):
        target = (np.log(tail.rate) + tail.log_constant + np.log(step) - np.log(dual)) / tail.rate
    residual = np.linalg.lstsq(rows[carried], target[carried], rcond=1e-12)[0]
    relaxation, rank = _relaxation(rows[carried], dual[carried])
    slack = limit.next_margin - 1.0
    decay = float(min(1.0, slack, relaxation)) if carried.all() else 0.0
    norm = float(np.linalg.norm(limit.weights))
    start = check_initial(margin_map, initial)
    bound = step_bound(margin_map, loss, start, reduction)
    scale = np.exp(-log_reduction(margin_map, reduction))
    return Asymptote(
        status=Status.DONE,
        message=_sentence(carried, decay),
        statistics={"support_rank": rank, "support_pairs": len(rows)},
        direction=limit.weights / tail.rate,
        residual=residual.reshape(margin_map.weights_shape),
        support=limit.support,
        support_margins=target,
        dual=dual,
        spans=rank == _reachable_dimension(margin_map),
        effective_step=step,
        rate=tail.rate,
        constant=float(np.exp(tail.log_constant)),
        next_margin=float(limit.next_margin),
        relaxation=relaxation,
        decay=decay,
        valid_from=SETTLED_EFOLDS / decay if decay > 0 else np.inf,
        loss_constant=norm**2 / (tail.rate**2 * step * scale),
        margin_gap_constant=_gap_constant(dual, target, norm) * tail.rate,
        step_bound=None if bound is None else bound.value,
        limit=limit,
    )


def _effective_step(
    margin_map: Any,
    learning_rate: float | None,
    momentum: float,
    batch_size: int | None,
    reduction: str,
) -> float:
    """h, the factor between the summed risk's gradient and the weights' motion for each step."""
    if learning_rate is None:
        return float(np.exp(log_reduction(margin_map, reduction)))
    positive("learning_rate", learning_rate)
    fraction("momentum", momentum)
    n = margin_map.n_samples
    if batch_size is not None and not 1 <= batch_size <= n:
        raise ValueError(f"batch_size: expected 1..{n}, got {batch_size}.")
    share = 1.0 if batch_size is None or reduction == "mean" else batch_size / n
    return (
        learning_rate / (1 - momentum) * share * float(np.exp(log_reduction(margin_map, reduction)))
    )


def _support_rows(margin_map: Any, limit: MaxMargin) -> np.ndarray:
    samples, classes = limit.support[:, 0], limit.support[:, 1]
    columns = classes - (classes > np.asarray(margin_map.labels)[samples])
    return margin_map.pair_rows(samples, columns)


def _relaxation(rows: np.ndarray, dual: np.ndarray) -> tuple[float, int]:
    """The smallest nonzero eigenvalue of Σ α a aᵀ, and how many there are."""
    singular = np.linalg.svd(rows * np.sqrt(dual)[:, None], compute_uv=False)
    plain = np.linalg.svd(rows, compute_uv=False)
    rank = int(np.sum(plain > plain[0] * max(rows.shape) * np.finfo(float).eps))
    return float(singular[rank - 1] ** 2), rank


def _reachable_dimension(margin_map: Any) -> int:
    """The dimension of the span of all rows of A: rank(X), times K−1 in the multiclass map."""
    rank = int(np.linalg.matrix_rank(np.asarray(margin_map.features)))
    return rank if len(margin_map.weights_shape) == 1 else rank * (margin_map.n_classes - 1)


def _gap_constant(dual: np.ndarray, margins: np.ndarray, norm: float) -> float:
    """(mean_α u(ρ) − min u(ρ)) / ‖Ŵ‖."""
    carried = dual > 0
    mean = float(np.average(margins[carried], weights=dual[carried]))
    return (mean - float(margins[carried].min())) / norm


def _sentence(carried: np.ndarray, decay: float) -> str:
    if carried.all():
        return f"the residual settles on the support as t^(-{decay:.3g})."
    idle = int(np.sum(~carried))
    return (
        f"{idle} of {len(carried)} pairs at margin 1 carry no dual weight: there the residual "
        "grows as log log t, and it settles on the others only as a power of 1/log t."
    )
