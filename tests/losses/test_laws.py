"""Laws that every registered loss obeys, and templates given as functions too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import marginflow as mf

LOSSES = {
    **mf.registered_losses(),
    "template log(1 + sum exp)": mf.TemplateLoss(lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u)))),
    "template of squares": mf.TemplateLoss(lambda u: jnp.sum(1 / (1 + jnp.exp(u)) ** 2)),
}

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
N_POINTS, N_CLASSES = 6, 4
margins_of_one_shape = hnp.arrays(
    np.float64, (N_POINTS, N_CLASSES - 1), elements=st.floats(-30, 60, width=32)
)
some = settings(max_examples=15)


def problem(seed: int, n_classes: int = N_CLASSES) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return 4 * rng.normal(size=(30, n_classes)), rng.integers(n_classes, size=30)


def rises(loss: mf.Loss, n_classes: int) -> bool:
    tail = loss.tail(n_classes)
    return tail is not None and tail.kind == "rising"


@every_loss
@given(margins=margins_of_one_shape)
@some
def test_templates_are_non_negative_and_never_increase(loss, margins):
    """But for a rising tail, which says that some slopes are positive."""
    assert np.all(loss.template(margins) >= 0)
    sign, log_abs = loss.slope(margins)
    assert np.all(sign <= 0) or rises(loss, N_CLASSES)
    assert np.array_equal(sign == 0, log_abs == -np.inf)


# Beside a margin of 1 a hinge's digits are those of 1 − u, which rounding takes away.
off_the_hinge = margins_of_one_shape.map(lambda margins: np.round(margins * 8) / 8 + 1 / 16)


@every_loss
@given(margins=off_the_hinge, order=st.permutations(range(N_CLASSES - 1)))
@some
def test_templates_are_symmetric(loss, margins, order):
    permuted, values, slopes = margins[:, order], loss.template(margins), loss.slope_value(margins)
    # a value that is formed from its logarithm carries the logarithm's rounding
    log_values = np.where(values > 0, loss.log_template(margins), 0)
    rounding = np.maximum(1e-14, 4e-16 * np.abs(log_values)) * values
    rounding += 4e-16 * np.sum(np.abs(margins * slopes), axis=-1)
    assert np.all(np.abs(loss.template(permuted) - values) <= rounding + 1e-300)
    np.testing.assert_allclose(
        loss.slope_value(permuted), slopes[:, order], rtol=1e-13, atol=1e-300
    )


@every_loss
@given(margins=margins_of_one_shape)
@some
def test_logarithms_agree_with_values(loss, margins):
    sign, log_abs = loss.slope(margins)
    np.testing.assert_allclose(
        loss.slope_value(margins), sign * np.exp(log_abs), rtol=1e-13, atol=1e-300
    )
    value, noise = np.exp(loss.log_template(margins)), 1e-15
    np.testing.assert_allclose(value, loss.template(margins), rtol=1e-13, atol=noise)


def away_from_kinks(margins: np.ndarray) -> np.ndarray:
    """Margins that no form with small whole coefficients brings nearer to 0 or 1 than a step."""
    return np.round(margins * 8) / 8 + 1 / 16 + np.sqrt([2, 3, 5]) / 350


@every_loss
@given(margins=margins_of_one_shape.map(lambda margins: margins / 10).map(away_from_kinks))
@some
def test_slopes_are_the_differences_of_the_template(loss, margins):
    step = 1e-5 * np.eye(margins.shape[-1])
    plus = loss.template(margins[:, None] + step)
    minus = loss.template(margins[:, None] - step)
    slopes = loss.slope_value(margins)
    scale = 1 + np.abs(loss.template(margins))[:, None]
    assert np.all(np.abs((plus - minus) / 2e-5 - slopes) <= 1e-8 * scale)


@every_loss
def test_slopes_are_the_autodiff_of_the_template(loss):
    margins = away_from_kinks(np.random.default_rng(0).uniform(-5, 25, size=(40, 3)))
    with mf.x64():
        autodiff = jax.jit(jax.vmap(jax.grad(loss.template)))(jnp.asarray(margins))
    np.testing.assert_allclose(autodiff, loss.slope_value(margins), rtol=1e-12, atol=0)


@every_loss
def test_losses_do_not_see_a_shift_of_all_scores(loss):
    scores, labels = problem(0)
    # a power of two shifts without rounding
    shifted = np.round(scores * 1024) / 1024 + 64.0
    np.testing.assert_array_equal(loss(shifted, labels), loss(shifted - 64.0, labels))


@every_loss
def test_losses_commute_with_renaming_the_classes(loss):
    scores, labels = problem(1)
    order = np.random.default_rng(2).permutation(N_CLASSES)
    renamed = np.argsort(order)[labels]
    close = {"rtol": 1e-13, "atol": 1e-300}
    np.testing.assert_allclose(loss(scores[:, order], renamed), loss(scores, labels), **close)
    np.testing.assert_allclose(
        loss.gradient(scores[:, order], renamed), loss.gradient(scores, labels)[:, order], **close
    )


@every_loss
def test_gradients_are_the_differences_of_the_loss_in_the_scores(loss):
    scores, labels = problem(3)
    scores = np.round(scores * 8) / 8 + np.array([0.02, 0.05, 0.09, 0.14])
    gradient = loss.gradient(scores, labels)
    step = 1e-5 * np.eye(N_CLASSES)
    repeated = np.repeat(labels[:, None], N_CLASSES, axis=1)
    plus = loss(scores[:, None] + step, repeated)
    minus = loss(scores[:, None] - step, repeated)
    scale = 1 + loss(scores, labels)[:, None]
    assert np.all(np.abs((plus - minus) / 2e-5 - gradient) <= 1e-8 * scale)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-13 * np.abs(gradient).max())


# That of all others is the same mechanism.
WITH_A_SHORTER_WAY = [
    name for name, loss in LOSSES.items() if type(loss)._of_scores is not mf.losses.Loss._of_scores
]


@pytest.mark.parametrize("name", [*WITH_A_SHORTER_WAY, "crammer-singer", "template of squares"])
def test_one_binary_score_is_the_difference_of_two(name):
    loss = LOSSES[name]
    scores, labels = problem(4, 2)
    difference = scores[:, 1] - scores[:, 0]
    np.testing.assert_array_equal(loss(difference, labels), loss(scores, labels))
    np.testing.assert_array_equal(
        loss.gradient(difference, labels), loss.gradient(scores, labels)[:, 1]
    )


@every_loss
@pytest.mark.parametrize("n_classes", [2, 4])
def test_tails_are_what_the_slopes_tend_to(loss, n_classes):
    tail = loss.tail(n_classes)
    margins = np.random.default_rng(5).uniform(60, 90, size=(10, n_classes - 1))
    sign, log_abs = loss.slope(margins * 1e3)
    if tail is None:
        assert n_classes > 2
        assert has_a_joint_tail(loss, n_classes)
    elif tail.kind == "exponential":
        expected = tail.log_constant - tail.rate * margins * 1e3
        np.testing.assert_allclose(log_abs, expected, rtol=1e-12)
    elif tail.kind == "stretched":
        closer, farther = (loss.slope(margins * scale)[1] for scale in (1e6, 4e6))
        fall = (4**tail.power - 1) * (margins * 1e6) ** tail.power
        np.testing.assert_allclose(closer - farther, fall, rtol=1e-3)
    elif tail.kind == "polynomial":
        closer = loss.slope(margins * 1e2)[1]
        steepness = (closer - log_abs) / np.log(10)
        np.testing.assert_allclose(steepness, tail.degree + 1, rtol=1e-3)
    elif tail.kind == "rising":
        uneven = margins * 1e3 * np.where(np.arange(n_classes - 1) > 0, 10, 1)
        assert np.all((loss.slope(uneven)[0] > 0).any(axis=1))
    else:
        assert not sign.any()


def has_a_joint_tail(loss: mf.Loss, n_classes: int) -> bool:
    """Whether one entry's slope still depends on the other margins, however large they are."""
    margins = np.full((2, n_classes - 1), 60.0)
    margins[:, 0] = 100.0
    margins[1, 1:] += 20.0
    near, far = loss.slope(margins)[1][:, 0]
    return bool(near - far > 10.0)
