"""Mehrotra's interior-point method, for many linear programs at once that share their constraints.

Minimizing C_p over cutting planes is one linear program for each p and each region of scores.  They
differ in the objective and in the bounds of the scores only, and are as small as K: so all are
solved together, a batch of normal equations in every iteration.
"""

import numpy as np

ITERATIONS = 40
# What feasibility and complementarity are to come to, and what is enough.
EXACT, ENOUGH = 1e-11, 1e-8


def minimize(
    rows: np.ndarray, bounds: np.ndarray, p: np.ndarray, least: np.ndarray, most: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Least p·t over the cuts with v between two bounds, for n programs at once.

    Mehrotra's method on A x + s = b, s ≥ 0, with multipliers z.

    Args:
        rows: of the cuts, in x = (v_2.., t).
        bounds: of the cuts.
        p: (n, K).
        least: (n, K−1), the lower bounds of v_2, ..., v_K; v_1 is 0.
        most: (n, K−1), the upper ones.

    Returns:
        Scores (n, K), lower bounds (n,) from the multipliers, and which cuts are in use.
    """
    n, k = p.shape
    eye = np.eye(2 * k - 1)
    a = np.vstack([rows, eye[: k - 1], -eye[: k - 1]])
    b = np.hstack([np.tile(bounds, (n, 1)), most, -least])
    c = np.hstack([np.zeros((n, k - 1)), p])
    squares = (a[:, :, None] * a[:, None, :]).reshape(len(a), -1)
    x = np.hstack([(least + most) / 2, np.zeros((n, k))])
    s = np.maximum(b - x @ a.T, 1.0)
    z = np.ones_like(s)
    held, bound, used = x.copy(), np.full(n, -np.inf), np.zeros((n, len(rows)), dtype=bool)
    going, error = np.arange(n), np.full(n, np.inf)
    for _ in range(ITERATIONS):
        dual, primal = z @ a + c[going], x @ a.T + s - b[going]
        off = (s * z).sum(axis=1) + np.abs(dual).max(axis=1) + np.abs(primal).max(axis=1)
        better = off < error[going]
        at = going[better]
        error[at], held[at] = off[better], x[better]
        bound[at] = _lower_bound(b[at], x[better], z[better], dual[better])
        used[at] = (z > 1e-3 * s)[better, : len(rows)]
        left = (off > EXACT) & (better | (error[going] > ENOUGH))
        if not left.any():
            break
        going, x, s, z = going[left], x[left], s[left], z[left]
        x, s, z = _advance(a, squares, x, s, z, dual[left], primal[left])
    return np.hstack([np.zeros((n, 1)), held[:, : k - 1]]), bound, np.asarray(used.any(axis=0))


def _lower_bound(b: np.ndarray, x: np.ndarray, z: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """The dual objective, less what is missing of dual feasibility within reach of x."""
    reach = np.maximum(np.abs(x), np.abs(x).max(axis=1, keepdims=True))
    return -(b * z).sum(axis=1) - (np.abs(dual) * reach).sum(axis=1)


def _advance(
    a: np.ndarray,
    squares: np.ndarray,
    x: np.ndarray,
    s: np.ndarray,
    z: np.ndarray,
    dual: np.ndarray,
    primal: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A predictor and a corrector step, given what is missing of dual and primal feasibility."""
    size = a.shape[1]
    normal = ((z / s) @ squares).reshape(-1, size, size)
    scale = np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal = normal + 1e-14 * scale * np.eye(size)

    def solve(complement: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        right = -dual - ((z * primal - complement) / s) @ a
        dx = np.linalg.solve(normal, right[:, :, None])[:, :, 0]
        ds = -primal - dx @ a.T
        return dx, ds, -(complement + z * ds) / s

    def length(of: np.ndarray, step: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.minimum(1.0, np.where(step < 0, -of / step, np.inf).min(axis=1))[:, None]

    mean = (s * z).mean(axis=1)
    dx, ds, dz = solve(s * z)
    after = ((s + length(s, ds) * ds) * (z + length(z, dz) * dz)).mean(axis=1)
    target = (after / mean) ** 3 * mean
    dx, ds, dz = solve(s * z + ds * dz - target[:, None])
    forward, back = 0.99 * length(s, ds), 0.99 * length(z, dz)
    return x + forward * dx, s + forward * ds, z + back * dz
