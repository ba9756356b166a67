"""Templates and slopes against 60 digits, from margin −1,000 to 1,000,000."""

import functools
import math

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from mpmath import mpf

import marginflow as mf

LOSSES = mf.registered_losses()
EXTREMES = [-1e3, -700.0, -40.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 1.0, 22.0, 37.0, 745.0, 1e3, 1e6]
# Where a template is not analytic: its higher derivatives are not compared there.
KINKS = {
    "polynomial": {0.0},
    "polynomial-3": {0.0},
    "stretched-exponential": {1.0},
    "crammer-singer": {1.0},
    "weston-watkins": {1.0},
    "squared-crammer-singer": {1.0},
    "squared-weston-watkins": {1.0},
    "smoothed-hinge": {0.0, 1.0},
    "huberized-hinge": {0.5, 1.5},
    "modified-huber": {-1.0, 1.0},
    "entmax": {2.0},
}
# Of the least margin alone, so that margins which tie for it make a kink.
OF_THE_LEAST = {"crammer-singer", "squared-crammer-singer"}

every_loss = pytest.mark.parametrize("name", LOSSES)


def mixed_margins(n_columns: int, n_points: int) -> np.ndarray:
    """Margins of both signs over nine decades, of one sign, tied, and of ordinary size."""
    rng = np.random.default_rng(n_columns)
    sizes = 10.0 ** rng.uniform(-3, 6, size=(n_points, n_columns))
    signs = rng.choice([-1, 1], size=sizes.shape)
    ordinary = 5 * rng.normal(size=sizes.shape)
    both_ends = np.where(np.arange(n_columns) % 2, -1e3, 1e6)[None]
    mixed = [np.maximum(signs * sizes, -1e3), sizes, -np.minimum(sizes, 1e3), ordinary, both_ends]
    if n_columns > 100:
        return np.concatenate(mixed)
    return np.concatenate([*mixed, np.repeat(np.array(EXTREMES)[:, None], n_columns, axis=1)])


def exact(margins: np.ndarray) -> list[mpf]:
    return [mpf(float(margin)) for margin in margins]


def log_error(computed: float, value: mpf, conditioning: float) -> float:
    """|computed − log value|, in units of max(1, |log value|, conditioning)."""
    if value == 0:
        return 0.0 if computed == -math.inf else math.inf
    log_value = mpmath.log(value)
    return float(abs(computed - log_value) / max(1, abs(log_value), conditioning))


def conditionings(oracle, point: list[mpf]) -> tuple[list[float], float]:
    """How far rounded margins move the logarithms of the slopes and of the template.

    One, where the oracle does not say that it is more than the logarithm's own rounding.
    """
    if oracle.conditioning is None:
        return [1.0] * len(point), 1.0
    value, slopes = oracle.template(point), oracle.slopes(point)
    moved = mpmath.fsum(abs(margin * slope) for margin, slope in zip(point, slopes, strict=True))
    return oracle.conditioning(point), float(moved / value) if value else 1.0


@every_loss
@pytest.mark.parametrize(("n_columns", "n_points"), [(3, 4), (999, 1)])
def test_logarithms_are_right_to_rounding(name, n_columns, n_points, oracles):
    margins = mixed_margins(n_columns, n_points)
    sign, log_abs = LOSSES[name].slope(margins)
    log_template = LOSSES[name].log_template(margins)
    for i, point in enumerate(map(exact, margins)):
        slopes = oracles[name].slopes(point)
        assert [float(mpmath.sign(slope)) for slope in slopes] == list(sign[i])
        of_slopes, of_template = conditionings(oracles[name], point)
        errors = map(log_error, log_abs[i], map(abs, slopes), of_slopes)
        assert max(errors) <= oracles[name].error
        error = log_error(log_template[i], oracles[name].template(point), of_template)
        assert error <= oracles[name].error


@every_loss
def test_values_are_right_to_rounding(name, oracles):
    margins = mixed_margins(9, 3)
    values, slopes = LOSSES[name].template(margins), LOSSES[name].slope_value(margins)
    for i, point in enumerate(map(exact, margins)):
        value = oracles[name].template(point)
        of_slopes, of_template = conditionings(oracles[name], point)
        rounding = 1e-14 * max(1.0, of_template)
        assert values[i] == pytest.approx(float(value), rel=rounding, abs=1e-307)
        expected = np.array([float(slope) for slope in oracles[name].slopes(point)])
        # an exponent of up to 745 carries its own rounding
        for computed, number, conditioning in zip(slopes[i], expected, of_slopes, strict=True):
            rounding = 2e-13 * max(1.0, conditioning)
            assert computed == pytest.approx(number, rel=rounding, abs=1e-307)


@pytest.mark.parametrize("low", [-1e-3, -1.0, -5.0, -30.0, -700.0])
def test_cross_entropy_keeps_the_distance_of_a_probability_to_one(low):
    with mpmath.workdps(400):
        exact_log = -mpmath.log1p(mpmath.exp(mpf(low)) + mpmath.exp(mpf(low) - 2))
        log_abs = mf.CrossEntropy().slope(np.array([low, 2.0]))[1]
        assert log_abs[0] == pytest.approx(float(exact_log), rel=1e-15)


# Each costs a compilation of third derivatives: some for all losses, all for those that train.
SOME_POINTS = [[-5.0, 0.5, 30.0]]
ALL_POINTS = [[-3.0], [0.0, 0.0], *SOME_POINTS, [2.0, 2.0, 2.0], [800.0, 800.5], [1e6, 1e6]]
TRAINED = {"cross-entropy", "multiclass-exponential", "pair-log-loss", "polynomial"}


def is_smooth(name: str, margins: list[float]) -> bool:
    tied = name in OF_THE_LEAST and len(set(margins)) < len(margins)
    return not KINKS.get(name, set()) & set(margins) and not tied


@pytest.mark.parametrize(
    ("name", "margins"),
    [
        (name, point)
        for name in LOSSES
        for point in (ALL_POINTS if name in TRAINED else SOME_POINTS)
        if is_smooth(name, point)
    ],
)
def test_scaled_slopes_have_the_right_directional_derivatives(name, margins, oracles):
    """Training in log time uses exp(s + log_abs) and its derivatives along a direction."""
    direction = np.random.default_rng(0).normal(size=len(margins))
    shift = -float(np.max(LOSSES[name].slope(np.array(margins))[1]))
    shift = shift if math.isfinite(shift) else 0.0

    def along(k: int, step: mpf) -> mpf:
        point = [mpf(m) + step * mpf(float(v)) for m, v in zip(margins, direction, strict=True)]
        return oracles[name].slopes(point)[k] * mpmath.exp(mpf(shift))

    expected = np.array(
        [
            [float(c * math.factorial(i)) for i, c in enumerate(mpmath.taylor(entry, 0, 3))]
            for entry in (functools.partial(along, k) for k in range(len(margins)))
        ]
    )
    with mf.x64():
        computed = scaled_slopes_along(LOSSES[name], jnp.array(margins), direction, shift)
    rounding = 1e-12 + log_rounding(LOSSES[name], oracles[name], margins)
    for want, got in zip(expected.T, computed, strict=True):
        scale = max(1, np.abs(want).max())
        np.testing.assert_allclose(got, want, rtol=rounding, atol=rounding / 10 * scale)


def log_rounding(loss: mf.Loss, oracle, margins: list[float]) -> float:
    """How far the slopes' logarithms are rounded, which no derivative of them can make good."""
    log_abs = loss.slope(np.array(margins))[1]
    slopes = oracle.slopes(exact(margins))
    known = [(log, slope) for log, slope in zip(log_abs, slopes, strict=True) if slope]
    return max((float(abs(log - mpmath.log(abs(slope)))) for log, slope in known), default=0.0)


@pytest.mark.parametrize("degree", [0.5, 1.0, 3.0])
def test_a_polynomial_tail_is_joined_with_two_derivatives(degree):
    loss = mf.PolynomialLoss(degree=degree)
    with mf.x64():
        margins = jnp.array([[-1e-9], [0.0], [1e-9]])
        slopes = jax.vmap(jax.grad(loss.template))(margins)
        curvatures = jax.vmap(jax.hessian(loss.template))(margins)
        of_slopes = jax.vmap(jax.jacfwd(loss.slope_value))(margins)
    np.testing.assert_allclose(slopes, -degree, rtol=1e-7)
    np.testing.assert_allclose(curvatures, degree * (degree + 1), rtol=1e-7)
    np.testing.assert_allclose(of_slopes, degree * (degree + 1), rtol=1e-7)


def scaled_slopes_along(loss, margins, direction, shift):
    """exp(s + log |slope|) with its sign, and its first three derivatives along a direction."""

    def once(step):
        sign, log_abs = loss.slope(margins + step * direction)
        return [sign * jnp.exp(shift + log_abs)]

    def differentiated(known):
        """The same with one derivative more, by forward mode on the last."""

        def more(step):
            values, [*_, derivative] = jax.jvp(known, (step,), (1.0,))
            return [*values, derivative]

        return more

    derivatives = functools.reduce(lambda known, _: differentiated(known), range(3), once)
    return jax.jit(derivatives)(0.0)


@every_loss
def test_nothing_is_nan_under_jit_vmap_and_grad_of_grad(name):
    loss = LOSSES[name]
    tied = np.repeat(np.array(EXTREMES)[:, None], 3, axis=1)
    margins = np.concatenate([tied, np.random.default_rng(0).choice(EXTREMES, (30, 3))])

    def of_slopes(point):
        sign, log_abs = loss.slope(point)
        finite = jax.lax.stop_gradient(jnp.where(jnp.isfinite(log_abs), log_abs, 0))
        return jnp.sum(sign * jnp.exp(log_abs - jnp.max(finite)))

    def all_orders(scalar, point):
        gradient = jax.grad(scalar)
        twice = jax.grad(lambda u: jnp.sum(gradient(u)))
        return scalar(point), gradient(point), twice(point)

    margins = margins[np.isfinite(loss.template(margins))]
    with mf.x64():
        for scalar in (loss.template, of_slopes):
            compiled = jax.jit(jax.vmap(functools.partial(all_orders, scalar)))
            for results in map(np.asarray, compiled(jnp.asarray(margins))):
                where = np.isnan(results).reshape(len(margins), -1).any(axis=1)
                assert not where.any(), margins[where]
