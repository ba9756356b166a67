"""Claims of Wang & Scott 2024 against oracles that share no code with the certificate."""

from itertools import pairwise

import cvxpy as cp
import mpmath
import numpy as np
import pytest

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.wang2024 import (
    CLAIMS,
    border,
    fenchel_young,
    named_templates,
    random_templates,
)
from marginflow.claims.wang2024.verdicts import PROPERTIES, TWICE
from marginflow.losses import DuchiKhosraviRuan, EntmaxLoss, SumLoss, TsallisNegentropy


def margins_of(scores):
    """Row y: the margins of label y, one for each other class."""
    return np.array([scores[y] - np.delete(scores, y) for y in range(len(scores))])


def mean_loss(loss, p, scores):
    return float(p @ np.asarray(loss.template(margins_of(np.asarray(scores, dtype=float)))))


def least(p, of_label):
    """inf C_p over all scores, by cvxpy."""
    v = cp.Variable(len(p))
    cost = sum(p[y] * of_label(v, y) for y in range(len(p)))
    return float(cp.Problem(cp.Minimize(cost), [v[0] == 0]).solve(solver=cp.CLARABEL))


def weston_watkins(v, y):
    return sum(cp.pos(1 - v[y] + v[k]) for k in range(v.size) if k != y)


def crammer_singer(v, y):
    return cp.pos(1 + cp.max(cp.hstack([v[k] for k in range(v.size) if k != y])) - v[y])


@pytest.mark.parametrize("name", [claim.id for claim in CLAIMS])
def test_every_statement_of_this_source_holds(name, judged):
    assert judged(name).verdict == Verdict.HOLDS


class TestDerivations:
    """What the rows of the table say of themselves."""

    def test_each_loss_has_one_row_and_a_reason(self):
        names = [row.loss for row in named_templates.TABLE]
        assert len(set(names)) == len(names)
        assert set(names) <= set(mf.registered_losses())
        assert all(len(row.why) > 20 for row in named_templates.TABLE)

    def test_weston_watkins_is_least_at_a_tie(self):
        p, loss = np.array([0.4, 0.35, 0.25]), mf.WestonWatkins()
        assert mean_loss(loss, p, [1, 1, 0]) == pytest.approx(1.75)
        assert mean_loss(loss, p, [1, 0, 0]) == pytest.approx(1.8)
        assert least(p, weston_watkins) == pytest.approx(1.75, abs=1e-7)

    @pytest.mark.parametrize("power", [1, 2])
    def test_crammer_singer_is_least_at_equal_scores_without_a_majority(self, power):
        p = np.array([0.45, 0.3, 0.25])
        assert least(p, lambda v, y: crammer_singer(v, y) ** power) == pytest.approx(1, abs=1e-7)
        majority = np.array([0.55, 0.25, 0.2])
        assert least(majority, lambda v, y: crammer_singer(v, y) ** power) < 0.999

    def test_duchi_khosravi_ruan_is_the_fenchel_young_loss_of_the_largest_entry(self):
        rng = np.random.default_rng(0)
        for scores in rng.normal(0, 1, (5, 4)):
            q = cp.Variable(4, nonneg=True)
            gain = scores @ q - cp.max(q)
            conjugate = cp.Problem(cp.Maximize(gain), [cp.sum(q) == 1]).solve(solver=cp.CLARABEL)
            expected = 1 + conjugate - scores
            found = DuchiKhosraviRuan().template(margins_of(scores))
            np.testing.assert_allclose(found, expected, atol=1e-7)

    @pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0, 4.0])
    def test_the_negentropys_gradient_minimizes_the_mean_loss(self, alpha):
        # v = ∇Ω(p) for Ω(p) = Σ p^α / (α (α−1)): it ranks as p does
        p = np.array([0.4, 0.35, 0.2, 0.05])
        scores = p ** (alpha - 1) / (alpha - 1)
        loss, slopes = EntmaxLoss(alpha), np.zeros(4)
        for y, pulls in enumerate(loss.slope_value(margins_of(scores))):
            others = np.delete(np.arange(4), y)
            slopes[y] += p[y] * pulls.sum()
            slopes[others] -= p[y] * pulls
        np.testing.assert_allclose(slopes, 0, atol=1e-12)


class TestCurvature:
    @pytest.mark.parametrize("n_classes", [3, 6])
    @pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0])
    def test_that_of_a_tsallis_negentropy_is_a_power(self, alpha, n_classes):
        found = fenchel_young.curvature_near_vertex(TsallisNegentropy(alpha), n_classes)
        # the second difference reaches half as far as the probabilities are large
        powers = [mpmath.mpf(1 + x) ** alpha for x in (-0.5, 0, 0.5)]
        second = (powers[0] - 2 * powers[1] + powers[2]) / 0.25 / (alpha * (alpha - 1))
        assert found == pytest.approx(
            float(second) * fenchel_young.REST ** (alpha - 2), rel=1e-3, abs=1e-7
        )


class TestNarrowingHinge:
    @pytest.mark.parametrize("margins", [(0.3, -1.2), (5.0, 2.0), (-30.0, 40.0), (1e3, 1e6)])
    def test_it_is_its_formula(self, margins):
        with mpmath.workdps(60):
            u = [mpmath.mpf(each) for each in margins]
            root = [(mpmath.sqrt(x * x + 4) - x) / 2 for x in u]
            expected = sum(
                (mpmath.sqrt(x * x + 4 * w * w) - x) / 2 for x, w in zip(u, root[::-1], strict=True)
            )
            loss = mf.TemplateLoss(border.narrowing_hinge)
            found = float(loss.template(np.array(margins)))
            assert found == pytest.approx(float(expected), rel=1e-12)

    def test_its_truncation_is_the_hinge(self):
        u = np.linspace(-3, 3, 13)
        loss = mf.TemplateLoss(border.narrowing_hinge)
        found = loss.template(np.column_stack([u, np.full_like(u, 1e12)]))
        np.testing.assert_allclose(found, np.maximum(0, -u), atol=1e-11)

    def test_on_the_border_the_cross_entropy_has_the_entropy_as_its_infimum(self):
        p = (0.7, 0.3)
        ahead = np.array([np.log(p[0] / p[1])])
        [found] = border.mean_loss(mf.CrossEntropy(), p, ahead)
        assert found == pytest.approx(-sum(x * np.log(x) for x in p), rel=1e-12)


class TestFamily:
    def test_it_is_drawn_by_seed_and_grows(self):
        first, more = (random_templates.random_templates(3, count) for count in (4, 9))
        assert [name for name, _ in first] == [name for name, _ in more[:4]]
        assert [name for name, _ in more] != [
            name for name, _ in random_templates.random_templates(4, 9)
        ]
        for _, loss in more:
            assert isinstance(loss, SumLoss)
            assert all(weight > 0 for weight in loss.weights)

    def test_both_kinds_are_in_it(self, judged):
        cells = judged("wang2024/totally-regular-is-calibrated").evidence.data["K = 3"]["verdicts"]
        column = dict(zip(PROPERTIES, cells.T, strict=True))
        assert 0 < column["totally regular"].sum() < len(cells)
        assert not column["classification-calibrated"].all()


def test_a_wrong_row_is_told_with_its_property():
    row = named_templates.Row("entmax", "its curvature does not jump", named_templates._KINKED)
    evidence = named_templates.experiment(named_templates.Setting((row,)))
    assert evidence.verdict == Verdict.FAILS
    assert f"({TWICE})" in evidence.checks[0].name


def test_what_implies_what_in_the_table(judged):
    cells = judged("wang2024/table").evidence.data["K = 3"]["verdicts"]
    column = dict(zip(PROPERTIES, cells.T, strict=True))
    for stronger, weaker in pairwise(("totally regular", "regular", "strictly convex", "convex")):
        assert (column[weaker] | ~column[stronger]).all()
    assert (column["classification-calibrated"] | ~column["totally regular"]).all()
