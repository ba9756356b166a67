"""Scores of ±10⁴: never NaN, infinite only where the exact result is, and right to conditioning."""

import itertools
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from tests.likelihoods.families import BOTH_LINKS, pairs, shaped, targets_of
from tests.likelihoods.oracles import ORACLES, Vector

GRID = (-1e4, -300.0, -20.0, -1.5, 0.0, 0.75, 3.0, 30.0, 80.0, 1e4)
STEP = mpf(10) ** -20
# What the oracle's own differences leave of 60 digits, and operations that may each round.
FLOOR, ROUNDINGS = mpf(10) ** -30, 64
# A score of shares is a difference of digammas, each right to rounding of itself: near a zero of
# the difference its error is one of the terms, of size one half.
TERMS = {"beta": 0.5, "dirichlet": 0.5}
CASES = [
    (name, dtype)
    for name in BOTH_LINKS
    for dtype in (np.float32, np.float64)
    # one format for the other link: it adds nothing that the first would not see
    if "/" not in name or dtype == np.float64
]


def oracle_of(name: str) -> Callable[[Vector, object], mpf]:
    base, _, link = name.partition("/")
    if not link:
        return ORACLES[base]
    positive = BOTH_LINKS[name].positive

    def through_softplus(scores: Vector, target: object) -> mpf:
        logs = [
            mpmath.log(mpmath.log1p(mpmath.exp(score))) if flag else score
            for score, flag in zip(scores, positive, strict=True)
        ]
        return ORACLES[base](logs, target)

    return through_softplus


def differences(f: Callable[[Vector], mpf], x: Vector, step: mpf) -> tuple[Vector, list[Vector]]:
    """Gradient and Hessian by central differences."""
    p, base = len(x), f(x)

    def moved(*moves: tuple[int, int]) -> mpf:
        y = list(x)
        for i, sign in moves:
            y[i] += sign * step
        return f(y)

    gradient = [(moved((i, 1)) - moved((i, -1))) / (2 * step) for i in range(p)]
    hessian = [[mpf(0)] * p for _ in range(p)]
    for i in range(p):
        hessian[i][i] = (moved((i, 1)) - 2 * base + moved((i, -1))) / step**2
        for j in range(i):
            both = moved((i, 1), (j, 1)) + moved((i, -1), (j, -1))
            mixed = moved((i, 1), (j, -1)) + moved((i, -1), (j, 1))
            hessian[i][j] = hessian[j][i] = (both - mixed) / (4 * step**2)
    return gradient, hessian


def shown(value: mpf) -> str:
    held = value == 0 or mpf(10) ** -1000 < abs(value) < mpf(10) ** 1000
    return mpmath.nstr(value, 12) if held else "beyond 1e±1000"


def in_mpf(values: np.ndarray) -> object:
    return [mpf(float(v)) for v in values] if values.ndim else mpf(float(values))


def target_conditioning(f: Callable, scores: Vector, target: object, discrete: bool) -> mpf:
    """How much the loss moves with relative changes of the target."""
    if discrete:
        return mpf(0)
    step = mpf(10) ** -25
    if not isinstance(target, list):
        return abs(f(scores, target * (1 + step)) - f(scores, target)) / step
    total = mpf(0)
    for i in range(len(target)):
        if target[i] in (0, 1):
            continue
        moved = list(target)
        moved[i] *= 1 + step
        total += abs(f(scores, moved) - f(scores, target)) / step
    return total


def score_rows(p: int) -> np.ndarray:
    """All combinations of the grid for one or two scores, a sample of them for more."""
    if p <= 2:
        rows = np.array(list(itertools.product(GRID, repeat=p)))
        return rows if p == 1 else rows[np.random.default_rng(p).permutation(100)[:28]]
    return np.random.default_rng(p).choice(GRID, size=(20, p))


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_value_and_gradient_are_right_wherever_the_exact_ones_can_be_held(name, dtype):
    family, exact = BOTH_LINKS[name], oracle_of(name)
    rows, targets = pairs(family, score_rows(family.n_scores), targets_of(family))
    rows, targets = rows.astype(dtype), targets.astype(dtype)
    losses = family.loss(shaped(family, rows), targets)
    scores = np.asarray(family.score(shaped(family, rows), targets)).reshape(rows.shape)
    assert losses.dtype == scores.dtype == dtype
    assert not np.any(np.isnan(losses))
    assert not np.any(np.isnan(scores))
    info = np.finfo(dtype)
    largest, eps = mpf(float(info.max)), float(info.eps)
    n_checked, term = 0, TERMS.get(name.partition("/")[0], 0.0)
    with mpmath.workdps(60):
        for row, target, loss, score in zip(rows, targets, losses, scores, strict=True):
            x, y = in_mpf(row), in_mpf(target)
            value = exact(x, y)
            where = f"{name} at scores {row}, target {target}: exact {shown(value)}"
            if abs(value) > largest:
                assert loss == np.inf, where
                continue
            assert np.isfinite(loss), where
            gradient, hessian = differences(lambda z, y=y: exact(z, y), x, STEP)
            again, _ = differences(lambda z, y=y: exact(z, y), x, STEP / 16)
            moves = sum(abs(a * b) for a, b in zip(x, gradient, strict=True))
            of_target = target_conditioning(exact, x, y, family.support.discrete)
            scale = 1 + abs(value) + moves + of_target
            assert abs(mpf(float(loss)) - value) <= ROUNDINGS * eps * scale, (where, loss)
            for i, (slope, other) in enumerate(zip(gradient, again, strict=True)):
                # no derivative to be had by differences: a kink, or curvature of e^(10000)
                noise = max(abs(slope - other), abs(value) * mpf(10) ** -38)
                if noise > mpf(10) ** -18 * abs(slope) + FLOOR:
                    continue
                n_checked += 1
                scaled_slope = abs(slope) * (max(1, abs(x[i])) if "/" in name else 1)
                if np.isinf(score[i]):
                    # with softplus the gradient in the logarithm is the larger by that factor
                    assert scaled_slope > largest / 1.001, (where, i, shown(slope))
                    assert np.sign(score[i]) == mpmath.sign(slope), (where, i)
                    continue
                moves = sum(abs(a * b) for a, b in zip(x, hessian[i], strict=True))
                error = abs(mpf(float(score[i])) - slope)
                small = FLOOR + 4 * float(info.tiny)
                allowed = ROUNDINGS * eps * (abs(slope) + moves) + 4 * eps * term + small
                if error > allowed:
                    of_target = target_conditioning(
                        lambda z, y, i=i: differences(lambda w: exact(w, y), z, STEP)[0][i],
                        x,
                        y,
                        family.support.discrete,
                    )
                    allowed += ROUNDINGS * eps * of_target
                assert error <= allowed, (where, i, score[i], shown(slope))
    assert n_checked > len(rows) // 8
