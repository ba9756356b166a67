"""What the literature says of each optimizer's limit on separable data with an exponential tail.

One rule a class, each a norm, a rate, the source, and what breaks it; a subclass without a rule has
that of its base.  An optimizer without any, an optax transformation among them, is judged by its
steps (`geometry`).
"""

from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np

from marginflow.dynamics.optimizers import (
    PRGD,
    AdaGrad,
    Adam,
    AdamW,
    DualMomentum,
    HeavyBall,
    Lion,
    LossBasedGD,
    MirrorDescent,
    Muon,
    Nesterov,
    PowerSchedule,
    RMSProp,
    SteepestDescent,
)
from marginflow.norms import EntrywiseNorm, Norm, as_norm
from marginflow.theory.geometry import Geometry, probe_optimizer

SOUDRY = "Soudry et al. 2018, arXiv 1710.10345; Ravi et al. 2024, arXiv 2411.01350"
GUNASEKAR = "Gunasekar et al. 2018, arXiv 1802.08246"
NACSON = "Nacson et al. 2019, arXiv 1803.01905"
PRIMAL_DUAL = "Ji & Telgarsky 2021, arXiv 1906.04540"
DUAL_ACCELERATION = "Ji, Srebro & Telgarsky 2021, arXiv 2107.00595"
FAN = "Fan, Schmidt & Thrampoulidis 2025, arXiv 2502.04664"
MOMENTUM = "Wang et al. 2022, arXiv 2110.03891"
MIRROR = "Sun et al. 2022, arXiv 2205.12808"
ADAGRAD = "Qian & Qian 2019, arXiv 1906.03559"
ADAM = "Zhang, Zou & Cao 2024, arXiv 2406.10650"
ADAM_EPS = "Wang et al. 2021, arXiv 2012.06244"
ADAMW = "Xie & Li 2024, arXiv 2404.04454"
LION = "Chen et al. 2023, arXiv 2310.05898"
LOSS_BASED = "Lyu & Li 2020, arXiv 1906.05890; Ji & Telgarsky 2021, arXiv 1906.04540"
RESCALING = "Wang et al. 2023, arXiv 2311.14387"
WATCHED = "not taken from a theorem: its steps were watched"

SLOW = "1/log t"
DECAYING = "log t/√t"
UNKNOWN_STEPS = "no rate is known for this learning rate; with c/√t it is log t/√t"


@dataclass(frozen=True)
class OptimizerLimit:
    """Where an optimizer's direction ends, on separable data with an exponential tail.

    Attributes:
        norm: whose margin is maximized; None if no norm's is.
        statement: the limit in a sentence.
        rate: at which the margin, or the direction, gets there.
        source: of both.
        breaks: what the statement rests on, each in a sentence.
        before: the limit that is headed for first, if another one takes over.
        eps: the gradient's size, entry by entry, at which it does.
    """

    norm: Norm | None
    statement: str
    rate: str
    source: str
    breaks: tuple[str, ...] = ()
    before: "OptimizerLimit | None" = None
    eps: float = 0.0


def max_margin_in(norm: Norm, rate: str, source: str, *breaks: str) -> OptimizerLimit:
    """The limit that is the max-margin classifier in a norm."""
    words = f"argmin ‖W‖ in the norm {norm.name} with every relative margin at least 1"
    return OptimizerLimit(norm, words, rate, source, breaks)


def nowhere(statement: str, source: str, *breaks: str) -> OptimizerLimit:
    """No maximum margin in any norm."""
    return OptimizerLimit(None, statement, "none", source, breaks)


@singledispatch
def optimizer_limit(optimizer: Any) -> OptimizerLimit:
    """The limit of an optimizer: by its class, or by its steps where its class is not known."""
    probed = probe_optimizer(optimizer)
    if probed.weight_decay:
        return nowhere(
            f"weight decay of {probed.weight_decay:.3g} a step keeps the weights bounded",
            WATCHED,
        )
    if not probed.forgets:
        return nowhere(
            "its steps depend on gradients of long ago, so that the limit depends on the start",
            WATCHED,
        )
    late = _watched(probed.late)
    if probed.early == probed.late:
        return late
    return replace(late, before=_watched(probed.early), eps=probed.eps)


def _watched(geometry: Geometry) -> OptimizerLimit:
    if geometry.norm is None:
        return nowhere("its steps are the steepest in none of the named norms", WATCHED)
    # steps as long as the gradient make the risk fall as 1/t; of others the length is its own
    rate = SLOW if geometry.power > 0.5 else UNKNOWN_STEPS
    near = ""
    if geometry.one_minus_cos:
        near = (
            f"its steps are the steepest in {geometry.norm.name} but for 1 − cos = "
            f"{geometry.one_minus_cos:.2g}, and may stop short of the margin"
        )
    return max_margin_in(geometry.norm, rate, WATCHED, *filter(None, [near]))


@optimizer_limit.register
def _(optimizer: HeavyBall) -> OptimizerLimit:
    source = SOUDRY if optimizer.momentum is None else f"{MOMENTUM}; {SOUDRY}"
    return max_margin_in(as_norm("frobenius"), SLOW, source, STABLE)


@optimizer_limit.register
def _(_: Nesterov) -> OptimizerLimit:
    source = "derived: on the slow manifold it is gradient descent with step η/(1 − β)"
    return max_margin_in(as_norm("frobenius"), SLOW, source, STABLE)


STABLE = (
    "the learning rate is below the bound that `step_bound` gives, or training still calms down"
)


@optimizer_limit.register
def _(optimizer: SteepestDescent) -> OptimizerLimit:
    norm = optimizer.norm
    if not optimizer.normalized:
        return max_margin_in(norm, SLOW, GUNASEKAR, STABLE)
    euclidean = norm == EntrywiseNorm(2)
    rate, caution = normalized_rate(optimizer.learning_rate, euclidean)
    source = f"{FAN}; {NACSON}; {PRIMAL_DUAL}" if euclidean else f"{FAN}; {GUNASEKAR}"
    return max_margin_in(norm, rate, source, *caution)


def normalized_rate(learning_rate: Any, euclidean: bool) -> tuple[str, tuple[str, ...]]:
    """The rate of steps of given length, and what to be wary of."""
    if isinstance(learning_rate, PowerSchedule) and float(learning_rate.exponent) == 0.5:
        return DECAYING, ()
    if not callable(learning_rate):
        if euclidean:
            return "1/t", ()
        rate = float(np.asarray(learning_rate))
        caution = (
            f"with steps of constant length, {rate:.3g}, the margin may stay short of the best by "
            "the order of a step; c/√t reaches it",
        )
        return "no rate is known for steps of constant length", caution
    return UNKNOWN_STEPS, ("the steps of the schedule add up to infinity",)


@optimizer_limit.register
def _(optimizer: Muon) -> OptimizerLimit:
    if np.any(np.asarray(optimizer.weight_decay)):
        return nowhere("weight decay keeps the weights bounded", LION)
    rate, caution = normalized_rate(optimizer.learning_rate, euclidean=False)
    if optimizer.ns_steps is not None:
        caution += (
            f"{optimizer.ns_steps} steps of Newton–Schulz bring the singular values only near 1, "
            "so that it stops short of the best margin; the exact polar factor reaches it",
        )
    found = max_margin_in(as_norm("spectral"), rate, FAN, *caution)
    eps = float(np.asarray(optimizer.eps))
    if optimizer.ns_steps is None or not eps:
        return found
    words = "steps that shrink with the gradient, near those of gradient descent"
    return OptimizerLimit(None, words, SLOW, "derived", (), found, eps)


@optimizer_limit.register
def _(optimizer: MirrorDescent) -> OptimizerLimit:
    norm = EntrywiseNorm(float(np.asarray(optimizer.p)))
    return max_margin_in(norm, SLOW, MIRROR, STABLE)


@optimizer_limit.register
def _(_: AdaGrad) -> OptimizerLimit:
    return nowhere(
        "the max-margin direction in a Euclidean norm weighted by the root of the summed squares "
        "of all gradients, which depends on the start",
        ADAGRAD,
    )


@optimizer_limit.register
def _(optimizer: Adam) -> OptimizerLimit:
    rate = "t^(−1/3) with steps c/t^(2/3)"
    return _until_eps(optimizer, rate, f"{ADAM}; {FAN}")


@optimizer_limit.register
def _(optimizer: RMSProp) -> OptimizerLimit:
    return _until_eps(optimizer, UNKNOWN_STEPS, ADAM)


def _until_eps(optimizer: Any, rate: str, source: str) -> OptimizerLimit:
    """The max-norm's margin, which gives way to the Frobenius margin where there is an ε."""
    signs = max_margin_in(
        as_norm("max"),
        rate,
        source,
        "b1 ≤ b2, so that no gradient is remembered longer than its square",
    )
    eps = float(np.asarray(optimizer.eps))
    if not eps:
        return signs
    late = max_margin_in(
        as_norm("frobenius"),
        SLOW,
        ADAM_EPS,
        "√v falls below ε before training ends; until then the max-norm's margin grows",
    )
    return replace(late, before=signs, eps=eps)


@optimizer_limit.register
def _(optimizer: AdamW) -> OptimizerLimit:
    decay = float(np.asarray(optimizer.weight_decay))
    if not decay:
        return optimizer_limit.dispatch(Adam)(optimizer)
    return nowhere(
        f"least risk with every |W_jk| at most 1/λ = {1 / decay:.4g}, as long as ε plays no part",
        ADAMW,
    )


@optimizer_limit.register
def _(optimizer: Lion) -> OptimizerLimit:
    decay = float(np.asarray(optimizer.weight_decay))
    if decay:
        words = f"least risk with every |W_jk| at most 1/λ = {1 / decay:.4g}"
        return nowhere(words, LION)
    rate, caution = normalized_rate(optimizer.learning_rate, euclidean=False)
    return max_margin_in(as_norm("max"), rate, f"{LION}; {FAN}", *caution)


@optimizer_limit.register
def _(_: PRGD) -> OptimizerLimit:
    rate = "exponential, e^(−c t), while the rescaling goes on"
    return max_margin_in(as_norm("frobenius"), rate, RESCALING)


@optimizer_limit.register
def _(_: LossBasedGD) -> OptimizerLimit:
    return max_margin_in(as_norm("frobenius"), "1/t", LOSS_BASED)


@optimizer_limit.register
def _(_: DualMomentum) -> OptimizerLimit:
    return max_margin_in(as_norm("frobenius"), "1/t²", DUAL_ACCELERATION)
