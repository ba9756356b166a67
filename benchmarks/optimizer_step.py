"""One step of each optimizer: the compiled run against a NumPy loop and a loop of torch.optim.

K = 4, d = 24, n = 40 Gaussian clusters, cross-entropy.  All three loops start from zero and make
the same steps; torch.optim takes part where it has the method, with one thread, and its gradient by
autograd as its users have it.  The NumPy loops are those of the formulas.
"""

import numpy as np

import marginflow as mf
from benchmarks.timing import in_turn

N_CLASSES, N_FEATURES, PER_CLASS = 4, 24, 10
STEPS, NUMPY_STEPS, TORCH_STEPS = 10_000, 1_000, 300
RATE = 0.01
TORCH = {
    "gd": ("SGD", {}),
    "heavy-ball": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", {}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
    "muon": ("Muon", {"lr": RATE, "weight_decay": 0.0}),
}


def main() -> list[dict]:
    """Rows of microseconds a step and ratios, for each optimizer."""
    features, labels = _clusters()
    rows = []
    for name in mf.registered_optimizers():
        settings = {"norm": "l3"} if name == "steepest" else {}
        optimizer = mf.get_optimizer(name, learning_rate=RATE, **settings)

        def ours(optimizer=optimizer):
            return mf.train(
                (features, labels),
                mf.CrossEntropy(),
                optimizer,
                steps=STEPS,
                record=[STEPS],
                throw=False,
            )

        row = {"optimizer": name}
        if name in NUMPY:
            timing = in_turn(ours, lambda name=name: numpy_loop(name, features, labels), rounds=3)
            row["marginflow [us/step]"] = 1e6 * timing.ours / STEPS
            row["NumPy [us/step]"] = 1e6 * timing.theirs / NUMPY_STEPS
            row["ratio to NumPy"] = timing.ratio * STEPS / NUMPY_STEPS
        if name in TORCH:
            timing = in_turn(ours, lambda name=name: torch_loop(name, features, labels), rounds=3)
            row["marginflow [us/step]"] = 1e6 * timing.ours / STEPS
            row["torch [us/step]"] = 1e6 * timing.theirs / TORCH_STEPS
            row["ratio to torch"] = timing.ratio * STEPS / TORCH_STEPS
        rows.append(row)
    return rows


def numpy_gradient(features, one_hot, weights):
    """The gradient of the summed cross-entropy."""
    scores = features @ weights
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    scores -= one_hot
    return features.T @ scores


def numpy_loop(name: str, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A loop of the formula, with what it remembers in a dictionary."""
    one_hot = np.eye(N_CLASSES)[labels]
    weights, memory = np.zeros((N_FEATURES, N_CLASSES)), {}
    for index in range(NUMPY_STEPS):
        gradient = numpy_gradient(features, one_hot, weights)
        weights = weights - RATE * NUMPY[name](gradient, index, memory)
    return weights


def torch_loop(name: str, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The loop of the torch documentation."""
    import torch

    torch.set_num_threads(1)
    X, y = torch.tensor(features), torch.tensor(labels)
    weights = torch.nn.Parameter(torch.zeros(N_FEATURES, N_CLASSES, dtype=torch.float64))
    kind, settings = TORCH[name]
    optimizer = getattr(torch.optim, kind)([weights], **{"lr": RATE} | settings)
    loss = torch.nn.CrossEntropyLoss(reduction="sum")
    for _ in range(TORCH_STEPS):
        optimizer.zero_grad()
        loss(X @ weights, y).backward()
        optimizer.step()
    return weights.detach().numpy()


def _clusters() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    centers = generator.standard_normal((N_CLASSES, N_FEATURES))
    labels = np.repeat(np.arange(N_CLASSES), PER_CLASS)
    noise = 0.1 * generator.standard_normal((len(labels), N_FEATURES))
    return centers[labels] + noise, labels


def _momentum(gradient, memory, decay):
    memory["m"] = decay * memory.get("m", 0.0) + gradient
    return memory["m"]


def _polar(matrix):
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    left *= values > values[0] * 1e-14
    return left @ right


def _newton_schulz(matrix):
    x = matrix.T / np.linalg.norm(matrix)
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T


def _ahead(gradient, memory):
    return gradient + 0.95 * _momentum(gradient, memory, 0.95)


def _adam(gradient, index, memory):
    m = memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * gradient
    v = memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * gradient**2
    root = np.sqrt(v / (1 - 0.999 ** (index + 1)))
    return m / (1 - 0.9 ** (index + 1)) / (root + 1e-8)


NUMPY = {
    "gd": lambda g, t, s: g,
    "heavy-ball": lambda g, t, s: _momentum(g, s, 0.9),
    "nesterov": lambda g, t, s: g + 0.9 * _momentum(g, s, 0.9),
    "normalized-gd": lambda g, t, s: g / np.linalg.norm(g),
    "sign": lambda g, t, s: np.sign(g),
    "signum": lambda g, t, s: np.sign(_momentum(g, s, 0.9)),
    "spectral": lambda g, t, s: _polar(g),
    "muon": lambda g, t, s: _newton_schulz(_ahead(g, s)),
    "muon-exact": lambda g, t, s: _polar(_ahead(g, s)),
    "class-normalized": lambda g, t, s: g / np.linalg.norm(g, axis=0),
    "adam": _adam,
}
