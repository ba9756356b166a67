"""What a caller hands over decides what comes back: the array type, the dtype, the shape."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pandas as pd
import pytest
from mpmath import mpf

import marginflow as mf
from marginflow.losses.class_probabilities import class_probabilities, defines_probabilities

SCORES = [[2.0, 0.5, -1.0], [-3.0, 0.25, 4.0]]
LABELS = [0, 1]
LOSSES = mf.registered_losses()

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
# The border between array types is one mechanism: its corners are tried on a loss of each make.
OF_EACH_MAKE = [
    "cross-entropy",
    "crammer-singer",
    "entmax",
    "label-smoothing",
]
one_of_each = pytest.mark.parametrize(
    "loss", [LOSSES[name] for name in OF_EACH_MAKE], ids=OF_EACH_MAKE
)
every_call = pytest.mark.parametrize("call", ["__call__", "gradient"])
METHODS = ["template", "log_template", "slope_value"]


def shape_of(call: str) -> tuple[int, ...]:
    return (2,) if call == "__call__" else (2, 3)


@one_of_each
@every_call
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numpy_keeps_its_dtype(loss, call, dtype):
    exact = getattr(loss, call)(np.array(SCORES), np.array(LABELS))
    result = getattr(loss, call)(np.array(SCORES, dtype), np.array(LABELS))
    assert type(result) is np.ndarray
    assert result.dtype == dtype
    assert result.shape == shape_of(call)
    assert result.flags.writeable
    np.testing.assert_allclose(result, exact, rtol=2 * np.finfo(dtype).eps, atol=1e-7)


@one_of_each
@every_call
@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_jax_keeps_its_dtype(loss, call, dtype):
    exact = getattr(loss, call)(np.array(SCORES), np.array(LABELS))
    result = getattr(loss, call)(jnp.array(SCORES, dtype), jnp.array(LABELS))
    assert isinstance(result, jax.Array)
    assert result.dtype == dtype
    error = 2 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(result.astype(np.float32), exact, rtol=error, atol=1e-7)


@one_of_each
@every_call
def test_double_precision_jax_arrays_lose_nothing(loss, call):
    exact = getattr(loss, call)(np.array(SCORES), np.array(LABELS))
    with mf.x64():
        scores, labels = jnp.array(SCORES), jnp.array(LABELS)
        inside = getattr(loss, call)(scores, labels)
        compiled = jax.jit(getattr(loss, call))(scores, labels)
    outside = getattr(loss, call)(scores, LABELS)
    for result in (inside, outside, compiled):
        assert result.dtype == np.float64
        np.testing.assert_allclose(np.asarray(result), exact, rtol=1e-15)


@every_call
def test_lists_and_integers_are_read_in_double_precision(call):
    method = getattr(mf.CrossEntropy(), call)
    exact = method(np.array(SCORES), np.array(LABELS))
    np.testing.assert_array_equal(method(SCORES, LABELS), exact)
    np.testing.assert_array_equal(method(pd.DataFrame(SCORES), pd.Series(LABELS)), exact)
    integers = [[2, 0, -1], [-3, 1, 4]]
    result = method(integers, LABELS)
    np.testing.assert_array_equal(result, method(np.array(integers, np.float64), LABELS))
    assert result.dtype == np.float64
    assert method(jnp.array(integers), jnp.array(LABELS)).dtype == np.float32


@every_loss
def test_margins_keep_their_type_too(loss):
    for dtype in (jnp.bfloat16, jnp.float32, jnp.float64):
        with mf.x64():
            margins = jax.ShapeDtypeStruct((2, 3), dtype)
            for method in METHODS:
                assert jax.eval_shape(getattr(loss, method), margins).dtype == dtype
    margins = np.array([[0.3, 1e-9, 1.1], [17.0, 2.0, -4.0]])
    assert type(loss.template(margins)) is np.ndarray
    sign, log_abs = loss.slope(margins)
    assert sign.dtype == log_abs.dtype == np.float64
    np.testing.assert_allclose(
        sign * np.exp(log_abs), loss.slope_value(margins), rtol=1e-14, atol=1e-300
    )


@one_of_each
@every_call
def test_leading_axes_are_kept(loss, call):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(2, 3, 5, 4)), rng.integers(4, size=(2, 3, 5))
    method = getattr(loss, call)
    result = method(scores, labels)
    one_by_one = [method(scores[index], labels[index]) for index in np.ndindex(labels.shape)]
    np.testing.assert_allclose(
        result.reshape(len(one_by_one), -1).squeeze(), one_by_one, rtol=1e-14
    )


def test_arrays_of_many_sizes_compile_once():
    traced = []

    class Sum(mf.MulticlassExponential):
        @mf.losses.keeps_array_type
        def template(self, margins):
            traced.append(margins.shape)
            return jnp.sum(margins, axis=-1)

    def values(*shape: int) -> None:
        margins = np.random.default_rng(0).normal(size=shape)
        np.testing.assert_allclose(Sum().template(margins), margins.sum(axis=-1), rtol=1e-12)

    for leading in [(), (1,), (2, 3), (127,), (128,), (2, 1, 64)]:
        values(*leading, 3)
    assert len(traced) == 1
    # a row of a width of its own, and an array that is too large to be padded
    for shape in [(5, 4), (20_000,), (2, 20_000), (5000, 4)]:
        values(*shape)
    assert traced[1:] == [(128, 4), (20_000,), (2, 20_000), (5000, 4)]
    assert Sum().template(np.zeros((0, 3))).shape == (0,)


@every_loss
def test_losses_can_be_traced_under_jit_vmap_and_grad(loss):
    scores, labels = jnp.array(SCORES), jnp.array(LABELS)
    gradient = jax.grad(jax.jit(lambda s: jnp.sum(loss(s, labels))))
    assert jax.eval_shape(gradient, scores).shape == scores.shape
    assert jax.eval_shape(jax.jit(jax.vmap(loss)), scores, labels).shape == labels.shape
    assert jax.eval_shape(jax.vmap(loss.gradient), scores, labels).shape == scores.shape


@one_of_each
def test_losses_work_under_jit_vmap_and_grad(loss):
    scores, labels = jnp.array(SCORES), jnp.array(LABELS)
    total = jax.jit(lambda s: jnp.sum(loss(s, labels)))
    np.testing.assert_allclose(jax.grad(total)(scores), loss.gradient(scores, labels), rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(loss)(scores, labels), loss(scores, labels), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("margin", [17.0, 40.0, 80.0])
def test_the_true_class_is_pulled_where_its_probability_rounds_to_one(dtype, margin):
    scores = np.array([[0.0, margin, 1.0], [margin, -1.0, 0.0]], dtype)
    labels = np.array([1, 0])
    gradient = mf.CrossEntropy().gradient(scores, labels)
    for row, label, computed in zip(scores, labels, gradient, strict=True):
        powers = [mpmath.exp(mpf(float(score))) for score in row]
        others = [power / mpmath.fsum(powers) for k, power in enumerate(powers) if k != label]
        expected = np.insert(list(map(float, others)), label, -float(mpmath.fsum(others)))
        np.testing.assert_allclose(computed, expected, rtol=8 * np.finfo(dtype).eps)


def test_the_pull_is_the_same_in_jax_and_through_its_autodiff():
    scores, labels = jnp.array([[0.0, 40.0, 1.0]]), jnp.array([1])
    loss = mf.CrossEntropy()
    autodiff = jax.grad(lambda s: jnp.sum(loss(s, labels)))(scores)
    exact = loss.gradient(np.array(scores, np.float64), [1])
    np.testing.assert_allclose(loss.gradient(scores, labels), exact, rtol=1e-6)
    np.testing.assert_allclose(autodiff, exact, rtol=1e-6)


@every_call
@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        (SCORES, [0, 3], r"integers in 0\.\.2, got 3"),
        (SCORES, [-1, 1], r"integers in 0\.\.2, got -1.*Dataset"),
        ([0.5, 1.0], [-1, 1], r"integers in 0\.\.1, got -1"),
        (SCORES, [0.0, 1.0], r"got dtype float64.*Dataset"),
        (SCORES, ["a", "b"], r"got dtype <U1"),
        (SCORES, [True, False], r"got dtype bool"),
        (SCORES, [0, 1, 2], r"got scores \(2, 3\) and labels \(3,\)"),
        ([[1.0], [2.0]], [0, 0], r"K >= 2.*got scores \(2, 1\)"),
        (1.0, [0], r"got scores \(\) and labels \(1,\)"),
    ],
)
def test_bad_labels_and_shapes_are_named(call, scores, labels, words):
    with pytest.raises(ValueError, match=words):
        getattr(mf.CrossEntropy(), call)(np.array(scores), np.array(labels))


@every_call
@pytest.mark.parametrize("scores", [np.ones((2, 3), complex), np.full((2, 3), "1.0")])
def test_scores_are_real_numbers(call, scores):
    with pytest.raises(TypeError, match="expected real numbers"):
        getattr(mf.CrossEntropy(), call)(scores, LABELS)


def test_torch_tensors_are_refused_with_advice():
    contents = {"__module__": "torch", "shape": (2, 3), "__array__": lambda self: np.ones((2, 3))}
    tensor = type("Tensor", (), contents)()
    with pytest.raises(TypeError, match=r"torch tensor.*detach"):
        mf.CrossEntropy()(tensor, np.array(LABELS))


def test_traced_labels_need_traced_scores():
    with pytest.raises(TypeError, match="labels are traced"):
        jax.jit(lambda labels: mf.CrossEntropy()(np.array(SCORES), labels))(jnp.array(LABELS))


@every_loss
def test_no_integer_of_jax_is_read_as_a_dtype_of_its_own(loss):
    template = loss.template(jnp.array([1, 2]))
    assert template.dtype == np.float32


@pytest.fixture
def compilations():
    """The compilations that XLA was asked for, as they come."""
    seen = []

    def listen(event, duration, **_):
        if event.endswith("backend_compile_duration"):
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)


@every_loss
def test_small_numpy_arrays_compile_nothing(loss, compilations):
    scores = np.random.default_rng(0).normal(size=(7, 3))
    loss(scores, np.arange(7) % 3)
    loss.gradient(scores, np.arange(7) % 3)
    loss.slope(scores)
    if defines_probabilities(loss, 3):
        class_probabilities(loss, scores)
    assert not compilations
    jax.jit(lambda x: x + len(compilations))(np.arange(5.0))
    assert compilations
