"""The throttle of Adam against a plain loop on e^(−w)."""

import math

import numpy as np
import pytest
from mpmath import exp, mpf, sqrt, workdps

from marginflow.theory import adam_throttle


def measured_rate(learning_rate: float, b1: float, b2: float) -> float:
    """How fast the gradient of e^(−w) falls under Adam without ε, once that is steady."""
    settled = int(20 / (1 - b2))
    w = m = v = 0.0
    seen = []
    for t in range(1, 2 * settled + 1):
        g = -math.exp(-w)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        w -= learning_rate * (m / (1 - b1**t)) / math.sqrt(v / (1 - b2**t))
        if t in (settled, 2 * settled):
            seen.append(w)
    return (seen[1] - seen[0]) / settled


def excess(rate, speed: float, b1: float, b2: float):
    """Rate minus what the law says of it; past the ceiling, infinite."""
    with workdps(40):
        left = 1 - mpf(b2) * exp(2 * rate)
        if left <= 0:
            return mpf("inf")
        return rate - speed * (1 - mpf(b1)) / (1 - b1 * exp(rate)) * sqrt(left / (1 - mpf(b2)))


@pytest.mark.parametrize("b2", [0.9, 0.99, 0.999])
@pytest.mark.parametrize("learning_rate", [1e-3, 1e-2, 0.1])
def test_rate_is_that_of_the_loop(learning_rate, b2):
    throttle = adam_throttle(1.0, learning_rate, b2=b2)
    assert throttle.rate == pytest.approx(measured_rate(learning_rate, 0.9, b2), rel=1e-3)


def test_rate_depends_on_the_margin_times_the_learning_rate_alone():
    assert adam_throttle(2.0, 1e-3).rate == adam_throttle(0.5, 4e-3).rate


@pytest.mark.parametrize("b1", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("b2", [0.9, 0.99, 0.999, 0.99999])
def test_rate_solves_its_equation_below_the_ceiling(b1, b2):
    speeds = [10.0**k for k in range(-9, 4)]
    rates = [adam_throttle(1.0, speed, b1=b1, b2=b2).rate for speed in speeds]
    for speed, rate in zip(speeds, rates, strict=True):
        if math.isnan(rate):
            continue
        # in 40 digits the two sides change places within rounding of the rate
        low, high = (
            excess(mpf(rate) * (1 + sign * mpf("1e-13")), speed, b1, b2) for sign in (-1, 1)
        )
        assert low < 0 < high
    known = [rate for rate in rates if rate == rate]
    assert known == sorted(known)


def test_no_rate_where_the_gradient_is_remembered_longer_than_its_square():
    assert math.isnan(adam_throttle(1.0, 10.0, b1=0.999, b2=0.9).rate)


def test_handover_is_where_the_moment_meets_epsilon():
    throttle = adam_throttle(1.0, 1e-2)
    step = throttle.handover(20_000, 1e-3, 1e-8)
    assert 1e-3 * math.exp(-throttle.rate * (step - 20_000)) == pytest.approx(1e-8, rel=1e-9)
    assert throttle.handover(20_000, 1e-3, 0.0) == math.inf


@pytest.mark.parametrize(
    "wrong", [{"margin": 0.0}, {"learning_rate": math.inf}, {"b1": 1.0}, {"b2": 0.0}]
)
def test_what_is_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
        adam_throttle(**({"margin": 1.0, "learning_rate": 0.1} | wrong))


def entry_rates(learning_rate: float, b2: float) -> tuple[list[float], float]:
    """How fast √v of each entry and the risk fall where the limit, (1, .4), has a small entry."""
    rows = np.array([[1.0, 0.5], [1.6, -1.0]])
    settled = int(20 / (1 - b2))
    w, m, v, seen = np.zeros(2), np.zeros(2), np.zeros(2), []
    for t in range(1, 2 * settled + 1):
        g = -rows.T @ np.exp(-rows @ w)
        m, v = 0.9 * m + 0.1 * g, b2 * v + (1 - b2) * g * g
        w = w - learning_rate * (m / (1 - 0.9**t)) / np.sqrt(v / (1 - b2**t))
        if t in (settled, 2 * settled):
            seen.append((np.log(v) / 2, (rows @ w).min()))
    (first, early), (last, late) = seen
    return ((first - last) / settled).tolist(), float(late - early) / settled


@pytest.mark.parametrize("share", [2.0, 4.5, 8.0])
def test_entries_of_the_moment_fall_at_rates_between_the_gradients_and_the_ceiling(share):
    b2, margin = 0.99, 1.2
    throttle = adam_throttle(margin, -0.5 * share * math.log(b2) / margin, b2=b2)
    rates, risk_rate = entry_rates(throttle.unthrottled / margin, b2)
    assert risk_rate == pytest.approx(throttle.rate, rel=5e-3)
    assert max(rates) > 1.001 * throttle.rate
    for rate in rates:
        assert 0.995 * throttle.rate < rate < 1.001 * throttle.ceiling
    # so that a handover by this rate is within 5 % where it is said to be
    assert throttle.valid == (throttle.ceiling / throttle.rate < 1 / 0.95)
    assert throttle.valid == (share > 4)
