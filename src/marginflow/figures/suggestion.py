"""A suggested loss in three pictures: does it look like the data, does it fit, what does it punish?

Each takes axes and the result of `suggest_loss`.  With features a family predicts another
distribution for every row; what is drawn over the data is their average over some of the rows.
"""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.special import ndtri
from scipy.stats import beta

from marginflow.figures.style import BLACK, FAINT, GRAY
from marginflow.likelihoods import Beta, LossSuggestion
from marginflow.likelihoods.fit import losses_and_scores

CURVES = 4  # families in one picture
ROWS = 200  # over which predictions are averaged
POINTS = 400
MOST_NAMES = 20  # different values that are drawn one by one
MOST_MARKS = 40  # points that are marked on a curve
MOST_BINS = 50


def fitted_densities(ax: Axes, suggestion: LossSuggestion) -> Axes:
    """Draw the targets and the densities or probabilities of the best families.

    Censored times are drawn as the share that lasts longer, by Kaplan and Meier; of rows of shares
    it is the first.

    Args:
        ax: draws here.
        suggestion: what `suggest_loss` returned.

    Returns:
        The axes.
    """
    support = suggestion.choice.support.name
    if support == "censored" and suggestion.rows.values.ndim == 2:
        return _survival(ax, suggestion)
    values, weights = suggestion.rows.values, suggestion.rows.weights
    if support == "simplex":
        values = values[:, 0]
    shown, mark = _shown(suggestion), dict[str, Any]()
    distinct = np.unique(values)
    whole = bool(np.all(distinct == np.rint(distinct)))
    if suggestion.choice.support.discrete and len(distinct) <= MOST_NAMES:
        share = np.array([weights[values == value].sum() for value in distinct]) / weights.sum()
        heights, places = share, distinct
        ax.bar(distinct, share, color=FAINT, edgecolor=GRAY, label="targets", width=0.8)
        ax.set_ylabel("share")
        offsets, mark["ls"] = 0.13 * (np.arange(len(shown)) - 0.5 * (len(shown) - 1)), ""
        ax.set_xticks(distinct, [_named(suggestion, value) for value in distinct])
    else:
        bins = _whole_bins(values, weights) if whole else _bins(values, weights)
        heights, *_ = ax.hist(
            values,
            bins=bins.tolist(),
            weights=weights,
            density=True,
            color=FAINT,
            edgecolor=GRAY,
            label="targets",
        )
        ax.set_ylabel("density")
        ax.set_xlim(bins[0], bins[-1])
        places = _places(bins, whole=whole)
        offsets = np.zeros(len(shown))
    mark |= {"marker": "o", "markersize": 4} if len(places) <= MOST_MARKS else {}
    for entry, offset in zip(shown, offsets, strict=True):
        density = _density(suggestion, entry, places)
        ax.plot(places + offset, density, label=entry.candidate.label, **mark)
    ax.set_ylim(0, 1.4 * float(np.max(heights)))
    ax.set_xlabel("target" if support != "simplex" else "first share")
    ax.legend(loc="best")
    return ax


def residual_quantiles(ax: Axes, suggestion: LossSuggestion) -> Axes:
    """Draw the quantiles of the residuals against those of a standard normal variable.

    On the line the family fits; ends that bend away from it are tails that it lacks.  Each quantile
    stays within the band in 95 of 100 samples of the family.

    Args:
        ax: draws here.
        suggestion: what `suggest_loss` returned.

    Returns:
        The axes.
    """
    r = np.sort(suggestion.residuals)
    n = len(r)
    expected = ndtri((np.arange(n) + 0.5) / n)
    drawn = np.unique(np.concatenate([np.linspace(0, n - 1, 500).astype(int), _ends(n)]))
    reach = float(np.abs(expected).max())
    places = (drawn + 1.0, n - drawn + 0.0)  # a quantile of uniform numbers has a beta distribution
    low, high = (ndtri(beta.ppf(share, *places)) for share in (0.025, 0.975))
    ax.fill_between(expected[drawn], low, high, color=FAINT, lw=0)
    ax.plot([-reach, reach], [-reach, reach], color=GRAY, lw=1, ls="--")
    ax.plot(expected[drawn], r[drawn], ls="", marker="o", markersize=3)
    ax.set_xlabel("quantile of a standard normal")
    ax.set_ylabel("quantile residual")
    ax.set_title(suggestion.chosen.candidate.label)
    return ax


def loss_of_error(ax: Axes, suggestion: LossSuggestion) -> Axes:
    """Draw what the best families charge for an error, above their least.

    The prediction is the one for average features.  Of classes it is the loss of the probability
    that was given to the right one.

    Args:
        ax: draws here.
        suggestion: what `suggest_loss` returned.

    Returns:
        The axes.
    """
    support = suggestion.choice.support
    ax.set_ylabel("loss above its least, nats")
    if support.name in ("binary", "categorical", "ordinal"):
        share = np.linspace(0.005, 1, POINTS)
        ax.plot(share, -np.log(share), label=suggestion.chosen.candidate.label)
        ax.set_xlabel("probability given to the right class")
        ax.legend(loc="upper right")
        return ax
    values, weights = suggestion.rows.values, suggestion.rows.weights
    numbers = values if values.ndim == 1 else values[:, 0]
    whole = bool(np.all(numbers == np.rint(numbers)))
    places = _places(_bins(numbers, weights), whole=whole)
    top = 0.0
    for entry in _shown(suggestion):
        loss = _losses(entry, entry.fit.intercepts[None], places, values.ndim)[0]
        center = np.ravel(entry.fit.likelihood.mean(_scores(entry)))[0]
        if not np.isfinite(center):
            center = places[np.argmin(loss)]
        above = loss - np.min(loss)
        ax.plot(places - center, above, label=entry.candidate.label)
        if entry is suggestion.chosen:
            top = float(np.max(above[np.isfinite(above)]))
    ax.set_ylim(0, 1.5 * top)
    ax.set_xlabel("target less predicted mean")
    ax.legend(loc="best")
    return ax


def _shown(suggestion: LossSuggestion) -> list[Any]:
    """The choice and the best of the others."""
    others = [entry for entry in suggestion.entries if entry is not suggestion.chosen]
    return [suggestion.chosen, *[e for e in others if not e.failure][: CURVES - 1]]


def _scores(entry: Any) -> np.ndarray:
    """The coordinates for average features, which are scores under the exponential link."""
    coordinates = entry.fit.intercepts[None]
    return coordinates[:, 0] if entry.fit.likelihood.n_scores == 1 else coordinates


def _some_rows(suggestion: LossSuggestion) -> np.ndarray:
    """Features of some rows, one if there are none."""
    design = suggestion.rows.design
    if not design.shape[1]:
        return design[:1]
    return design[np.linspace(0, len(design) - 1, min(ROWS, len(design))).astype(int)]


def _density(suggestion: LossSuggestion, entry: Any, places: np.ndarray) -> np.ndarray:
    """The average density or probability at places."""
    coordinates = entry.fit.coordinates(_some_rows(suggestion))
    losses = _losses(entry, coordinates, places, suggestion.rows.values.ndim)
    return np.mean(np.exp(-losses), axis=0)


def _losses(entry: Any, coordinates: np.ndarray, places: np.ndarray, ndim: int) -> np.ndarray:
    """The loss of each place for each row of coordinates, (rows, places); infinite outside."""
    likelihood, targets = entry.fit.likelihood, places
    if likelihood.support.name == "simplex":  # the first share alone has a beta density
        a = np.exp(coordinates)
        coordinates = np.log(np.stack([a[:, 0], a[:, 1:].sum(axis=1)], axis=1))
        likelihood = Beta()
    elif ndim == 2:
        targets = np.stack([places, np.ones_like(places)], axis=1)
    else:
        targets = entry.candidate.encode(places)
    inside = np.asarray(likelihood.support.holds(targets))
    n, m = len(coordinates), len(places)
    if not np.any(inside):
        return np.full((n, m), np.inf)
    targets = np.where(
        inside[:, None] if targets.ndim == 2 else inside, targets, targets[inside][0]
    )
    rows = np.repeat(coordinates, m, axis=0)
    losses, _ = losses_and_scores(likelihood, rows, np.concatenate([targets] * n))
    return np.where(inside, losses.reshape(n, m), np.inf)


def _bins(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Edges for a histogram between the outer half-percents."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    low, high = (values[order][np.searchsorted(share, q)] for q in (0.005, 0.995))
    return np.linspace(low, high, MOST_BINS + 1)


def _whole_bins(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The same for whole numbers: each bin holds as many of them as the next."""
    low, *_, high = np.rint(_bins(values, weights))
    width = max(1, int(np.ceil((high - low + 1) / MOST_BINS)))
    return np.arange(low - 0.5, high + width, width)


def _places(bins: np.ndarray, *, whole: bool) -> np.ndarray:
    """Where curves are drawn."""
    places = np.linspace(bins[0], bins[-1], POINTS)
    if not whole:
        return places
    places = np.unique(np.rint(places))
    return places[(places >= bins[0]) & (places <= bins[-1])]


def _named(suggestion: LossSuggestion, value: float) -> str:
    return f"{value:g}" if suggestion.classes is None else suggestion.classes[int(value)]


def _ends(n: int) -> np.ndarray:
    few = np.arange(min(n, 30))
    return np.concatenate([few, n - 1 - few])


def _survival(ax: Axes, suggestion: LossSuggestion) -> Axes:
    """The share that lasts longer, estimated without a family, and by each."""
    times, seen = suggestion.rows.values.T
    order = np.argsort(times, kind="stable")
    left = len(times) - np.arange(len(times))
    estimate = np.cumprod(1 - seen[order] / left)
    ax.step(times[order], estimate, where="post", color=BLACK, lw=1, label="Kaplan-Meier")
    places = np.linspace(0, times.max(), POINTS)
    for i, entry in enumerate(_shown(suggestion)):
        coordinates = entry.fit.coordinates(_some_rows(suggestion))
        with np.errstate(divide="ignore"):
            below = [
                entry.fit.likelihood._cdf(np.broadcast_to(row, (POINTS, len(row))), places)
                for row in coordinates
            ]
        share = 1 - np.mean(below, axis=0)
        ax.plot(places, share, color=f"C{i}", label=entry.candidate.label)
    ax.set_ylim(0, 1.02)
    ax.set_xlabel("time")
    ax.set_ylabel("share that lasts longer")
    ax.legend(loc="upper right")
    return ax
