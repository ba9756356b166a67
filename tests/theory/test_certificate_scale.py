"""Certificates do not depend on units: ψ, ψ(c u) and s ψ have the same verdicts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.losses import CoherenceLoss, MarginLoss, ScaledLoss, TemperatureLoss
from marginflow.theory.certificate.template_view import TemplateView

LOSSES = {
    "cross-entropy": mf.CrossEntropy(),
    "exponential": mf.MulticlassExponential(),
    "coherence": CoherenceLoss(),
    "hinge": mf.WestonWatkins(),
    "polynomial": mf.PolynomialLoss(),
}
STRETCHES = (1e-3, 0.3, 1e3)
MULTIPLES = (1e-6, 1e6)


def verdicts(certificate):
    return {name: str(part.verdict) for name, part in certificate.properties.items()}


@pytest.fixture(scope="module")
def plain():
    return {name: mf.certify_loss(loss, n_classes=[3]) for name, loss in LOSSES.items()}


@pytest.mark.parametrize("stretch", STRETCHES)
@pytest.mark.parametrize("name", LOSSES)
def test_margins_may_be_counted_in_any_unit(name, stretch, plain):
    found = mf.certify_loss(TemperatureLoss(LOSSES[name], 1 / stretch), n_classes=[3])
    assert verdicts(found) == verdicts(plain[name])
    for of, key, power in (("tail", "rate", 1), ("smooth", "template", 2)):
        expected = plain[name][of].figures.get(key)
        if expected is not None and found[of].verdict != "refuted":
            assert found[of].figures[key] == pytest.approx(expected * stretch**power, rel=1e-3)


@pytest.mark.parametrize("multiple", MULTIPLES)
@pytest.mark.parametrize("name", LOSSES)
def test_values_may_be_counted_in_any_unit(name, multiple, plain):
    found = mf.certify_loss(ScaledLoss(LOSSES[name], multiple), n_classes=[3])
    assert verdicts(found) == verdicts(plain[name])
    constant = plain[name]["exponential tail"].figures.get("log_constant")
    if constant is not None:
        moved = found["exponential tail"].figures["log_constant"] - constant
        assert moved == pytest.approx(np.log(multiple), abs=1e-9)


@pytest.mark.parametrize("stretch", [0.01, 100.0])
def test_so_may_those_of_a_template(stretch):
    found = mf.certify_loss(lambda u: jnp.sum(jnp.exp(-stretch * u)), n_classes=[2])
    assert [name for name in found if found[name].verdict == "refuted"] == ["smooth"]
    assert found["exponential tail"].figures["rate"] == stretch


def test_a_template_far_from_zero_is_looked_at_where_it_bends():
    found = mf.certify_loss(MarginLoss(mf.CrossEntropy(), 5000.0), n_classes=[2])
    refuted = [name for name in found if found[name].verdict == "refuted"]
    assert refuted == ["exponential tail"]
    assert found["smooth"].figures["template"] == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("stretch", [2.0**-9, 1.0, 2.0**9])
def test_lengths_and_units_are_measured(stretch):
    loss = ScaledLoss(TemperatureLoss(mf.MulticlassExponential(), 1 / stretch), 2.0**7)
    scale = TemplateView(loss, 3).scale
    assert scale == (0.0, 1 / stretch, 2.0**7)


def value(template, u):
    with mf.x64():
        return float(template(jnp.asarray(u, dtype=jnp.float64)))


@pytest.mark.parametrize("stretch", [1e-3, 1e3])
def test_counterexamples_are_in_the_users_units(stretch):
    def dented(u):
        u = stretch * u
        bump = 0.05 * jnp.exp(-9 * jnp.sum((u + 1) ** 2))
        return jnp.logaddexp(0.0, jax.nn.logsumexp(-u)) - bump

    x, y = mf.certify_loss(dented, n_classes=[3])["convex"].counterexample.margins
    with mf.x64():
        at_x, at_y = (np.asarray(jax.grad(dented)(jnp.asarray(u))) for u in (x, y))
    assert (at_y - at_x) @ (y - x) < 0
    assert np.abs(stretch * x + 1).max() < 3


def test_a_tail_that_floats_cannot_hold_is_refused_with_a_remedy():
    found = mf.certify_loss(ScaledLoss(mf.CrossEntropy(), 1e-140), n_classes=[3])
    assert not [name for name in found if found[name].verdict == "refuted"]
    with pytest.raises(ValueError, match="certify a multiple of it"):
        mf.certify_loss(lambda u: 1e-200 * jnp.sum(jnp.exp(-u)), n_classes=[3])
