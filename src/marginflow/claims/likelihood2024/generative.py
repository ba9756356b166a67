"""Generative and discriminative classifiers: who is ahead with few samples, and what else."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB

from marginflow.claims.checks import at_least, at_most
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.likelihood2024.source import SOURCE
from marginflow.data import Dataset, load_dataset
from marginflow.likelihoods import LearningCurves, as_logistic, draw_samples, learning_curves

NAIVE, LOGISTIC = "naive Bayes", "logistic regression"
N_FEATURES, POOL = 50, 2320
# Binary features are 1 with chances in this range, drawn for each class.
CHANCES = (0.25, 0.75)
# Two Gaussians this far apart, in standard deviations: Bayes' error is 4 %.
APART = 3.5


@dataclass(frozen=True)
class Curves:
    """Learning curves on one data set.

    Attributes:
        data: "binary" or "gaussian", of features that are independent in each class; "repeated",
            in which only ten of the binary ones are; or a bundled set.
        sizes: numbers of training samples.
        repeats: draws of each size.
    """

    data: str = "binary"
    sizes: tuple[int, ...] = (20, 40, 80, 320)
    repeats: int = 20


@dataclass(frozen=True)
class Shared:
    """Gaussian classes with one covariance, or with covariances of their own."""

    covariances: str = "one"


def ahead(setting: Curves) -> Evidence:
    """The lead of naive Bayes over logistic regression at each size, in standard errors."""
    curves = _curves(setting)
    lead, error = curves.lead(NAIVE, LOGISTIC)
    checks = [
        at_least(f"lead of naive Bayes at {size} samples", mean, 0.0, 2 * doubt)
        for size, mean, doubt in zip(setting.sizes, lead, error, strict=True)
    ]
    checks.append(at_least(f"lead at {setting.sizes[-1]} samples", lead[-1], 2 * error[-1]))
    return Evidence(tuple(checks), dataclasses.asdict(curves))


def crossing(setting: Curves) -> Evidence:
    """Naive Bayes ahead with the fewest samples, logistic regression with the most."""
    curves = _curves(setting)
    lead, error = curves.lead(NAIVE, LOGISTIC)
    few, many = setting.sizes[0], setting.sizes[-1]
    return Evidence(
        (
            at_least(f"lead of naive Bayes at {few} samples", lead[0], 2 * error[0]),
            at_most(f"lead of naive Bayes at {many} samples", lead[-1], -2 * error[-1]),
        ),
        dataclasses.asdict(curves),
    )


def bayes_rule(setting: Shared) -> Evidence:
    """Bayes' rule of Gaussian classes against a softmax of linear scores, and data drawn anew."""
    features, labels = _gaussian_classes(setting.covariances)
    shared = LinearDiscriminantAnalysis(solver="lsqr").fit(features, labels)
    form = as_logistic(shared)
    linear = special.softmax(features @ form.weights + form.intercepts, axis=1)
    model: Any = shared
    if setting.covariances != "one":
        model = QuadraticDiscriminantAnalysis(store_covariance=True).fit(features, labels)
    off = np.abs(model.predict_proba(features) - linear).max()
    drawn, classes = draw_samples(model, 40_000, seed=1)
    gaps = [
        np.abs(drawn[classes == k].mean(axis=0) - model.means_[k]).max() for k in model.classes_
    ]
    naive: Any = GaussianNB().fit(features, labels)
    again, of = draw_samples(naive, 40_000, seed=2)
    gaps += [np.abs(again[of == k].mean(axis=0) - naive.theta_[k]).max() for k in naive.classes_]
    return Evidence(
        (
            at_most("probabilities by Bayes' rule less those by the linear scores", off, 1e-10),
            at_most("means of drawn data less the model's", max(gaps), 0.1),
        )
    )


def draw_curves(evidence: Evidence, ax: Any) -> Any:
    """Both learning curves with their bands."""
    from marginflow.figures import learning_curve

    return learning_curve(LearningCurves(**evidence.data), ax)


def _curves(setting: Curves) -> LearningCurves:
    binary = setting.data in ("binary", "repeated")
    models = {NAIVE: BernoulliNB(), LOGISTIC: LogisticRegression(max_iter=1000)}
    return learning_curves(
        _data(setting.data),
        models if binary else None,
        sizes=setting.sizes,
        repeats=setting.repeats,
    )


def _data(name: str) -> Dataset:
    rng = np.random.default_rng(0)
    labels = np.arange(POOL) % 2
    if name == "gaussian":
        shift = rng.standard_normal(N_FEATURES)
        shift *= APART / np.linalg.norm(shift)
        features = rng.standard_normal((POOL, N_FEATURES)) + np.outer(labels - 0.5, shift)
    elif name in ("binary", "repeated"):
        chances = rng.uniform(*CHANCES, size=(2, N_FEATURES))
        features = (rng.random((POOL, N_FEATURES)) < chances[labels]).astype(float)
        if name == "repeated":  # a fifth of them, each five times but for every fifth entry
            copies = np.tile(features[:, : N_FEATURES // 5], 5)
            features = np.where(rng.random(features.shape) < 0.8, copies, features)
    else:
        return load_dataset(name)
    return Dataset(features, labels, name=f"{name} features, d = {N_FEATURES}")


def _gaussian_classes(covariances: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    noise = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 4))
    if covariances != "one":
        noise *= (1.0 + labels)[:, None]
    return noise + rng.standard_normal((3, 4))[labels], labels


CLAIMS = (
    Claim(
        id="likelihood2024/naive-bayes-with-few-samples",
        source=SOURCE,
        section="generative and discriminative models",
        statement=(
            "Where naive Bayes is true, it is never behind logistic regression from 20 to 320 "
            "samples: 50 binary features."
        ),
        proved=False,
        experiment=ahead,
        setting=Curves(),
        control=Curves("repeated"),
        control_statement="So it is where features repeat one another.",
        tolerance_reason="Two standard errors of the paired differences over 20 draws.",
        draw=draw_curves,
    ),
    Claim(
        id="likelihood2024/naive-bayes-with-unknown-variances",
        source=SOURCE,
        section="generative and discriminative models",
        statement=(
            "Where naive Bayes is true, it is never behind logistic regression from 20 to 320 "
            "samples: 50 Gaussian features, whose variances it has to find as well."
        ),
        proved=False,
        experiment=ahead,
        setting=Curves("gaussian"),
        control=Curves("repeated"),
        control_statement="So it is where binary features repeat one another.",
        tolerance_reason="Two standard errors of the paired differences over 20 draws.",
        draw=draw_curves,
    ),
    Claim(
        id="likelihood2024/crossing",
        source=SOURCE,
        section="generative and discriminative models",
        statement=(
            "On real data naive Bayes is ahead with few samples and logistic regression with many: "
            "breast_cancer, 20 and 320 samples."
        ),
        proved=False,
        experiment=crossing,
        setting=Curves("breast_cancer", (20, 80, 320)),
        control=Curves(sizes=(20, 320)),
        control_statement="So it is where naive Bayes is true.",
        tolerance_reason="Two standard errors of the paired differences over 20 draws.",
        draw=draw_curves,
    ),
    Claim(
        id="likelihood2024/crossing-on-digits",
        source=SOURCE,
        section="generative and discriminative models",
        statement=(
            "On real data naive Bayes is ahead with few samples and logistic regression with many: "
            "digits, 40 and 320 samples."
        ),
        proved=False,
        experiment=crossing,
        setting=Curves("digits", (40, 320), 10),
        control=Curves(sizes=(20, 320)),
        control_statement="So it is where naive Bayes is true.",
        tolerance_reason="Two standard errors of the paired differences over 10 draws.",
        draw=draw_curves,
    ),
    Claim(
        id="likelihood2024/crossing-on-repeated-features",
        source=SOURCE,
        section="generative and discriminative models",
        statement=(
            "Where features repeat one another, naive Bayes is ahead with 20 samples and logistic "
            "regression with 320."
        ),
        proved=False,
        experiment=crossing,
        setting=Curves("repeated", (20, 320)),
        control=Curves(sizes=(20, 320)),
        control_statement="So it is where naive Bayes is true.",
        tolerance_reason="Two standard errors of the paired differences over 20 draws.",
        draw=draw_curves,
    ),
    Claim(
        id="likelihood2024/bayes-rule",
        source=SOURCE,
        section="generative and discriminative models",
        statement=(
            "A generative model makes new data and classifies by Bayes' rule, which for Gaussian "
            "classes of one covariance is a softmax of linear scores."
        ),
        proved=True,
        experiment=bayes_rule,
        setting=Shared(),
        control=Shared("their own"),
        control_statement="So it is for classes with covariances of their own.",
        tolerance_reason=(
            "An identity, to rounding of exponents of size 100; means of 13,000 draws of deviation "
            "up to 4 are within .1 at three standard errors."
        ),
    ),
)
