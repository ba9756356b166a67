"""Oracles of the Gamma–Phi losses, the hinges and their kin, as the papers write them."""

from collections.abc import Callable

import mpmath
from mpmath import mpf
from tests.losses.oracles import Oracle, Vector, pair_sum


def of_probability(
    value: Callable[[mpf, mpf], mpf], derivative: Callable[[mpf, mpf], mpf]
) -> Oracle:
    """A function of the softmax's probability p and of 1 − p, and its derivative in p."""

    def probability(u: Vector) -> tuple[mpf, mpf, mpf]:
        total = mpmath.fsum(mpmath.exp(-x) for x in u)
        return 1 / (1 + total), total / (1 + total), total

    def template(u: Vector) -> mpf:
        p, error, _ = probability(u)
        return value(p, error)

    def slopes(u: Vector) -> Vector:
        p, error, _ = probability(u)
        # ∂p/∂u_k = p · p_k
        return [derivative(p, error) * p * p * mpmath.exp(-x) for x in u]

    return Oracle(template, slopes)


def minus_log(p: mpf, error: mpf) -> mpf:
    return -mpmath.log1p(-error) if error < 0.5 else -mpmath.log(p)


def one_minus_power(p: mpf, error: mpf, q: mpf) -> mpf:
    return -mpmath.expm1(-q * minus_log(p, error))


def coherence(temperature: str) -> Oracle:
    def weights(u: Vector) -> Vector:
        return [mpmath.exp((1 - x) / mpf(temperature)) for x in u]

    def slopes(u: Vector) -> Vector:
        terms = weights(u)
        return [-term / (1 + mpmath.fsum(terms)) for term in terms]

    return Oracle(lambda u: mpf(temperature) * mpmath.log1p(mpmath.fsum(weights(u))), slopes)


def parabola(u: mpf, margin: mpf, width: mpf) -> mpf:
    """A hinge that bends over a width below its margin."""
    if u >= margin:
        return mpf(0)
    if u >= margin - width:
        return (margin - u) ** 2 / (2 * width)
    return margin - u - width / 2


def parabola_slope(u: mpf, margin: mpf, width: mpf) -> mpf:
    return -min(mpf(1), max(mpf(0), margin - u) / width)


def stretched(u: mpf, nu: mpf) -> mpf:
    if u >= 1:
        return mpmath.exp(-(u**nu))
    return (1 - nu * (u - 1) + nu / 2 * (u - 1) ** 2) / mpmath.e


def stretched_slope(u: mpf, nu: mpf) -> mpf:
    if u >= 1:
        return -nu * u ** (nu - 1) * mpmath.exp(-(u**nu))
    return -nu * (2 - u) / mpmath.e


def cubic(u: mpf) -> mpf:
    return (1 + u) ** -3 if u >= 0 else 1 - 3 * u + 6 * u**2


def cubic_slope(u: mpf) -> mpf:
    return -3 * (1 + u) ** -4 if u >= 0 else -3 + 12 * u


def squared_crammer_singer_slopes(u: Vector) -> Vector:
    low = min(u)
    pull = 2 * max(mpf(0), 1 - low) / u.count(low)
    return [-pull if x == low else mpf(0) for x in u]


def worst_mean(u: Vector) -> mpf:
    """Duchi–Khosravi–Ruan: 1 − min_l (1 + Σ of the l smallest of (u, 0)) / l."""
    total, means = mpf(1), []
    for count, margin in enumerate(sorted([*u, mpf(0)]), start=1):
        total += margin
        means.append(total / count)
    return 1 - min(means)


def worst_mean_slopes(u: Vector) -> Vector:
    """The scores (−u, 0) above the threshold of their projection onto the simplex pull equally."""
    threshold = worst_mean(u) - 1
    above = [-x > threshold for x in u]
    size = sum(above) + (threshold < 0)
    return [mpf(-1) / size if pulls else mpf(0) for pulls in above]


def sum_to_zero_scores(u: Vector) -> Vector:
    """The other classes' scores where all of them sum to zero."""
    own = mpmath.fsum(u) / (len(u) + 1)
    return [own - x for x in u]


def lee_lin_wahba(u: Vector) -> mpf:
    return mpmath.fsum(max(mpf(0), mpf(1) / len(u) + v) for v in sum_to_zero_scores(u))


def lee_lin_wahba_slopes(u: Vector) -> Vector:
    active = [mpf(1) / len(u) + v > 0 for v in sum_to_zero_scores(u)]
    # v_k falls with u_k, and every v rises with the mean
    return [mpf(sum(active)) / (len(u) + 1) - pulls for pulls in active]


SEVEN_TENTHS = mpf(0.7)  # the float, not the decimal

MARGIN_LOSS_ORACLES = {
    "savage": of_probability(lambda p, e: e**2, lambda p, e: -2 * e),
    "mean-absolute-error": of_probability(lambda p, e: e, lambda p, e: mpf(-1)),
    "generalized-cross-entropy": of_probability(
        lambda p, e: one_minus_power(p, e, SEVEN_TENTHS) / SEVEN_TENTHS,
        lambda p, e: -(p ** (SEVEN_TENTHS - 1)),
    ),
    "alpha-loss": of_probability(
        lambda p, e: 2 * one_minus_power(p, e, mpf("0.5")), lambda p, e: -(p ** mpf("-0.5"))
    ),
    "focal": of_probability(
        lambda p, e: e**2 * minus_log(p, e), lambda p, e: -2 * e * minus_log(p, e) - e**2 / p
    ),
    "taylor-cross-entropy": of_probability(lambda p, e: e + e**2 / 2, lambda p, e: -1 - e),
    "coherence": coherence("0.5"),
    "sigmoid": pair_sum(
        lambda u: 1 / (1 + mpmath.exp(u)),
        lambda u: -1 / ((1 + mpmath.exp(u)) * (1 + mpmath.exp(-u))),
    ),
    "stretched-exponential": Oracle(
        lambda u: mpmath.fsum(stretched(x, mpf("0.5")) for x in u),
        lambda u: [stretched_slope(x, mpf("0.5")) for x in u],
        conditioning=lambda u: [1.0] * len(u),
    ),
    "polynomial-3": pair_sum(cubic, cubic_slope),
    "squared-weston-watkins": pair_sum(
        lambda u: max(mpf(0), 1 - u) ** 2, lambda u: -2 * max(mpf(0), 1 - u)
    ),
    "smoothed-hinge": pair_sum(
        lambda u: parabola(u, mpf(1), mpf(1)), lambda u: parabola_slope(u, mpf(1), mpf(1))
    ),
    "huberized-hinge": pair_sum(
        lambda u: parabola(u, mpf("1.5"), mpf(1)), lambda u: parabola_slope(u, mpf("1.5"), mpf(1))
    ),
    "modified-huber": pair_sum(
        lambda u: max(mpf(0), 1 - u) ** 2 if u >= -1 else -4 * u,
        lambda u: -2 * max(mpf(0), 1 - u) if u >= -1 else mpf(-4),
    ),
    "squared-crammer-singer": Oracle(
        lambda u: max(mpf(0), 1 - min(u)) ** 2, squared_crammer_singer_slopes
    ),
    "duchi-khosravi-ruan": Oracle(worst_mean, worst_mean_slopes),
    "lee-lin-wahba": Oracle(lee_lin_wahba, lee_lin_wahba_slopes),
}
