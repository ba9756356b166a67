"""Independent solutions: exact arithmetic from the definitions, and a general convex solver.

Nothing here uses marginflow.  A pair is (sample, other class), its row a list of fractions; binary
problems have one weight vector and the rows ±x.
"""

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import cvxpy
import numpy as np

Row = list[Fraction]


def all_pairs(labels: Sequence[int], n_classes: int) -> list[tuple[int, int]]:
    return [(i, k) for i, y in enumerate(labels) for k in range(n_classes) if k != y]


def float_row(features: np.ndarray, labels: Sequence[int], n_classes: int, pair) -> np.ndarray:
    """The row of a pair, flattened as the weights are: (d, K), or (d,) for two classes."""
    i, k = pair
    x, y = features[i], labels[i]
    if n_classes == 2:
        return x if y == 1 else -x
    row = np.zeros((len(x), n_classes))
    row[:, y] += x
    row[:, k] -= x
    return row.ravel()


def exact_row(features: np.ndarray, labels: Sequence[int], n_classes: int, pair) -> Row:
    return fractions(float_row(features, labels, n_classes, pair))


def exact_rows(features: np.ndarray, labels: Sequence[int], n_classes: int) -> list[Row]:
    return [exact_row(features, labels, n_classes, pair) for pair in all_pairs(labels, n_classes)]


def fractions(values: np.ndarray) -> Row:
    return [Fraction(float(value)) for value in np.ravel(values)]


def inner(left: Row, right: Row) -> Fraction:
    return sum((a * b for a, b in zip(left, right, strict=True) if a and b), Fraction(0))


def combination(coefficients: Row, rows: list[Row]) -> Row:
    return [inner(coefficients, list(column)) for column in zip(*rows, strict=True)]


def solve(matrix: list[Row], right: Row) -> Row | None:
    """The solution of a square system by elimination; None if it is singular."""
    table = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(len(table)):
        pivot = next((i for i in range(k, len(table)) if table[i][k]), None)
        if pivot is None:
            return None
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [value / table[k][k] for value in table[k]]
        for i in range(len(table)):
            if i != k and table[i][k]:
                factor = table[i][k]
                table[i] = [a - factor * b for a, b in zip(table[i], table[k], strict=True)]
    return [row[-1] for row in table]


def tight_solution(rows: list[Row]) -> tuple[Row, Row] | None:
    """The shortest weights with margin 1 on all rows, and the dual; None if rows are dependent."""
    gram = [[inner(a, b) for b in rows] for a in rows]
    dual = solve(gram, [Fraction(1)] * len(rows))
    return None if dual is None else (combination(dual, rows), dual)


def exact_max_margin(rows: list[Row]) -> Row | None:
    """The max-margin weights by trying every support; None if nothing separates.

    Some independent support satisfies the optimality conditions if and only if there is a solution
    (Carathéodory), and the solution is unique.
    """
    distinct = [list(row) for row in dict.fromkeys(map(tuple, rows))]
    for size in range(1, len(distinct[0]) + 1):
        for support in itertools.combinations(distinct, size):
            found = tight_solution(list(support))
            if found is None or min(found[1]) < 0:
                continue
            if all(inner(row, found[0]) >= 1 for row in distinct):
                return found[0]
    return None


def distance(left: Row, right: Row) -> float:
    return root(sum(((a - b) ** 2 for a, b in zip(left, right, strict=True)), Fraction(0)))


def root(value: Fraction) -> float:
    """The square root, where the value itself may underflow."""
    if value == 0:
        return 0.0
    shift = value.numerator.bit_length() - value.denominator.bit_length()
    shift -= shift % 2
    return math.ldexp(math.sqrt(float(value / Fraction(2) ** shift)), shift // 2)


def relative_gap(rows: list[Row], weights: Row, pairs_dual: Row, least: Fraction) -> Fraction:
    """[½‖F − v‖² + Σα(u(F) − 1)] / (½‖F‖²) for F = weights/least, v = Σ α row."""
    feasible = [value / least for value in weights]
    image = combination(pairs_dual, rows)
    difference = [a - b for a, b in zip(feasible, image, strict=True)]
    above = [inner(row, feasible) - 1 for row in rows]
    return (inner(difference, difference) + 2 * inner(pairs_dual, above)) / inner(
        feasible, feasible
    )


def refined_solution(rows: np.ndarray, rounds: int = 4) -> tuple[Row, Row]:
    """Weights and dual of the support with these float rows, by refinement with exact residuals.

    Each round gains the digits that float64 gives on the Gram matrix; the dual is kept as a sum of
    float64 numbers.
    """
    exact = [fractions(row) for row in rows]
    gram = rows @ rows.T
    dual = [Fraction(0)] * len(rows)
    for _ in range(rounds):
        weights = combination(dual, exact)
        residual = np.array([float(1 - inner(row, weights)) for row in exact])
        change = np.linalg.solve(gram, residual)
        dual = [a + Fraction(float(b)) for a, b in zip(dual, change, strict=True)]
    return combination(dual, exact), dual


def conic_solution(features: np.ndarray, labels: Sequence[int], n_classes: int) -> np.ndarray:
    """The weights by a general solver on the full problem."""
    rows = np.stack(
        [float_row(features, labels, n_classes, pair) for pair in all_pairs(labels, n_classes)]
    )
    weights = cvxpy.Variable(rows.shape[1])
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(weights) / 2), [rows @ weights >= 1])
    problem.solve(solver=cvxpy.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
    shape = features.shape[1] if n_classes == 2 else (features.shape[1], n_classes)
    return np.reshape(weights.value, shape)
