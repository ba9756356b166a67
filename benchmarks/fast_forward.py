"""Fast-forward against the loop that makes every step, for gradient descent and other methods."""

import math

import numpy as np

import marginflow as mf
from benchmarks.timing import seconds

STEPS = (10**5, 10**6, 10**7)
OTHERS = 3 * 10**6


def main() -> list[dict]:
    """Rows of seconds, ratios and errors; the loop up to 10⁷ steps."""
    data = mf.linear_teacher(0)
    rate = 0.9 * mf.step_bound(data, mf.CrossEntropy()).value
    descent = mf.get_optimizer("gd", learning_rate=rate)
    tasks = [("gd", descent, steps) for steps in (*STEPS, 10**100, 10**5000)]
    for name, of_bound in (("heavy-ball", 0.1), ("nesterov", 0.1), ("adam", None)):
        chosen = 0.01 if of_bound is None else of_bound * rate
        tasks.append((name, mf.get_optimizer(name, learning_rate=chosen), OTHERS))
    return _rows(data, tasks)


def _rows(data: mf.Dataset, tasks: list) -> list[dict]:
    loss, limit, rows = mf.CrossEntropy(), mf.max_margin(data), []
    for name, optimizer, steps in tasks:

        def forward(optimizer=optimizer, steps=steps):
            return mf.fast_forward(data, loss, optimizer, steps=steps, limit=limit)

        ours = seconds(forward)
        far = forward()
        row = {
            "method": name,
            "log10 steps": math.log(steps) / math.log(10),
            "fast-forward [s]": ours,
            "error estimate": far.error_estimate,
        }
        if steps <= STEPS[-1]:
            kept = []
            theirs = seconds(
                lambda steps=steps, kept=kept, optimizer=optimizer: kept.append(
                    mf.train(data, loss, optimizer, steps=steps, record=[steps]).weights
                ),
                rounds=1,
            )
            error = np.linalg.norm(far.weights - kept[-1]) / np.linalg.norm(kept[-1])
            row |= {"loop [s]": theirs, "ratio": theirs / ours, "difference": float(error)}
        rows.append(row)
    return rows
