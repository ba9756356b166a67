"""Two small networks on digits, one of them with a saturated layer: what a monitor says of each.

Run it with `python examples/monitor_training.py`, then open the two pages that it names.  torch is
an extra: `pip install 'marginflow[torch]'`.
"""

import subprocess
import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits

from marginflow.training.monitor import Monitor

FOLDER = Path("runs")
STEPS, BATCH = 2000, 64


def main() -> None:
    """Train both, and write their pages."""
    features, labels = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(features / 16.0).float(), torch.tensor(labels)
    for name, scale in {"healthy": 1.0, "saturated": 30.0}.items():
        train(network(scale), inputs, targets, FOLDER / name)
        command = [sys.executable, "-m", "marginflow", "report", str(FOLDER / name)]
        print(f"\n{name}")
        subprocess.run(command, check=True)


def network(scale: float) -> torch.nn.Sequential:
    """Three layers of tanh; the weights of the second begin too large by a factor."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 64),
        torch.nn.Tanh(),
        torch.nn.Linear(64, 10),
    )
    with torch.no_grad():
        model[2].weight.mul_(scale)
    return model


def train(model: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor, to: Path) -> None:
    """Stochastic gradient descent with momentum; the monitor is four lines of it."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    probe, validation = (inputs[:256], targets[:256]), (inputs[1400:], targets[1400:])
    draws = torch.Generator().manual_seed(0)
    with Monitor(model, probe, optimizer=optimizer, validation=validation, to=to) as monitor:
        for _ in range(STEPS):
            batch = torch.randint(1400, (BATCH,), generator=draws)
            loss = torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            monitor.step()


if __name__ == "__main__":
    main()
