"""Is fast-forward's error estimate honest?  Random problems against the compensated loop.

    python -m benchmarks.fast_forward_honesty [--problems 1000] [--seed 0]

Every problem is a linear teacher's data of one of four shapes, with a random start, a random number
of steps, momentum 0 or 0.9, and for each of three losses a learning rate between 1 % and 99 % of
its bound (the multiclass exponential loss: the level-set bound).  The truth is the loop itself, run
with compensated sums.  Printed for each loss: how often the estimate is at least the true error,
the median overestimate, the largest true error, and the median time.
"""

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np
from tests.dynamics.oracles import compensated_descent

import marginflow as mf
from marginflow.dynamics import step_bound
from marginflow.losses import get_loss
from marginflow.margins import as_linear_map

LOSSES = ("cross-entropy", "pair-log-loss", "multiclass-exponential")
SHAPES = ((12, 3, 2), (25, 6, 2), (15, 3, 3), (30, 4, 4))  # samples, features, classes
MOST_STEPS = 3e5


@dataclass(frozen=True)
class Outcome:
    problem: int
    loss: str
    share: float
    momentum: float
    steps: int
    prefix: int
    estimate: float
    error: float
    seconds: float
    status: str

    @property
    def honest(self) -> bool:
        return self.estimate >= self.error


def random_problem(rng: np.random.Generator):
    """Separable data with every class present, and a start."""
    n, d, n_classes = SHAPES[rng.integers(len(SHAPES))]
    while True:
        features = rng.standard_normal((n, d))
        labels = (features @ rng.standard_normal((d, n_classes))).argmax(axis=1)
        if len(set(labels)) == n_classes:
            break
    shape = (d,) if n_classes == 2 else (d, n_classes)
    initial = rng.choice([0.0, 0.3, 1.0, 3.0, 30.0]) * rng.standard_normal(shape)
    return features, labels, initial


def outcomes(number: int, seed: int):
    """The outcome of every loss on one problem."""
    rng = np.random.default_rng([seed, number])
    features, labels, initial = random_problem(rng)
    steps = round(math.exp(rng.uniform(math.log(600), math.log(MOST_STEPS))))
    momentum = float(rng.choice([0.0, 0.9]))
    data = mf.Dataset(features, labels)
    limit = mf.max_margin(data)
    for loss in LOSSES:
        share = rng.uniform(0.01, 0.99)
        bound = step_bound(as_linear_map(data, "honesty"), get_loss(loss), initial)
        assert bound is not None
        method = {"learning_rate": share * bound.value, "momentum": momentum}
        start = time.perf_counter()
        far = mf.fast_forward(
            data, loss, steps=steps, initial=initial, limit=limit, throw=False, **method
        )
        seconds = time.perf_counter() - start
        exact = compensated_descent(features, labels, initial, loss, steps=steps, **method)
        error = float(np.linalg.norm(far.weights - exact) / np.linalg.norm(exact))
        yield Outcome(
            number,
            loss,
            share,
            momentum,
            steps,
            far.prefix,
            far.error_estimate,
            error,
            seconds,
            str(far.status),
        )


def table(found: list[Outcome]) -> str:
    """One row a loss and one for all; the runs made exactly are counted apart."""
    lines = [
        f"{'loss':24}{'runs':>6}{'honest':>8}{'forwarded':>11}{'overestimate':>14}"
        f"{'least':>8}{'worst error':>13}{'not done':>10}{'time':>9}"
    ]
    for name in (*LOSSES, "all"):
        rows = [row for row in found if name in ("all", row.loss)]
        forwarded = [row for row in rows if row.prefix < row.steps and math.isfinite(row.estimate)]
        ratios = [row.estimate / max(row.error, 1e-300) for row in forwarded]
        lines.append(
            f"{name:24}{len(rows):6}{np.mean([row.honest for row in rows]):8.2%}"
            f"{len(forwarded):11}{np.median(ratios):13.1f}x{min(ratios):7.2f}x"
            f"{max(row.error for row in rows):13.1e}"
            f"{sum(row.status != 'done' for row in rows):10}"
            f"{np.median([row.seconds for row in forwarded]) * 1e3:6.0f} ms"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first problem")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found: list[Outcome] = []
    for number in range(options.first, options.first + options.problems):
        for outcome in outcomes(number, options.seed):
            found.append(outcome)
            if not outcome.honest or outcome.status != "done":
                print(outcome, flush=True)
    print(table(found))
    forwarded = [row for row in found if row.prefix < row.steps and math.isfinite(row.estimate)]
    print("the least overestimates:")
    for row in sorted(forwarded, key=lambda row: row.estimate / row.error)[:5]:
        print(row)


if __name__ == "__main__":
    main()
