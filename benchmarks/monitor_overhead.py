"""What a monitor costs: training with and without it, in turn, in one process.

A network of two hidden layers and a small convolutional one are trained on digits for 10,000 steps
by torch, and the first by JAX too.  Both sides train a chunk of steps, one after the other, so that
a machine's drift meets both alike.  What the monitor's construction and its last record cost is
counted, and compilation is not.
"""

import importlib.util
import time

import numpy as np

STEPS, CHUNK, BATCH, PROBE, ROUNDS = 10_000, 50, 64, 256, 3


def main() -> list[dict]:
    """Rows of seconds, and the share of the monitor, one for each model."""
    sides = {"MLP in JAX": in_jax}
    if importlib.util.find_spec("torch") is None:
        print("monitor_overhead of torch needs torch: pip install 'marginflow[torch]'.")
    else:
        sides |= {"MLP": lambda: in_torch(mlp), "CNN": lambda: in_torch(cnn)}
    return [row(name, [measure() for _ in range(ROUNDS)]) for name, measure in sides.items()]


def row(name: str, rounds: list[tuple[float, float, int]]) -> dict:
    """What is printed of a model."""
    return {
        "model": name,
        "plain [s]": float(np.median([plain for _, plain, _ in rounds])),
        "monitored [s]": float(np.median([watched for watched, *_ in rounds])),
        "overhead": float(np.median([watched / plain - 1 for watched, plain, _ in rounds])),
        "records": rounds[0][2],
    }


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


def in_torch(make) -> tuple[float, float, int]:
    """Seconds with the monitor and without, and the number of its records."""
    import torch
    from sklearn.datasets import load_digits

    from marginflow.training.monitor import Monitor

    torch.set_num_threads(1)
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


def in_jax() -> tuple[float, float, int]:
    """Seconds with the monitor and without, and the number of its records."""
    import jax
    import jax.numpy as jnp
    import optax
    from sklearn.datasets import load_digits

    from marginflow.training.monitor import JaxMonitor, monitored

    features, labels = load_digits(return_X_y=True)
    inputs, targets = jnp.asarray(features / 16, jnp.float32), jnp.asarray(labels)

    def network(params, inputs):
        first, second, last = params
        return jax.nn.relu(jax.nn.relu(inputs @ first) @ second) @ last

    def mean_loss(params, inputs, targets):
        scores = network(params, inputs)
        return optax.softmax_cross_entropy_with_integer_labels(scores, targets).mean()

    def started(optimizer):
        @jax.jit
        def step(params, state, batch):
            gradients = jax.grad(mean_loss)(params, inputs[batch], targets[batch])
            updates, state = optimizer.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        keys = jax.random.split(jax.random.key(0), 3)
        shapes = [(64, 64), (64, 64), (64, 10)]
        params = [
            jax.random.normal(key, shape) / 8 for key, shape in zip(keys, shapes, strict=True)
        ]
        return step, params, optimizer.init(params)

    def watched(params):
        return JaxMonitor(params, network, (inputs[:PROBE], targets[:PROBE]))

    def train(seen, step, params, state, batches):
        start = time.perf_counter()
        for batch in batches:
            params, state = step(params, state, batch)
            if seen is not None:
                seen.step(params, state)
        jax.block_until_ready(params)
        return time.perf_counter() - start, params, state

    draws = np.random.default_rng(0)
    sides = [started(optimizer) for optimizer in (monitored(optax.adam(1e-3)), optax.adam(1e-3))]
    for seen, side in zip((watched(sides[0][1]), None), sides, strict=True):
        train(seen, *side, draws.integers(len(inputs), size=(CHUNK, BATCH)))
    start = time.perf_counter()
    seen = watched(sides[0][1])
    spent = [time.perf_counter() - start, 0.0]
    for _ in range(STEPS // CHUNK):
        batches = draws.integers(len(inputs), size=(CHUNK, BATCH))
        for side, (step, params, state) in enumerate(sides):
            seconds, *now = train(None if side else seen, step, params, state, batches)
            sides[side] = (step, *now)
            spent[side] += seconds
    start = time.perf_counter()
    seen.close()
    return spent[0] + time.perf_counter() - start, spent[1], len(seen.records)
