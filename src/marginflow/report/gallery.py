"""The pictures that a report shows besides those of its claims.

Each function computes what it shows and draws it; `GALLERY` has them in their order on the page.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from marginflow import figures
from marginflow.claims.ravi2024.paths import asymptote_of, follow
from marginflow.data import Dataset, load_dataset
from marginflow.likelihoods import draw_samples
from marginflow.report import paths
from marginflow.report.picture import Picture


@figures.style()
def overview() -> Picture:
    """Decision regions at three times over the whole curve of the direction error."""
    path = paths.three_classes()
    run, limit = path.run, path.line.limit
    times = {"$10^2$ steps": math.log(1e2), "$10^5$ steps": math.log(1e5)}
    times[r"$e^{1\,000\,000}$ steps"] = paths.LAST
    at = {title: path.at(time) for title, time in times.items()}
    figure = figures.canvas(9.0, 7.0)
    figures.overview(
        figure,
        path.data,
        {f"{title}: {_off(path, i)}": run.recorded_weights[i] for title, i in at.items()},
        reference=limit.weights,
        support=limit.support[:, 0],
        log_time=run.log_time,
        error=run.observables["direction_error"],
        marks=[(run.log_time[i], run.observables["direction_error"][i]) for i in at.values()],
        predicted=path.direction_constant,
    )
    right = run.observables["accuracy"][path.at(math.log(1e2))]
    early, late = (math.degrees(run.observables["angle"][i]) for i in list(at.values())[:2])
    return Picture(
        "overview",
        "Training in one look",
        "Gradient descent on ten points of three classes (pair log loss). After 100 steps "
        f"{right:.0%} of the points are classified right, yet the weights are {early:.1f}° off the "
        f"max-margin ones, and after 100,000 steps still {late:.1f}°. In the end the error falls "
        "as the constant that theory predicts over log t; it is followed here to e^1000000 steps.",
        "Three panels of decision regions at a hundred, a hundred thousand and e to the million "
        "steps, whose boundaries turn into the dashed max-margin boundaries; below them the "
        "direction error against log t, which joins a straight line of slope minus one.",
        figure,
    )


@figures.style()
def regions_of_three_classes() -> Picture:
    """Decision regions of the three-class toy."""
    return _regions(
        paths.three_classes(),
        "regions-three-classes",
        "Decision regions, three classes",
        "The small experiment of Ravi et al. 2024 (ten points, seed 42; here from zero weights) at "
        "10², 10³ and 10⁵ steps and in the limit, against the max-margin boundaries.",
    )


@figures.style()
def regions_of_two_classes() -> Picture:
    """Decision regions of two clusters."""
    return _regions(
        paths.two_classes(),
        "regions-two-classes",
        "Decision regions, two classes",
        "Logistic loss on two clusters without an intercept, at a quarter of the largest step for "
        "which the theorem holds.",
    )


@figures.style()
def direction_errors() -> Picture:
    """Direction error over the whole range."""
    times, errors, constants = {}, {}, {}
    for name, path in paths.REAL.items():
        flow = follow(path)
        times[name], errors[name] = flow.log_time, flow.observables["direction_error"]
        constants[name] = paths.flow_constant(path)
    toy, name = paths.three_classes(), "toy, three classes"
    times[name], errors[name] = toy.run.log_time, toy.run.observables["direction_error"]
    constants[name] = toy.direction_constant
    figure = figures.canvas(7.6, 4.6)
    figures.direction_error(figure.subplots(), times, errors, predicted=constants)
    return Picture(
        "direction-error",
        "Direction error over the whole range",
        "Cross-entropy by gradient flow on real data, and gradient descent on the toy, from the "
        "first step to t = e^1000000. Dashed: the constant that theory predicts over log t; beside "
        "the span of the support pairs it takes the part of the residual that the start decides.",
        "Direction error against log t from one to a million on logarithmic axes: four curves that "
        "become straight lines of slope minus one.",
        figure,
    )


@figures.style()
def margin_gaps() -> Picture:
    """Margin gap over the whole range, with its predicted constants."""
    times, gaps, constants = {}, {}, {}
    for name, path in paths.REAL.items():
        flow = follow(path)
        times[name], gaps[name] = flow.log_time, flow.observables["margin_gap"]
        constants[name] = asymptote_of(path).margin_gap_constant
    figure = figures.canvas(7.6, 4.6)
    figures.margin_gap(figure.subplots(), times, gaps, predicted=constants)
    return Picture(
        "margin-gap",
        "Margin gap",
        "How far the normalized margin is below the largest one. Its constant follows from the "
        "support pairs alone and is predicted for every data set.",
        "Margin gap against log t on logarithmic axes for three data sets; each joins its dashed "
        "predicted line of slope minus one.",
        figure,
    )


@figures.style()
def residual_landing() -> Picture:
    """The residual's margins and its distance to its limit."""
    figure = figures.canvas(9.0, 4.0)
    left, right = figure.subplots(1, 2)
    times, distances, decay = {}, {}, {}
    for name in paths.LOSSES:
        found = paths.landing(name)
        times[name], decay[name] = found.log_time, found.decay
        distances[name] = np.abs(found.margins - found.limits).max(axis=1)
    first = paths.landing("cross-entropy")
    figures.residual_margins(left, first.log_time, first.margins, first.limits)
    figures.residual(right, times, distances, decay=decay)
    left.set_title("cross-entropy: each support pair")
    right.set_title("three losses, one limit")
    return Picture(
        "residual",
        "The residual lands on its limit",
        "What training leaves beside its growth, ρ(t) = W(t) − Ŵ log t, gives each support pair a "
        "margin that ends at log(1/α*), α* being the pair's dual weight. All three losses with "
        "this tail end in the same residual, at the predicted pace.",
        "Left: four curves of margins of the residual against log t, each ending on its dashed "
        "line. Right: the distance to the limit for three losses falls to rounding.",
        figure,
    )


@figures.style()
def losses_times_t() -> Picture:
    """Risk × t over its predicted limit."""
    times, products = {}, {}
    for name, path in paths.REAL.items():
        flow = follow(path)
        log_product = flow.observables["log_risk"] + flow.log_time
        times[name] = flow.log_time
        products[name] = np.exp(log_product) / asymptote_of(path).loss_constant
    figure = figures.canvas(7.6, 4.0)
    ax = figures.loss_times_t(figure.subplots(), times, products, limit=1.0)
    ax.set_ylabel(r"risk $\times\ t$  /  predicted limit $\|\hat{W}\|^2$")
    return Picture(
        "loss-times-t",
        "The loss falls as 1/t",
        "Risk times t over the constant that it should tend to, ‖Ŵ‖² for the flow of "
        "cross-entropy.",
        "Risk times t over its predicted limit against log t for three data sets: each tends to "
        "one.",
        figure,
    )


@figures.style()
def narrow_and_wide() -> Picture:
    """Distributions with their entropies."""
    return Picture(
        "distribution-entropy",
        "Narrow is low, within a family",
        "Entropies of Gaussians grow with log σ. Over five values the rule fails: two atoms far "
        "apart deviate most and have one bit.",
        "Above, three Gaussians of scales 0.5, 1 and 2 with entropies one bit apart. Below, "
        "distributions over five values: a narrow one, a uniform one, and two far atoms, whose "
        "deviation is the largest and whose entropy is not.",
        figures.distribution_entropy(figures.canvas(8.4, 4.6)),
    )


@figures.style()
def generative_and_discriminative() -> Picture:
    """Decision regions of two generative classifiers, with data drawn from them, and of a third."""
    wine = load_dataset("wine", constant=False)
    columns = [wine.feature_names.index(name) for name in ("alcohol", "flavanoids")]
    data = Dataset(wine.features[:, columns], wine.labels, name="wine")
    models: dict[str, Any] = {
        "naive Bayes, generative": GaussianNB(),
        "linear discriminant, generative": LinearDiscriminantAnalysis(solver="lsqr"),
        "logistic regression, discriminative": LogisticRegression(),
    }
    figure = figures.canvas(11.0, 4.8)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    for ax, (title, model) in zip(panels, models.items(), strict=True):
        model.fit(data.features, data.labels)
        drawn = None if "discriminative" in title else draw_samples(model, 90)
        figures.classifier_regions(ax, model, data, title, drawn=drawn)
        ax.set(xlabel="alcohol", ylabel="flavanoids")
        ax.label_outer()
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return Picture(
        "generative-and-discriminative",
        "Generative and discriminative",
        "Three classifiers of three wines by two standardized features. The generative ones model "
        "each class by a Gaussian, of independent features or of one covariance: they classify by "
        "Bayes' rule, with curved or straight boundaries, and new wines are drawn from them "
        "(hollow). Logistic regression has straight boundaries too, and draws nothing.",
        "Three panels of decision regions over the same samples. Those of naive Bayes have curved "
        "boundaries, the others straight ones; hollow samples, drawn from the model, lie among the "
        "others in the first two panels alone.",
        figure,
    )


GALLERY: tuple[Callable[[], Picture], ...] = (
    overview,
    regions_of_three_classes,
    regions_of_two_classes,
    direction_errors,
    margin_gaps,
    residual_landing,
    losses_times_t,
    narrow_and_wide,
    generative_and_discriminative,
)


def _regions(path: paths.PlanePath, name: str, title: str, caption: str) -> Picture:
    times = {words: math.log(steps) for words, steps in paths.SNAPSHOTS.items()}
    at = {words: path.at(time) for words, time in times.items()}
    snapshots = {
        f"{words}: {_off(path, i)}": path.run.recorded_weights[i] for words, i in at.items()
    }
    limit = path.line.limit
    figure = figures.canvas(10.0, 3.6)
    figures.decision_panels(
        figure,
        path.data,
        {**snapshots, "limit": limit.weights},
        reference=limit.weights,
        support=limit.support[:, 0],
    )
    degrees = ", ".join(
        f"{math.degrees(path.run.observables['angle'][i]):.1f}" for i in at.values()
    )
    return Picture(
        name,
        title,
        caption,
        "Four panels of decision regions with dashed max-margin boundaries. The weights are "
        f"{degrees} degrees off in the first three and agree in the last.",
        figure,
    )


def _off(path: paths.PlanePath, record: int) -> str:
    """How far a record is from the limit, in degrees, for a title."""
    degrees = math.degrees(path.run.observables["angle"][record])
    return f"{degrees:.1f}° off" if degrees >= 0.1 else f"{degrees:.5f}° off"
