"""Is fast-forward's error estimate honest beyond gradient descent?  Against the compensated loop.

    python -m benchmarks.fast_forward_methods [--problems 40] [--seed 0] [--method adam]

Every problem is a linear teacher's data of one of four shapes, with a random start, random settings
of each method, and a random number of steps.  The truth is the loop, run with compensated sums;
on minibatches it is the run of the same seed.  Printed for each method: how often the estimate is
at least the true error, the median and the least overestimate, the largest true error, how many
runs missed the tolerance or were not forwarded, and the median time.
"""

import argparse
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tests.dynamics.oracles import compensated_method

import marginflow as mf
from benchmarks.fast_forward_honesty import random_problem
from marginflow.dynamics import optimizers, step_bound
from marginflow.losses import get_loss
from marginflow.margins import as_linear_map

LOSSES = ("cross-entropy", "pair-log-loss")
MOST_STEPS = 1e6


class Case(NamedTuple):
    """A method with its settings.

    Attributes:
        optimizer: of marginflow.
        rule: the oracle's name of it; None for minibatches of gradient descent.
        settings: the oracle's.
        options: more arguments of `fast_forward`.
    """

    optimizer: Any
    rule: str | None
    settings: dict[str, float]
    options: dict[str, Any]


def nesterov(rng: np.random.Generator, bound: float, size: float) -> Case:
    rate, momentum = rng.uniform(0.01, 0.99) * bound, float(rng.choice([0.5, 0.9]))
    settings = {"learning_rate": rate, "momentum": momentum}
    return Case(optimizers.Nesterov(**settings), "nesterov", settings, {})


def adam(rng: np.random.Generator, bound: float, size: float) -> Case:
    settings = {
        "learning_rate": math.exp(rng.uniform(math.log(1e-3), math.log(1e-2))),
        "b1": float(rng.choice([0.5, 0.9])),
        "b2": float(rng.choice([0.99, 0.999])),
        "eps": float(rng.choice([1e-8, 1e-4])),
    }
    return Case(optimizers.Adam(**settings), "adam", settings, {})


def rmsprop(rng: np.random.Generator, bound: float, size: float) -> Case:
    settings = {
        "learning_rate": math.exp(rng.uniform(math.log(1e-3), math.log(1e-2))),
        "decay": float(rng.choice([0.9, 0.99])),
        "eps": float(rng.choice([1e-6, 1e-4])),
    }
    return Case(optimizers.RMSProp(**settings), "rmsprop", settings, {})


def normalized(rng: np.random.Generator, bound: float, size: float) -> Case:
    exponent = float(rng.choice([0.0, 0.5]))
    scale = math.exp(rng.uniform(math.log(0.01), math.log(0.5))) / size
    rate = optimizers.PowerSchedule(scale, exponent) if exponent else scale
    settings = {"learning_rate": scale, "exponent": exponent}
    return Case(optimizers.NormalizedGD(rate), "normalized", settings, {})


def minibatches(rng: np.random.Generator, bound: float, size: float) -> Case:
    rate = rng.uniform(0.05, 0.9) * bound
    options = {
        "batch_size": int(rng.integers(1, 7)),
        "replacement": bool(rng.random() < 0.3),
        "seed": int(rng.integers(1000)),
        "rtol": 1e-3,
    }
    return Case(optimizers.HeavyBall(rate), None, {}, options)


METHODS: dict[str, Callable[[np.random.Generator, float, float], Case]] = {
    "nesterov": nesterov,
    "adam": adam,
    "rmsprop": rmsprop,
    "normalized": normalized,
    "minibatches": minibatches,
}


class Outcome(NamedTuple):
    method: str
    problem: int
    loss: str
    case: Case
    steps: int
    prefix: int
    estimate: float
    error: float
    seconds: float
    status: str

    @property
    def honest(self) -> bool:
        return self.estimate >= self.error

    @property
    def forwarded(self) -> bool:
        return self.prefix < self.steps and math.isfinite(self.estimate)


def outcome(method: str, number: int, seed: int) -> Outcome:
    """One method on one problem."""
    rng = np.random.default_rng([seed, number])
    features, labels, initial = random_problem(rng)
    initial = initial * min(1.0, 3.0 / max(float(np.abs(initial).max()), 1e-9))
    data, loss = mf.Dataset(features, labels), str(rng.choice(LOSSES))
    bound = step_bound(as_linear_map(data, "honesty"), get_loss(loss), initial)
    assert bound is not None
    size = float(np.linalg.norm(features, axis=1).max())
    case = METHODS[method](rng, bound.value, size)
    steps = round(math.exp(rng.uniform(math.log(1e4), math.log(MOST_STEPS))))
    limit = mf.max_margin(data)
    start = time.perf_counter()
    far = mf.fast_forward(
        data,
        loss,
        case.optimizer,
        steps=steps,
        initial=initial,
        limit=limit,
        throw=False,
        **case.options,
    )
    seconds = time.perf_counter() - start
    if case.rule is None:
        draws = {name: value for name, value in case.options.items() if name != "rtol"}
        run = mf.train(data, loss, case.optimizer, steps=steps, initial=initial, record=[], **draws)
        exact = run.weights
    else:
        exact = compensated_method(
            features, labels, initial, loss, case.rule, steps=steps, **case.settings
        )
    error = float(np.linalg.norm(far.weights - exact) / np.linalg.norm(exact))
    return Outcome(
        method,
        number,
        loss,
        case,
        steps,
        far.prefix,
        far.error_estimate,
        error,
        seconds,
        str(far.status),
    )


def table(found: list[Outcome]) -> str:
    """One row a method; the runs made exactly are counted apart."""
    lines = [
        f"{'method':14}{'runs':>6}{'honest':>9}{'forwarded':>11}{'overestimate':>14}{'least':>8}"
        f"{'worst error':>13}{'not done':>10}{'time':>9}"
    ]
    for name in dict.fromkeys(row.method for row in found):
        rows = [row for row in found if row.method == name]
        forwarded = [row for row in rows if row.forwarded]
        ratios = [row.estimate / max(row.error, 1e-300) for row in forwarded] or [math.nan]
        lines.append(
            f"{name:14}{len(rows):6}{np.mean([row.honest for row in rows]):9.2%}"
            f"{len(forwarded):11}{np.median(ratios):13.1f}x{min(ratios):7.2f}x"
            f"{max((row.error for row in forwarded), default=math.nan):13.1e}"
            f"{sum(row.status != 'done' for row in rows):10}"
            f"{np.median([row.seconds for row in rows]) * 1e3:6.0f} ms"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the number of the first problem")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=METHODS, action="append", help="all by default")
    options = parser.parse_args()
    found: list[Outcome] = []
    for method in options.method or METHODS:
        for number in range(options.first, options.first + options.problems):
            found.append(outcome(method, number, options.seed))
            if not found[-1].honest or found[-1].status != "done":
                print(found[-1], flush=True)
        print(table(found), flush=True)


if __name__ == "__main__":
    main()
