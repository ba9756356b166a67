"""What a monitor costs: training with and without it, in turn, in one process.

A network of two hidden layers and a small convolutional one are trained on digits for 10,000 steps.
Both sides train a chunk of steps, one after the other, so that a machine's drift meets both alike;
what the monitor's construction and its last record cost is counted.
"""

import time

import numpy as np

STEPS, CHUNK, BATCH, PROBE, ROUNDS = 10_000, 50, 64, 256, 3


def main() -> list[dict]:
    """Rows of seconds, and the share of the monitor, one for each model."""
    try:
        import torch
    except ModuleNotFoundError:
        print("monitor_overhead needs torch: pip install 'marginflow[torch]'.")
        return []
    torch.set_num_threads(1)
    rows = []
    for name, make in {"MLP": mlp, "CNN": cnn}.items():
        pairs = [overhead(make) for _ in range(ROUNDS)]
        shares = [watched / plain - 1 for watched, plain, _ in pairs]
        rows.append(
            {
                "model": name,
                "plain [s]": float(np.median([plain for _, plain, _ in pairs])),
                "monitored [s]": float(np.median([watched for watched, *_ in pairs])),
                "overhead": float(np.median(shares)),
                "records": pairs[0][2],
            }
        )
    return rows


def mlp():
    import torch

    return torch.nn.Sequential(
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 64),
        torch.nn.ReLU(),
        torch.nn.Linear(64, 10),
    )


def cnn():
    import torch

    return torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 8, 8)),
        torch.nn.Conv2d(1, 16, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(16, 32, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 10),
    )


def overhead(make) -> tuple[float, float, int]:
    """Seconds with the monitor and without, and the number of its records."""
    import torch
    from sklearn.datasets import load_digits

    from marginflow.training.monitor import Monitor

    features, labels = load_digits(return_X_y=True)
    inputs, targets = torch.tensor(features / 16).float(), torch.tensor(labels)
    sides, spent = [], [0.0, 0.0]
    for _ in range(2):
        torch.manual_seed(0)
        model = make()
        sides.append((model, torch.optim.Adam(model.parameters(), lr=1e-3)))
    began = time.perf_counter()
    seen = Monitor(sides[0][0], (inputs[:PROBE], targets[:PROBE]), optimizer=sides[0][1])
    spent[0] += time.perf_counter() - began
    for _ in range(STEPS // CHUNK):
        for side, (model, optimizer) in enumerate(sides):
            began = time.perf_counter()
            for _ in range(CHUNK):
                batch = torch.randint(len(inputs), (BATCH,))
                loss = torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if side == 0:
                    seen.step()
            spent[side] += time.perf_counter() - began
    began = time.perf_counter()
    seen.close()
    spent[0] += time.perf_counter() - began
    return spent[0], spent[1], len(seen.records)
