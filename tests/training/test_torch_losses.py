"""The losses for torch: values and gradients of the package's own, second derivatives, dtypes."""

import jax.numpy as jnp
import numpy as np
import pytest

import marginflow as mf
from marginflow.losses import (
    ErrorPower,
    Exponential,
    Focused,
    GammaPhi,
    Hinge,
    Identity,
    Logistic,
    LogOnePlus,
    LogSeries,
    Polynomial,
    ProbabilityPower,
    ShannonNegentropy,
    Sigmoid,
    SmoothHinge,
    SquaredHinge,
    Stretched,
)

mft = pytest.importorskip("marginflow.training.torch", exc_type=ImportError)
torch = pytest.importorskip("torch")

REGISTERED = mf.registered_losses()
# What no registered loss has: other orders, γ of a sum that is none of exponentials, nesting.
FURTHER = {
    "entmax of order 3": mf.EntmaxLoss(alpha=3.0),
    "entmax of order 1.05": mf.EntmaxLoss(alpha=1.05),
    "tsallis of order 1": mf.TsallisLoss(alpha=1.0),
    "tsallis of order 0.95": mf.TsallisLoss(alpha=0.95),
    "norm entropy of order 4": mf.NormEntropyLoss(q=4.0),
    "norm entropy of order 1.1": mf.NormEntropyLoss(q=1.1),
    "shannon": mf.FenchelYoung(ShannonNegentropy()),
    "alpha-loss of order 1/2": mf.AlphaLoss(alpha=0.5),
    "log sum of logistics": GammaPhi(LogOnePlus(2.0), Logistic()),
    "power of sigmoids": GammaPhi(ErrorPower(1.5), Sigmoid()),
    "focused polynomials": GammaPhi(Focused(1.0), Polynomial(2.0)),
    "series of stretched": GammaPhi(LogSeries(3), Stretched(0.5)),
    "power of hinges": GammaPhi(ProbabilityPower(0.5), Hinge()),
    "log sum of squared hinges": GammaPhi(LogOnePlus(), SquaredHinge()),
    "log sum of smooth hinges": GammaPhi(LogOnePlus(), SmoothHinge()),
    "steep exponentials": GammaPhi(Identity(), Exponential(rate=2.0, margin=0.5)),
    "smoothed sparsemax": mf.LabelSmoothing(0.2, mf.SparsemaxLoss()),
    "scaled margin of a sum": mf.ScaledLoss(
        mf.MarginLoss(mf.SumLoss([mf.SparsemaxLoss(), mf.EntmaxLoss(3.0)], [1.0, 2.0]), 0.5), 3.0
    ),
}
LOSSES = REGISTERED | FURTHER
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
every_registered_loss = pytest.mark.parametrize("name", REGISTERED)

N_CLASSES = 4


def problem() -> tuple[np.ndarray, np.ndarray]:
    """Scores of all sizes up to 10⁴, of which every difference is exact, and every label."""
    rng = np.random.default_rng(0)
    sizes = np.repeat([1 / 64, 1.0, 8.0, 64.0, 1e3, 1e4], 8)[:, None]
    scores = np.clip(rng.normal(size=(len(sizes), N_CLASSES)), -1, 1) * sizes
    corners = np.array([[1e4, -1e4, 0, 1], [1e4, 1e4, -1e4, -1e4], [0, 0, 0, 0], [-1e4, 0, 0, 30]])
    scores = np.round(np.concatenate([scores, *[corners] * N_CLASSES]) * 1024) / 1024
    labels = np.arange(len(scores)) % N_CLASSES
    labels[-len(corners) * N_CLASSES :] = np.repeat(np.arange(N_CLASSES), len(corners))
    return scores, labels


def values_and_gradients(loss, scores: np.ndarray, labels: np.ndarray, dtype=None):
    given = torch.tensor(scores, dtype=dtype, requires_grad=True)
    values = mft.loss(loss, reduction="none")(given, torch.tensor(labels))
    (gradients,) = torch.autograd.grad(values.sum(), given)
    return values.detach(), gradients.detach()


@every_loss
def test_values_and_gradients_are_those_in_jax(loss):
    scores, labels = problem()
    values, gradients = map(np.asarray, values_and_gradients(loss, scores, labels))
    # denormal numbers are zero in JAX
    np.testing.assert_allclose(values, loss(scores, labels), rtol=1e-12, atol=1e-300)
    expected = loss.gradient(scores, labels)
    np.testing.assert_array_equal(np.isinf(gradients), np.isinf(expected))
    finite = np.isfinite(expected)
    gradients, expected = np.where(finite, gradients, 0), np.where(finite, expected, 0)
    # the slopes of label smoothing are differences
    scale = np.abs(expected).max(axis=1, keepdims=True)
    rounding = 1e-12 * np.abs(expected) + 1e-15 * scale + 1e-300
    assert np.all(np.abs(gradients - expected) <= rounding)


@pytest.mark.parametrize("name", ["cross-entropy", "sparsemax", "entmax", "pair-log-loss"])
def test_long_rows_are_those_in_jax(name):
    rng = np.random.default_rng(4)
    scores, labels = 3 * rng.normal(size=(6, 600)), rng.integers(600, size=6)
    scores[[0, 1], labels[:2]] += [10.0, 60.0]
    values, gradients = values_and_gradients(name, scores, labels)
    np.testing.assert_allclose(values, REGISTERED[name](scores, labels), rtol=1e-12, atol=1e-300)
    expected = REGISTERED[name].gradient(scores, labels)
    np.testing.assert_allclose(gradients, expected, rtol=1e-12, atol=1e-15)


@every_loss
def test_gradients_are_right_twice(loss):
    scores = np.random.default_rng(1).normal(size=(3, N_CLASSES))
    scores += np.array([0.02, 0.05, 0.09, 0.14])
    given, labels = torch.tensor(scores, requires_grad=True), torch.tensor([0, 3, 1])
    module = mft.loss(loss, reduction="none")
    assert torch.autograd.gradcheck(lambda scores: module(scores, labels), given)
    assert torch.autograd.gradgradcheck(lambda scores: module(scores, labels), given)


@every_loss
def test_the_true_class_is_pulled_by_what_the_others_push(loss):
    """At margins of 40 the probability rounds to one, and one less it to nothing."""
    scores, labels = np.array([[40.0, 0.0, -1.0, 0.5], [3.0, 1.0, 2.0, 0.0]]), np.array([0, 0])
    _, gradients = values_and_gradients(loss, scores, labels)
    others = gradients[:, 1:].sum(1)
    torch.testing.assert_close(-gradients[:, 0], others, rtol=1e-15, atol=0)
    tail = loss.tail(N_CLASSES)
    assert others[0] != 0 or (tail is not None and tail.kind in ("finite", "rising"))


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_narrow_scores_are_computed_in_float32_and_rounded_once(loss, dtype):
    # exact in 8 bits, and margins are odd sixteenths, away from kinks
    halves = np.round(2 * np.random.default_rng(2).normal(size=(20, N_CLASSES))) / 2
    scores, labels = halves + np.array([0, 1, 3, 6]) / 16, np.arange(20) % N_CLASSES
    narrow = values_and_gradients(loss, scores, labels, dtype)
    wide = values_and_gradients(loss, scores, labels)
    # some roundings of float32, 6e-8, in the exponents of numbers of the size of margins
    rounding = {"rtol": torch.finfo(dtype).eps + 2e-6, "atol": 2e-6}
    for computed, exact in zip(narrow, wide, strict=True):
        assert computed.dtype == dtype
        torch.testing.assert_close(computed.double(), exact.to(dtype).double(), **rounding)


@every_registered_loss
def test_rows_in_blocks_are_the_rows(name, monkeypatch):
    scores, labels = problem()
    whole = values_and_gradients(name, scores, labels)
    monkeypatch.setattr("marginflow.training.torch.row_blocks._PER_THREAD", 3 * N_CLASSES)
    for blocks, values in zip(values_and_gradients(name, scores, labels), whole, strict=True):
        torch.testing.assert_close(blocks, values, rtol=1e-15, atol=0)


@every_registered_loss
def test_nothing_as_large_as_the_scores_is_kept_but_scores_and_gradient(name):
    scores = torch.randn(8, 50, requires_grad=True)
    kept = {}

    def keep(tensor):
        kept[tensor.data_ptr()] = tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mft.loss(name)(scores, torch.arange(8))
    assert kept.pop(scores.data_ptr()) == scores.numel()
    # which is half of what torch's own cross-entropy needs besides the scores
    gradient = scores.numel() if "cross-entropy" in name or name == "label-smoothing" else 0
    assert sum(kept.values()) < gradient + scores.numel() / 4


# Two losses push every class towards the mean of the others: an impossible one costs infinity.
@pytest.mark.parametrize("name", sorted(REGISTERED.keys() - {"lee-lin-wahba", "label-smoothing"}))
def test_scores_of_minus_infinity_are_classes_that_do_not_count(name):
    full = np.random.default_rng(3).normal(size=(3, N_CLASSES))
    masked = np.concatenate([full, np.full((3, 1), -np.inf)], axis=1)
    labels = np.array([0, 1, 3])
    values, gradients = values_and_gradients(name, masked, labels)
    expected, slopes = values_and_gradients(name, full, labels)
    torch.testing.assert_close(values, expected, rtol=1e-13, atol=1e-300)
    torch.testing.assert_close(gradients[:, :-1], slopes, rtol=1e-13, atol=1e-300)
    assert (gradients[:, -1] == 0).all()
    # and a class that is alone is sure
    alone = np.array([[1.0, -np.inf, -np.inf]])
    value, gradient = values_and_gradients(name, alone, np.array([0]))
    assert value == 0
    assert (gradient == 0).all()


@every_registered_loss
def test_huge_scores_are_no_nan(name):
    scores = np.array([[1e30, -1e30, 0.0], [-1e30, 1e30, 1e30], [1e30, 1e30, 1e30]])
    for dtype in (torch.float32, torch.float64):
        for label in range(3):
            for result in values_and_gradients(name, scores, np.full(3, label), dtype):
                assert not result.isnan().any()


@every_registered_loss
def test_maps_and_transforms_of_torch_func_apply(name):
    scores, labels = torch.randn(5, 2, N_CLASSES, dtype=torch.float64), torch.tensor([0, 3])
    module = mft.loss(name)

    def value(scores):
        return module(scores, labels)

    mapped = torch.func.vmap(torch.func.grad(value))(scores)
    single = torch.stack([torch.func.grad(value)(sample) for sample in scores])
    torch.testing.assert_close(mapped, single, rtol=1e-13, atol=1e-300)


def test_a_template_is_a_loss():
    scores, labels = problem()
    module = mft.TemplateLoss(lambda u: torch.logaddexp(-u, torch.zeros(())).sum(), reduction="sum")
    given = torch.tensor(scores, requires_grad=True)
    value = module(given, torch.tensor(labels))
    np.testing.assert_allclose(value.item(), mf.PairLogLoss()(scores, labels).sum(), rtol=1e-12)
    (gradient,) = torch.autograd.grad(value, given)
    expected = mf.PairLogLoss().gradient(scores, labels)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-16)
    few = given[:3].detach().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: module(x, torch.tensor(labels[:3])), few)


class Own(mf.Loss):
    """A loss of a user."""

    def template(self, margins):
        return jnp.sum(jnp.exp(-margins), axis=-1)

    def slope(self, margins):
        return -jnp.ones_like(margins), -margins

    def smoothness(self, n_classes):
        return None

    def tail(self, n_classes):
        return None


@pytest.mark.parametrize(
    "loss", [mf.TemplateLoss(lambda u: jnp.sum(u)), Own(), mf.MarginLoss(Own(), 1.0), len]
)
def test_a_loss_without_a_twin_is_refused_with_advice(loss):
    with pytest.raises(TypeError, match=r"no twin in torch.*marginflow\.training\.torch\.Template"):
        mft.loss(loss)


def test_named_modules_have_the_parameters_of_their_losses():
    for name, kind in vars(mft).items():
        if isinstance(kind, type) and hasattr(kind, "of"):
            assert kind.of is getattr(mf.losses, name)
    focal = mft.FocalLoss(focus=3.0, reduction="sum")
    assert focal.definition == mf.FocalLoss(focus=3.0)
    assert repr(focal) == "FocalLoss(focus=3.0, reduction='sum')"
    assert repr(mft.CrossEntropy()) == "CrossEntropy(reduction='mean')"
    both = mft.SumLoss([mft.CrossEntropy(), mf.PairLogLoss()], weights=[1.0, 2.0])
    assert both.definition == mf.SumLoss([mf.CrossEntropy(), mf.PairLogLoss()], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite focus > 0"):
        mft.FocalLoss(focus=-1.0)
    with pytest.raises(ValueError, match="give them to the whole"):
        mft.TemperatureLoss(mft.CrossEntropy(weight=torch.ones(2)), 2.0)


def test_every_loss_of_the_package_has_a_class_here():
    made_elsewhere = {"TemplateLoss", "Loss"}
    kinds = {name for name in mf.losses.__all__ if isinstance(getattr(mf.losses, name), type)}
    losses = {name for name in kinds if issubclass(getattr(mf.losses, name), mf.Loss)}
    assert losses - made_elsewhere <= set(mft.__all__)
