"""The constants of Ravi et al. 2024 against Hessians by hand."""

import numpy as np
import pytest

import marginflow as mf
from marginflow.claims import Verdict
from marginflow.claims.ravi2024 import constants


def in_scores(hessian):
    """B H Bᵀ, B the rows of the scores in the margins of the first class."""
    code = np.vstack([np.ones(len(hessian)), -np.eye(len(hessian))])
    return np.linalg.eigvalsh(code @ hessian @ code.T)[-1]


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_the_maximum_by_hand(n_classes):
    # PairLogLoss is most curved at equal scores, cross-entropy where two classes share all
    k = n_classes - 1
    assert in_scores(np.eye(k) / 4) == pytest.approx(n_classes / 4)
    q = np.zeros(k)
    q[0] = 0.5
    assert in_scores(np.diag(q) - np.outer(q, q)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("template", "loss"),
    [
        (constants.cross_entropy, mf.CrossEntropy()),
        (constants.multiclass_exponential, mf.MulticlassExponential()),
        (constants.pair_log_loss, mf.PairLogLoss()),
    ],
)
def test_the_templates_are_the_librarys(template, loss):
    u = np.random.default_rng(0).normal(0, 3, (20, 4))
    np.testing.assert_allclose(mf.TemplateLoss(template).template(u), loss.template(u), rtol=1e-12)


def test_another_constant_is_told_apart():
    def wider(u):
        return 2 * constants.pair_log_loss(u / 2)

    row = constants.Constants(wider, (3 / 8,))
    evidence = constants.experiment(constants.Setting((row,), (3,), binary=None))
    verdicts = {check.name.split(":")[0]: check.verdict for check in evidence.checks}
    assert verdicts["β in the scores"] == Verdict.HOLDS
    assert verdicts["rate of the tail"] == Verdict.FAILS
