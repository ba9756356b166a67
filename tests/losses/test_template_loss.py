"""Users' templates: every spelling of a loss is that loss, and a tail is found or refused."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from mpmath import mpf

import marginflow as mf
from marginflow.losses import as_loss
from marginflow.losses.tail_probe import SETTLED

with_zero = functools.partial(jnp.append, 0.0)
CROSS_ENTROPY = {
    "log(1 + sum exp)": lambda u: jnp.log(1 + jnp.sum(jnp.exp(-u))),
    "log1p": lambda u: jnp.log1p(jnp.exp(-u).sum()),
    "logsumexp": lambda u: jax.nn.logsumexp(jnp.append(-u, 0.0)),
    "log_softmax": lambda u: -jax.nn.log_softmax(with_zero(-u))[0],
    "logaddexp": lambda u: jnp.logaddexp(0, jax.nn.logsumexp(-u)),
    "log of softmax": lambda u: -jnp.log(jax.nn.softmax(with_zero(-u))[0]),
    "softplus": lambda u: jax.nn.softplus(jax.nn.logsumexp(-u)),
    "log of sigmoid": lambda u: -jnp.log(jax.nn.sigmoid(-jax.nn.logsumexp(-u))),
    "loop": lambda u: jnp.log(1 + sum(jnp.exp(-u[k]) for k in range(len(u)))),
    "numpy constants": lambda u: np.float64(2) * jnp.log(np.ones(1)[0] + jnp.exp(-u).sum()) / 2,
    "float32 constants": lambda u: jnp.log(jnp.float32(1) + jnp.exp(-u * jnp.float32(1)).sum()),
}
PAIR_LOG_LOSS = {
    "log of sigmoid": lambda u: -jnp.log(jax.nn.sigmoid(u)).sum(),
    "log_sigmoid": lambda u: -jax.nn.log_sigmoid(u).sum(),
    "one minus sigmoid": lambda u: -jnp.log(1 - jax.nn.sigmoid(-u)).sum(),
    "tanh": lambda u: -jnp.log((1 + jnp.tanh(u / 2)) / 2).sum(),
    "vmap": lambda u: jax.vmap(lambda margin: jnp.log1p(jnp.exp(-margin)))(u).sum(),
    "scan": lambda u: jax.lax.scan(lambda s, m: (s - jnp.log(jax.nn.sigmoid(m)), None), 0.0, u)[0],
}
SPELLINGS = [(mf.CrossEntropy(), name, 4) for name in CROSS_ENTROPY]
SPELLINGS += [(mf.PairLogLoss(), name, 4) for name in PAIR_LOG_LOSS]
SPELLINGS += [(mf.CrossEntropy(), "log(1 + sum exp)", K) for K in (2, 100)]

# Templates with rate a and log constant log c.
EXPONENTIAL = {
    "scaled": (lambda u: 2 * jnp.log1p(jnp.exp(-3 * u).sum()), 3, math.log(6)),
    "slow": (lambda u: 10 * jnp.log1p(jnp.exp(-0.001 * u).sum()), 0.001, math.log(0.01)),
    "fast": (lambda u: jnp.log1p(jnp.exp(-1000 * u).sum()), 1000, math.log(1000)),
    "irrational": (
        lambda u: jnp.log1p(np.pi * jnp.exp(-np.sqrt(2) * u).sum()),
        math.sqrt(2),
        math.log(math.pi * math.sqrt(2)),
    ),
    "sum of losses": (
        lambda u: jnp.log1p(jnp.exp(-u).sum()) + jax.nn.softplus(-u).sum() + jnp.exp(-u).sum(),
        1,
        math.log(3),
    ),
    "sum of rates": (
        lambda u: jnp.exp(-1.3 * u).sum() + jnp.log1p(jnp.exp(-u).sum()) / 7,
        1,
        -math.log(7),
    ),
    "late": (lambda u: jnp.log1p(1e4 * jnp.exp(-u).sum()), 1, math.log(1e4)),
    "slowest wins": (
        lambda u: (jnp.exp(-u) + 1e-20 * jnp.exp(-u / 10)).sum(),
        0.1,
        math.log(1e-21),
    ),
    "bounded": (lambda u: (1 - jnp.tanh(u)).sum(), 2, math.log(4)),
    "squared sigmoid": (lambda u: (jax.nn.sigmoid(-u) ** 2).sum(), 2, math.log(2)),
    "with a floor": (lambda u: (jax.nn.softplus(-u).sum() + math.log(2)) / 9, 1, -math.log(9)),
    "with cancellation": (lambda u: (jnp.log(1 + jnp.exp(u)) - u).sum(), 1, 0.0),
    "scaled, with cancellation": (
        lambda u: 0.7312 * (jnp.logaddexp(0, u) - u).sum(),
        1,
        math.log(0.7312),
    ),
}
WITHOUT_A_TAIL = {
    "polynomial": lambda u: jnp.where(u > 0, 1 / (1 + jnp.maximum(u, 0)) ** 2, 1 - 2 * u).sum(),
    "stretched": lambda u: jnp.exp(-jnp.sqrt(1 + jnp.abs(u))).sum(),
    "nearly exponential": lambda u: jnp.exp(-jnp.sqrt(1 + u**2)).sum(),
    "exponential, slowly": lambda u: (jnp.exp(-u) * (1 + 1e-3 / (1 + jnp.abs(u)))).sum(),
    "gaussian": lambda u: jnp.exp(-(u**2)).sum(),
    "u times exponential": lambda u: (u * jnp.exp(-u)).sum(),
    "hinge": lambda u: jnp.maximum(0, 1 - u).sum(),
    "linear": lambda u: -u.sum(),
    "constant": lambda u: 1.0 + 0 * u.sum(),
}
# Exponential for one margin, and along uniform shifts of more, but not entry by entry.
JOINT = {
    "product": lambda u: jnp.exp(-u).sum() + jnp.exp(-u.sum() / 2),
    "squared sum": lambda u: jnp.exp(-u / 2).sum() ** 2,
    "focal": lambda u: jnp.expm1(-(loss := jnp.log1p(jnp.exp(-u).sum()))) ** 2 * loss,
}


# The lowest margin at which these spellings are still the loss: log 0 comes near.
LOWEST = {"one minus sigmoid": -1.0, "tanh": -1.0}


def margins_of_all_sizes(n_columns: int, lowest: float) -> np.ndarray:
    """Mixed signs up to 10⁶, uniform ones included."""
    rng = np.random.default_rng(n_columns)
    sizes = 10.0 ** rng.uniform(-2, 6, size=(60, n_columns))
    mixed = np.where(rng.random(sizes.shape) < 0.3, -np.minimum(sizes, -lowest), sizes)
    uniform = np.geomspace(1e-2, 1e6, 60)[:, None] + rng.uniform(0, 2, size=(60, n_columns))
    return np.concatenate([mixed, uniform, np.zeros((1, n_columns))])


@pytest.mark.parametrize(
    ("loss", "name", "n_classes"),
    SPELLINGS,
    ids=[f"{loss.name}: {name}, K = {n_classes}" for loss, name, n_classes in SPELLINGS],
)
def test_every_spelling_is_the_loss(loss, name, n_classes):
    family = CROSS_ENTROPY if loss == mf.CrossEntropy() else PAIR_LOG_LOSS
    template = mf.TemplateLoss(family[name])
    margins = margins_of_all_sizes(n_classes - 1, LOWEST.get(name, -300.0))
    sign, log_abs = template.slope(margins)
    assert np.array_equal(sign, loss.slope(margins)[0])
    close = {"rtol": 1e-13, "atol": 1e-13}
    np.testing.assert_allclose(log_abs, loss.slope(margins)[1], **close)
    np.testing.assert_allclose(template.log_template(margins), loss.log_template(margins), **close)
    assert (template.tail(n_classes).rate, template.tail(n_classes).log_constant) == (1.0, 0.0)


@pytest.mark.parametrize("name", EXPONENTIAL)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_tails_are_found_and_their_errors_are_estimated_from_above(name, n_classes):
    function, rate, log_constant = EXPONENTIAL[name]
    tail = mf.TemplateLoss(function).tail(n_classes)
    assert tail.is_exponential
    assert abs(tail.rate / rate - 1) <= tail.error
    assert abs(tail.log_constant - log_constant) <= tail.error
    assert tail.error <= (SETTLED if "cancellation" in name else 1e-11)


@pytest.mark.parametrize("name", EXPONENTIAL)
def test_slopes_continue_by_the_tail(name):
    function, rate, log_constant = EXPONENTIAL[name]
    margins = np.random.default_rng(0).uniform(500, 1e6, size=(20, 3)) / rate
    sign, log_abs = mf.TemplateLoss(function).slope(margins)
    assert np.all(sign == -1)
    np.testing.assert_allclose(log_abs, log_constant - rate * margins, rtol=2 * SETTLED)


@pytest.mark.parametrize("function", [*WITHOUT_A_TAIL.values()], ids=WITHOUT_A_TAIL)
def test_no_tail_is_made_up(function):
    loss = mf.TemplateLoss(function)
    assert loss.tail(4) is None
    assert np.isfinite(loss.slope_value([[1e6, 2e6, 3e6]])).all()


@pytest.mark.parametrize("function", [*JOINT.values()], ids=JOINT)
def test_a_tail_has_to_hold_entry_by_entry(function):
    assert mf.TemplateLoss(function).tail(2) is not None
    assert mf.TemplateLoss(function).tail(4) is None


def test_one_small_margin_among_huge_ones():
    margins = np.array([[0.5, 1e3, 1e6], [-5.0, 40.0, 1e5], [30.0, 700.0, 2000.0]])
    loss = mf.TemplateLoss(CROSS_ENTROPY["log(1 + sum exp)"])
    for point, log_abs in zip(margins, loss.slope(margins)[1], strict=True):
        total = mpmath.log1p(mpmath.fsum(mpmath.exp(-mpf(float(m))) for m in point))
        exact = [float(-mpf(float(m)) - total) for m in point]
        np.testing.assert_allclose(log_abs, exact, rtol=1e-14)


@pytest.mark.parametrize("name", ["log(1 + sum exp)", "log of sigmoid"])
def test_directional_derivatives_of_scaled_slopes(name):
    direction = np.array([1.0, -0.5, 0.0])

    def derivatives(loss, margin):
        def weights(step):
            sign, log_abs = loss.slope(margin + jnp.array([0.0, 0.3, 2.0]) + step * direction)
            return sign * jnp.exp(margin + log_abs)

        functions = (weights, jax.jacfwd(weights), jax.jacfwd(jax.jacfwd(weights)))
        return jnp.stack([function(0.0) for function in functions])

    losses = mf.TemplateLoss(CROSS_ENTROPY[name]), mf.CrossEntropy()
    with mf.x64():
        margins = jnp.array([0.0, 5.0, 20.0, 31.9, 36.0, 40.0, 700.0, 1e6])
        computed, exact = (
            jax.jit(jax.vmap(functools.partial(derivatives, loss)))(margins) for loss in losses
        )
    np.testing.assert_allclose(np.array(computed), np.array(exact), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["log(1 + sum exp)", "log of softmax", "log of sigmoid"])
def test_values_never_overflow_nor_vanish(name):
    loss = mf.TemplateLoss(CROSS_ENTROPY[name])
    margins = np.array(
        [[20.0, 25.0, 30.0], [40.0, 41.0, 42.0], [600.0, 700.0, 1e3], [1e6, 1e6, 1e6]]
    )
    exact = mf.CrossEntropy().template(margins)
    np.testing.assert_allclose(np.exp(loss.log_template(margins)), exact, rtol=1e-12)
    np.testing.assert_allclose(loss.template(margins), exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("margin", [0.0, 2.5, 4.0, 10.0, 30.0, 700.0, 1e6])
def test_logarithms_are_summed_up_from_the_slopes(margin):
    """Where corrections are half a power of the tail itself, and where they are a power."""
    margins = [margin, margin + 0.5, 2 * margin + 1]
    cases = {
        lambda u: (jax.nn.sigmoid(-u) ** 2).sum(): lambda u: 1 / (1 + mpmath.exp(u)) ** 2,
        lambda u: jnp.log(1 + jnp.exp(-u)).sum(): lambda u: mpmath.log1p(mpmath.exp(-u)),
    }
    for function, term in cases.items():
        exact = mpmath.log(mpmath.fsum(term(mpf(u)) for u in margins))
        computed = mf.TemplateLoss(function).log_template(margins)
        assert computed == pytest.approx(float(exact), rel=1e-13, abs=1e-13)


def test_values_stay_finite_where_the_function_overflows():
    loss = mf.TemplateLoss(EXPONENTIAL["with cancellation"][0])
    margins = np.array([[800.0, 900.0, 1e3], [0.5, 900.0, 1e6]])
    np.testing.assert_allclose(
        loss.template(margins), mf.PairLogLoss().template(margins), rtol=1e-9, atol=1e-15
    )


def test_a_floor_stays_in_the_value():
    loss = mf.TemplateLoss(EXPONENTIAL["with a floor"][0])
    margins = np.full((1, 3), 1e4)
    np.testing.assert_allclose(loss.log_template(margins), math.log(math.log(2) / 9), rtol=1e-14)


def test_slopes_can_be_traced_from_single_precision_code():
    """Probing runs in float64 while the surrounding program is being traced."""
    loss = mf.TemplateLoss(lambda u: jnp.log1p(jnp.sum(jnp.exp(-u))))
    margins = jnp.array([[1.0, 200.0], [300.0, 400.0]])

    def total(margins):
        return jnp.sum(jax.vmap(lambda u: loss.slope(u)[1])(margins))

    value, gradient = jax.jit(jax.value_and_grad(total))(margins)
    assert value.dtype == np.float32
    np.testing.assert_allclose(value, mf.CrossEntropy().slope(margins)[1].sum(), rtol=1e-6)
    assert np.isfinite(gradient).all()


class Temperature(eqx.Module):
    """A template that holds an array, and so has no hash."""

    temperature: jax.Array

    def __call__(self, u):
        return jnp.log1p(jnp.sum(jnp.exp(-u / self.temperature)))


def tempered(u, temperature):
    return jnp.log1p(jnp.sum(jnp.exp(-u / temperature)))


@pytest.mark.parametrize(
    "function",
    [
        functools.partial(tempered, temperature=0.5),
        Temperature(jnp.array(0.5)),
        Temperature(jnp.array(0.5)).__call__,
        jax.jit(lambda u: tempered(u, 0.5)),
        eqx.filter_jit(lambda u: tempered(u, 0.5)),
    ],
    ids=["partial", "module", "method", "jit", "filter_jit"],
)
def test_any_callable_will_do(function):
    loss = mf.TemplateLoss(function)
    assert (loss.tail(3).rate, loss.tail(3).log_constant) == (2.0, math.log(2))
    np.testing.assert_allclose(loss.slope([1e6, 2e6])[1], [-2e6, -4e6], rtol=1e-6)
    assert isinstance(hash(loss), int)
    assert loss.name


FAULTY = {
    "vector": (lambda u: jnp.exp(-u), r"expected a scalar.*got shape \(2,\)"),
    "integer": (lambda u: 1, "expected a value of dtype float64.*got int"),
    "complex": (lambda u: jnp.exp(-u).sum() + 0j, "got complex128"),
    "cast": (lambda u: jnp.exp(-u.astype(jnp.float32)).sum(), "got float32.*do not cast"),
    "not a number": (lambda u: jnp.sum(jnp.sqrt(u)), "not finite at margins"),
    "not a slope": (
        lambda u: jnp.sum(jnp.where(u > 0, jnp.sqrt(jnp.maximum(u, 0)), -u)),
        r"not finite at margins \[0, 0\].*both branches",
    ),
    "one margin": (lambda u: jnp.exp(-u[0]), "not symmetric"),
    "weighted": (lambda u: jnp.exp(-u[0]) + 2 * jnp.exp(-u[-1]), "not symmetric"),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_what_is_wrong_with_a_template_is_said(fault):
    function, words = FAULTY[fault]
    with pytest.raises(ValueError, match=words):
        mf.TemplateLoss(function, name="mine").check(n_classes=3)
    with pytest.raises(ValueError, match="template"):
        as_loss(function, n_classes=3)


@pytest.mark.parametrize("name", CROSS_ENTROPY)
def test_good_templates_pass_the_check(name):
    mf.TemplateLoss(CROSS_ENTROPY[name]).check(n_classes=2)


def takes_two(u):
    first, second = u
    return jnp.exp(-first) + jnp.exp(-second)


ADVISED = {
    "numpy": (lambda u: np.sum(np.exp(-u)), jax.errors.TracerArrayConversionError, "jnp.exp"),
    "branch": (
        lambda u: -u[0] if u[0] < 0 else 0.0,
        jax.errors.TracerBoolConversionError,
        "jnp.where",
    ),
}


@pytest.mark.parametrize("name", ADVISED)
def test_a_template_that_leaves_jax_is_told_what_to_write(name):
    function, cause, advice = ADVISED[name]
    with pytest.raises(TypeError, match=f"template 'mine' .*{advice}") as raised:
        mf.TemplateLoss(function, name="mine").check(n_classes=2)
    assert isinstance(raised.value.__cause__, cause)


def test_an_error_inside_a_template_keeps_its_type_and_names_it():
    with pytest.raises(ValueError, match="unpack") as raised:
        mf.TemplateLoss(takes_two, name="mine").check(n_classes=2)
    assert "template 'mine'" in raised.value.__notes__[0]
    assert "K = 2" in raised.value.__notes__[0]


def test_smoothness_is_a_number_or_a_function_of_the_classes():
    function = CROSS_ENTROPY["log1p"]
    assert mf.TemplateLoss(function).smoothness(3) is None
    assert mf.TemplateLoss(function, smoothness=0.5).smoothness(3) == 0.5
    assert mf.TemplateLoss(function, smoothness=lambda K: K / 4).smoothness(3) == 0.75
    for wrong in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="positive smoothness"):
            mf.TemplateLoss(function, smoothness=wrong)


def test_only_functions_are_templates():
    with pytest.raises(TypeError, match="TemplateLoss"):
        mf.TemplateLoss("log1p")
