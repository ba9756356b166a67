"""Losses made of a γ and a φ, and the named ones as special cases of each other."""

import itertools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from mpmath import mpf

import marginflow as mf
from marginflow import losses
from marginflow.losses import (
    AlphaLoss,
    CoherenceLoss,
    ErrorPower,
    Exponential,
    FocalLoss,
    Focused,
    GammaPhi,
    GeneralizedCrossEntropy,
    Hinge,
    HuberizedHinge,
    Identity,
    Logistic,
    LogOnePlus,
    LogSeries,
    MeanAbsoluteError,
    Polynomial,
    ProbabilityPower,
    Sigmoid,
    SmoothedHinge,
    SmoothHinge,
    SquaredHinge,
    Stretched,
    StretchedExponential,
    TaylorCrossEntropy,
)

MARGINS = np.concatenate(
    [3 * np.random.default_rng(0).normal(size=(20, 3)), [[-1e3, 5.0, 1e6], [-700, -700.5, 2.0]]]
)

# Each with its derivative; p = 1/(1 + s).
GAMMAS = {
    Identity(): (lambda s: s, lambda s: mpf(1)),
    LogOnePlus(2.0): (lambda s: 2 * mpmath.log1p(s), lambda s: 2 / (1 + s)),
    ProbabilityPower(0.25): (
        lambda s: -4 * mpmath.expm1(-mpmath.log1p(s) / 4),
        lambda s: (1 + s) ** mpf(-1.25),
    ),
    ProbabilityPower(-0.5): (
        lambda s: 2 * mpmath.expm1(mpmath.log1p(s) / 2),
        lambda s: (1 + s) ** mpf(-0.5),
    ),
    ErrorPower(1.5): (
        lambda s: (s / (1 + s)) ** mpf(1.5),
        lambda s: 1.5 * mpmath.sqrt(s / (1 + s)) / (1 + s) ** 2,
    ),
    Focused(0.5): (
        lambda s: mpmath.sqrt(s / (1 + s)) * mpmath.log1p(s),
        lambda s: mpmath.sqrt(s / (1 + s)) * (mpmath.log1p(s) / (2 * s) + 1) / (1 + s),
    ),
    LogSeries(3): (
        lambda s: mpmath.fsum((s / (1 + s)) ** i / i for i in (1, 2, 3)),
        lambda s: mpmath.fsum((s / (1 + s)) ** i for i in (0, 1, 2)) / (1 + s) ** 2,
    ),
}
PHIS = {
    Exponential(2.0, 0.5): (
        lambda u: mpmath.exp(1 - 2 * u),
        lambda u: -2 * mpmath.exp(1 - 2 * u),
    ),
    Logistic(): (
        lambda u: mpmath.log1p(mpmath.exp(-u)),
        lambda u: -1 / (1 + mpmath.exp(u)),
    ),
    Sigmoid(): (
        lambda u: 1 / (1 + mpmath.exp(u)),
        lambda u: -1 / (1 + mpmath.exp(u)) / (1 + mpmath.exp(-u)),
    ),
    Polynomial(2.0): (
        lambda u: (1 + u) ** -2 if u >= 0 else 1 - 2 * u + 3 * u**2,
        lambda u: -2 * (1 + u) ** -3 if u >= 0 else 6 * u - 2,
    ),
    Stretched(0.5): (
        lambda u: (
            mpmath.exp(-mpmath.sqrt(u))
            if u >= 1
            else (1 - (u - 1) / 2 + (u - 1) ** 2 / 4) / mpmath.e
        ),
        lambda u: (
            -mpmath.exp(-mpmath.sqrt(u)) / (2 * mpmath.sqrt(u))
            if u >= 1
            else (u - 2) / 2 / mpmath.e
        ),
    ),
    SquaredHinge(): (lambda u: max(mpf(0), 1 - u) ** 2, lambda u: -2 * max(mpf(0), 1 - u)),
}
# Every γ with three φ, and every φ with two γ.
PAIRS = [
    (gamma, phi)
    for gamma, phi in itertools.product(GAMMAS, PHIS)
    if isinstance(phi, Logistic | SquaredHinge) or isinstance(gamma, LogOnePlus | ErrorPower)
]
every_pair = pytest.mark.parametrize(("gamma", "phi"), PAIRS, ids=str)


@every_pair
def test_any_pair_keeps_its_digits(gamma, phi):
    loss = GammaPhi(gamma, phi)
    margins = np.concatenate([MARGINS, [[2e3, 2.5e3, 1e5], [0.25, 40.0, 30.0]]])
    log_values, (sign, log_abs) = loss.log_template(margins), loss.slope(margins)
    assert np.all(sign <= 0)
    (outer, outer_slope), (inner, inner_slope) = GAMMAS[gamma], PHIS[phi]
    for point, log_value, slopes in zip(margins, log_values, log_abs, strict=True):
        exact = [mpf(float(u)) for u in point]
        total = mpmath.fsum(map(inner, exact))
        close(log_value, outer(total))
        for margin, log_slope in zip(exact, slopes, strict=True):
            close(log_slope, -outer_slope(total) * inner_slope(margin) if total else mpf(0))


def close(computed: float, number: mpf) -> None:
    if number == 0:
        assert computed == -math.inf
        return
    expected = mpmath.log(number)
    assert abs(computed - expected) <= mpf(2e-15) * max(1, abs(expected))


@pytest.mark.parametrize(
    ("gamma", "phi"),
    [
        pair
        for pair in PAIRS
        if isinstance(pair[0], LogOnePlus) or isinstance(pair[1], SquaredHinge)
    ],
    ids=str,
)
def test_derivatives_are_never_nan(gamma, phi):
    loss = GammaPhi(gamma, phi)
    margins = np.array(list(itertools.product([-40.0, 0.0, 1.0, 800.0], repeat=2)))

    def derivatives(point):
        scalars = loss.template, lambda u: jnp.sum(loss.slope_value(u))
        return [order(scalar)(point) for scalar in scalars for order in (jax.grad, jax.hessian)]

    with mf.x64():
        for results in jax.jit(jax.vmap(derivatives))(jnp.asarray(margins)):
            assert not np.isnan(results).any()


@every_pair
def test_tails_are_those_of_the_slopes(gamma, phi):
    loss = GammaPhi(gamma, phi)
    for n_classes in (2, 3):
        tail = loss.tail(n_classes)
        margins = np.full((2, n_classes - 1), [[4e6], [4e7]])
        sign, log_abs = (part[:, 0] for part in loss.slope(margins))
        if tail is None:
            assert gamma.onset()[0] != 1
        elif tail.kind == "exponential":
            np.testing.assert_allclose(log_abs, tail.log_constant - tail.rate * margins[:, 0])
        elif tail.kind == "polynomial":
            assert np.diff(log_abs)[0] / np.log(10) == pytest.approx(-tail.degree - 1, rel=1e-3)
        elif tail.kind == "stretched":
            fall = np.diff(margins[:, 0] ** tail.power)[0]
            assert -np.diff(log_abs)[0] == pytest.approx(fall, rel=0.1)
        else:
            assert not sign.any()


@pytest.mark.parametrize(
    ("loss", "other"),
    [
        (GammaPhi(LogOnePlus(), Exponential()), mf.CrossEntropy()),
        (GammaPhi(Identity(), Logistic()), mf.PairLogLoss()),
        (AlphaLoss(alpha=1.0), mf.CrossEntropy()),
        (AlphaLoss(alpha=0.5), mf.MulticlassExponential()),
        (AlphaLoss(alpha=math.inf), MeanAbsoluteError()),
        (GeneralizedCrossEntropy(q=1.0), MeanAbsoluteError()),
        (GeneralizedCrossEntropy(q=1e-12), mf.CrossEntropy()),
        (FocalLoss(focus=1e-13), mf.CrossEntropy()),
        (TaylorCrossEntropy(order=1), MeanAbsoluteError()),
        (SmoothedHinge(width=1e-13), mf.WestonWatkins()),
        (HuberizedHinge(half_width=1e-13), mf.WestonWatkins()),
        (CoherenceLoss(temperature=1e-4), mf.CrammerSinger()),
        (GammaPhi(Identity(), Stretched(0.5)), StretchedExponential(power=0.5)),
    ],
    ids=str,
)
def test_families_meet_in_their_members(loss, other):
    margins = MARGINS[:20]
    np.testing.assert_allclose(
        loss.template(margins), other.template(margins), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(
        loss.slope_value(margins), other.slope_value(margins), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("temperature", [0.05, 0.5, 3.0])
def test_the_coherence_loss_is_a_cross_entropy_of_shifted_margins(temperature):
    cooled = (1 - MARGINS) / temperature
    loss, other = CoherenceLoss(temperature=temperature), mf.CrossEntropy()
    np.testing.assert_allclose(
        loss.template(MARGINS), temperature * other.template(-cooled), rtol=1e-12
    )
    slopes, others = loss.slope(MARGINS)[1], other.slope(-cooled)[1]
    # a tie at −700 is decided by the rounding of 700 over the temperature
    np.testing.assert_allclose(slopes, others, rtol=1e-15, atol=1e-16 * np.abs(cooled[20:]).max())
    assert loss.smoothness(5) == pytest.approx(0.5 / temperature, rel=1e-14)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (AlphaLoss, {"alpha": 0.0}),
        (CoherenceLoss, {"temperature": -1.0}),
        (FocalLoss, {"focus": 0.0}),
        (GeneralizedCrossEntropy, {"q": 1.5}),
        (HuberizedHinge, {"half_width": math.nan}),
        (SmoothedHinge, {"width": 0.0}),
        (StretchedExponential, {"power": 1.0}),
        (TaylorCrossEntropy, {"order": 0}),
        (ProbabilityPower, {"power": 0.0}),
        (ErrorPower, {"power": math.inf}),
        (Exponential, {"margin": math.inf}),
        (SmoothHinge, {"margin": math.nan}),
        (LogOnePlus, {"temperature": 0.0}),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_parameters_are_checked(make, parameters):
    with pytest.raises(ValueError, match=r"expected .*, got"):
        make(**parameters)


def test_a_gamma_and_a_phi_are_not_exchanged():
    with pytest.raises(TypeError, match="Gamma"):
        GammaPhi(Logistic(), Identity())
    with pytest.raises(TypeError, match="Phi"):
        GammaPhi(Identity(), lambda u: jnp.exp(-u))


def test_smoothness_is_stated_only_where_it_is_known():
    assert GammaPhi(Identity(), Hinge()).smoothness(3) is None
    assert GammaPhi(LogOnePlus(), Logistic()).smoothness(3) is None
    assert AlphaLoss(alpha=0.75).smoothness(3) is None
    assert GammaPhi(LogOnePlus(2.0), Exponential(rate=3.0)).smoothness(3) == 9.0


def test_every_named_loss_of_this_form_is_a_value():
    for name, loss in mf.registered_losses().items():
        if isinstance(loss, losses.gamma_phi.GammaPhiLoss):
            spelled_out = GammaPhi(*loss.parts())
            np.testing.assert_array_equal(
                spelled_out.template(MARGINS), loss.template(MARGINS), err_msg=name
            )
