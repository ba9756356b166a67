"""Templates at which a certificate once said something false."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.theory.certificate.symmetry import general_loss


def cross_entropy(u):
    return jnp.logaddexp(0.0, jax.nn.logsumexp(-u))


def exponentials(u):
    return jnp.sum(jnp.exp(-u))


# Tails that no probe finds, and that underflow long before the farthest margin that is tried.
NOT_FINITE = {
    "between powers and exponentials": lambda u: jnp.sum(
        jnp.exp(-jnp.sqrt(1 + jnp.logaddexp(0.0, u)))
    ),
    "gaussian": lambda u: jnp.sum(jnp.exp(-u * jnp.abs(u))),
    "one constant for each margin": lambda u: jnp.sum(jnp.exp(-u) * jnp.arange(1, len(u) + 1)),
    "a joint term": lambda u: exponentials(u) - 1e-3 * jnp.exp(-jnp.max(u)),
    "far away": lambda u: jax.nn.logsumexp(jnp.append(50 - u, 0.0)),
}


@pytest.mark.parametrize("name", NOT_FINITE)
def test_what_underflows_has_not_ended(name):
    found = mf.certify_loss(NOT_FINITE[name], n_classes=[3])
    assert found["tail"].figures.get("kind") != "finite"
    assert "end at a finite margin" not in found.conclusion


@pytest.mark.parametrize("rate", [np.log(2), 1 / 3, np.sqrt(2), 1.0])
def test_any_rate_is_met_exactly(rate):
    found = mf.certify_loss(lambda u: jnp.sum(jnp.exp(-rate * u)), n_classes=[3])
    assert found["exponential tail"].verdict == "supported"
    assert found["tail"].figures["rate"] == pytest.approx(rate, rel=1e-9)


@pytest.mark.parametrize("more", [3.0, 5.0])
def test_a_bound_that_is_never_seen_to_hold_is_refuted(more):
    found = mf.certify_loss(lambda u: jnp.sum(jnp.exp(-u) + jnp.exp(-more * u)), n_classes=[2])
    assert found["exponential tail"].verdict == "refuted"
    assert "upper bound" in found["exponential tail"].evidence


def weighted(scores, labels):
    own = jnp.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    weights = jnp.array([1.0, 3.0, 1.0])[labels]
    return (jax.nn.logsumexp(scores, axis=1) - own) * weights


def not_shifted(scores, labels):
    own = jnp.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    return jax.nn.logsumexp(scores, axis=1) - 0.9 * own


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (weighted, "permutation equivariant"),
        (not_shifted, "translation invariant"),
        (lambda u: cross_entropy(u) + 0.02 * jnp.logaddexp(0.0, -2 * u[0]), "permutation"),
    ],
)
def test_no_theorem_is_quoted_for_what_is_no_perm_loss(loss, name):
    found = mf.certify_loss(loss, n_classes=[3])
    assert found.conclusion.startswith("Not a PERM loss")
    assert name in found.conclusion
    assert "By the theorem" not in found.conclusion
    assert "Classification-calibrated" not in found.conclusion


def test_what_is_proved_on_a_box_alone_is_not_called_proved():
    def dented(u):
        return cross_entropy(u) - 0.1 * jnp.exp(-900 * jnp.sum((u + 22.71) ** 2))

    found = mf.certify_loss(dented, n_classes=[3], prove=True, seconds=5.0)
    assert found["strictly decreasing"].verdict != "proved"


def test_what_is_not_a_number_at_large_margins_is_refused():
    def lost(u):
        return jnp.sum(jnp.where(u > 200, jnp.nan, jnp.logaddexp(0.0, -u)))

    with pytest.raises(ValueError, match="not a number at margins"):
        mf.certify_loss(lost, n_classes=[3])


def test_an_infinite_value_at_large_margins_is_a_note():
    def endless(u):
        return jnp.sum(jnp.where(u > 200, jnp.inf, jnp.logaddexp(0.0, -u)))

    assert "Beyond margins of" in mf.certify_loss(endless, n_classes=[3]).notes[0]


def test_overflow_is_no_negative_value():
    def naive(u):
        tail = jnp.log(1 + jnp.sum(jnp.exp(-2 * u)))
        return jnp.log(1 + jnp.sum(jnp.exp(-u))) - 1e-6 * tail

    assert mf.certify_loss(naive, n_classes=[3])["non-negative"].verdict == "supported"


def test_curvature_that_only_starts_late_is_bounded():
    found = mf.certify_loss(lambda u: jax.nn.logsumexp(jnp.append(50 - u, 0.0)), n_classes=[2])
    assert found["smooth"].verdict == "supported"
    assert found["smooth"].figures["template"] == pytest.approx(0.25, rel=1e-3)


def test_a_tail_that_ends_is_neither_strictly_falling_nor_strictly_convex():
    found = mf.certify_loss(lambda u: jnp.sum(jnp.where(u < 7, 7 - u, 0.0) ** 4), n_classes=[2])
    assert found["tail"].figures["kind"] == "finite"
    for name in ("strictly decreasing", "strictly convex", "regular"):
        assert found[name].verdict == "refuted"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n_classes", [2, 6])
def test_one_class_that_is_preferred_is_seen_whatever_the_seed(n_classes, seed):
    def partial(scores, labels):
        own = jnp.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
        return (jax.nn.logsumexp(scores, axis=1) - own) * jnp.where(labels == 1, 1.0, 2.0)

    equivariant, shifted = general_loss(partial, n_classes, np.random.default_rng(seed))
    assert (equivariant.verdict, shifted.verdict) == ("refuted", "supported")


def broken(certificate):
    return {name for name in certificate if certificate[name].verdict == "refuted"}


REGULAR = {"regular", "totally regular"}
ROUGH = {"twice differentiable", "smooth", *REGULAR}
# what is wrong with a template, and all that this implies
HOSTILE = {
    "overflow that loses slopes": (lambda u: -jnp.log(1 / (1 + exponentials(u))), set()),
    "a kink at -17": (lambda u: cross_entropy(u) + 0.05 * jnp.sum(jnp.maximum(-17 - u, 0)), ROUGH),
    "a bend at -17": (
        lambda u: cross_entropy(u) + 0.05 * jnp.sum(jnp.maximum(-17 - u, 0) ** 2),
        ROUGH - {"smooth"},
    ),
    "a dent at 40": (
        lambda u: cross_entropy(u) - 1e-3 * jnp.exp(-jnp.sum((u - 40) ** 2)),
        {"non-negative", "strictly decreasing", "convex", "strictly convex", *REGULAR},
    ),
    "a step down": (
        lambda u: cross_entropy(u) + jnp.where(jnp.sum(u) < 0, 0.5, 0.0),
        {"convex", "strictly convex", "classification-calibrated", *ROUGH},
    ),
    "far below zero": (lambda u: cross_entropy(u + 300), set()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_is_refuted_on_what_it_breaks_alone(name):
    template, expected = HOSTILE[name]
    assert broken(mf.certify_loss(template, n_classes=[2])) == expected


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        (lambda u: np.sum(np.exp(-u)), "write it with jax.numpy"),
        (lambda u: jnp.sum(u) if u[0] > 0 else -jnp.sum(u), "jnp.where"),
        (lambda u: jnp.sum(u[u > 0]), "picks margins by a condition"),
    ],
    ids=["numpy", "if", "mask"],
)
def test_what_cannot_be_differentiated_is_refused_with_advice(template, advice):
    with pytest.raises(TypeError, match=advice):
        mf.certify_loss(template, n_classes=[2])
