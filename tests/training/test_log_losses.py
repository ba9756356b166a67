"""The logarithm of a loss in torch, and training by it where the loss itself underflows."""

import numpy as np
import pytest
from tests.training.test_torch_losses import LOSSES, N_CLASSES, problem
from tests.training.test_torch_training import check_compiled

import marginflow as mf

mft = pytest.importorskip("marginflow.training.torch", exc_type=ImportError)
torch = pytest.importorskip("torch")
log_losses = pytest.importorskip("marginflow.training.torch.log_losses")

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def of_rows(loss, scores, labels):
    """The logarithm of each row's loss, and its gradient."""
    given = torch.tensor(scores, requires_grad=True)
    rule = mft.loss(loss).rule
    logs = log_losses.log_losses(given, torch.tensor(labels)[:, None], rule)
    (slopes,) = torch.autograd.grad(logs.sum(), given)
    return logs.detach().numpy(), slopes.numpy()


def margins_of(scores, labels):
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    others = np.arange(scores.shape[1]) != labels[:, None]
    return (own - scores)[others].reshape(len(scores), -1)


@every_loss
def test_logarithms_and_slopes_are_those_in_jax(loss):
    scores, labels = problem()
    logs, slopes = of_rows(loss, scores, labels)
    margins = margins_of(scores, labels)
    expected = np.asarray(loss.log_template(margins))
    np.testing.assert_allclose(logs, expected, rtol=1e-12, atol=1e-12)
    sign, log_abs = map(np.asarray, loss.slope(margins))
    seen = np.isfinite(logs)
    with np.errstate(invalid="ignore"):
        pulls = sign * np.exp(log_abs - logs[:, None])
    others = np.arange(N_CLASSES) != labels[:, None]
    found = -slopes[others].reshape(pulls.shape)
    np.testing.assert_allclose(found[seen], pulls[seen], rtol=1e-9, atol=1e-12)
    assert not np.isnan(slopes).any()
    assert not slopes[~seen].any()


@every_loss
def test_the_mean_is_that_of_the_losses(loss):
    scores = torch.tensor(np.random.default_rng(3).normal(size=(2, 5, N_CLASSES)))
    labels = torch.arange(10).reshape(2, 5) % N_CLASSES
    labels[1, 2] = -100
    settings = {"weight": torch.tensor([0.5, 2.0, 0.0, 1.0], dtype=torch.float64)}
    given = scores.requires_grad_()
    value = mft.loss(loss, reduction="logmean", **settings)(given, labels)
    expected = mft.loss(loss, **settings)(given, labels).log()
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12)
    slopes = (torch.autograd.grad(each, given)[0] for each in (value, expected))
    torch.testing.assert_close(*slopes, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", mf.registered_losses())
def test_far_beyond_the_least_float_it_goes_on(name):
    """In 16 bits under autocast, margins of 10⁴: half precision ends at e^−17."""
    labels = torch.tensor([0, 1, 2])
    scores = (1e4 * torch.eye(3)).half().requires_grad_()
    with torch.autocast("cpu", dtype=torch.float16):
        value = mft.loss(name, reduction="logmean")(scores, labels)
    (slopes,) = torch.autograd.grad(value, scores)
    assert not value.isnan()
    assert slopes.isfinite().all()
    tail = mf.get_loss(name).tail(3)
    if tail is not None and tail.kind == "exponential":
        assert -3e4 < value < -4e3
        assert (slopes.diagonal() < -0.1).all()


def test_only_classes_that_count_and_samples_that_count():
    module = mft.CrossEntropy(reduction="logmean")
    alone = torch.tensor([[0.0, -torch.inf], [500.0, 0.0]], requires_grad=True)
    value = module(alone, torch.tensor([0, 0]))
    torch.testing.assert_close(value.item(), -500 - np.log(2), rtol=1e-6, atol=0)
    (slopes,) = torch.autograd.grad(value, alone)
    torch.testing.assert_close(slopes, torch.tensor([[0.0, 0.0], [-1.0, 1.0]]))
    nothing = mft.WestonWatkins(reduction="logmean")
    for targets in (torch.tensor([0, 0]), torch.tensor([-100, -100])):
        value = nothing(alone, targets)
        assert not value.isfinite()
        assert not torch.autograd.grad(value, alone)[0].any()
    with pytest.raises(ValueError, match=r"logmean.*integer targets"):
        module(alone, torch.ones(2, 2))


@pytest.mark.parametrize("name", ["cross-entropy", "cross-entropy-sparsemax", "focal"])
def test_a_compiler_gets_one_program(name):
    scores, labels = torch.randn(6, N_CLASSES, dtype=torch.float64), torch.arange(6) % N_CLASSES
    module = mft.loss(name, reduction="logmean")
    check_compiled(module, "aot_eager", scores, labels)


CLUSTERS = mf.gaussian_clusters(0, n_samples=30, n_classes=3, n_features=5, noise=0.5)
INPUTS, TARGETS = torch.tensor(CLUSTERS.features), torch.tensor(CLUSTERS.labels)


def twins(hidden, dtype):
    """A network of marginflow, its first weights, and the same in torch."""
    network = mf.NetworkMargins(CLUSTERS, hidden)
    weights = network.draw(0, 0.5)
    layers = []
    for each in weights:
        layer = torch.nn.Linear(*each.shape, bias=False, dtype=dtype)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(each.T))
        layers += [layer, torch.nn.ReLU()]
    return network, weights, torch.nn.Sequential(*layers[:-1])


def descend(model, loss, optimizer, steps):
    inputs = INPUTS.to(next(model.parameters()).dtype)

    def closure():
        optimizer.zero_grad()
        value = loss(model(inputs), TARGETS)
        value.backward()
        return value

    return [float(optimizer.step(closure)) for _ in range(steps)]


@pytest.mark.parametrize("name", ["cross-entropy", "multiclass-exponential"])
def test_descent_by_the_loss_is_that_in_jax(name):
    """As long as roundings have not grown: both zigzag."""
    network, weights, model = twins((8,), torch.float64)
    run = mf.train(
        network,
        name,
        mf.LossBasedGD(),
        steps=60,
        initial=weights,
        record=mf.every(1),
        reduction="mean",
    )
    optimizer = mft.LossBasedGD(model.parameters())
    logs = descend(model, mft.loss(name, reduction="logmean"), optimizer, 60)
    np.testing.assert_allclose(logs, run.observables["log_risk"][:60], rtol=1e-9, atol=1e-9)


def test_training_in_float32_goes_on_below_its_least_number():
    network, _, model = twins((16,), torch.float32)
    optimizer = mft.LossBasedGD(model.parameters())
    loss = mft.CrossEntropy(reduction="logmean")
    descend(model, loss, optimizer, 100)
    kept = optimizer.state_dict()
    with torch.no_grad():
        for each in model.parameters():
            each *= 4.0  # margins sixteen times as large: losses of e^-200
        assert mft.CrossEntropy()(model(INPUTS.float()), TARGETS) == 0
    before = mf.certify_kkt(network, [each.detach().numpy().T for each in model.parameters()])
    optimizer = mft.LossBasedGD(model.parameters())
    logs = descend(model, loss, optimizer, 100)
    after = mf.certify_kkt(network, [each.detach().numpy().T for each in model.parameters()])
    assert logs[0] < -150
    assert logs[-1] < logs[0] - 5
    assert after.normalized_margin > before.normalized_margin
    assert after.residual < before.residual
    # the rate is part of the state
    again = mft.LossBasedGD(model.parameters())
    again.load_state_dict(kept)
    assert again.state_dict() == kept


def test_what_is_wrong_is_told():
    layer = torch.nn.Linear(2, 2)
    with pytest.raises(ValueError, match="lr: expected a finite number above 0"):
        mft.LossBasedGD(layer.parameters(), lr=-1.0)
    with pytest.raises(ValueError, match="one group of parameters"):
        mft.LossBasedGD([{"params": [layer.weight]}, {"params": [layer.bias]}])
    optimizer = mft.LossBasedGD(layer.parameters())
    with pytest.raises(ValueError, match="neither zero nor infinite"):
        optimizer.step(lambda: torch.tensor(-torch.inf))


def test_a_step_that_is_interrupted_leaves_all_as_it_was():
    model = torch.nn.Linear(5, 3, bias=False, dtype=torch.float64)
    optimizer, calls = mft.LossBasedGD(model.parameters()), []

    def closure():
        calls.append(model.weight.detach().clone())
        if len(calls) > 1:
            raise KeyboardInterrupt
        value = mft.CrossEntropy(reduction="logmean")(model(INPUTS), TARGETS)
        value.backward()
        return value

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert not torch.equal(calls[1], calls[0])
    assert torch.equal(model.weight, calls[0])
    assert model.weight.grad.any()
