"""Small torch models of the digits, and their training, for the tests of the monitor."""

import pytest
from sklearn.datasets import load_digits

pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)
torch = pytest.importorskip("torch")

FEATURES, LABELS = load_digits(return_X_y=True)
INPUTS, TARGETS = torch.tensor(FEATURES / 16).float(), torch.tensor(LABELS)
PROBE, VALIDATION = (INPUTS[:200], TARGETS[:200]), (INPUTS[1400:], TARGETS[1400:])


def mlp(activation=torch.nn.Tanh, *, scale=1.0, bias=True, width=32):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, width, bias=bias),
        activation(),
        torch.nn.Linear(width, width, bias=bias),
        activation(),
        torch.nn.Linear(width, 10, bias=bias),
    )
    with torch.no_grad():
        model[2].weight.mul_(scale)
    return model


def cnn():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 8, 8)),
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 10),
    )


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=2e-3)


def train(model, optimizer, steps, seen=None, runs=None, draws=None):
    """Train, and call `seen.step()`; the loss of each step."""
    draws, losses = draws or torch.Generator().manual_seed(0), []
    for _ in range(steps):
        batch = torch.randint(1400, (32,), generator=draws)
        loss = torch.nn.functional.cross_entropy((runs or model)(INPUTS[batch]), TARGETS[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if seen is not None:
            seen.step()
    return losses
