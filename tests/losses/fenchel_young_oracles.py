"""Oracles of the Fenchel–Young losses and of combined losses.

A prediction is found from its definition: the support by the sorted scores, then the threshold by
Newton's method on the sum of the probabilities, in as many digits as mpmath is set to.  Values are
⟨p, θ⟩ − Ω(p) + Ω(e_y) − θ_y as it stands.
"""

import functools
from collections.abc import Callable

import mpmath
from mpmath import mpf
from tests.losses.oracles import Oracle, Vector


def probabilities(scores: Vector, alpha: mpf) -> Vector:
    """The α-entmax p_k = ((α−1)(θ_k − τ))₊^(1/(α−1))."""
    return list(_probabilities(tuple(scores), alpha, mpmath.mp.prec))


@functools.lru_cache(maxsize=4096)
def _probabilities(scores: tuple, alpha: mpf, _: int) -> tuple:
    q, top = alpha - 1, max(scores)
    # whole exponents are quicker
    exponent = int(1 / q) if int(1 / q) == 1 / q else 1 / q
    ordered = sorted(scores, reverse=True)

    def terms(x: mpf, some: Vector, anchor: mpf) -> Vector:
        # x = q (anchor − τ), which has the digits of the smallest probability of the support
        return [(x + q * (score - anchor)) ** exponent for score in some]

    low, high = 0, len(ordered)
    while q > 0 and high - low > 1:
        middle = (low + high) // 2
        inside = mpmath.fsum(terms(mpf(0), ordered[:middle], ordered[middle])) < 1
        low, high = (middle, high) if inside else (low, middle)
    support = ordered[: low + 1] if q > 0 else ordered
    # between the bounds the sum of the terms passes 1
    if q > 0.1:
        anchor, bounds = support[-1], [mpf(0), (1 / mpf(len(support))) ** q]
    else:
        # so steep that only the largest probability is known beforehand to a few digits
        bounds = sorted([(1 / mpf(len(support))) ** q, mpf(1)])
        anchor, bounds[0] = top, max(bounds[0], q * (top - support[-1]))
    x = _root(lambda x: mpmath.fsum(terms(x, support, anchor)) - 1, *bounds)
    found = dict(zip(support, terms(x, support, anchor), strict=True))
    return tuple(found.get(score, mpf(0)) for score in scores)


def _root(function: Callable[[mpf], mpf], low: mpf, high: mpf) -> mpf:
    """The root between two bounds, by the Illinois method."""
    at_low, at_high = function(low), function(high)
    if at_low == 0 or at_high == 0:
        return low if at_low == 0 else high
    for step in range(2000):
        x = (low * at_high - high * at_low) / (at_high - at_low)
        if step % 4 == 3:
            x = (low + high) / 2
        if not low < x < high:
            return x
        at_x = function(x)
        if at_x == 0:
            return x
        if (at_x > 0) == (at_high > 0):
            high, at_high, at_low = x, at_x, at_low / 2
        else:
            low, at_low, at_high = x, at_x, at_high / 2
    raise AssertionError("the oracle did not converge")


def negentropy(p: Vector, alpha: mpf) -> mpf:
    return (mpmath.fsum(x**alpha for x in p if x) - 1) / (alpha * (alpha - 1))


def fenchel_young(
    predict: Callable[[Vector], Vector],
    omega: Callable[[Vector], mpf],
    conditioning: Callable[[Vector, Vector], list[float]],
) -> Oracle:
    """A prediction map, its negentropy with Ω(e_y) = 0, and the conditioning of log p."""

    def of(u: Vector) -> tuple[Vector, Vector]:
        scores = [mpf(0), *(-x for x in u)]
        return scores, predict(scores)

    def template(u: Vector) -> mpf:
        scores, p = of(u)
        gained = mpmath.fsum(x * score for x, score in zip(p, scores, strict=True))
        value = gained - omega(p)
        # what is left of terms of 60 digits is zero
        return value if value > mpf(10) ** -50 else mpf(0)

    return Oracle(
        template,
        lambda u: [-x for x in of(u)[1][1:]],
        error=2e-14,
        conditioning=lambda u: conditioning(*of(u))[1:],
    )


def tsallis(alpha: str) -> Oracle:
    order = mpf(alpha)

    def conditioning(scores: Vector, p: Vector) -> list[float]:
        weights = [x ** (2 - order) if x else mpf(0) for x in p]
        total = mpmath.fsum(weights)
        shares = [weight / total for weight in weights]
        mean = mpmath.fsum(w * abs(score) for w, score in zip(shares, scores, strict=True))
        return [
            float(x ** (1 - order) * (mean + (1 - 2 * w) * abs(score))) if x else 0.0
            for x, w, score in zip(p, shares, scores, strict=True)
        ]

    return fenchel_young(
        lambda scores: probabilities(scores, order), lambda p: negentropy(p, order), conditioning
    )


def norm(q: int) -> Oracle:
    def roots(scores: Vector) -> Vector:
        # r_k^(q−1) = θ_k − τ with Σ r_k^q = 1
        order = 2 - 1 / mpf(q)
        stretched = [score * mpf(q) / (q - 1) for score in scores]
        return [x ** (1 / mpf(q)) for x in probabilities(stretched, order)]

    def predict(scores: Vector) -> Vector:
        r = roots(scores)
        total = mpmath.fsum(r)
        return [x / total for x in r]

    def conditioning(scores: Vector, p: Vector) -> list[float]:
        mean = mpmath.fsum(x * abs(score) for x, score in zip(p, scores, strict=True))
        length = mpmath.fsum(x**q for x in p) ** (1 / mpf(q))
        own = [
            (x / length) ** (1 - q) / (q - 1) * (abs(score) + mean) if x else mpf(0)
            for x, score in zip(p, scores, strict=True)
        ]
        shared = mpmath.fsum(x * c for x, c in zip(p, own, strict=True))
        return [float(c + shared) for c in own]

    return fenchel_young(
        predict, lambda p: mpmath.fsum(x**q for x in p) ** (1 / mpf(q)) - 1, conditioning
    )


def softmax(u: Vector) -> Vector:
    """The probabilities of the other classes."""
    low = min(0, *u)
    terms = [mpmath.exp(low - x) for x in u]
    total = mpmath.exp(low) + mpmath.fsum(terms)
    return [term / total for term in terms]


def cross_entropy(u: Vector) -> mpf:
    return mpmath.log1p(mpmath.fsum(mpmath.exp(-x) for x in u))


def smoothed(smoothing: str) -> Oracle:
    def share(u: Vector) -> mpf:
        return mpf(smoothing) / (len(u) + 1)

    def conditioning(u: Vector) -> list[float]:
        p = softmax(u)
        mean = mpmath.fsum(x * abs(margin) for x, margin in zip(p, u, strict=True))
        return [
            float(x * (abs(margin) + mean) / abs(share(u) - x))
            for x, margin in zip(p, u, strict=True)
        ]

    return Oracle(
        lambda u: cross_entropy(u) + share(u) * mpmath.fsum(u),
        lambda u: [share(u) - x for x in softmax(u)],
        error=2e-15,
        conditioning=conditioning,
    )


def with_margin(margin: float) -> Oracle:
    def moved(u: Vector) -> Vector:
        return [x - mpf(margin) for x in u]

    return Oracle(lambda u: cross_entropy(moved(u)), lambda u: [-x for x in softmax(moved(u))])


def with_temperature(temperature: int) -> Oracle:
    def scaled(u: Vector) -> Vector:
        return [x / temperature for x in u]

    return Oracle(
        lambda u: cross_entropy(scaled(u)), lambda u: [-x / temperature for x in softmax(scaled(u))]
    )


def half_of_both(one: Oracle) -> Oracle:
    """The mean of an oracle's loss and the cross-entropy."""
    assert one.conditioning is not None

    def slopes(u: Vector) -> Vector:
        return [(slope - x) / 2 for slope, x in zip(one.slopes(u), softmax(u), strict=True)]

    def conditioning(u: Vector) -> list[float]:
        # that of the part which may be badly conditioned, by its share
        parts = zip(one.slopes(u), slopes(u), one.conditioning(u), strict=True)
        return [float(part / (2 * both)) * c if both else 0.0 for part, both, c in parts]

    return Oracle(
        lambda u: (one.template(u) + cross_entropy(u)) / 2, slopes, one.error, conditioning
    )


FENCHEL_YOUNG_ORACLES = {
    "sparsemax": tsallis("2"),
    "entmax": tsallis("1.5"),
    "soft-entmax": tsallis("1.25"),
    "tsallis": tsallis("0.5"),
    "norm-entropy": norm(2),
    "label-smoothing": smoothed("0.1"),
    "cross-entropy-margin": with_margin(0.35),
    "cross-entropy-temperature": with_temperature(2),
    "cross-entropy-sparsemax": half_of_both(tsallis("2")),
}
