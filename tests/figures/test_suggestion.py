"""Pictures of a suggested loss: what is drawn is what was computed."""

import numpy as np
import pytest
from scipy import stats

import marginflow as mf
from marginflow.figures import canvas, fitted_densities, loss_of_error, residual_quantiles

N = 400
RNG = np.random.default_rng(0)
TARGETS = {
    "real": RNG.normal(1.0, 2.0, N),
    "positive": RNG.gamma(2.0, size=N),
    "counts": RNG.poisson(3.0, N),
    "rounded": np.rint(RNG.normal(300, 40, N)),
    "text": RNG.choice(["low", "middle", "high"], N),
    "censored": np.stack([RNG.weibull(2.0, N), RNG.integers(0, 2, N)], axis=1),
    "shares": RNG.dirichlet([1.0, 2.0, 3.0], N),
}


@pytest.fixture(scope="module")
def suggestions():
    return {name: mf.suggest_loss(targets) for name, targets in TARGETS.items()}


@pytest.fixture
def ax():
    return canvas().subplots()


def named_line(ax, name):
    return next(line for line in ax.lines if line.get_label() == name)


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("picture", [fitted_densities, residual_quantiles, loss_of_error])
def test_every_kind_of_target_is_drawn(suggestions, ax, name, picture):
    found = suggestions[name]
    assert picture(ax, found) is ax
    ax.figure.canvas.draw()
    for line in ax.lines:
        assert np.isfinite(line.get_ydata()).any()
    if picture is not residual_quantiles:
        labels = [text.get_text() for text in ax.get_legend().get_texts()]
        assert found.chosen.candidate.label in labels


def test_the_density_is_that_of_the_fit(suggestions, ax):
    found = suggestions["real"]
    fitted_densities(ax, found)
    x, y = named_line(ax, "Gaussian").get_data()
    location, log_scale = found.chosen.fit.intercepts
    np.testing.assert_allclose(y, stats.norm.pdf(x, location, np.exp(log_scale)), rtol=1e-10)


def test_bars_are_the_shares_of_counts(suggestions, ax):
    found = suggestions["counts"]
    fitted_densities(ax, found)
    share = np.bincount(TARGETS["counts"]) / N
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], share[share > 0])


def test_bins_and_curves_of_whole_numbers_are_whole(suggestions, ax):
    found = suggestions["rounded"]
    fitted_densities(ax, found)
    edges = np.array([bar.get_x() for bar in ax.patches])
    width = {round(bar.get_width(), 9) for bar in ax.patches}
    assert width == {np.rint(width.copy().pop())}
    np.testing.assert_array_equal(edges % 1, 0.5)
    x, y = named_line(ax, found.chosen.candidate.label).get_data()
    np.testing.assert_array_equal(x, np.rint(x))
    assert y.min() > 0


def test_the_band_holds_each_quantile_of_a_normal_sample_with_its_share(suggestions, ax):
    residual_quantiles(ax, suggestions["real"])
    n = len(suggestions["real"].residuals)
    vertices = ax.collections[0].get_paths()[0].vertices
    samples = np.sort(np.random.default_rng(0).normal(size=(2000, n)), axis=1)
    for k in (0, n // 2, n - 1):
        at = stats.norm.ppf((k + 0.5) / n)
        low, high = np.sort(np.unique(vertices[np.isclose(vertices[:, 0], at), 1]))[[0, -1]]
        inside = np.mean((samples[:, k] >= low) & (samples[:, k] <= high))
        assert inside == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 2000))


def test_classes_are_named(suggestions, ax):
    fitted_densities(ax, suggestions["text"])
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["high", "low", "middle"]


def test_the_loss_of_a_gaussian_is_half_the_square(suggestions, ax):
    found = suggestions["real"]
    loss_of_error(ax, found)
    x, y = named_line(ax, "Gaussian").get_data()
    half = 0.5 * (x / np.exp(found.chosen.fit.intercepts[1])) ** 2
    np.testing.assert_allclose(y, half - half.min(), atol=1e-9)


def test_residuals_are_drawn_in_order_to_the_ends(suggestions, ax):
    found = suggestions["positive"]
    residual_quantiles(ax, found)
    x, y = ax.lines[-1].get_data()
    assert np.all(np.diff(x) > 0)
    assert (y[0], y[-1]) == (found.residuals.min(), found.residuals.max())


def test_features_average_the_density(ax):
    X = RNG.normal(size=(N, 1))
    found = mf.suggest_loss(5 * X[:, 0] + RNG.normal(size=N), X)
    fitted_densities(ax, found)
    x, y = named_line(ax, found.chosen.candidate.label).get_data()
    # the targets' spread is 5 where the residuals' is 1
    assert y.max() < 0.2
    assert np.trapezoid(y, x) == pytest.approx(1, abs=0.05)
