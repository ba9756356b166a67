"""Fast-forward with any continuation: prefixes, their comparison, and the estimate of the error.

The equation is followed from two prefixes, N₀ and 2N₀, the shorter with a looser tolerance: their
difference shows what the prefix and the integrator cost.  What the equation omits later is summed
along the path.
"""

import math
from collections.abc import Callable

import numpy as np

from marginflow._results import Status
from marginflow.dynamics.continuations import Continuation, Problem
from marginflow.dynamics.exact_prefix import ExactPrefix
from marginflow.dynamics.gradient_flow import typical_weight
from marginflow.dynamics.log_time_path import LogTimePath

# The integrator's tolerance is this fraction of what is asked for, and ten times it for the
# comparison; below the least tolerance it cannot go.
SOLVER_SHARE = 1e-3
LEAST_TOLERANCE = 1e-12
# What an integration gathers, in units of its tolerance: up to 18 was seen on 1,000 problems.  The
# two integrations can agree by luck, so this much is always counted.
SOLVER_ERROR = 40.0
SAFETY = 2.0
# How far apart loops begin that show what becomes of rounding, a million steps' at random, and how
# many of them: one alone may miss the gradient that rounding gives the other sign.
PERTURBATION = 2.0**-42
COMPANIONS = 3
AMPLIFIED = 10.0


class Forwarded:
    """A path to the last step count, with what is to be said of it.

    Attributes:
        path: the recorded log times, weights and residuals, with status and message.
        prefix: how many steps were made exactly.
        estimate: of the relative error of the last weights, from above.
        amplified: the part of it that rounding in the prefix has grown to, where a method
            amplifies it; the loop itself has it too.
    """

    def __init__(self, path: LogTimePath, prefix: int, estimate: float, amplified: float = 0.0):
        self.path, self.prefix, self.estimate = path, prefix, estimate
        self.amplified = amplified

    @property
    def added(self) -> float:
        """What of the estimate a longer prefix or a smaller tolerance can change."""
        return self.estimate - self.amplified if math.isfinite(self.estimate) else math.inf

    @property
    def loosened(self) -> bool:
        """Whether rounding drowned the tolerance, so that a longer prefix would not help."""
        return bool(self.path.statistics.get("loosened"))


class Forwarding:
    """A run that can be made exactly, or taken forward from a prefix.

    Args:
        problem: the data and the loss.
        loop: the exact loop.
        continuation: what follows it.
        times: log times to record, ascending; the last is the end.
        rtol: the error estimate that is asked for.
    """

    def __init__(
        self,
        problem: Problem,
        loop: ExactPrefix,
        continuation: Continuation,
        times: np.ndarray,
        rtol: float,
    ):
        self.problem, self.loop, self.continuation = problem, loop, continuation
        self.times, self.last, self.rtol = times, float(times[-1]), rtol
        self._beside: list[ExactPrefix] = []

    def exact(self) -> Forwarded:
        """So few steps that they are made."""
        made = round(math.exp(self.last))
        path = LogTimePath()
        self._put_before(path, made)
        path.message = f"made all {made} steps exactly."
        amplified = self._amplified(made, path.weights[-1])
        return Forwarded(path, made, self._rounding(made, path.weights[-1]) + amplified)

    def obstacle(self, prefix: int) -> str | None:
        """Why the equation does not hold after so many steps; None where it does."""
        return self.continuation.obstacle(prefix, self.loop.state(prefix))

    def forward(self, prefix: int) -> Forwarded:
        """From prefixes N₀ and 2N₀, compared with each other."""
        states = {step: self.loop.state(step) for step in (prefix, 2 * prefix)}
        late = self.times[self.times > math.log(2 * prefix)]
        tolerance = max(SOLVER_SHARE * self.rtol, LEAST_TOLERANCE)
        run: Callable = self.continuation.run
        course = run(2 * prefix, states[2 * prefix], late, tolerance, judged=True)
        path = course.path
        other = run(prefix, states[prefix], late[-1:], 10 * tolerance, judged=False).path
        if path.status != Status.DONE or other.status != Status.DONE:
            worst = path if path.status != Status.DONE else other
            return Forwarded(worst, 2 * prefix, math.inf)
        weights = path.weights[-1]
        norm = float(np.linalg.norm(weights))
        difference = float(np.linalg.norm(weights - other.weights[-1]))
        estimate = SAFETY * max(difference, course.omitted) / norm
        tolerance = max(path.rtol, other.rtol / 10)  # where rounding drowned it, a looser one
        amplified = self._amplified(2 * prefix, weights)
        estimate += SOLVER_ERROR * tolerance + self._rounding(2 * prefix, weights) + amplified
        self._put_before(path, 2 * prefix, only_recorded=True)
        remark = ""
        if amplified > self.rtol:
            remark = (
                f"Rounding in the first {2 * prefix} steps is {amplified:.2g} of it by the end: so "
                "far apart are loops that round otherwise. "
            )
        path.message = (
            f"log steps {self.last:.6g} from an exact prefix of {2 * prefix} steps; estimated "
            f"relative error {estimate:.2g}. {remark}{path.message}"
        ).rstrip()
        return Forwarded(path, 2 * prefix, estimate, amplified)

    def settled(self, prefix: int, obstacle: str) -> Forwarded:
        """Where the equation never holds: the loop, if it comes to rest."""
        halves = [step for step in self.loop.states if 0 < step <= prefix // 2]
        before = np.array(self.loop.state(max(halves, default=max(prefix // 2, 1))).params)
        after = np.array(self.loop.state(prefix).params)
        path = LogTimePath()
        path.append(self.last, after.ravel(), self._residual(self.last, after.ravel()))
        moved = float(np.linalg.norm(after - before) / np.linalg.norm(after))
        if self.problem.limit is None and SAFETY * moved <= self.rtol:
            path.message = (
                f"the weights came to rest within {prefix} steps at the risk's minimizer."
            )
        else:
            path.status = Status.MAX_STEPS
            path.message = f"after {prefix} exact steps {obstacle}."
            return Forwarded(path, prefix, math.inf)
        estimate = SAFETY * moved + self._rounding(prefix, after)
        return Forwarded(path, prefix, estimate)

    def _put_before(self, path: LogTimePath, step: int, only_recorded: bool = False) -> None:
        """Put the recorded steps of the loop before a path."""
        made = self.loop.made(step)
        if only_recorded:
            made = {at: made[at] for at in self.loop.record.tolist() if at <= step}
        log_times = [math.log(at) for at in made]
        weights = [value.ravel() for value in made.values()]
        path.log_times[:0] = log_times
        path.weights[:0] = weights
        path.residuals[:0] = map(self._residual, log_times, weights)

    def _rounding(self, steps: int, last: np.ndarray) -> float:
        """What so many steps gather at most, relative to the last weights.

        Not as a random walk: where slopes are constant, every step rounds the same way.
        """
        largest = max(float(np.linalg.norm(self.loop.initial)), norm := float(np.linalg.norm(last)))
        return float(np.finfo(float).eps) * (16.0 + 0.5 * steps * largest / norm)

    def _amplified(self, steps: int, last: np.ndarray) -> float:
        """What the loop makes of a change of its first weights that is like rounding, relative."""
        if not self.continuation.amplifies:
            return 0.0
        if not self._beside:
            size = PERTURBATION * typical_weight(self.problem.margin_map, self.loop.initial)
            self._beside = [self.loop.beside(seed, size) for seed in range(COMPANIONS)]
        weights = np.array(self.loop.state(steps).params)
        others = [np.array(loop.state(steps).params) for loop in self._beside]
        apart = max(float(np.linalg.norm(weights - other)) for other in others)
        return AMPLIFIED * apart / float(np.linalg.norm(last))

    def _residual(self, log_time: float, weights: np.ndarray) -> np.ndarray:
        if self.continuation.far is None:
            return np.full(weights.size, np.nan)
        return self.continuation.far.residual(log_time, weights)
