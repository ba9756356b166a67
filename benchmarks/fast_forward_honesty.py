"""Is fast-forward's error estimate honest?  Random problems against the loop itself.

    python -m benchmarks.fast_forward_honesty [--problems 40] [--seed 0] [--method adam]

Every problem is a linear teacher's data of one of four shapes, with a random start, random settings
of each method, one of its losses, and a random number of steps.  The truth is the loop, run with
compensated sums; on minibatches it is the run of the same seed.  Gradient descent and heavy ball
have learning rates between 1 % and 99 % of the bound (the multiclass exponential loss: the
level-set bound).  Printed for each method and loss: how often the estimate is at least the true
error, how many runs were forwarded, the median and the least overestimate and the largest true
error of those, how many missed the tolerance, and the median time; then the least overestimates.
"""

import argparse
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tests.dynamics.oracles import compensated_descent, compensated_method

import marginflow as mf
from marginflow.dynamics import optimizers, step_bound
from marginflow.losses import get_loss
from marginflow.margins import as_linear_map

SHAPES = ((12, 3, 2), (25, 6, 2), (15, 3, 3), (30, 4, 4))  # samples, features, classes
LOSSES = ("cross-entropy", "pair-log-loss")
LEAST_LISTED = 5


class Case(NamedTuple):
    """A method with its settings.

    Attributes:
        optimizer: of marginflow.
        rule: the oracle's name of it; None for minibatches, whose truth is the run.
        settings: the oracle's.
        options: more arguments of `fast_forward`.
    """

    optimizer: Any
    rule: str | None
    settings: dict[str, float]
    options: dict[str, Any]


def heavy_ball(rng: np.random.Generator, bound: float, size: float) -> Case:
    rate, momentum = rng.uniform(0.01, 0.99) * bound, float(rng.choice([0.0, 0.9]))
    settings = {"learning_rate": rate, "momentum": momentum}
    return Case(optimizers.HeavyBall(**settings), "heavy-ball", settings, {})


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


class Method(NamedTuple):
    """What is drawn for a method.

    Attributes:
        draw: its settings, from the step-size bound and the longest sample.
        losses: of which each problem has one.
        steps: the least and the most.
        largest: entry of a start.
    """

    draw: Callable[[np.random.Generator, float, float], Case]
    losses: tuple[str, ...] = LOSSES
    steps: tuple[float, float] = (1e4, 1e6)
    largest: float = 3.0


METHODS = {
    "heavy-ball": Method(heavy_ball, (*LOSSES, "multiclass-exponential"), (600, 3e5), math.inf),
    "nesterov": Method(nesterov),
    "adam": Method(adam),
    "rmsprop": Method(rmsprop),
    "normalized": Method(normalized),
    "minibatches": Method(minibatches),
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

    @property
    def overestimate(self) -> float:
        return self.estimate / max(self.error, 1e-300)


def random_problem(
    rng: np.random.Generator, largest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Separable data with every class present, and a start."""
    n, d, n_classes = SHAPES[rng.integers(len(SHAPES))]
    while True:
        features = rng.standard_normal((n, d))
        labels = (features @ rng.standard_normal((d, n_classes))).argmax(axis=1)
        if len(set(labels)) == n_classes:
            break
    shape = (d,) if n_classes == 2 else (d, n_classes)
    initial = rng.choice([0.0, 0.3, 1.0, 3.0, 30.0]) * rng.standard_normal(shape)
    return features, labels, initial * min(1.0, largest / max(float(np.abs(initial).max()), 1e-9))


def outcome(name: str, number: int, seed: int) -> Outcome:
    """One method on one problem."""
    method, rng = METHODS[name], np.random.default_rng([seed, number])
    features, labels, initial = random_problem(rng, method.largest)
    data, loss = mf.Dataset(features, labels), str(rng.choice(method.losses))
    bound = step_bound(as_linear_map(data, "honesty"), get_loss(loss), initial)
    assert bound is not None
    case = method.draw(rng, bound.value, float(np.linalg.norm(features, axis=1).max()))
    steps = round(math.exp(rng.uniform(*map(math.log, method.steps))))
    settings = {"steps": steps, "initial": initial}
    limit = mf.max_margin(data)
    start = time.perf_counter()
    far = mf.fast_forward(
        data, loss, case.optimizer, limit=limit, throw=False, **settings, **case.options
    )
    seconds = time.perf_counter() - start
    if case.rule is None:
        draws = {name: value for name, value in case.options.items() if name != "rtol"}
        exact = mf.train(data, loss, case.optimizer, record=[], **settings, **draws).weights
    elif case.rule == "heavy-ball":
        exact = compensated_descent(features, labels, initial, loss, steps=steps, **case.settings)
    else:
        exact = compensated_method(
            features, labels, initial, loss, case.rule, steps=steps, **case.settings
        )
    error = float(np.linalg.norm(far.weights - exact) / np.linalg.norm(exact))
    prefix, estimate, status = far.prefix, far.error_estimate, str(far.status)
    return Outcome(name, number, loss, case, steps, prefix, estimate, error, seconds, status)


def table(found: list[Outcome]) -> str:
    """One row a method and loss, and one for all; the runs made exactly are counted apart."""
    lines = [
        f"{'method':14}{'loss':24}{'runs':>6}{'honest':>9}{'forwarded':>11}{'overestimate':>14}"
        f"{'least':>8}{'worst error':>13}{'not done':>10}{'time':>9}"
    ]
    kinds = sorted({(row.method, row.loss) for row in found})
    for kind in (*kinds, ("all", "")):
        rows = [row for row in found if kind in ((row.method, row.loss), ("all", ""))]
        forwarded = [row for row in rows if row.forwarded]
        ratios = [row.overestimate for row in forwarded] or [math.nan]
        lines.append(
            f"{kind[0]:14}{kind[1]:24}{len(rows):6}{np.mean([row.honest for row in rows]):9.2%}"
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
    parser.add_argument("--problems", type=int, default=40, help="of each method")
    parser.add_argument("--first", type=int, default=0, help="the number of the first problem")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=METHODS, action="append", help="all by default")
    options = parser.parse_args()
    found: list[Outcome] = []
    for name in options.method or METHODS:
        for number in range(options.first, options.first + options.problems):
            found.append(outcome(name, number, options.seed))
            if not found[-1].honest or found[-1].status != "done":
                print(found[-1], flush=True)
    print(table(found))
    print("the least overestimates:")
    forwarded = [row for row in found if row.forwarded]
    for row in sorted(forwarded, key=lambda row: row.overestimate)[:LEAST_LISTED]:
        print(row)


if __name__ == "__main__":
    main()
