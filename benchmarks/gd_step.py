"""One step of gradient descent: the compiled loop against NumPy and against JAX called from Python.

The NumPy loop is vectorized and preallocated, with both products written `out=`.  The JAX loop
calls one jitted step from Python and records its loss and direction at each step, as the notebooks
of the experiments in the literature do.
"""

import jax
import jax.numpy as jnp
import numpy as np

import marginflow as mf
from benchmarks.timing import in_turn

SIZES = ((100, 10, 3, 20_000), (2_000, 50, 10, 1_000), (20_000, 100, 10, 60))


def main() -> list[dict]:
    """Rows of microseconds a step and ratios, for each size."""
    rows = []
    for n, d, n_classes, steps in SIZES:
        data = mf.linear_teacher(0, n_samples=n, n_features=d, n_classes=n_classes)
        rate = 0.5 * mf.step_bound(data, mf.CrossEntropy()).value

        def ours(data=data, rate=rate, steps=steps):
            return mf.gradient_descent(
                data, mf.CrossEntropy(), learning_rate=rate, steps=steps, record=[steps]
            ).weights

        def numpy_side(data=data, rate=rate, steps=steps):
            return numpy_loop(data, rate, steps)

        recorded = max(steps // 10, 20)

        def jax_side(data=data, rate=rate, steps=recorded):
            return recording_loop(data, rate, steps)

        assert np.allclose(ours(), numpy_side(), rtol=1e-9, atol=1e-12)
        against_numpy = in_turn(ours, numpy_side)
        against_jax = in_turn(ours, jax_side)
        rows.append(
            {
                "n": n,
                "d": d,
                "K": n_classes,
                "marginflow [us/step]": 1e6 * against_numpy.ours / steps,
                "NumPy [us/step]": 1e6 * against_numpy.theirs / steps,
                "ratio to NumPy": against_numpy.ratio,
                "recording JAX [us/step]": 1e6 * against_jax.theirs / recorded,
                "ratio to recording JAX": against_jax.ratio * steps / recorded,
            }
        )
    return rows


def numpy_loop(data: mf.Dataset, rate: float, steps: int) -> np.ndarray:
    """Softmax regression by gradient descent, with every array allocated once."""
    features, transposed = data.features, np.ascontiguousarray(data.features.T)
    n, n_classes = len(features), data.n_classes
    one_hot = np.eye(n_classes)[data.labels]
    weights, gradient = np.zeros((features.shape[1], n_classes)), None
    gradient = np.empty_like(weights)
    scores, column = np.empty((n, n_classes)), np.empty((n, 1))
    for _ in range(steps):
        np.matmul(features, weights, out=scores)
        np.amax(scores, axis=1, keepdims=True, out=column)
        np.subtract(scores, column, out=scores)
        np.exp(scores, out=scores)
        np.sum(scores, axis=1, keepdims=True, out=column)
        np.divide(scores, column, out=scores)
        np.subtract(scores, one_hot, out=scores)
        np.matmul(transposed, scores, out=gradient)
        np.multiply(gradient, rate, out=gradient)
        np.subtract(weights, gradient, out=weights)
    return weights


def recording_loop(data: mf.Dataset, rate: float, steps: int) -> np.ndarray:
    """A jitted step called from Python, recording loss and direction error after each."""
    with mf.x64():
        features, labels = jnp.asarray(data.features), jnp.asarray(data.labels)
        target = jnp.ones((data.n_features, data.n_classes))
        target = target / jnp.linalg.norm(target)

        def risk(weights):
            scores = features @ weights
            return -jnp.sum(jax.nn.log_softmax(scores)[jnp.arange(len(labels)), labels])

        @jax.jit
        def step(weights):
            value, gradient = jax.value_and_grad(risk)(weights)
            weights = weights - rate * gradient
            return weights, value, jnp.linalg.norm(weights / jnp.linalg.norm(weights) - target)

        weights = jnp.zeros((data.n_features, data.n_classes))
        losses, errors = [], []
        for _ in range(steps):
            weights, value, error = step(weights)
            losses.append(float(value))
            errors.append(float(error))
        return np.asarray(weights)
