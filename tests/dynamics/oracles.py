"""Independent loops: what a run must give, written in plain NumPy from the formulas.

Nothing here uses marginflow.  Slopes are the derivatives of the templates, margins are formed pair
by pair, and the compensated loop carries the rounding errors of its sums along.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

Slopes = Callable[[np.ndarray], np.ndarray]


def cross_entropy(margins: np.ndarray) -> np.ndarray:
    shift = np.maximum(0, (-margins).max(axis=1, keepdims=True))
    pulls = np.exp(-margins - shift)
    return -pulls / (np.exp(-shift) + pulls.sum(axis=1, keepdims=True))


def multiclass_exponential(margins: np.ndarray) -> np.ndarray:
    return -np.exp(-margins)


def pair_log_loss(margins: np.ndarray) -> np.ndarray:
    return -np.where(margins > 0, np.exp(-np.abs(margins)), 1.0) / (1 + np.exp(-np.abs(margins)))


def polynomial(margins: np.ndarray) -> np.ndarray:
    # degree 1
    return np.where(margins >= 0, -((1 + np.abs(margins)) ** -2.0), -1 + 2 * np.minimum(margins, 0))


def crammer_singer(margins: np.ndarray) -> np.ndarray:
    slopes = np.zeros_like(margins)
    rows, first = np.arange(len(margins)), margins.argmin(axis=1)
    slopes[rows, first] = np.where(margins[rows, first] < 1, -1.0, 0.0)
    return slopes


def weston_watkins(margins: np.ndarray) -> np.ndarray:
    return np.where(margins < 1, -1.0, 0.0)


def savage(margins: np.ndarray) -> np.ndarray:
    pulls = np.exp(-margins)
    total = pulls.sum(axis=1, keepdims=True)
    return -2 * total / (1 + total) ** 3 * pulls


def stretched_exponential(margins: np.ndarray) -> np.ndarray:
    # power 1/2
    root = np.sqrt(np.maximum(margins, 1))
    return np.where(margins >= 1, -np.exp(-root) / (2 * root), -(2 - margins) / (2 * np.e))


def lee_lin_wahba(margins: np.ndarray) -> np.ndarray:
    others = margins.shape[1]
    own = margins.sum(axis=1, keepdims=True) / (others + 1)
    active = 1 / others + own - margins > 0
    return active.sum(axis=1, keepdims=True) / (others + 1) - active


SLOPES: dict[str, Slopes] = {
    "cross-entropy": cross_entropy,
    "multiclass-exponential": multiclass_exponential,
    "pair-log-loss": pair_log_loss,
    "polynomial": polynomial,
    "crammer-singer": crammer_singer,
    "weston-watkins": weston_watkins,
    "savage": savage,
    "stretched-exponential": stretched_exponential,
    "lee-lin-wahba": lee_lin_wahba,
}


def multiclass_gradient(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, slopes: Slopes
) -> np.ndarray:
    """The gradient of the summed risk, through the matrix A of all pairs."""
    n, n_classes = len(features), weights.shape[1]
    others = np.array([[k for k in range(n_classes) if k != label] for label in labels])
    scores = features @ weights
    rows = np.arange(n)[:, None]
    pulls = slopes(scores[np.arange(n), labels][:, None] - scores[rows, others])
    by_class = np.zeros_like(scores)
    np.add.at(by_class, (rows, others), -pulls)
    np.add.at(by_class, (np.arange(n), labels), pulls.sum(axis=1))
    return features.T @ by_class


def binary_gradient(
    features: np.ndarray, labels: np.ndarray, weights: np.ndarray, slopes: Slopes
) -> np.ndarray:
    """The gradient of the summed risk in weights (d,)."""
    rows = features * np.where(labels == 1, 1.0, -1.0)[:, None]
    return rows.T @ slopes((rows @ weights)[:, None])[:, 0]


def descend(
    features: np.ndarray,
    labels: np.ndarray,
    initial: np.ndarray,
    slopes: Slopes,
    *,
    learning_rate: float,
    steps: int,
    momentum: float = 0.0,
    mean: bool = False,
    batches: Callable[[int], np.ndarray] | None = None,
) -> np.ndarray:
    """The iterates of heavy ball, (steps + 1, ...)."""
    gradient = binary_gradient if initial.ndim == 1 else multiclass_gradient
    path = [np.array(initial, dtype=np.float64)]
    velocity = np.zeros_like(path[0])
    for step in range(steps):
        chosen = slice(None) if batches is None else batches(step)
        X, y = features[chosen], labels[chosen]
        pull = gradient(X, y, path[-1], slopes) / (len(X) if mean else 1)
        velocity = momentum * velocity - learning_rate * pull
        path.append(path[-1] + velocity)
    return np.array(path)


def reshuffled(seed: int, n: int, size: int) -> Callable[[int], np.ndarray]:
    """The samples of each step: permutations by epoch, cut in order, remainder dropped."""
    per_epoch = n // size
    key = jax.random.key(seed, impl="threefry2x32")

    def batch(step: int) -> np.ndarray:
        epoch, place = divmod(step, per_epoch)
        with jax.enable_x64(True):
            order = np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), n))
        return order[place * size : (place + 1) * size]

    return batch


def compensated_descent(
    features: np.ndarray,
    labels: np.ndarray,
    initial: np.ndarray,
    loss: str,
    *,
    learning_rate: float,
    steps: int,
    momentum: float = 0.0,
) -> np.ndarray:
    """The last iterate of heavy ball on the summed risk, compiled, with compensated sums.

    A plain loop rounds W each time a step is added, and gathers 1e-13 in 10^7 steps.  Here W is an
    unevaluated sum of two arrays: what a step loses is kept in the second (Knuth's two-sum), and
    the margins see both.  The gradient itself is rounded once a step, relative to itself.
    """
    with jax.enable_x64(True):
        arguments = (features, _pair_codes(labels, initial), np.asarray(initial, dtype=float))
        arrays = [jnp.asarray(array) for array in arguments]
        run = _compensated(*arrays, learning_rate, momentum, steps, loss)
        return np.asarray(run)


def _pair_codes(labels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, K-1, K): +1 at the own class and -1 at the other one; binary (n, 1, 1): the sign."""
    if weights.ndim == 1:
        return np.where(labels == 1, 1.0, -1.0)[:, None, None]
    eye = np.eye(weights.shape[1])
    return np.array([[eye[y] - eye[k] for k in range(len(eye)) if k != y] for y in labels])


def compensated_method(
    features: np.ndarray,
    labels: np.ndarray,
    initial: np.ndarray,
    loss: str,
    rule: str,
    *,
    steps: int,
    **settings: float,
) -> np.ndarray:
    """The last iterate of another method on the summed risk, with compensated sums."""
    with jax.enable_x64(True):
        arguments = (features, _pair_codes(labels, initial), np.asarray(initial, dtype=float))
        arrays = [jnp.asarray(array) for array in arguments]
        return np.asarray(_compensated_rule(*arrays, settings, steps, loss, rule))


@functools.partial(jax.jit, static_argnames="loss")
def _compensated(features, codes, initial, learning_rate, momentum, steps, loss):
    def rule(_, gradient, velocity, unused):
        velocity = momentum * velocity - learning_rate * gradient
        return velocity, velocity, unused

    return _compensated_loop(features, codes, initial, steps, loss, rule)


@functools.partial(jax.jit, static_argnames=("loss", "rule"))
def _compensated_rule(features, codes, initial, settings, steps, loss, rule):
    def step(index, gradient, first, second):
        return RULES[rule](settings, index, gradient, first, second)

    # past margin 100 slopes are exponential, and a common factor of theirs is no matter here
    most = 100.0 if rule == "normalized" else jnp.inf
    return _compensated_loop(features, codes, initial, steps, loss, step, most)


def _compensated_loop(features, codes, initial, steps, loss, rule, most=jnp.inf):
    shape = initial.shape
    matrix = initial.reshape(features.shape[1], -1)

    def pull(high, low):
        scores = features @ high + features @ low
        margins = jnp.sum(codes * scores[:, None, :], axis=-1)
        margins = margins - jnp.maximum(jnp.min(margins) - most, 0.0)
        slopes = _SMOOTH_SLOPES[loss](margins)
        return features.T @ jnp.sum(codes * slopes[:, :, None], axis=1)

    def step(index, state):
        high, low, first, second = state
        change, first, second = rule(index, pull(high, low), first, second)
        total = high + change
        virtual = total - high
        error = (high - (total - virtual)) + (change - virtual)
        return total, low + error, first, second

    zero = jnp.zeros_like(matrix)
    high, low, _, _ = jax.lax.fori_loop(0, steps, step, (matrix, zero, zero, zero))
    return (high + low).reshape(shape)


def _nesterov(settings, index, gradient, before, _):
    # V = W − η G(V₋) is `before` as a step from the last point; the point is V + β (V − V₋)
    rate, momentum = settings["learning_rate"], settings["momentum"]
    velocity = momentum * before - rate * gradient
    return momentum * velocity - rate * gradient, velocity, _


def _adam(settings, index, gradient, mean, square):
    b1, b2, time = settings["b1"], settings["b2"], index + 1.0
    mean = b1 * mean + (1 - b1) * gradient
    square = b2 * square + (1 - b2) * gradient**2
    root = jnp.sqrt(square / (1 - b2**time))
    change = -settings["learning_rate"] * (mean / (1 - b1**time)) / (root + settings["eps"])
    return change, mean, square


def _rmsprop(settings, index, gradient, square, _):
    decay = settings["decay"]
    square = decay * square + (1 - decay) * gradient**2
    return -settings["learning_rate"] * gradient / (jnp.sqrt(square) + settings["eps"]), square, _


def _normalized(settings, index, gradient, *memory):
    length = settings["learning_rate"] * (index + 1.0) ** -settings["exponent"]
    return -length * gradient / jnp.linalg.norm(gradient), *memory


RULES = {
    "nesterov": _nesterov,
    "adam": _adam,
    "rmsprop": _rmsprop,
    "normalized": _normalized,
}


def _smooth_cross_entropy(margins):
    shift = jnp.maximum(0, jnp.max(-margins, axis=1, keepdims=True))
    pulls = jnp.exp(-margins - shift)
    return -pulls / (jnp.exp(-shift) + jnp.sum(pulls, axis=1, keepdims=True))


_SMOOTH_SLOPES = {
    "cross-entropy": _smooth_cross_entropy,
    "multiclass-exponential": lambda margins: -jnp.exp(-margins),
    "pair-log-loss": lambda margins: -1 / (1 + jnp.exp(margins)),
}
