"""Laws that every registered likelihood obeys, with both links.

The integrals here are the tests' own: sums over a long range of counts, or a trapezoid in a
variable that spreads the support over the line, with the density taken from the loss alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from tests.likelihoods.families import (
    BOTH_LINKS,
    REGISTERED,
    every_family,
    every_link,
    pairs,
    shaped,
    targets_of,
)

import marginflow as mf
from marginflow.likelihoods import LocationScale

ROWS = 3
SIMPLEX_STEPS = 128


def rows_of(family: mf.Likelihood, n: int = ROWS) -> np.ndarray:
    rows = np.random.default_rng(7).normal(scale=0.7, size=(n, family.n_scores))
    # shares with concentrations of one and more: below, mass hides between 1 − 1e−16 and 1
    return 1 + np.abs(rows) if family.support.name in ("proportion", "simplex") else rows


def support_points(family: mf.Likelihood, *rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Targets and weights that integrate or sum over the support.

    Panels of a density end where it has kinks, at the first row's parameters or at any other's.
    """
    row = rows[0]
    kind = family.support.name
    if kind in ("binary", "categorical", "ordinal"):
        y = np.arange(2.0 if kind == "binary" else 3.0)
        return y, np.ones_like(y)
    if kind == "count":
        y = np.arange(2048.0)
        return y, np.ones_like(y)
    if kind == "angle":
        y = np.arange(-512, 512) * np.pi / 512
        return y, np.full_like(y, np.pi / 512)
    if kind == "simplex":
        return simplex_points()
    t, w = panels(np.linspace(-14, 14, 449))
    if kind == "proportion":
        y = 1 / (1 + np.exp(-3 * t))
        return y[y < 1], (w * 3 / (4 * np.cosh(1.5 * t) ** 2))[y < 1]
    if kind in ("positive", "censored"):
        y = np.exp(5 * t)
        keep = (y > 1e-250) & (y < 1e250)
        y, w = y[keep], (5 * w * y)[keep]
        return (y if kind == "positive" else np.stack([y, np.ones_like(y)], axis=1)), w
    if isinstance(family, mf.StudentT):
        return row[0] + np.sinh(2 * t), w * 2 * np.cosh(2 * t)
    if isinstance(family, LocationScale):
        edges = [np.linspace(-400, 400, 1601)]
        for other in rows:
            scale = family.link(shaped(family, other[None]))["scale"][0]
            reach = getattr(family, "threshold", 0.0) * scale
            edges.append(other[0] + reach * np.array([-1, 0, 1]))
        return panels(np.unique(np.concatenate(edges)))
    return panels(np.linspace(-80, 80, 1281))


def panels(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half = 0.5 * np.diff(edges)[:, None]
    return (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


def simplex_points() -> tuple[np.ndarray, np.ndarray]:
    """A product rule for (y₁, y₂/(1 − y₁)), in variables that flatten powers at the ends."""
    t, w = panels(np.linspace(-12, 12, 33))
    y, dy = 1 / (1 + np.exp(-3 * t)), w * 3 / (4 * np.cosh(1.5 * t) ** 2)
    rest = 1 / (1 + np.exp(3 * t))
    first, second = np.meshgrid(np.arange(len(t)), np.arange(len(t)), indexing="ij")
    first, second = first.ravel(), second.ravel()
    targets = np.stack([y[first], rest[first] * y[second], rest[first] * rest[second]], axis=1)
    keep = np.all(targets > 0, axis=1)
    return targets[keep], (dy[first] * rest[first] * dy[second])[keep]


def expectations(family: mf.Likelihood, row: np.ndarray):
    """Total mass, mean loss, mean score, and mean of score scoreᵀ."""
    targets, weights = support_points(family, row)
    rows = np.tile(row, (len(targets), 1))
    loss = family.loss(shaped(family, rows), targets)
    score = np.asarray(family.score(shaped(family, rows), targets)).reshape(rows.shape)
    mass = weights * np.exp(-loss)
    used = mass > 0
    mass, loss, score = mass[used], loss[used], score[used]
    return mass.sum(), mass @ loss, mass @ score, np.einsum("n,ni,nj->ij", mass, score, score)


@every_link
def test_densities_integrate_to_one_the_score_has_mean_zero_and_fisher_is_its_variance(name):
    family = BOTH_LINKS[name]
    rows = rows_of(family)
    fisher = np.asarray(family.fisher(shaped(family, rows))).reshape(ROWS, *2 * (family.n_scores,))
    entropies = family.entropy(shaped(family, rows))
    for row, information, entropy in zip(rows, fisher, entropies, strict=True):
        total, mean_loss, mean_score, variance = expectations(family, row)
        scale = 1 + np.abs(variance).max()
        assert total == pytest.approx(1, abs=1e-9)
        np.testing.assert_allclose(mean_score, 0, atol=1e-8 * scale)
        np.testing.assert_allclose(information, variance, rtol=1e-7, atol=1e-8 * scale)
        assert entropy == pytest.approx(mean_loss, abs=1e-8)


@every_link
def test_the_score_is_the_derivative_of_the_loss_by_finite_differences(name):
    family = BOTH_LINKS[name]
    rows, targets = pairs(family, rows_of(family, 8), targets_of(family))
    score = np.asarray(family.score(shaped(family, rows), targets)).reshape(rows.shape)
    step = 1e-4
    for i in range(family.n_scores):
        move = step * np.eye(family.n_scores)[i]
        at = [family.loss(shaped(family, rows + k * move), targets) for k in (-2, -1, 1, 2)]
        slope = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
        # errors: step⁴ times a fifth derivative, and rounding of the loss over the step
        size = 1 + np.abs(at[0]) + np.abs(score).max(axis=1)
        assert np.all(np.abs(slope - score[:, i]) <= 1e-9 * size), name


@every_link
def test_autodiff_gives_the_score_also_in_jit_and_in_targets(name):
    family = BOTH_LINKS[name]
    rows, targets = pairs(family, rows_of(family, 2), targets_of(family))
    scores = shaped(family, rows)
    with mf.x64():
        s, y = jnp.asarray(scores), jnp.asarray(targets, jnp.float64)
        total = jax.jit(lambda s, y: jnp.sum(family.loss(s, y)))
        gradient = jax.grad(total)(s, y)
    np.testing.assert_allclose(gradient, family.score(scores, targets), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["gaussian", "gamma", "beta", "weibull-survival"])
def test_autodiff_in_the_targets_is_a_derivative_too(name):
    family = REGISTERED[name]
    rows, targets = pairs(family, rows_of(family, 2), targets_of(family))
    targets = targets * 0.75 if name == "beta" else targets
    with mf.x64():
        slope = jax.grad(lambda y: jnp.sum(family.loss(jnp.asarray(rows), y)))(jnp.asarray(targets))
    times = targets if targets.ndim == 1 else targets[:, 0]
    step = 1e-6 * times
    move = step if targets.ndim == 1 else np.stack([step, 0 * step], axis=1)
    change = family.loss(rows, targets + move) - family.loss(rows, targets - move)
    found = np.asarray(slope) if targets.ndim == 1 else np.asarray(slope)[:, 0]
    np.testing.assert_allclose(found * step * 2, change, rtol=1e-6, atol=1e-12)


def marginal(family: mf.Likelihood, targets: np.ndarray) -> np.ndarray:
    return targets[..., 0] if family.support.n_columns else targets


@every_family
def test_samples_follow_the_cdf_and_have_the_mean_and_mode_that_are_stated(name):
    family = BOTH_LINKS[name]
    [row] = rows_of(family, 1)
    scores = shaped(family, row[None])
    n = 4000
    drawn = np.asarray(family.sample(scores, seed=3, size=n))[:, 0]
    mean = np.asarray(family.mean(scores))[0]
    if family.support.name != "angle" and family.support.name != "simplex":
        y = marginal(family, drawn)
        assert abs(y.mean() - mean) < 5 * y.std() / np.sqrt(n), name
    if family.support.name == "simplex":
        error = np.abs(drawn.mean(axis=0) - mean)
        assert np.all(error < 5 * drawn.std(axis=0) / np.sqrt(n))
        with pytest.raises(NotImplementedError, match="Beta"):
            family.cdf(scores, [0.5])
        return
    y = marginal(family, drawn)
    many = shaped(family, np.tile(row, (n, 1)))
    high = family.cdf(many, y)
    low = family.cdf(many, y - 1) if family.support.discrete else high
    jitter = np.random.default_rng(1).random(n)
    uniform = low + jitter * (high - low)
    assert stats.kstest(uniform, "uniform").pvalue > 1e-4
    mode = np.asarray(family.mode(scores))[0]
    step = 1.0 if family.support.discrete else 1e-3
    around = mode + step * np.array([0, -1, 1])
    columns = np.stack([around, np.ones(3)], axis=1)
    places = columns if family.support.n_columns else around
    places = places[family.support.holds(places)] if not family.support.n_columns else columns
    if mode == 0 and family.support.name in ("positive", "censored"):
        return  # the density is infinite there
    losses = family.loss(shaped(family, np.tile(row, (len(places), 1))), places)
    assert np.argmin(losses) == 0


@every_family
def test_the_cdf_is_the_integral_of_the_density(name):
    family = REGISTERED[name]
    if family.support.name == "simplex":
        return
    [row] = rows_of(family, 1)
    targets, weights = support_points(family, row)
    rows = shaped(family, np.tile(row, (len(targets), 1)))
    mass = weights * np.exp(-family.loss(rows, targets))
    places = marginal(family, targets)
    order = np.argsort(places)
    # between nodes of a panel the integral is known at the ends of panels alone
    step = 1 if family.support.discrete else (1 if family.support.name == "angle" else 12)
    sums = np.cumsum(mass[order])[step - 1 :: step]
    ends = places[order][step - 1 :: step]
    if family.support.discrete:
        np.testing.assert_allclose(family.cdf(rows, places)[order], sums, atol=1e-10)
        return
    middle = 0.5 * (ends[:-1] + places[order][step::step][: len(ends) - 1])
    at = family.cdf(shaped(family, np.tile(row, (len(middle), 1))), middle)
    # the middle between the last node of a panel and the first of the next is the edge, up to the
    # curvature of the map of the support; the trapezoid of an angle errs by half a step there
    tolerance = 2e-2 if family.support.name == "angle" else 1e-3
    np.testing.assert_allclose(at, sums[:-1], atol=tolerance)


@every_family
def test_kl_and_cross_entropy_are_expectations_of_losses(name):
    family = BOTH_LINKS[name]
    p = rows_of(family, 2)
    q = p + np.random.default_rng(1).normal(scale=0.4, size=p.shape)
    found = family.kl(shaped(family, p), shaped(family, q))
    total = family.cross_entropy(shaped(family, p), shaped(family, q))
    np.testing.assert_allclose(
        total, family.entropy(shaped(family, p)) + found, rtol=1e-14, atol=1e-14
    )
    np.testing.assert_array_less(family.kl(shaped(family, p), shaped(family, p)), 1e-13)
    for row, other, divergence in zip(p, q, found, strict=True):
        targets, weights = support_points(family, row, other)
        mine = family.loss(shaped(family, np.tile(row, (len(targets), 1))), targets)
        theirs = family.loss(shaped(family, np.tile(other, (len(targets), 1))), targets)
        mass = weights * np.exp(-mine)
        used = mass > 0
        expected = mass[used] @ (theirs - mine)[used]
        assert divergence == pytest.approx(expected, rel=1e-8, abs=1e-8)


@every_family
def test_starts_fit_an_intercept(name):
    """From the start, Newton's and Fisher's steps end at a mean score of zero not far below."""
    family = REGISTERED[name]
    [row] = rows_of(family, 1)
    drawn = np.asarray(family.sample(shaped(family, row[None]), seed=5, size=2000))[:, 0]
    start = family.start(drawn)
    assert start.shape == (family.n_scores,)
    loss = family.loss(shaped(family, np.tile(start, (len(drawn), 1))), drawn).mean()
    truth = family.loss(shaped(family, np.tile(row, (len(drawn), 1))), drawn).mean()
    # the maximum lies about p/2n below the truth; a start may lie above it by a few hundredths
    slack = 0.3 if isinstance(family, mf.GaussianMixture) else 0.1
    assert loss < truth + slack
    if name in EXACT_STARTS:
        score = family.score(shaped(family, np.tile(start, (len(drawn), 1))), drawn)
        np.testing.assert_allclose(np.mean(score, axis=0), 0, atol=1e-9)


EXACT_STARTS = (
    "bernoulli",
    "categorical",
    "ordinal",
    "unit-gaussian",
    "gaussian",
    "poisson",
    "gamma",
    "log-normal",
    "von-mises",
)
