"""Calibration against what is known of losses, and against independent optimizers."""

import cvxpy
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import marginflow as mf
from marginflow.losses import (
    CoherenceLoss,
    DuchiKhosraviRuan,
    FocalLoss,
    LeeLinWahba,
    MeanAbsoluteError,
    Savage,
    SigmoidLoss,
    SquaredCrammerSinger,
    SquaredWestonWatkins,
)
from marginflow.losses.fenchel_young import EntmaxLoss, SparsemaxLoss
from marginflow.theory.certificate.calibration import calibrated
from marginflow.theory.certificate.template_view import TemplateView


def as_loss(loss):
    return loss if isinstance(loss, mf.losses.Loss) else mf.TemplateLoss(loss)


def check(loss, n_classes, seed=0):
    return calibrated(TemplateView(as_loss(loss), n_classes), np.random.default_rng(seed))


def mean_loss(loss, p, scores):
    """C_p(v) by the loss's own call, one label a row."""
    return float(p @ np.asarray(as_loss(loss)(np.tile(scores, (len(p), 1)), np.arange(len(p)))))


def crammer_singer(v, y):
    return cvxpy.pos(1 + cvxpy.max(cvxpy.hstack([v[k] for k in range(v.size) if k != y])) - v[y])


def weston_watkins(v, y):
    return sum(cvxpy.pos(1 - v[y] + v[k]) for k in range(v.size) if k != y)


def cross_entropy(v, y):
    return cvxpy.log_sum_exp(v) - v[y]


def pair_log_loss(v, y):
    return sum(cvxpy.logistic(v[k] - v[y]) for k in range(v.size) if k != y)


def squared_crammer_singer(v, y):
    return cvxpy.square(crammer_singer(v, y))


def lee_lin_wahba(v, y):
    k, mean = v.size, cvxpy.sum(v) / v.size
    return sum(cvxpy.pos(1 / (k - 1) + v[j] - mean) for j in range(k) if j != y)


def duchi_khosravi_ruan(v, y):
    tops = [(cvxpy.sum_largest(v, size) - 1) / size for size in range(1, v.size + 1)]
    return 1 - v[y] + cvxpy.max(cvxpy.hstack(tops))


def sparsemax(v, y):
    # the conjugate of ½‖q‖² over the simplex: min over τ of τ + ½‖(v − τ)₊‖²
    threshold = cvxpy.Variable()
    return threshold + cvxpy.sum_squares(cvxpy.pos(v - threshold)) / 2 - v[y] + 0.5


def infimum(program, p, rival=None):
    """inf C_p by cvxpy, over all scores or over those whose class `rival` is at least class 0."""
    v = cvxpy.Variable(len(p))
    constraints = [v[0] == 0] + ([] if rival is None else [v[rival] >= 0])
    cost = sum(p[y] * program(v, y) for y in range(len(p)))
    problem = cvxpy.Problem(cvxpy.Minimize(cost), constraints)
    return float(problem.solve(solver=cvxpy.CLARABEL))


CALIBRATED = [
    (mf.CrossEntropy(), cross_entropy),
    (mf.PairLogLoss(), pair_log_loss),
    (DuchiKhosraviRuan(), duchi_khosravi_ruan),
    (SparsemaxLoss(), sparsemax),
    (LeeLinWahba(), lee_lin_wahba),
]
NOT_CALIBRATED = [
    (mf.CrammerSinger(), crammer_singer),
    (mf.WestonWatkins(), weston_watkins),
    (SquaredCrammerSinger(), squared_crammer_singer),
]


def name(value):
    return value.name if isinstance(value, mf.losses.Loss) else ""


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    "loss",
    [
        *(loss for loss, _ in CALIBRATED),
        mf.MulticlassExponential(),
        mf.PolynomialLoss(),
        SquaredWestonWatkins(),
        CoherenceLoss(temperature=0.03),
        EntmaxLoss(),
        # bounded, with infima at infinity or more than one valley
        MeanAbsoluteError(),
        Savage(),
        SigmoidLoss(),
        FocalLoss(),
        # a sum of totally regular losses
        mf.TemplateLoss(
            lambda u: jnp.log1p(jnp.sum(jnp.exp(-u))) + jnp.sum(jnp.logaddexp(0.0, -u)), name="sum"
        ),
        # strictly proper and far away
        mf.TemplateLoss(lambda u: jnp.log1p(jnp.sum(jnp.exp(-u / 1000))), name="wide"),
    ],
    ids=lambda loss: loss.name,
)
def test_calibrated_losses_are_supported(loss, n_classes):
    found = check(loss, n_classes)
    assert found.verdict == "supported", str(found)
    assert found.figures["gap"] > 0
    p = np.array(found.figures["p"])
    assert p.sum() == pytest.approx(1)
    assert p.min() > 0
    assert p[0] > p[1:].max()


@pytest.mark.parametrize("loss", [mf.CrossEntropy(), DuchiKhosraviRuan(), Savage()], ids=name)
def test_ten_classes(loss):
    assert check(loss, 10).verdict == "supported"


@pytest.mark.parametrize("n_classes", [3, 4])
@pytest.mark.parametrize(("loss", "program"), CALIBRATED, ids=name)
def test_the_gap_is_that_of_convex_programs(loss, program, n_classes):
    # the smallest gap that was found, by cvxpy: no wrong class reaches nearer
    found = check(loss, n_classes)
    p = np.array(found.figures["p"])
    bottom = infimum(program, p)
    gap = min(infimum(program, p, rival) for rival in range(1, n_classes)) - bottom
    figures = found.figures
    assert figures["infimum"] == pytest.approx(bottom, abs=1e-6)
    assert figures["value"] - figures["infimum"] == pytest.approx(gap, rel=0.12, abs=2e-7)
    assert mean_loss(loss, p, figures["scores"]) == pytest.approx(figures["value"], rel=1e-9)
    assert gap > 1e-6


@pytest.mark.parametrize("n_classes", [3, 5])
@pytest.mark.parametrize(("loss", "program"), NOT_CALIBRATED, ids=name)
def test_refutations_reach_the_infimum_of_convex_programs(loss, program, n_classes):
    found = check(loss, n_classes)
    example = found.counterexample
    assert found.verdict == "refuted"
    assert example.space == "scores"
    p, v = np.array(example.figures["p"]), np.array(example.figures["scores"])
    np.testing.assert_array_equal(example.margins, v[None])
    assert p.argmax() == 0
    assert p[0] > p[1:].max()
    assert v[1:].max() >= v[0]
    value = mean_loss(loss, p, v)
    assert value == pytest.approx(example.figures["value"], rel=1e-12)
    bottom = infimum(program, p)
    assert value == pytest.approx(bottom, abs=1e-6)
    assert example.figures["infimum"] == pytest.approx(bottom, abs=1e-6)


@pytest.mark.parametrize(("loss", "program"), NOT_CALIBRATED, ids=name)
def test_hinges_are_calibrated_for_two_classes(loss, program):
    assert check(loss, 2).verdict == "supported"


@pytest.mark.parametrize("n_classes", [3, 5, 10])
def test_crammer_singer_fails_where_no_class_has_half(n_classes):
    found = check(mf.CrammerSinger(), n_classes)
    assert max(found.counterexample.figures["p"]) <= 0.5


WRONG = {
    "reversed": lambda u: jnp.log1p(jnp.sum(jnp.exp(u))),
    "flat at zero": lambda u: jnp.sum(jnp.maximum(0.0, -u) ** 2),
    "even": lambda u: jnp.sum(u**2),
    "constant": lambda u: 0 * jnp.sum(u),
    "kinked and curved": lambda u: (
        jnp.max(jnp.maximum(0.0, 1 - u)) + jnp.log1p(jnp.sum(jnp.exp(-u)))
    ),
    "tiny hinge": lambda u: 1e-6 * jnp.max(jnp.maximum(0.0, 1e-3 - u)),
    "far hinge": lambda u: 1e6 * jnp.max(jnp.maximum(0.0, 1e3 - u)),
}


@pytest.mark.parametrize("n_classes", [3, 4])
@pytest.mark.parametrize("kind", WRONG)
def test_templates_that_are_not_calibrated(kind, n_classes):
    found = check(WRONG[kind], n_classes)
    assert found.verdict == "refuted", str(found)
    figures = found.counterexample.figures
    p, v = np.array(figures["p"]), np.array(figures["scores"])
    assert v[1:].max() >= v[0]
    value = mean_loss(WRONG[kind], p, v)
    assert value == pytest.approx(figures["value"], rel=1e-9)
    # nothing that another optimizer finds is better, from any start
    size = max(1.0, np.abs(v).max())
    rng = np.random.default_rng(1)
    for start in [v, np.zeros(n_classes), *(size * rng.standard_normal((4, n_classes)))]:
        other = minimize(lambda w: mean_loss(WRONG[kind], p, w), start, method="Nelder-Mead").fun
        assert other >= value - 1e-6 * max(abs(value), 1e-9)


def test_wrong_scores_that_fall_for_ever():
    found = check(lambda u: -jnp.sum(u), 3)
    figures = found.counterexample.figures
    assert figures["infimum"] == -np.inf
    values = [
        mean_loss(lambda u: -jnp.sum(u), np.array(figures["p"]), np.array(figures["scores"]) * t)
        for t in (1.0, 10.0)
    ]
    assert values[1] < 9 * values[0] < 0


def test_a_template_without_values_is_refuted():
    found = check(lambda u: jnp.nan * jnp.sum(u), 3)
    assert found.verdict == "refuted"
    assert not np.isfinite(found.counterexample.figures["value"])


def test_two_valleys_in_one_dimension_by_brute_force():
    # of K = 2 scores only the difference counts: everything can be seen on a line
    line = np.linspace(-20, 20, 40001)
    for frequency in (1.0, 2.0, 3.0, 4.0):

        def template(u, frequency=frequency):
            return jnp.sum(
                jnp.logaddexp(0.0, -u) + 0.6 * jnp.exp(-(u**2) / 8) * jnp.sin(frequency * u)
            )

        found = check(template, 2)
        example = found.counterexample
        p = np.array((example or found).figures["p"])
        losses = [np.asarray(as_loss(template).template(sign * line[:, None])) for sign in (1, -1)]
        costs = p[0] * losses[0] + p[1] * losses[1]
        wrong, bottom = costs[line <= 0].min(), costs.min()
        if example:
            assert wrong <= bottom + 1e-6
            assert example.figures["infimum"] == pytest.approx(bottom, abs=1e-6)
        else:
            assert wrong > bottom


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("size", [0.1, 0.4])
def test_many_valleys_by_brute_force(size, seed):
    # scores of three classes fill a plane: the lowest points of a grid, then downhill from there
    def template(u):
        return jnp.sum(
            1 / (1 + jnp.exp(2 * u)) + size * jnp.exp(-(u**2) / 8) * jnp.sin(3 * u + seed)
        )

    found = check(template, 3)
    figures = (found.counterexample or found).figures
    p, line = np.array(figures["p"]), np.linspace(-14, 14, 141)
    scores = np.stack([np.zeros((141, 141)), *np.meshgrid(line, line)], axis=-1).reshape(-1, 3)
    values = [as_loss(template)(scores, np.full(len(scores), y)) for y in range(3)]
    costs = p @ np.asarray(values)
    wrong = scores.max(axis=1) == scores[:, 1:].max(axis=1)
    ends = [
        minimize(lambda v: mean_loss(template, p, [0.0, *v]), start[1:], method="Nelder-Mead")
        for start in scores[np.argsort(costs)[:4]]
    ]
    bottom = min(costs.min(), *(end.fun for end in ends))
    assert figures["infimum"] <= bottom + 1e-6
    assert figures["value"] <= costs[wrong].min() + 1e-6
    if found.counterexample:
        assert figures["value"] <= figures["infimum"] + 1e-8


def test_the_same_seed_gives_the_same_verdict():
    first, second = (check(DuchiKhosraviRuan(), 4, seed=3) for _ in range(2))
    assert first.evidence == second.evidence
