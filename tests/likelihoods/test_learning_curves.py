"""Learning curves against a loop of one's own."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

import marginflow as mf
from marginflow import figures

DATA = mf.gaussian_clusters(0, n_samples=120, n_features=3, n_classes=3)


def test_a_constant_guess_errs_as_often_as_others_come():
    guess = {"always 0": DummyClassifier(strategy="constant", constant=0)}
    curves = mf.learning_curves(DATA, guess, sizes=[6, 119], repeats=3)
    errors = curves.errors["always 0"]
    # of the 114 rows that are left, all of class 0 but two and what chance put among the first
    others = np.sum(DATA.labels != 0)
    assert np.all(errors[0] >= (others - 4) / 114)
    assert np.all(errors[0] <= (others - 4) / 110)
    assert set(errors[1]) <= {0.0, 1.0}


def test_rows_that_were_trained_on_are_not_tested_on():
    features = np.arange(40.0)[:, None]
    labels = np.random.default_rng(0).integers(2, size=40)
    memory = {"memory": KNeighborsClassifier(1)}
    curves = mf.learning_curves((features, labels), memory, sizes=[20], repeats=20)
    # labels are coins, so that only a row of its own would be known
    assert 0.3 < curves.errors["memory"].mean() < 0.7


def test_the_lead_is_the_paired_difference():
    curves = mf.learning_curves(DATA, sizes=[10, 40], repeats=6)
    one, other = curves.errors
    lead, error = curves.lead(one, other)
    gap = curves.errors[other] - curves.errors[one]
    np.testing.assert_allclose(lead, [np.mean(row) for row in gap])
    np.testing.assert_allclose(error, [np.std(row, ddof=1) / np.sqrt(6) for row in gap])
    frame = curves.to_frame()
    assert frame["error"].tolist() == [e for m in curves.errors.values() for e in m.mean(axis=1)]
    assert "ahead at 10: " in repr(curves)


def test_the_picture_shows_every_mean():
    curves = mf.learning_curves(DATA, sizes=[10, 40], repeats=3)
    ax = figures.learning_curve(curves, figures.canvas().subplots())
    for line, errors in zip(ax.lines, curves.errors.values(), strict=True):
        np.testing.assert_allclose(line.get_ydata(), errors.mean(axis=1))


@pytest.mark.parametrize(
    ("sizes", "repeats", "words"),
    [([5], 3, "from 6, two samples a class"), ([120], 3, "to 119"), ([10], 1, "at least 2")],
)
def test_sizes_that_do_not_serve_are_refused(sizes, repeats, words):
    with pytest.raises(ValueError, match=words):
        mf.learning_curves(DATA, sizes=sizes, repeats=repeats)
