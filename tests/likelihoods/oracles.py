"""Oracles: −log of each registered density as the textbooks write it, in many digits.

Nothing of the package is used.  A positive parameter comes as its logarithm, so that the oracles
hold at scores of ±10⁴ too; Gamma functions are taken apart so that they keep their digits there.
"""

from collections.abc import Callable

import mpmath
from mpmath import exp, expm1, fsum, log, log1p, mpf, pi

Vector = list[mpf]


def softplus(x: mpf) -> mpf:
    return log1p(exp(x))


def entropy_free_lgamma(x: mpf) -> mpf:
    """log Γ(x) − x log x + x, the part that no power of a probability cancels."""
    if x < mpf(10) ** -30:
        return -log(x) - mpmath.euler * x - x * log(x) + x
    if x > mpf(10) ** 30:  # Stirling's series, whose next term is 1e-154
        series = 1 / (12 * x) - 1 / (360 * x**3) + 1 / (1260 * x**5)
        return log(2 * pi / x) / 2 + series
    with mpmath.workdps(mpmath.mp.dps + 30):
        return mpmath.loggamma(x) - x * log(x) + x


def rising(r: mpf, y: int) -> mpf:
    """log Γ(y + r) − log Γ(r)."""
    return fsum(log(r + k) for k in range(int(y)))


def log_factorial(y: mpf) -> mpf:
    return mpmath.loggamma(y + 1)


def bernoulli(s: Vector, y: mpf) -> mpf:
    return softplus(-s[0] if y == 1 else s[0])


def categorical(s: Vector, y: mpf) -> mpf:
    return log(fsum(exp(x - s[int(y)]) for x in s))


def ordinal(s: Vector, y: mpf) -> mpf:
    y, last = int(y), len(s)
    odds = [s[0] - fsum(exp(g) for g in s[1 : j + 1]) for j in range(last)]
    if y == 0:
        return softplus(odds[0])
    if y == last:
        return softplus(-odds[-1])
    above, below = odds[y - 1], odds[y]
    # σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b − a))
    return softplus(-above) + softplus(below) - log(-expm1(-exp(s[y])))


def location_scale(rho: Callable[[mpf], mpf]):
    def loss(s: Vector, y: mpf) -> mpf:
        log_scale = s[1] if len(s) > 1 else mpf(0)
        return rho((y - s[0]) * exp(-log_scale)) + log_scale

    return loss


def gaussian_rho(z: mpf) -> mpf:
    return z**2 / 2 + log(2 * pi) / 2


def student_rho(z: mpf) -> mpf:
    nu = mpf(4)
    normalizer = mpmath.loggamma(nu / 2) - mpmath.loggamma((nu + 1) / 2) + log(nu * pi) / 2
    return (nu + 1) / 2 * log1p(z**2 / nu) + normalizer


def huber_rho(z: mpf, delta: float = 1.345) -> mpf:
    d = mpf(delta)
    total = mpmath.sqrt(2 * pi) * mpmath.erf(d / mpmath.sqrt(2)) + 2 * exp(-(d**2) / 2) / d
    return log(total) + (z**2 / 2 if abs(z) < d else d * abs(z) - d**2 / 2)


def quantile_rho(z: mpf, tau: float = 0.9) -> mpf:
    t = mpf(tau)
    return 2 * z * (t if z > 0 else t - 1) - log(2 * t * (1 - t))


def mixture(s: Vector, y: mpf) -> mpf:
    m = len(s) // 3
    logits, means, scales = s[:m], s[m : 2 * m], s[2 * m :]
    top = max(logits)
    weights = [exp(x - top) for x in logits]
    terms = [
        w / fsum(weights) * exp(-(((y - mean) * exp(-scale)) ** 2) / 2 - scale)
        for w, mean, scale in zip(weights, means, scales, strict=True)
    ]
    return log(2 * pi) / 2 - log(fsum(terms))


def poisson(s: Vector, y: mpf) -> mpf:
    return exp(s[0]) - y * s[0] + log_factorial(y)


def negative_binomial(s: Vector, y: mpf) -> mpf:
    mean, r = exp(s[0]), exp(s[1])
    ratio = r * log1p(mean / r) + y * log1p(r / mean)
    return ratio - rising(r, int(y)) + log_factorial(y)


def zero_inflated_poisson(s: Vector, y: mpf) -> mpf:
    rate = exp(s[0])
    if y > 0:
        return softplus(s[1]) + poisson(s[:1], y)
    # 1/(π + (1 − π) e^(−λ)) = 1 + (1 − e^(−λ))/(e^γ + e^(−λ))
    return log1p(-expm1(-rate) / (exp(s[1]) + exp(-rate)))


def gamma(s: Vector, y: mpf) -> mpf:
    k, ratio = exp(s[1]), log(y) - s[0]
    return entropy_free_lgamma(k) + k * (expm1(ratio) - ratio) + log(y)


def log_normal(s: Vector, y: mpf) -> mpf:
    return location_scale(gaussian_rho)(s, log(y)) + log(y)


def dirichlet(s: Vector, y: Vector) -> mpf:
    a = [exp(x) for x in s]
    total = fsum(entropy_free_lgamma(x) for x in a) - entropy_free_lgamma(fsum(a))
    for k, (x, share) in enumerate(zip(a, y, strict=True)):
        others = fsum(z for j, z in enumerate(a) if j != k)
        total += log(share) - x * (log1p(others / x) + log(share))
    return total


def beta(s: Vector, y: mpf) -> mpf:
    return dirichlet(s, [y, 1 - y])


def von_mises(s: Vector, y: mpf) -> mpf:
    kappa = mpmath.hypot(*s)
    with mpmath.workdps(mpmath.mp.dps + 10):
        bessel = mpmath.besseli(0, kappa)
    return log(2 * pi * bessel) - s[0] * mpmath.cos(y) - s[1] * mpmath.sin(y)


def weibull(s: Vector, y: Vector) -> mpf:
    time, seen = y
    z = exp(s[1]) * (log(time) - s[0])
    if z > 10**6:
        return mpf("inf")
    if z < -(10**6):  # e^z is below every format
        return log(time) - z - s[1] if seen else mpf(0)
    return exp(z) - (z + s[1] - log(time) if seen else 0)


def log_normal_survival(s: Vector, y: Vector) -> mpf:
    time, seen = y
    if seen:
        return log_normal(s, time)
    z = (log(time) - s[0]) * exp(-s[1])
    if z > 10**6:  # the asymptotic series, whose next term is 1e-12 relative to the second
        return z**2 / 2 + log(2 * pi) / 2 + log(z) - log1p(-1 / z**2 + 3 / z**4 - 15 / z**6)
    return -log(mpmath.erfc(z / mpmath.sqrt(2)) / 2)


ORACLES: dict[str, Callable[..., mpf]] = {
    "bernoulli": bernoulli,
    "categorical": categorical,
    "ordinal": ordinal,
    "unit-gaussian": location_scale(gaussian_rho),
    "gaussian": location_scale(gaussian_rho),
    "laplace": location_scale(lambda z: abs(z) + log(mpf(2))),
    "student-t": location_scale(student_rho),
    "huber": location_scale(huber_rho),
    "quantile": location_scale(quantile_rho),
    "gaussian-mixture": mixture,
    "poisson": poisson,
    "negative-binomial": negative_binomial,
    "zero-inflated-poisson": zero_inflated_poisson,
    "gamma": gamma,
    "log-normal": log_normal,
    "beta": beta,
    "dirichlet": dirichlet,
    "von-mises": von_mises,
    "weibull-survival": weibull,
    "log-normal-survival": log_normal_survival,
}
