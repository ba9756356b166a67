"""Both bounds of an exponential tail, proved up to infinite margins.

With x_k = e^(−a u_k) and r_j = −∂_j ψ / (c x_j), an exponential tail in the sense of Ravi et al.
2024 is

    1 − Σ_k x_k  ≤  r_j(x)  ≤  1     for all x in (0, X]^(K−1),

and its bounds u₊ and u₋ are −(log X)/a.  The rate a and c are read off: a is the power of x_j that
can be taken out of −∂_j ψ, c is what is left at x = 0.  Both bounds are touched at x = 0, where
enclosures decide nothing.  So a difference f is shown to be non-negative on [0, X]^(K−1) at sight
after it is put over one denominator, or by enclosures, or by f(0) ≥ 0, which is exact, together
with ∂f/∂x_k ≥ 0, to which the same is applied.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from marginflow.theory.proof.algebra import Algebra
from marginflow.theory.proof.branch_and_bound import branch_and_bound
from marginflow.theory.proof.enclosure import Boxes
from marginflow.theory.proof.expression import CannotError, Expression
from marginflow.theory.proof.positivity import parted, score_of
from marginflow.theory.proof.program import Formula

# How often a difference is differentiated.
DEPTH = 3
# Cubes (0, X]^(K−1) that are tried; the first stands for all margins.
CUBES = (math.inf, 2.0**10, 16.0, 1.0, 0.25, 2.0**-4, 2.0**-8, 2.0**-16, 2.0**-32)
BOXES = 2**14


@dataclass(frozen=True)
class ProvedTail:
    """The tail of a template.

    Attributes:
        rate: a.
        log_constant: log c.
        u_plus: the upper bound holds where all margins are larger.
        u_minus: the lower bound.
    """

    rate: float
    log_constant: float
    u_plus: float
    u_minus: float


class TailRefutedError(Exception):
    """A bound that fails at arbitrarily large margins; args: the words and a point."""


def prove_tail(formula: Formula, deadline: float) -> ProvedTail:
    """Prove both bounds.

    Raises:
        CannotError: if the prover does not decide.
        TailRefutedError: if a bound fails however large the margins are.
    """
    n = formula.algebra.n
    rate, log_c, plus, minus = None, 0.0, [], []
    for j in range(1 if formula.is_symmetric else n):
        ratio, rate_j, log_c = _ratio(formula, j)
        if rate is not None and rate != rate_j:
            raise CannotError("the rates of the tail differ between margins")
        rate = rate_j
        al = Algebra(n, formula.algebra.deadline)
        scale = [[Fraction(int(i == k)) / rate for k in range(n)] for i in range(n)]
        ratio = formula.algebra.substitute(ratio, scale, al)
        one = al.constant(1)
        coordinates = [al.exp(al.variable(k)) for k in range(n)]
        upper = al.subtract(one, ratio)
        lower = al.add(ratio, al.constant(-1), *coordinates)
        for gap, found, which in ((upper, plus, "upper"), (lower, minus, "lower")):
            _refute(al, gap, which, float(rate) * formula.unit_size)
            found.append(_largest_cube(al, gap, which, deadline))
    assert rate is not None
    size = float(rate) * formula.unit_size
    ends = [
        -math.log(min(found)) / size if min(found) < math.inf else -math.inf
        for found in (plus, minus)
    ]
    return ProvedTail(size, log_c + math.log(formula.unit_size), *ends)


def _ratio(formula: Formula, j: int) -> tuple[Expression, Fraction, float]:
    """r_j in the variables log x with rate 1, the rate, and log c."""
    al, n = formula.algebra, formula.algebra.n
    flip = [[Fraction(-int(i == k)) for k in range(n)] for i in range(n)]
    slope = al.substitute(al.scale(al.derivative(formula.value, j), -1), flip, al)
    if slope.is_zero:
        raise CannotError("a slope is zero")
    exponent = parted(al, slope).exponent
    rate = exponent[j]
    if rate <= 0 or any(p for k, p in enumerate(exponent[:n]) if k != j):
        raise CannotError("no single exponential can be taken out of the slopes at large margins")
    shift = [-p if k == j else Fraction(0) for k, p in enumerate(exponent[:n])]
    scaled = al.multiply(slope, al.exponential([*shift, Fraction(0)]))
    # over one denominator the limit can be read off even where single terms have none
    numerator, denominator = al.together(scaled)
    below = al.product(al.power(base.inner, -power) for base, power in denominator)
    scaled = al.multiply(numerator, below)
    limit = al.at_zero(scaled, range(n))
    if len(limit.terms) != 1 or not limit.is_positive:
        raise CannotError("the constant of the tail cannot be read off exactly")
    value = Boxes(np.ones((1, n)), np.ones((1, n))).enclose(limit)
    return (
        al.multiply(scaled, al.power(limit, -1)),
        rate,
        float(np.log(value.lo + value.hi)[0] - math.log(2)),
    )


def _largest_cube(al: Algebra, gap: Expression, which: str, deadline: float) -> float:
    for size in CUBES:
        if _nonnegative(al, gap, size, DEPTH, deadline):
            return size
    raise CannotError(f"the {which} bound was not decided on any cube of x down to {CUBES[-1]:.1g}")


def _nonnegative(al: Algebra, f: Expression, size: float, depth: int, deadline: float) -> bool:
    """Whether f ≥ 0 is shown for x in (0, size]^n."""
    if f.is_zero:
        return True
    parts = parted(al, f)
    if parts.rest.is_positive and not parts.open_conditions:
        return True
    if size == math.inf:
        return False

    lo, hi = np.zeros(al.n), np.full(al.n, size)
    if branch_and_bound(score_of(parts), lo, hi, deadline, True, BOXES).proved:
        return True
    if not depth:
        return False
    try:
        value = al.at_zero(f, range(al.n))
        if not (value.is_zero or (value.number or 0) > 0):
            return False
        return all(
            _nonnegative(al, _in_x(al, f, k), size, depth - 1, deadline) for k in range(al.n)
        )
    except CannotError:
        return False


def _in_x(al: Algebra, f: Expression, k: int) -> Expression:
    """∂f/∂x_k, with x_k = e^(η_k)."""
    down = [-Fraction(int(i == k)) for i in range(al.n + 1)]
    return al.multiply(al.derivative(f, k), al.exponential(down))


def _refute(al: Algebra, gap: Expression, which: str, rate: float) -> None:
    """A gap is zero at x = 0; where it falls from there the bound fails at any large margins."""
    for k in range(al.n):
        try:
            number = al.at_zero(_in_x(al, gap, k), range(al.n)).number
        except CannotError:
            continue
        if number is None or number >= 0:
            continue
        for size in 2.0 ** -np.arange(4.0, 25.0):
            x = np.full((1, al.n), size * 2.0**-30)
            x[0, k] = size
            if Boxes(x, x).enclose(gap).hi[0] < 0:
                words = (
                    f"the {which} bound fails at arbitrarily large margins: its difference from "
                    f"−∂_jψ / (c e^(−a u_j)) starts at 0 with slope {float(number):.6g} in "
                    f"e^(−a u_{k + 1})."
                )
                raise TailRefutedError(words, -np.log(x[0]) / rate)
