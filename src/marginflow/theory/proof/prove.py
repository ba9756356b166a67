"""Proofs of properties of a template, over all margins or over a stated box.

A template is read as a formula in exact arithmetic (`program`, `expression`).  All margins are cut
into the cones of their orders, each a cube in suitable coordinates (`order_cone`); of a template
whose formula is shown to be symmetric the ascending orders are enough.  On each cube the property
becomes goals (`goals`): expressions or matrices to be shown positive, at sight or by interval
enclosures on boxes that are split until they decide (`branch_and_bound`).  A cube includes infinite
margins, so that nothing is left over; where enclosures do not decide there, the cubes are cut off,
and the verdict names the box.  The exponential tail has its own argument (`tail_proof`).

What is proved is a statement on the function that the program denotes in exact arithmetic with its
constants as rounded, not on its rounded evaluation.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from marginflow.losses import Loss, TemplateLoss
from marginflow.theory.certificate.verdict import Property, Verdict, refuted, supported
from marginflow.theory.proof.branch_and_bound import branch_and_bound
from marginflow.theory.proof.choice import Choice
from marginflow.theory.proof.convexity import convex_at_sight, spans
from marginflow.theory.proof.counterexample import CHECKS
from marginflow.theory.proof.expression import CannotError
from marginflow.theory.proof.goals import GOALS, Goal, defined
from marginflow.theory.proof.kinks import convex_with_kinks
from marginflow.theory.proof.order_cone import all_cones, ascending_cones
from marginflow.theory.proof.program import Formula, one_formula, read
from marginflow.theory.proof.tail_proof import TailRefutedError, prove_tail

# Where infinite margins are not decided, cones are cut off at gaps of this many rates.
CUT = 12
# Orders that are gone through at most.
ORDERS = 120
# Boxes that each goal may use before the next one gets its turn.
ROUNDS = (2**12, 2**15, 2**18, 10**9)
TAIL = "exponential tail"
SEEN = (
    "for all margins: the traced formula is a sum of terms that are convex by the rules of convex "
    "calculus (affine forms, exponentials, logarithms of sums of them, even powers), and strictly "
    "so where that is said."
)
KINKED = (
    "for all margins: the traced formulas are convex by the rules of convex calculus, and their "
    "slope does not fall where one takes over from another, or the larger is taken."
)


def prove(
    function_or_loss: Callable[..., Any] | Loss,
    n_classes: int,
    property_name: str,
    seconds: float | int = 20.0,
) -> Property:
    """Try to prove one property of a template.

    Args:
        function_or_loss: a function of one sample's margins (K−1,) in `jax.numpy`, or a loss.
        n_classes: K.
        property_name: "convex", "strictly convex", "strictly decreasing", "non-negative" or
            "exponential tail".
        seconds: after which the search ends.

    Returns:
        The property: "proved" with the argument and the region, "supported" with the reason why it
        was not proved, or "refuted" with margins at which enclosures show it to be false.

    Raises:
        ValueError: if the name is not one of these, or the template is not a scalar.

    Example:
        >>> import jax.numpy as jnp
        >>> from marginflow.theory.proof import prove
        >>> found = prove(lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))), 3, "convex")
        >>> print(found.verdict, found.figures["within"])
        proved inf
    """
    if property_name not in (*GOALS, TAIL):
        known = ", ".join(repr(name) for name in (*GOALS, TAIL))
        raise ValueError(f"prove: expected one of {known}, got {property_name!r}.")
    deadline = time.monotonic() + seconds
    try:
        reading = read(_function(function_or_loss), n_classes - 1, deadline)
        if property_name == "convex" and isinstance(reading.value, Choice):
            defined_everywhere = not reading.conditions
            if defined_everywhere and convex_with_kinks(reading.algebra, reading.value):
                figures = {"within": math.inf, "boxes": 0}
                return Property(property_name, Verdict.PROVED, KINKED, None, figures, n_classes)
        formula = one_formula(reading)
        if property_name == TAIL:
            return _tail(formula, n_classes, deadline)
        if _seen_convex(formula, property_name):
            figures = {"within": math.inf, "boxes": 0}
            return Property(property_name, Verdict.PROVED, SEEN, None, figures, n_classes)
        goals = _goals(formula, property_name)
        return _search(formula, n_classes, property_name, goals, deadline)
    except CannotError as error:
        return supported(property_name, n_classes, f"not proved: {error}.")


def _function(function_or_loss: Callable[..., Any] | Loss) -> Callable[..., Any]:
    if isinstance(function_or_loss, TemplateLoss):
        return function_or_loss.function
    if isinstance(function_or_loss, Loss):
        return function_or_loss.template
    return function_or_loss


def _seen_convex(formula: Formula, name: str) -> bool:
    if name not in ("convex", "strictly convex"):
        return False
    forms = convex_at_sight(formula.value)
    if forms is None or (name != "convex" and not spans(forms, formula.algebra.n)):
        return False
    return not formula.conditions or not any(goal.is_open for goal in _goals(formula, None))


def _goals(formula: Formula, name: str | None) -> list[Goal]:
    """What has to be shown on each cone: that ψ is defined, and the property."""
    k = formula.algebra.n
    count = k + 1 if formula.is_symmetric else math.factorial(k + 1)
    if count > ORDERS:
        raise CannotError(f"the formula is not symmetric, and margins and zero have {count} orders")
    goals = []
    for cone in ascending_cones(k) if formula.is_symmetric else all_cones(k):
        rate = formula.rate
        goals += defined(formula, cone, rate)
        if name is not None:
            goals += GOALS[name](formula, cone, rate)
    return goals


def _search(
    formula: Formula, n_classes: int, name: str, goals: list[Goal], deadline: float
) -> Property:
    k, rate = formula.algebra.n, float(formula.rate) * formula.unit_size
    whole = time.monotonic() + 0.6 * (deadline - time.monotonic())
    cut = math.exp(-CUT) * (1 - 1e-12)
    box = f"on the box of margins within ±{CUT / rate:.6g}"
    search = _Search(formula, name, [goal for goal in goals if goal.is_open])
    reasons = []
    for start, until in ((0.0, whole), (cut, deadline)):
        counterexample = search.run(np.full(k, start), np.ones(k), until)
        if counterexample is not None:
            return refuted(name, n_classes, *counterexample)
        if not search.left:
            words = _argument(formula, "for all margins" if start == 0 else box, goals, search)
            if start:
                words += f"  Beyond the box it is open: {reasons[0]}."
            within = math.inf if start == 0 else CUT / rate
            figures = {"within": within, "boxes": search.used}
            return Property(name, Verdict.PROVED, words, None, figures, n_classes)
        reasons.append(search.reason)
    words = f"not proved within the time, even {box}: {reasons[1]}; {search.looked_at} boxes."
    return supported(name, n_classes, words, boxes=search.looked_at)


class _Search:
    """Goals that are left, and what was spent on them."""

    def __init__(self, formula: Formula, name: str, goals: list[Goal]):
        self.formula, self.name, self.left = formula, name, goals
        self.used, self.looked_at, self.determinants, self.reason = 0, 0, 0, ""

    def run(self, lo: np.ndarray, hi: np.ndarray, deadline: float) -> tuple[str, np.ndarray] | None:
        """Go for every goal, with ever more boxes; a counterexample if one is found."""
        for limit in ROUNDS:
            stuck = False
            for goal in list(self.left):
                outcomes = []
                for score in goal.scores:
                    outcome = branch_and_bound(score, lo, hi, deadline, goal.touching, limit)
                    self.looked_at += outcome.boxes
                    outcomes.append(outcome)
                    if outcome.proved:
                        self.used += outcome.boxes
                        self.left.remove(goal)
                        break
                    if outcome.witness is not None:
                        u = goal.cone.margins(outcome.witness, self.formula.rate)
                        u = u / self.formula.unit_size
                        words = CHECKS[self.name](self.formula, u)
                        if words is not None:
                            return words, u
                if outcomes[-1].proved:
                    continue
                if limit == ROUNDS[0] and goal.shortcut is not None and goal.shortcut():
                    self.determinants += 1
                    self.left.remove(goal)
                    continue
                stuck |= all(outcome.is_stuck for outcome in outcomes)
                order = f"with margins in the order {goal.shown_order}"
                self.reason = f"{goal.what} {order}: {outcomes[-1].reason}"
            if stuck or not self.left or time.monotonic() > deadline:
                break
        return None


def _argument(formula: Formula, region: str, goals: list[Goal], search: "_Search") -> str:
    count = len({goal.cone for goal in goals})
    orders = (
        f"the {count} orders of ascending margins and zero (the formula is symmetric)"
        if formula.is_symmetric
        else f"the {count} orders of the margins and zero"
    )
    boxed = [goal for goal in goals if goal.is_open]
    counts = {
        "by the signs of its terms": len(goals) - len(boxed),
        "by determinants whose terms have one sign": search.determinants,
    }
    parts = [f"{n} of {len(goals)} inequalities {how}" for how, n in counts.items() if n]
    left = len(boxed) - search.determinants
    if left:
        split = max(search.used - left, 0) // 2
        parts.append(
            f"{left} of {len(goals)} inequalities by interval arithmetic, on {search.used} boxes "
            f"of which {split} were split"
        )
    return (
        f"{region}: exact derivatives of the traced formula on {orders}, in coordinates e^(−gap) "
        f"in which infinite margins are 0; {' and '.join(parts)}."
    )


def _tail(formula: Formula, n_classes: int, deadline: float) -> Property:
    for goal in _goals(formula, None):
        if not goal.is_open:
            continue
        lo, hi = np.zeros(formula.algebra.n), np.ones(formula.algebra.n)
        if not branch_and_bound(goal.scores[0], lo, hi, deadline, goal.touching).proved:
            raise CannotError(f"{goal.what} is open")
    try:
        tail = prove_tail(formula, deadline)
    except TailRefutedError as error:
        words, u = error.args
        return refuted(TAIL, n_classes, words, u)
    figures = {
        "rate": tail.rate,
        "log_constant": tail.log_constant,
        "u_plus": tail.u_plus,
        "u_minus": tail.u_minus,
    }
    rescaled = (
        "" if tail.rate == 1 else f", after the margins are rescaled by the rate {tail.rate:.6g}"
    )
    words = (
        f"both bounds hold with c = {math.exp(tail.log_constant):.6g} for all margins beyond "
        f"u₊ = {tail.u_plus:.6g} and u₋ = {tail.u_minus:.6g}{rescaled}: in x = e^(−a u) the slopes "
        "differ from their bounds by terms of one sign down to x = 0, or by what enclosures and "
        "derivatives in x show to be non-negative."
    )
    return Property(TAIL, Verdict.PROVED, words, None, figures, n_classes)
