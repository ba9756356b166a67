"""Published figures of saturation and random stacks against quadrature and closed forms."""

import numpy as np
import pytest
from scipy import integrate, stats

from marginflow.claims import Verdict
from marginflow.claims.training_notes.stacks import UNITS, stack, wide_factor


@pytest.mark.parametrize(("spread", "published"), [(1.0, 0.556), (5.0, 0.892)])
def test_the_published_figures_are_the_mean_absolute_output(spread, published):
    value, _ = integrate.quad(
        lambda z: 2 * np.tanh(spread * z) * stats.norm.pdf(z), 0, 12, points=[0.1, 1.0]
    )
    assert value == pytest.approx(published, abs=2e-3)


@pytest.mark.parametrize("name", UNITS)
def test_a_slope_is_the_derivative_of_its_unit(name):
    unit, z = UNITS[name], np.array([-2.1, -0.3, 0.4, 1.7])
    difference = (unit.output(z + 1e-6) - unit.output(z - 1e-6)) / 2e-6
    np.testing.assert_allclose(unit.slope(unit.output(z)), difference, rtol=1e-8, atol=1e-10)


def test_the_factor_of_wide_layers_is_known_in_closed_form_of_rectified_units():
    assert wide_factor("relu", 1.3) == pytest.approx(1.3 / np.sqrt(2), rel=1e-12)


@pytest.mark.parametrize(("name", "scale"), [("sigmoid", 4.0), ("tanh", 5.0), ("tanh", 0.5)])
def test_gradients_fall_or_grow_by_the_factor_of_wide_layers(name, scale):
    # layers of 100 units differ from wide ones by some hundredths each
    measured = stack(name, 40, scale).gradients[0] ** (1 / 39)
    assert measured == pytest.approx(wide_factor(name, scale), rel=0.1)


def test_what_is_false_as_said_is_said_to_fail(judged):
    verdicts = {
        name: judged(f"training_notes/{name}").verdict
        for name in (
            "vanishing-sigmoid",
            "vanishing-tanh",
            "rectified-units",
            "saturated-by-weights",
            "saturated-by-offset",
        )
    }
    false = {name for name, verdict in verdicts.items() if verdict == Verdict.FAILS}
    assert false == {"vanishing-tanh", "saturated-by-weights"}
