import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marginflow.dynamics as dynamics
from marginflow.dynamics.recording import AtSteps, as_schedule
from marginflow.dynamics.records import Records

# drawn as plain values, and made into schedules in the test
schedules = st.one_of(
    st.tuples(st.just(dynamics.log_spaced), st.integers(1, 60)),
    st.tuples(st.just(dynamics.every), st.integers(1, 3000)),
    st.tuples(st.just(AtSteps), st.sets(st.integers(0, 3000), max_size=30).map(sorted).map(tuple)),
)


def all_steps(schedule, steps):
    return schedule.following(-1, steps, 10**4).tolist()


@given(schedules, st.integers(0, 2000), st.integers(1, 70))
def test_a_schedule_walked_in_pieces_is_the_schedule(drawn, steps, limit):
    schedule = drawn[0](drawn[1])
    walked, at = [], -1
    while True:
        piece = schedule.following(at, steps, limit).tolist()
        if not piece:
            break
        assert len(piece) <= limit
        walked += piece
        at = piece[-1]
    assert walked == all_steps(schedule, steps)
    assert walked == sorted(set(walked))
    assert walked[-1] == steps


@given(schedules, st.integers(0, 2000), st.integers(0, 2000))
def test_a_longer_run_keeps_the_records_of_a_shorter_one_but_its_last(drawn, one, two):
    schedule = drawn[0](drawn[1])
    short, long = sorted((one, two))
    assert all_steps(schedule, short)[:-1] == [s for s in all_steps(schedule, long) if s < short]


def test_log_spaced_has_its_number_of_steps_in_a_decade():
    steps = np.array(all_steps(dynamics.log_spaced(50), 10**6))
    assert steps[0] == 0
    assert np.sum((steps > 10**5) & (steps <= 10**6)) == 50
    # each step is the nearest whole number to a point of the grid
    nearest = np.rint(50 * np.log10(steps[1:]))
    np.testing.assert_array_equal(np.rint(10 ** (nearest / 50)), steps[1:])


def test_log_spaced_reaches_the_largest_count():
    last = dynamics.log_spaced(50).following(10**18, 2**63 - 1, 100)
    assert last[-1] == 2**63 - 1
    assert np.all(np.diff(last) > 0)


def test_every_counts_by_its_interval():
    assert all_steps(dynamics.every(7), 30) == [0, 7, 14, 21, 28, 30]
    assert all_steps(dynamics.every(7), 28) == [0, 7, 14, 21, 28]


@pytest.mark.parametrize("make", [dynamics.log_spaced, dynamics.every])
@pytest.mark.parametrize("wrong", [0, -3])
def test_an_interval_below_one_is_refused(make, wrong):
    with pytest.raises(ValueError, match="expected at least 1"):
        make(wrong)


def test_named_steps_come_in_any_order():
    assert all_steps(as_schedule([30, 10, 10, 0], 50), 50) == [0, 10, 30, 50]
    assert all_steps(as_schedule(np.array([5]), 50), 50) == [5, 50]


@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        ([10, 60], ValueError, "expected steps from 0 to steps = 50, got 60"),
        ([-1], ValueError, "got -1"),
        ([1.5], TypeError, "whole numbers"),
        ("log", TypeError, "log_spaced"),
        (50, TypeError, "sequence of steps"),
    ],
)
def test_wrong_records_are_refused(record, error, message):
    with pytest.raises(error, match=message):
        as_schedule(record, 50)


def rows(*steps):
    return np.array(steps), {"seen": 10.0 * np.array(steps)}


def test_records_join_their_parts_and_drop_what_lies_beyond():
    records = Records(*rows(0, 1))
    records.add(*rows(4, 9))
    assert records.last_step == 9
    steps, observables = records.until(4).columns()
    np.testing.assert_array_equal(steps, [0, 1, 4])
    np.testing.assert_array_equal(observables["seen"], [0.0, 10.0, 40.0])


def test_records_of_a_run_that_goes_on_are_those_of_the_longer_run():
    schedule = dynamics.every(4)
    made = Records(*rows(0, 4, 8, 9))  # of a run that ended at step 9
    np.testing.assert_array_equal(made.on(schedule, 9, steps=20).columns()[0], [0, 4, 8])
    np.testing.assert_array_equal(made.on(schedule, 9, steps=9).columns()[0], [0, 4, 8, 9])


def test_a_missing_record_is_named():
    with pytest.raises(KeyError, match="6"):
        Records(*rows(0, 2, 4, 8)).on(dynamics.every(2), 8, steps=20)


def test_no_records_are_no_columns():
    steps, observables = Records().columns()
    assert len(steps) == 0
    assert observables == {}
