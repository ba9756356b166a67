"""What the monitor says of torch models: of healthy ones no harm, of planted faults their names."""

import pytest

pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)
torch = pytest.importorskip("torch")

from tests.training.digits_models import PROBE, VALIDATION, adam, cnn, mlp, sgd, train  # noqa: E402

from marginflow.training.monitor import Monitor  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("model", "make"),
    [(mlp, sgd), (mlp, adam), (lambda: mlp(torch.nn.ReLU), sgd), (cnn, adam)],
)
def test_of_a_healthy_model_nothing_harmful_is_said(model, make):
    model = model()
    optimizer = make(model)
    with Monitor(model, PROBE, optimizer=optimizer, validation=VALIDATION) as seen:
        train(model, optimizer, 600, seen)
    assert seen.records[-1]["accuracy"] > 0.95
    assert [finding for finding in seen.findings if finding.harmful] == []


@pytest.mark.parametrize(
    ("model", "rate", "name", "layer"),
    [
        (lambda: mlp(scale=40.0), 0.01, "saturated", "3"),
        (lambda: mlp(torch.nn.Sigmoid, scale=60.0), 0.01, "saturated", "3"),
        (lambda: dying(), 0.01, "dead", "1"),
        (mlp, 1e38, "diverged", ""),
    ],
    ids=["tanh", "sigmoid", "dead", "diverged"],
)
def test_what_was_planted_is_found(model, rate, name, layer):
    model = model()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    with Monitor(model, PROBE, optimizer=optimizer) as seen:
        train(model, optimizer, 60, seen)
    found = {(finding.name, finding.layer) for finding in seen.findings if finding.harmful}
    assert (name, layer) in found
    assert len(found) == 1 or name == "diverged"


def dying():
    """A layer whose biases no sample overcomes."""
    model = mlp(torch.nn.ReLU)
    with torch.no_grad():
        model[0].bias[:20] = -50.0
    return model


def test_epsilon_takes_over_where_gradients_are_small():
    model = torch.nn.Linear(64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=10.0)
    with Monitor(model, PROBE, optimizer=optimizer) as seen:
        train(model, optimizer, 20, seen)
    assert [finding.name for finding in seen.findings] == ["eps dominated", "plateau"]
    state = optimizer.state[model.weight]
    root = (state["exp_avg_sq"] / (1 - 0.999 ** state["step"])).sqrt()
    assert bool((root < 10.0).all()) == (seen.records[-1]["eps_dominated"] == 1.0)
