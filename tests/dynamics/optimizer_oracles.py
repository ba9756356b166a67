"""Plain NumPy loops of every optimizer, written from the formulas.

Nothing here uses marginflow.  `loop` gives the iterates of a method on a gradient function; a step
may also ask for the sum of all pulls, by which two methods divide.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

Gradient = Callable[[np.ndarray], tuple[np.ndarray, float]]


def loop(name: str, gradient: Gradient, initial: np.ndarray, rate: Any, steps: int) -> np.ndarray:
    """The iterates (steps + 1, ...) of a registered method with its settings by default."""
    W, memory = np.array(initial, dtype=float), {"gradient": gradient}
    path = [W]
    for t in range(steps):
        eta = rate(t) if callable(rate) else rate
        G, pull = gradient(W)
        W = STEPS[name](W, G, pull, eta, t, memory)
        path.append(W)
    return np.array(path)


def average(memory: dict, key: str, decay: float, value: np.ndarray, weight: float) -> np.ndarray:
    memory[key] = decay * memory.get(key, np.zeros_like(value)) + weight * value
    return memory[key]


def gd(W, G, pull, eta, t, memory):
    return W - eta * G


def heavy_ball(W, G, pull, eta, t, memory):
    return W - eta * average(memory, "v", 0.9, G, 1.0)


def nesterov(W, G, pull, eta, t, memory):
    return W - eta * (G + 0.9 * average(memory, "v", 0.9, G, 1.0))


def normalized_gd(W, G, pull, eta, t, memory):
    return W - eta * G / np.sqrt(np.sum(G**2))


def cubic(W, G, pull, eta, t, memory):
    # p = 3, q = 3/2: |D| is |G|^(1/2) over its 3-norm
    root = np.sign(G) * np.sqrt(np.abs(G))
    return W - eta * root / np.sum(np.abs(root) ** 3) ** (1 / 3)


def sign(W, G, pull, eta, t, memory):
    return W - eta * np.sign(G)


def signum(W, G, pull, eta, t, memory):
    return W - eta * np.sign(average(memory, "m", 0.9, G, 0.1))


def polar(G):
    """The polar factor on the range of G: singular values above rounding count."""
    U, values, Vt = scipy.linalg.svd(G, full_matrices=False)
    kept = values > max(G.shape) * np.finfo(float).eps * values[0]
    return U[:, kept] @ Vt[kept]


def spectral(W, G, pull, eta, t, memory):
    return W - eta * polar(G)


def muon(W, G, pull, eta, t, memory):
    M = average(memory, "m", 0.95, G, 1.0)
    X = (G + 0.95 * M).T
    X = X / np.linalg.norm(X)
    for _ in range(5):
        A = X @ X.T
        X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
    return W - eta * X.T


def muon_exact(W, G, pull, eta, t, memory):
    return W - eta * polar(G + 0.95 * average(memory, "m", 0.95, G, 1.0))


def class_normalized(W, G, pull, eta, t, memory):
    return W - eta * G / np.linalg.norm(G, axis=0)


def nuclear(W, G, pull, eta, t, memory):
    U, _, Vt = scipy.linalg.svd(G)
    return W - eta * np.outer(U[:, 0], Vt[0])


def coordinate(W, G, pull, eta, t, memory):
    W = W.copy()
    j, k = np.unravel_index(np.argmax(np.abs(G)), G.shape)
    W[j, k] -= eta * np.sign(G[j, k])
    return W


def mirror(W, G, pull, eta, t, memory):
    # p = 3
    Z = np.sign(W) * W**2 - eta * G
    return np.sign(Z) * np.sqrt(np.abs(Z))


def adagrad(W, G, pull, eta, t, memory):
    return W - eta * G / (np.sqrt(average(memory, "v", 1.0, G**2, 1.0)) + 1e-10)


def rmsprop(W, G, pull, eta, t, memory):
    return W - eta * G / (np.sqrt(average(memory, "v", 0.99, G**2, 0.01)) + 1e-8)


def adam_direction(G, t, memory, eps=1e-8):
    m = average(memory, "m", 0.9, G, 0.1) / (1 - 0.9 ** (t + 1))
    memory["root"] = np.sqrt(average(memory, "v", 0.999, G**2, 0.001) / (1 - 0.999 ** (t + 1)))
    return m / (memory["root"] + eps)


def adam(W, G, pull, eta, t, memory):
    return W - eta * adam_direction(G, t, memory)


def adamw(W, G, pull, eta, t, memory):
    return W - eta * 0.01 * W - eta * adam_direction(G, t, memory)


def lion(W, G, pull, eta, t, memory):
    direction = np.sign(0.9 * memory.get("m", np.zeros_like(G)) + 0.1 * G)
    average(memory, "m", 0.99, G, 0.01)
    return W - eta * direction


def prgd(W, G, pull, eta, t, memory):
    # growth 1.02, period 5, after 100 steps
    if t < 100:
        return W - eta * G / pull
    if (t - 100) % 5 == 0:
        memory["radius"] = 1.02 * memory.get("radius", np.linalg.norm(W))
        return W * memory["radius"] / np.linalg.norm(W)
    V = W - eta * G / pull
    return V * min(1.0, memory["radius"] / np.linalg.norm(V))


def dual_momentum(W, G, pull, eta, t, memory):
    H = G / pull
    if t == 0:
        memory["g"] = np.zeros_like(G)
    else:
        memory["g"] = (t - 1) / t * (memory["g"] + H)
    return W - eta * (memory["g"] + H)


def loss_based_gd(W, G, pull, eta, t, memory):
    # growth 1.2, decrease 0.3; the risk of the multiclass exponential loss is the sum of its pulls
    H = G / pull
    rate = min(1.2 * memory.get("rate", np.inf), eta / np.sum(H**2))
    while np.log(memory["gradient"](W - rate * H)[1] / pull) > -0.3 * rate * np.sum(H**2):
        rate /= 2
    memory["rate"] = rate
    return W - rate * H


STEPS: dict[str, Callable[..., np.ndarray]] = {
    "gd": gd,
    "heavy-ball": heavy_ball,
    "nesterov": nesterov,
    "normalized-gd": normalized_gd,
    "steepest": cubic,
    "sign": sign,
    "signum": signum,
    "spectral": spectral,
    "muon": muon,
    "muon-exact": muon_exact,
    "class-normalized": class_normalized,
    "nuclear": nuclear,
    "coordinate": coordinate,
    "mirror": mirror,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "lion": lion,
    "prgd": prgd,
    "dual-momentum": dual_momentum,
    "loss-based-gd": loss_based_gd,
}
