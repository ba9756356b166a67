"""Certificates: templates that break one property each, and counterexamples that check.

The oracles are the templates themselves, in plain NumPy, at the points that a refutation names.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf

CLASSES = (2, 3)
EVERY = {
    "permutation equivariant",
    "translation invariant",
    "non-negative",
    "strictly decreasing",
    "convex",
    "strictly convex",
    "twice differentiable",
    "smooth",
    "tail",
    "exponential tail",
    "semi-coercive",
    "regular",
    "totally regular",
    "classification-calibrated",
}


def cross_entropy(u):
    return jnp.logaddexp(0.0, jax.nn.logsumexp(-u))


def lopsided(u):
    return cross_entropy(u) + 0.02 * jnp.logaddexp(0.0, -2 * u[0])


def shifted_down(u):
    return cross_entropy(u) - 0.1


def cubed_hinge(u):
    return jnp.sum(jnp.where(u < 1, 1 - u, 0.0) ** 3)


def dented(u):
    return cross_entropy(u) - 0.05 * jnp.exp(-9 * jnp.sum((u + 1) ** 2))


def linear_below(u):
    """Second derivative e^(−u) above 0, (u + 1)² from −1 on, none below."""
    middle = jnp.clip(u, -1, 0)
    bent = 1 - 4 / 3 * middle + ((middle + 1) ** 4 - 1) / 12
    low = -4 / 3 * jnp.minimum(u + 1, 0)
    return jnp.sum(jnp.where(u > 0, jnp.exp(-jnp.maximum(u, 0)), bent + low))


def exponential(u):
    return jnp.sum(jnp.exp(-u))


def kinked_curvature(u):
    above = jnp.exp(-jnp.maximum(u, 0))
    return jnp.sum(jnp.where(u > 0, above, 1 - u + u**2 / 4))


def polynomial_tail(u):
    above = 1 / (1 + jnp.maximum(u, 0))
    return jnp.sum(jnp.where(u > 0, above, 1 - u + u**2))


def bounded(u):
    return 1 - jnp.exp(-cross_entropy(u))


def hinge(u):
    return jnp.sum(jnp.where(u < 1, 1 - u, 0.0))


REGULAR = {"regular", "totally regular"}
# the template, what it breaks, and what that implies
TEMPLATES = {
    "nothing": (cross_entropy, set()),
    "lopsided": (lopsided, {"permutation equivariant"}),
    "negative": (shifted_down, {"non-negative", *REGULAR}),
    "ends": (cubed_hinge, {"strictly decreasing", "strictly convex", "exponential tail", *REGULAR}),
    "dented": (dented, {"convex", "strictly convex", *REGULAR}),
    "straight": (linear_below, {"strictly convex", *REGULAR}),
    "unbounded curvature": (exponential, {"smooth"}),
    "kinked curvature": (kinked_curvature, {"twice differentiable", *REGULAR}),
    "polynomial": (polynomial_tail, {"exponential tail"}),
    "bounded": (
        bounded,
        {"convex", "strictly convex", "exponential tail", "semi-coercive", *REGULAR},
    ),
}


@pytest.fixture(scope="module")
def certificates():
    return {name: mf.certify_loss(f, n_classes=CLASSES) for name, (f, _) in TEMPLATES.items()}


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_is_broken_is_refuted_and_nothing_else(name, certificates):
    certificate = certificates[name]
    assert set(certificate) == EVERY
    refuted = {which for which in certificate if certificate[which].verdict == "refuted"}
    expected = TEMPLATES[name][1]
    if name == "ends":  # curvature grows without end as well
        expected = expected | {"smooth"}
    assert refuted == expected


def value(template, u):
    with mf.x64():
        return float(template(jnp.asarray(u, dtype=jnp.float64)))


def slopes(template, u):
    with mf.x64():
        return np.asarray(jax.grad(template)(jnp.asarray(u, dtype=jnp.float64)))


def test_counterexamples_check(certificates):
    at = {
        name: {which: part.counterexample for which, part in found.properties.items()}
        for name, found in certificates.items()
    }
    one, other = at["lopsided"]["permutation equivariant"].margins
    assert sorted(one) == sorted(other)
    assert abs(value(lopsided, one) - value(lopsided, other)) > 1e-9
    assert value(shifted_down, at["negative"]["non-negative"].margins[0]) < 0
    assert (slopes(cubed_hinge, at["ends"]["strictly decreasing"].margins[0]) == 0).any()
    for name, template in (("dented", dented), ("bounded", bounded)):
        x, y = at[name]["convex"].margins
        assert (slopes(template, y) - slopes(template, x)) @ (y - x) < 0
    x, y = at["straight"]["strictly convex"].margins
    np.testing.assert_array_equal(slopes(linear_below, x), slopes(linear_below, y))
    assert np.abs(x - y).max() > 0.1
    low, high = at["kinked curvature"]["twice differentiable"].margins
    with mf.x64():
        before, after = (np.asarray(jax.hessian(kinked_curvature)(u)) for u in (low, high))
    assert np.abs(after - before).max() > 0.4
    assert np.abs(high - low).max() < 1e-10
    falling = at["bounded"]["semi-coercive"].margins
    assert falling.min() <= -1e4
    assert all(value(bounded, u) <= 1 for u in falling)
    x = at["polynomial"]["exponential tail"].margins
    ratio = [np.log(-slopes(polynomial_tail, u)).max() + u.min() for u in x]
    assert ratio[-1] - ratio[0] > 100


def test_the_tail_is_classified_with_its_constants():
    found = mf.certify_loss(lambda u: 3 * cross_entropy(2 * u), n_classes=CLASSES)
    tail = found["exponential tail"]
    assert tail.verdict == "supported"
    np.testing.assert_allclose(tail.figures["rate"], 2.0, rtol=1e-9)
    np.testing.assert_allclose(tail.figures["log_constant"], np.log(6.0), atol=1e-9)
    assert "rescaled by the rate 2" in tail.evidence
    assert found["smooth"].figures["scores"] == pytest.approx(6.0, rel=1e-5)
    for degree in (0.5, 3.0):
        found = mf.certify_loss(mf.PolynomialLoss(degree=degree), n_classes=CLASSES)
        assert found["tail"].figures["degree"] == pytest.approx(degree, rel=1e-4)
        assert "not to the SVM" in found.conclusion


def test_no_verdict_depends_on_a_name():
    ours = mf.certify_loss("cross-entropy", n_classes=CLASSES)
    theirs = mf.certify_loss(mf.TemplateLoss(cross_entropy, name="polynomial"), n_classes=CLASSES)
    assert {k: v.verdict for k, v in ours.properties.items()} == {
        k: v.verdict for k, v in theirs.properties.items()
    }
    assert ours["tail"].figures["kind"] == theirs["tail"].figures["kind"]


def general_cross_entropy(scores, labels):
    own = jnp.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    return jax.nn.logsumexp(scores, axis=1) - own


def test_the_template_of_a_general_loss_is_extracted():
    found = mf.certify_loss(general_cross_entropy, n_classes=CLASSES)
    assert found["translation invariant"].verdict == "supported"
    assert not [name for name in found if found[name].verdict == "refuted"]


def test_a_general_loss_that_sees_a_shift_is_refuted_on_that_alone():
    def drifting(scores, labels):
        own = jnp.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
        return general_cross_entropy(scores, labels) + 0.05 * jnp.tanh(own) ** 2

    found = mf.certify_loss(drifting, n_classes=CLASSES)
    assert [n for n in found if found[n].verdict == "refuted"] == ["translation invariant"]
    assert found["translation invariant"].counterexample.space == "scores"


def test_a_general_loss_that_prefers_a_class_is_refuted_on_that():
    def partial(scores, labels):
        return general_cross_entropy(scores, labels) * jnp.where(labels == 0, 1.0, 2.0)

    found = mf.certify_loss(partial, n_classes=CLASSES)
    assert [n for n in found if found[n].verdict == "refuted"] == ["permutation equivariant"]


def test_a_stated_smoothness_that_is_too_small_is_refuted():
    found = mf.certify_loss(mf.TemplateLoss(cross_entropy, smoothness=0.3), n_classes=[3])
    assert "0.3" in found["smooth"].evidence
    assert found["smooth"].verdict == "refuted"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        (lambda u: jnp.sum(jnp.sqrt(u)), "not finite"),
        (lambda u: u, "expected a scalar"),
        (lambda u: jnp.sum(jnp.exp(jnp.exp(jnp.exp(-3 * u)))), "not finite"),
        (3, "expects a Loss"),
        ("cross-entorpy", "no loss named"),
        (mf.CrossEntropy, "expects a Loss"),
        (lambda scores, labels: jnp.sum(scores), "one loss for each"),
    ],
    ids=["root", "vector", "overflow", "number", "name", "class", "sum"],
)
def test_what_is_no_loss_is_refused_with_a_sentence(template, words):
    with pytest.raises((TypeError, ValueError), match=words):
        mf.certify_loss(template, n_classes=CLASSES)


def test_classes_below_two_are_refused():
    with pytest.raises(ValueError, match="from 2 on"):
        mf.certify_loss("cross-entropy", n_classes=[1])


def test_overflow_further_out_is_a_note_not_a_refutation():
    found = mf.certify_loss(lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))), n_classes=[3])
    assert not [name for name in found if found[name].verdict == "refuted"]
    assert "not a finite float64" in found.notes[0]


def test_what_is_supported_is_proved_on_request():
    found = mf.certify_loss(lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))), n_classes=[3], prove=True)
    for name in ("non-negative", "convex", "strictly decreasing", "exponential tail"):
        assert found[name].verdict == "proved", name
    assert found["exponential tail"].figures["rate"] == 1.0
    bent = mf.certify_loss(dented, n_classes=[2], prove=True)
    assert bent["convex"].verdict == "refuted"


def test_a_certificate_shows_itself(certificates):
    certificate = certificates["negative"]
    assert "non-negative" in repr(certificate)
    assert "<table>" in certificate._repr_html_()
    frame = certificate.to_frame()
    assert list(frame.columns) == ["property", "verdict", "evidence"]
    assert certificate["strictly_convex"] is certificate["strictly convex"]
    with pytest.raises(KeyError, match="there are"):
        certificate["beautiful"]


def losses(function, scores, labels):
    with mf.x64():
        return np.asarray(function(jnp.asarray(scores), jnp.asarray(labels)))


def test_a_refuted_renaming_can_be_evaluated():
    def partial(scores, labels):
        return general_cross_entropy(scores, labels) * (1.0 + labels)

    part = mf.certify_loss(partial, n_classes=[4])["permutation equivariant"]
    example, figures = part.counterexample, part.counterexample.figures
    assert (example.space, example.margins.shape) == ("scores", (2, 4))
    scores, renamed = example.margins
    permutation = figures["permutation"]
    assert sorted(permutation) == list(range(4))
    np.testing.assert_array_equal(renamed[permutation], scores)
    assert figures["renamed_label"] == permutation[figures["label"]]
    seen = losses(partial, example.margins, [figures["label"], figures["renamed_label"]])
    np.testing.assert_allclose(seen, [figures["value"], figures["renamed_value"]], rtol=1e-12)
    assert abs(seen[0] - seen[1]) > 1e-9
    assert f"{seen[0]:.6g}, and {seen[1]:.6g} with" in example.statement


def test_a_refuted_shift_can_be_evaluated():
    def weighed(scores, labels):
        return general_cross_entropy(scores, labels) + 0.01 * jnp.sum(scores**2, axis=1)

    part = mf.certify_loss(weighed, n_classes=[3])["translation invariant"]
    example, figures = part.counterexample, part.counterexample.figures
    assert (example.space, example.margins.shape) == ("scores", (2, 3))
    scores, shifted = example.margins
    assert figures["shift"] != 0
    np.testing.assert_array_equal(shifted, scores + figures["shift"])
    seen = losses(weighed, example.margins, [figures["label"]] * 2)
    np.testing.assert_allclose(seen, [figures["value"], figures["shifted_value"]], rtol=1e-12)
    assert abs(seen[0] - seen[1]) > 1e-9
    assert f"{seen[0]:.6g}, and {seen[1]:.6g} with" in example.statement


def test_a_dent_far_out_ends_in_verdicts():
    def dented_far_out(u):
        return cross_entropy(u) - 1e-3 * jnp.exp(-jnp.sum((u - 40) ** 2))

    found = mf.certify_loss(dented_far_out, n_classes=[2])
    assert set(found) == EVERY
    assert value(dented_far_out, [40.0]) < 0
    example = found["non-negative"].counterexample
    assert example is None or value(dented_far_out, example.margins[0]) < 0


def test_a_template_that_is_infinite_below_zero_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        mf.certify_loss(lambda u: -jnp.sum(jnp.log(jnp.maximum(u, 0))), n_classes=CLASSES)


def test_slopes_that_become_constant_have_no_exponential_tail():
    def straight_far_out(u):
        return 1e12 * jnp.sum(jnp.exp(-u)) - jnp.sum(u)

    assert mf.TemplateLoss(straight_far_out).tail(2) is None
