"""The pictures of the report: drawn from runs whose figures a plain loop confirms."""

import re

import numpy as np
import pytest

import marginflow as mf
from marginflow.report import make_plate
from marginflow.report.gallery import GALLERY, overview
from marginflow.report.paths import LOSSES, landing, three_classes, two_classes


@pytest.mark.parametrize("draw", GALLERY, ids=lambda draw: draw.__name__)
def test_each_picture_is_drawn_with_its_words(draw, tmp_path):
    picture = draw()
    plate = make_plate(picture, tmp_path)
    assert re.fullmatch(r"[a-z0-9-]+", picture.name)
    assert picture.title
    assert picture.caption.endswith(".")
    assert picture.alt.endswith(".")
    assert [path.name for path in plate.files] == [f"{picture.name}.pdf", f"{picture.name}.png"]
    assert all(path.stat().st_size > 1000 for path in plate.files)
    assert len(plate.source) < 400_000


def test_names_of_files_are_distinct():
    names = [draw().name for draw in GALLERY]
    assert len(set(names)) == len(names)


def test_the_toy_is_where_a_plain_loop_is():
    """Pair log loss by its formula: Σ log(1 + e^(−u)) over the other classes."""
    path = three_classes()
    data, rate = path.data, 0.1 / 30
    weights = np.zeros((2, 3))
    for _ in range(100):
        gradient = np.zeros((2, 3))
        for x, y in zip(data.features, data.labels, strict=True):
            for k in range(3):
                if k != y:
                    pull = 1 / (1 + np.exp(x @ (weights[:, y] - weights[:, k])))
                    gradient[:, k] += pull * x
                    gradient[:, y] -= pull * x
        weights -= rate * gradient
    record = path.at(np.log(100))
    np.testing.assert_allclose(path.run.recorded_weights[record], weights, rtol=1e-10)
    limit = mf.max_margin(data).weights
    cosine = np.sum(weights * limit) / np.linalg.norm(weights) / np.linalg.norm(limit)
    degrees = np.degrees(np.arccos(cosine))
    picture = overview()
    assert f"{degrees:.1f}°" in picture.caption
    assert f"{degrees:.1f}°" in picture.figure.axes[0].get_title("left")


def test_the_toys_end_at_their_limits():
    for path in (three_classes(), two_classes()):
        errors = path.run.observables["direction_error"]
        assert errors[-1] < 1e-5
        assert path.run.log_time[-1] == 1e6
        early = np.degrees(path.run.observables["angle"][path.at(np.log(1e5))])
        assert early > 1  # or there would be nothing to see
    path = three_classes()
    assert path.run.observables["direction_error"][-1] * 1e6 == pytest.approx(
        path.direction_constant, rel=1e-4
    )


@pytest.mark.parametrize("name", LOSSES)
def test_the_residual_lands_where_it_is_said_to(name):
    found = landing(name)
    off = np.abs(found.margins - found.limits).max(axis=1)
    assert off[0] > 1
    assert off[-1] < 1e-9
