"""Proofs: those of the three losses of Ravi et al. succeed, and nothing false is ever proved."""

import time

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marginflow as mf
from marginflow.theory.proof import prove

MP = mpmath.mp.clone()
MP.dps = 60

PROVABLE = ("convex", "strictly convex", "strictly decreasing", "non-negative", "exponential tail")
ONE_LINE = {
    "cross-entropy": lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))),
    "multiclass exponential": lambda u: jnp.sum(jnp.exp(-u)),
    "pairs": lambda u: jnp.sum(jnp.log(1 + jnp.exp(-u))),
}


def _pairs(u):
    return jnp.sum(jnp.log1p(jnp.exp(-u)))


def _bump(u, center):
    return jnp.sum(jnp.exp(-((u - center) ** 2)))


@pytest.mark.parametrize("name", ONE_LINE)
@pytest.mark.parametrize("n_classes", [2, 3, 4])
@pytest.mark.parametrize("property_name", PROVABLE)
def test_the_three_losses_are_proved_for_all_margins(name, n_classes, property_name):
    found = prove(ONE_LINE[name], n_classes, property_name, seconds=60)
    assert found.verdict == "proved", found
    assert found.n_classes == n_classes
    if property_name == "exponential tail":
        assert (found.figures["rate"], found.figures["log_constant"]) == (1.0, 0.0)
        assert found.figures["u_plus"] == found.figures["u_minus"] == -np.inf
    else:
        assert found.figures["within"] == np.inf
        assert "for all margins" in found.evidence


@pytest.mark.parametrize("loss", [mf.CrossEntropy(), mf.PairLogLoss(), mf.MulticlassExponential()])
@pytest.mark.parametrize("property_name", PROVABLE)
def test_so_are_the_losses_themselves(loss, property_name):
    assert prove(loss, 3, property_name, seconds=60).verdict == "proved"


@pytest.mark.parametrize("property_name", PROVABLE)
def test_a_stable_spelling_and_a_temperature(property_name):
    found = prove(mf.TemplateLoss(lambda u: jax.nn.softplus(-u / 0.5).sum()), 3, property_name, 60)
    assert found.verdict == "proved"
    if property_name == "exponential tail":
        assert found.figures["rate"] == 2.0
        assert "rescaled by the rate 2" in found.evidence


@pytest.mark.parametrize("property_name", PROVABLE)
def test_irrational_rates(property_name):
    found = prove(lambda u: jnp.log1p(jnp.sum(2.0**-u)), 3, property_name, 60)
    assert found.verdict == "proved"
    if property_name == "exponential tail":
        assert found.figures["rate"] == pytest.approx(np.log(2), rel=1e-15)
        assert found.figures["log_constant"] == pytest.approx(np.log(np.log(2)), rel=1e-14)


def test_ten_classes():
    assert prove(ONE_LINE["cross-entropy"], 10, "strictly convex", 60).verdict == "proved"


# What is broken, and margins at which it is.
BROKEN = {
    "sigmoid": (lambda u: jax.nn.sigmoid(-u).sum(), "convex", (-2.0, 0.5)),
    "1 - tanh": (lambda u: jnp.sum(1 - jnp.tanh(u)), "convex", (-1.0, 0.5)),
    "a bump": (lambda u: _pairs(u) - 1e-6 * _bump(u, 20.0), "convex", (1.0, 20.0)),
    "a bump at -9": (lambda u: _pairs(u) - 1e-3 * _bump(u, -9.0), "convex", (-9.0, -9.0)),
    "a wave": (lambda u: _pairs(u) + 1e-6 * jnp.sin(u).sum(), "convex", (20.42, 20.42)),
    "a third power": (lambda u: _pairs(u) - 1e-9 * jnp.exp(-3 * u).sum(), "convex", (-12.0, -12.0)),
    "a product": (lambda u: jnp.exp(-u).prod() - 0.1 * jnp.exp(-u).sum(), "convex", (3.0, 3.0)),
    "a kink": (lambda u: jnp.sum(jnp.minimum(jnp.exp(-u), 1.0)), "convex", (0.0, 0.0)),
    "a line": (lambda u: _pairs(u) + 1e-8 * u.sum(), "strictly decreasing", (30.0, 30.0)),
    "one line": (lambda u: _pairs(u) + 1e-8 * u[0], "strictly decreasing", (30.0, 1.0)),
    "a rise": (
        lambda u: _pairs(u) - 1e-3 * jnp.exp(-3 * u).sum(),
        "strictly decreasing",
        (-4.0,) * 2,
    ),
    "a constant": (lambda u: jnp.exp(-u[0]) + 0 * u[1], "strictly decreasing", (0.0, 0.0)),
    "a parabola": (lambda u: jnp.sum((1 - u) ** 2), "strictly decreasing", (2.0, 2.0)),
    "a floor below 0": (lambda u: _pairs(u) - 1e-8, "non-negative", (30.0, 30.0)),
    "logsumexp": (lambda u: jax.nn.logsumexp(-u), "non-negative", (2.0, 2.0)),
    "a hole": (lambda u: _pairs(u) - 1e-4 * _bump(u, 14.0), "non-negative", (14.0, 14.0)),
    "too steep": (lambda u: jnp.log(1 + 2 * jnp.sum(jnp.exp(-u))), "exponential tail", None),
    "too fast": (lambda u: jnp.exp(-u).sum() + jnp.exp(-2 * u).sum(), "exponential tail", None),
    "stretched": (lambda u: jnp.exp(-jnp.sqrt(1 + u**2)).sum(), "exponential tail", None),
    "polynomial": (lambda u: jnp.sum(jnp.sqrt(1 + u**2) - u), "exponential tail", None),
    "mixed rates": (lambda u: jnp.exp(-u[0]) + jnp.exp(-2 * u[1]), "exponential tail", None),
    "no share": (lambda u: jax.nn.logsumexp(-u), "exponential tail", None),
    "undefined": (lambda u: jnp.exp(jnp.log(1 - jnp.exp(-u))).sum() - u.sum(), "convex", None),
}


def _check(function, property_name, u):
    """The property at one point, by JAX."""
    with mf.x64():
        u = jnp.asarray(u)
        if property_name == "convex":
            return float(jnp.linalg.eigvalsh(jax.hessian(function)(u))[0]) >= 0
        if property_name == "strictly decreasing":
            return bool((jax.grad(function)(u) < 0).all())
        return float(function(u)) >= 0


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_never_proved(name):
    function, property_name, _ = BROKEN[name]
    found = prove(function, 3, property_name, seconds=1)
    # a statement on a box may hold although it fails beyond, and then names the box
    if found.verdict == "proved":
        assert f"within ±{found.figures['within']:g}" in found.evidence
        assert np.abs(BROKEN[name][2]).max() > found.figures["within"]
    if found.verdict == "refuted" and property_name != "exponential tail":
        assert not _check(function, property_name, found.counterexample.margins[0])


@pytest.mark.parametrize(
    "name",
    ["sigmoid", "1 - tanh", "a wave", "a product", "a line", "one line", "a rise", "a parabola",
     "logsumexp", "too steep", "too fast"],
)  # fmt: skip
def test_plain_faults_are_refuted(name):
    function, property_name, _ = BROKEN[name]
    found = prove(function, 3, property_name, seconds=20)
    assert found.verdict == "refuted"
    assert found.counterexample is not None


rates = st.sampled_from([-1.0, 0.5, 1.0, 2.0, 3.0])
coefficients = st.lists(
    st.tuples(rates, st.integers(-200, 200).map(lambda c: c / 100)),
    min_size=1,
    max_size=4,
    unique_by=lambda pair: pair[0],
)


@settings(max_examples=12)
@given(coefficients, st.booleans())
def test_sums_of_exponentials_are_judged_rightly(terms, logarithm):
    def template(u):
        total = sum(c * jnp.exp(-p * u[0]) for p, c in terms)
        return jnp.log1p(total**2) if logarithm else total

    def exact(u):
        total = sum(MP.mpf(c) * MP.exp(-MP.mpf(p) * u) for p, c in terms)
        return MP.log1p(total**2) if logarithm else total

    grid = [MP.mpf(x) for x in np.linspace(-6, 9, 61)]
    truths = {
        "non-negative": all(exact(u) >= 0 for u in grid),
        "strictly decreasing": all(MP.diff(exact, u) < 0 for u in grid),
        "convex": all(MP.diff(exact, u, 2) >= -MP.mpf("1e-25") for u in grid),
    }
    for property_name, holds in truths.items():
        found = prove(template, 2, property_name, seconds=1)
        if found.verdict == "proved":
            assert holds
        if found.verdict == "refuted":
            u = MP.mpf(float(found.counterexample.margins[0, 0]))
            if property_name == "non-negative":
                assert exact(u) < 0
            elif property_name == "strictly decreasing":
                assert MP.diff(exact, u) >= -MP.mpf("1e-25")
            else:
                assert MP.diff(exact, u, 2) < 0


@settings(max_examples=8)
@given(st.lists(st.tuples(st.sampled_from([1, 2, 3]), st.floats(-1, 1)), max_size=3), st.booleans())
def test_proved_bounds_on_the_tail_hold(terms, joined):
    def template(u):
        x = jnp.exp(-u)
        extra = sum(round(c, 3) * jnp.sum(x ** (p + 1)) for p, c in terms)
        return (jnp.log1p(x.sum()) if joined else jnp.log1p(x).sum()) + extra

    found = prove(template, 3, "exponential tail", seconds=2)
    if found.verdict == "supported":
        return
    rate, c = found.figures.get("rate"), np.exp(found.figures.get("log_constant", 0.0))
    rng = np.random.default_rng(0)
    if found.verdict == "proved":
        lowest = np.array([found.figures["u_plus"], found.figures["u_minus"]]).max()
        start = max(lowest, -3.0)
        u = start + 10.0 ** rng.uniform(-3, 1, (400, 2))
        with mf.x64():
            slopes = np.asarray(jax.vmap(jax.grad(template))(jnp.asarray(u)))
        x = np.exp(-rate * u)
        ratio = -slopes / (c * x)
        assert (ratio <= 1 + 1e-12).all()
        assert (ratio >= 1 - x.sum(axis=1, keepdims=True) - 1e-12).all()
    else:
        (u,) = found.counterexample.margins
        with mf.x64():
            slopes = np.asarray(jax.grad(template)(jnp.asarray(u)))
        x = np.exp(-u)
        ratio = -slopes / x
        assert (ratio > 1).any() or (ratio < 1 - x.sum()).any()


def test_a_box_is_named_where_infinite_margins_are_open():
    found = prove(lambda u: _pairs(u) - 1e-6 * _bump(u, 1.0), 2, "convex", seconds=20)
    assert found.verdict == "proved"
    assert found.figures["within"] == 12.0
    assert found.evidence.startswith("on the box of margins within ±12")
    assert "Beyond the box it is open" in found.evidence


def test_a_conclusion_waits_for_the_template_to_be_defined():
    def template(u):
        return jnp.sum(jnp.exp(-u)) + 0 * jnp.log(0.5 - jnp.exp(-jnp.sum(u)))

    found = prove(template, 3, "convex", seconds=2)
    assert found.verdict == "supported"


def test_the_time_is_kept():
    def template(u):
        return jnp.log(1 + jnp.sum(jnp.exp(-u))) + 1e-3 * jnp.sum(jnp.sqrt(1 + u**2) - u)

    prove(template, 3, "convex", seconds=0.1)
    start = time.monotonic()
    found = prove(template, 4, "convex", seconds=0.5)
    assert time.monotonic() - start < 20
    assert found.verdict in ("supported", "proved")


def test_unknown_properties_are_named():
    with pytest.raises(ValueError, match="expected one of 'convex'"):
        prove(ONE_LINE["pairs"], 3, "smooth")
