"""One step of each optimizer: the compiled run against a NumPy loop and a loop of torch.optim.

K = 4, d = 24, n = 40 Gaussian clusters, cross-entropy.  All three loops start from zero and make
the same steps; torch.optim takes part where it has the method, with one thread, and its gradient by
autograd as its users have it.  The NumPy loops are those that the tests compare with.
"""

import numpy as np
from tests.dynamics.optimizer_oracles import STEPS as FORMULAS

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

        timing = in_turn(ours, lambda name=name: numpy_loop(name, features, labels), rounds=3)
        row = {
            "optimizer": name,
            "marginflow [us/step]": 1e6 * timing.ours / STEPS,
            "NumPy [us/step]": 1e6 * timing.theirs / NUMPY_STEPS,
            "ratio to NumPy": timing.ratio * STEPS / NUMPY_STEPS,
        }
        if name in TORCH:
            timing = in_turn(ours, lambda name=name: torch_loop(name, features, labels), rounds=3)
            row["torch [us/step]"] = 1e6 * timing.theirs / TORCH_STEPS
            row["ratio to torch"] = timing.ratio * STEPS / TORCH_STEPS
        rows.append(row)
    return rows


def numpy_gradient(features, one_hot, weights):
    """The gradient of the summed cross-entropy, and the sum of the slopes of all margins."""
    scores = features @ weights
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    scores -= one_hot
    return features.T @ scores, 0.5 * np.abs(scores).sum()


def numpy_loop(name: str, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A loop of the formula, with what it remembers in a dictionary."""
    one_hot = np.eye(N_CLASSES)[labels]
    weights, memory, step = np.zeros((N_FEATURES, N_CLASSES)), {}, FORMULAS[name]
    with np.errstate(invalid="ignore"):  # a gradient that underflows, divided by its size
        for index in range(NUMPY_STEPS):
            gradient, pull = numpy_gradient(features, one_hot, weights)
            weights = step(weights, gradient, pull, RATE, index, memory)
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
