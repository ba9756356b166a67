"""Fast-forward against the loop that makes every step."""

import math

import numpy as np

import marginflow as mf
from benchmarks.timing import seconds

STEPS = (10**5, 10**6, 10**7)


def main() -> list[dict]:
    """Rows of seconds, ratios and errors, for growing step counts; the loop up to 10⁷ steps."""
    data = mf.linear_teacher(0)
    loss = mf.CrossEntropy()
    rate = 0.9 * mf.step_bound(data, loss).value
    limit = mf.max_margin(data)
    rows = []
    for steps in (*STEPS, 10**100, 10**5000):

        def forward(steps=steps):
            return mf.fast_forward(data, loss, learning_rate=rate, steps=steps, limit=limit)

        ours = seconds(forward)
        far = forward()
        row = {
            "log10 steps": math.log(steps) / math.log(10),
            "fast-forward [s]": ours,
            "error estimate": far.error_estimate,
        }
        if steps <= STEPS[-1]:
            kept = []
            theirs = seconds(
                lambda steps=steps, kept=kept: kept.append(
                    mf.gradient_descent(
                        data, loss, learning_rate=rate, steps=steps, record=[steps]
                    ).weights
                ),
                rounds=1,
            )
            error = np.linalg.norm(far.weights - kept[-1]) / np.linalg.norm(kept[-1])
            row |= {"loop [s]": theirs, "ratio": theirs / ours, "difference": float(error)}
        rows.append(row)
    return rows
