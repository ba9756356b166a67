"""Step counts: every way of writing one, the exact count, the correctly rounded logarithm."""

import math

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marginflow.cli.step_count import LARGEST_COUNT, StepCount, parse_steps, show_log_steps

counts = st.one_of(st.integers(1, 10**6), st.integers(1, LARGEST_COUNT))


def logarithm(value: int | mpmath.mpf) -> float:
    """The float64 nearest to log(value), from arithmetic of 60 digits."""
    with mpmath.workdps(60):
        return float(mpmath.log(value))


@given(counts)
def test_digits_are_read_exactly(count):
    for text in (str(count), f"{count:_}", f" {count} ", f"{count}e0", f"{count}.0", f"0{count}"):
        assert parse_steps(text).count == count
    assert parse_steps(str(count)).log_steps == logarithm(count)


@given(st.integers(1, 10**9), st.integers(0, 9))
def test_scientific_notation_means_the_whole_number(mantissa, exponent):
    value = mantissa * 10**exponent
    for text in (f"{mantissa}e{exponent}", f"{mantissa}E+{exponent}", f"{mantissa}.00e{exponent}"):
        assert parse_steps(text) == parse_steps(str(value))
    digits = str(mantissa)
    places = len(digits) - 1
    assert parse_steps(f"{digits[0]}.{digits[1:]}e{exponent + places}").count == value


@given(st.integers(2, 60), st.integers(0, 400))
def test_powers_are_those_of_whole_numbers(base, exponent):
    value = base**exponent
    for text in (f"{base}**{exponent}", f"{base}^{exponent}", f"{base} ** {exponent}"):
        read = parse_steps(text)
        assert read.log_steps == logarithm(value)
        assert read.count == value or (read.count is None and value > math.exp(43))


@given(st.integers(1, 10**9))
def test_powers_of_ten_are_one_count_however_written(exponent):
    read = parse_steps(f"10**{exponent}")
    assert read == parse_steps(f"10^{exponent}") == parse_steps(f"1e{exponent}")
    with mpmath.workdps(60):
        assert read.log_steps == float(exponent * mpmath.log(10))


@given(st.floats(43, 1e308))
def test_powers_of_e_keep_their_logarithm(log_steps):
    for text in (f"e^{log_steps!r}", f"e**{log_steps!r}", f"exp({log_steps!r})"):
        assert parse_steps(text).log_steps == log_steps
        assert parse_steps(text).count is None


@given(st.floats(0, 42.9))
def test_small_powers_of_e_are_whole_numbers(log_steps):
    read = parse_steps(f"e^{log_steps:.17f}")
    with mpmath.workdps(60):
        exact = mpmath.exp(mpmath.mpf(f"{log_steps:.17f}"))
        assert abs(read.count - exact) <= 0.5


@given(
    st.one_of(
        counts.map(str),
        st.builds("{}e{}".format, st.integers(1, 10**30), st.integers(0, 10**6)),
        st.builds("{}^{}".format, st.integers(2, 99), st.integers(0, 10**12)),
        st.floats(0, 1e300).map(lambda log_steps: f"e^{log_steps:.17f}"),
        st.integers(10**40, 10**60).map(str),
    )
)
def test_the_text_of_a_count_reads_back_as_the_same_count(text):
    read = parse_steps(text)
    assert parse_steps(str(read)) == read


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("100000", "100000"),
        ("1e5", "100000"),
        ("1e7", "10^7"),
        ("123456789", "123456789"),
        ("10**5000", "10^5000"),
        ("2.5e5000", "2.5e5000"),
        ("2**64", "2^64"),
        ("exp(1e6)", "e^1000000"),
        ("e^3", "20"),
    ],
)
def test_counts_are_shown_briefly(text, shown):
    assert str(parse_steps(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "nan", "inf", "0x10", "2^^3", "1e5 steps", "exp(5", "10^5)", "١٢"),
        *("0", "-5", "1.5", "1e-3", "10^2.5", "1^5", "10^-5"),
        *("e^1e309", "10^1e308", "10^1e99999", "1e99999999999999999999"),
    ],
)
def test_what_is_no_step_count_is_refused_with_what_came(text):
    with pytest.raises(ValueError, match="expected") as caught:
        parse_steps(text)
    assert repr(text) in str(caught.value)


def test_a_long_text_is_not_repeated_in_full():
    with pytest.raises(ValueError, match=r"xxx\.\.\.'\.$"):
        parse_steps("x" * 10_000)


@given(st.floats(0, 1e300))
def test_a_shown_logarithm_reads_back(log_steps):
    read = parse_steps(show_log_steps(log_steps))
    assert math.isclose(read.log_steps, log_steps, rel_tol=1e-13, abs_tol=0.5)


@given(st.integers(1, 10**12))
def test_counts_known_by_their_logarithm_are_shown_as_whole_numbers(count):
    assert parse_steps(show_log_steps(math.log(count))).count == count


def test_a_count_is_a_value():
    assert parse_steps("1e3") == StepCount(logarithm(1000), 1000, "1000")
