"""What has to be shown on one cone of orders so that a template has a property there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.branch_and_bound import Score
from marginflow.theory.proof.curvature_proof import Hessian
from marginflow.theory.proof.expression import CannotError, Expression
from marginflow.theory.proof.order_cone import Matrix, OrderCone
from marginflow.theory.proof.positivity import parted, score_of, seen_positive
from marginflow.theory.proof.program import Formula


@dataclass(frozen=True, eq=False)
class Goal:
    """An inequality on one cone.

    Attributes:
        what: its name.
        cone: where it has to hold.
        scores: several enclosures of what has to be positive, any of which will do; none if it is
            positive at sight.
        touching: whether zero will do.
        shortcut: another way to prove it, for when boxes become many.
    """

    what: str
    cone: OrderCone
    scores: tuple[Score, ...]
    touching: bool = False
    shortcut: Callable[[], bool] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not settled at sight."""
        return bool(self.scores)

    @property
    def shown_order(self) -> str:
        """As "u1 ≤ 0 ≤ u2"."""
        return " ≤ ".join("0" if not i else f"u{i}" for group in self.cone.order for i in group)


def defined(formula: Formula, cone: OrderCone, rate: Fraction) -> Iterator[Goal]:
    """What the formula divides by, takes roots and logarithms of is positive."""
    for condition in formula.conditions:
        yield _positive("that the template is defined", formula, condition, cone, rate)


def non_negative(formula: Formula, cone: OrderCone, rate: Fraction) -> Iterator[Goal]:
    """ψ ≥ 0."""
    yield _positive("ψ ≥ 0", formula, formula.value, cone, rate, touching=True)


def strictly_decreasing(formula: Formula, cone: OrderCone, rate: Fraction) -> Iterator[Goal]:
    """−∂_j ψ > 0 for every j."""
    al = formula.algebra
    for j in range(al.n):
        fall = al.scale(al.derivative(formula.value, j), -1)
        yield _positive(f"∂ψ/∂u{j + 1} < 0", formula, fall, cone, rate)


def convex(formula: Formula, cone: OrderCone, rate: Fraction) -> Iterator[Goal]:
    """∇²ψ is positive definite, but for directions in which ψ is linear."""
    yield _curved(formula, cone, rate, strict=False)


def strictly_convex(formula: Formula, cone: OrderCone, rate: Fraction) -> Iterator[Goal]:
    """∇²ψ is positive definite."""
    yield _curved(formula, cone, rate, strict=True)


GOALS: dict[str, Callable[[Formula, OrderCone, Fraction], Iterator[Goal]]] = {
    "convex": convex,
    "strictly convex": strictly_convex,
    "strictly decreasing": strictly_decreasing,
    "non-negative": non_negative,
}


def _inside(
    formula: Formula, a: Expression, cone: OrderCone, rate: Fraction
) -> tuple[Algebra, Expression]:
    """An expression of the margins in the coordinates of a cone."""
    algebra = Algebra(formula.algebra.n, formula.algebra.deadline)
    return algebra, formula.algebra.substitute(a, cone.matrix(rate), algebra)


def _positive(
    what: str,
    formula: Formula,
    a: Expression,
    cone: OrderCone,
    rate: Fraction,
    touching: bool = False,
) -> Goal:
    algebra, inside = _inside(formula, a, cone, rate)
    if seen_positive(inside, touching):
        return Goal(what, cone, ())
    if inside.is_zero:
        return Goal(what, cone, (lambda boxes: boxes.enclose(inside),))
    parts = parted(algebra, inside)
    if seen_positive(parts.rest, touching) and not parts.open_conditions:
        return Goal(what, cone, ())
    return Goal(what, cone, (score_of(parts),), touching)


def _curved(formula: Formula, cone: OrderCone, rate: Fraction, strict: bool) -> Goal:
    what = "∇²ψ > 0" if strict else "∇²ψ ≥ 0"
    algebra, value = _inside(formula, formula.value, cone, rate)
    hessians, reason = [], ""
    for basis in _bases(cone):
        try:
            hessian = Hessian(algebra, value, basis)
        except CannotError as error:
            reason = str(error)
            continue
        if strict and not hessian.is_strict:
            raise CannotError("second derivatives are zero along a direction")
        if not hessian.blocks:
            return Goal(what, cone, ())
        hessians.append(hessian)
    if not hessians:
        raise CannotError(reason)

    def shortcut() -> bool:
        return any(hessian.determinants_are_positive() for hessian in hessians)

    return Goal(what, cone, tuple(hessian.score for hessian in hessians), shortcut=shortcut)


def _bases(cone: OrderCone) -> Iterator[Matrix]:
    """Directions, as columns in η: the margins, the gaps, gaps below zero and margins above it."""
    k = len(cone.order) - 1
    order = [group[0] for group in cone.order]
    zero = order.index(0)
    gaps = [[Fraction(int(i == j)) for j in range(k)] for i in range(k)]
    margins = [[Fraction(0)] * k for _ in range(k)]
    for place, margin in enumerate(order):
        # a margin moves alone when the gap before it grows as the one after it shrinks
        for gap, sign in ((place - 1, -1), (place, 1)):
            if margin and 0 <= gap < k:
                margins[gap][margin - 1] = Fraction(sign)
    mixed = [row[:] for row in margins]
    for place in range(zero):
        for gap in range(k):
            mixed[gap][order[place] - 1] = gaps[gap][place]
    yield margins
    yield gaps
    if 0 < zero < k:
        yield mixed
