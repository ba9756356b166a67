"""--record: schedules that end where the run ends, as dense as asked."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marginflow.cli.record_argument import (
    exact_schedule,
    log_steps_schedule,
    log_time_schedule,
)
from marginflow.dynamics import every, log_spaced

per_decade = st.integers(1, 200)


def test_exact_schedules_are_those_of_the_library():
    assert exact_schedule("log:7", 100) == log_spaced(7)
    assert exact_schedule("every:1e3", 100) == every(1000)
    assert exact_schedule("at:0,10,1e2", 100) == [0, 10, 100]


@given(per_decade, st.floats(0, 1e12))
def test_fast_forward_is_recorded_from_step_one_to_the_last(number, last):
    times = log_steps_schedule(f"log:{number}", last)
    assert times[0] == 0
    assert times[-1] == pytest.approx(last, rel=1e-12)
    assert times.max() <= last
    assert np.all(np.diff(times) >= 0)
    decades = math.log10(1 + last)
    assert number * decades <= len(times) <= number * decades + 3


@given(per_decade, st.floats(-20, 1e12))
def test_a_flow_is_recorded_from_its_start_to_its_end(number, last):
    times = log_time_schedule(f"log:{number}", last)
    assert times[0] == -np.inf
    assert times[-1] == last
    assert np.all(np.diff(times[1:]) > 0)
    assert np.isfinite(times[1:]).all()


def test_named_times_are_taken_as_they_are():
    assert log_steps_schedule("at:1,10^100", 1000.0).tolist() == [0, 100 * math.log(10)]
    assert log_time_schedule("at:-3.5,0,1e3", 1000.0).tolist() == [-3.5, 0, 1000]
