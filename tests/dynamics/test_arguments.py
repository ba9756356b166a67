"""Wrong arguments, and what is said of them."""

import numpy as np
import pytest

import marginflow as mf
import marginflow.dynamics as dynamics

FEATURES = np.array([[0.5, 1.5], [1.5, 0.5], [-0.5, -1.5], [-1.5, -0.5]])
LABELS = np.array([1, 1, 0, 0])
GOOD = {"loss": "cross-entropy", "learning_rate": 0.1, "steps": 10}


class Odd(mf.MarginMap):
    """A map that is not linear."""

    features: np.ndarray

    @property
    def homogeneity(self):
        return 1.0

    def margins(self, params):
        return self.features @ params[:, None]

    def vjp(self, params, cotangent):
        return self.features.T @ cotangent[:, 0]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"learning_rate": 0.0}, ValueError, "learning_rate: expected a finite number above 0"),
        ({"learning_rate": -1.0}, ValueError, "got -1"),
        ({"learning_rate": np.inf}, ValueError, "got inf"),
        ({"learning_rate": np.nan}, ValueError, "got nan"),
        ({"momentum": 1.0}, ValueError, r"momentum: expected a number in \[0, 1\), got 1"),
        ({"momentum": -0.1}, ValueError, "got -0.1"),
        ({"momentum": np.nan}, ValueError, "got nan"),
        ({"steps": -1}, ValueError, "steps: expected at least 0"),
        ({"steps": 10**4000}, ValueError, "fast_forward"),
        ({"steps": 2**63}, ValueError, r"2\^63 or more"),
        ({"batch_size": 0}, ValueError, "batch_size: expected 1 to n = 4, got 0"),
        ({"batch_size": 5}, ValueError, "batch_size: expected 1 to n = 4, got 5"),
        ({"reduction": "max"}, ValueError, "expected 'sum' or 'mean', got 'max'"),
        ({"initial": np.zeros(3)}, ValueError, r"expected shape \(2,\), got \(3,\)"),
        ({"initial": np.zeros((2, 2))}, ValueError, "MulticlassMargins"),
        ({"initial": [0.0, np.nan]}, ValueError, r"got nan at index \(1,\)"),
        ({"initial": ["a", "b"]}, TypeError, "real numbers"),
        ({"loss": "no such loss"}, ValueError, "no loss named"),
        ({"record": [11]}, ValueError, "from 0 to steps = 10"),
        ({"observables": {"risk": np.sum}}, ValueError, "'risk' is recorded already"),
        ({"observables": {"host": lambda w: float(w[0])}}, TypeError, "'host' cannot be compiled"),
        (
            {"observables": {"weights": lambda w: w}, "record_weights": True},
            ValueError,
            "taken by record_weights",
        ),
    ],
)
def test_a_wrong_argument_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        dynamics.gradient_descent((FEATURES, LABELS), **(GOOD | wrong))


@pytest.mark.parametrize("wrong", [2.5, "3", True, None])
def test_steps_must_be_whole(wrong):
    from marginflow.dynamics.arguments import check_steps

    with pytest.raises(TypeError, match="steps: expected a whole number"):
        check_steps(wrong)


def test_whole_numbers_of_numpy_are_whole():
    run = dynamics.gradient_descent(
        (FEATURES, LABELS), "cross-entropy", learning_rate=0.1, steps=int(np.int32(3))
    )
    from marginflow.dynamics.arguments import check_steps

    assert check_steps(np.int32(3)) == 3
    assert run.steps[-1] == 3


def test_a_map_without_a_standard_shape_needs_initial_parameters():
    with pytest.raises(ValueError, match="initial: expected the first parameters, since Odd"):
        dynamics.gradient_descent(Odd(FEATURES), **GOOD)


def test_a_map_that_cannot_take_samples_does_no_minibatches():
    with pytest.raises(TypeError, match=r"`take\(samples\)`, which Odd lacks"):
        dynamics.gradient_descent(Odd(FEATURES), initial=np.zeros(2), batch_size=2, **GOOD)


@pytest.mark.parametrize("maps", [mf.BinaryMargins, mf.MulticlassMargins])
def test_a_linear_map_takes_samples(maps):
    whole = maps((FEATURES, LABELS))
    part = whole.take(np.array([2, 0]))
    weights = np.random.default_rng(0).standard_normal(whole.weights_shape)
    np.testing.assert_array_equal(part.margins(weights), whole.margins(weights)[[2, 0]])
    np.testing.assert_array_equal(part.features, FEATURES[[2, 0]])


def test_the_initial_weights_are_not_changed():
    initial = np.ones(2)
    dynamics.gradient_descent((FEATURES, LABELS), initial=initial, **GOOD)
    np.testing.assert_array_equal(initial, 1.0)
