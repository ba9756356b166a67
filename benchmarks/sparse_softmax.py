"""Losses of long rows, forward and backward: gradients of summed losses in 4096 × 32768 scores.

Cross-entropy against torch and optax, the sparsemax loss against optax and the package entmax, the
entmax-1.5 loss against entmax; entmax also with its partial sort (k), which is exact here as the
supports are smaller.  All on the CPU, in float32, with as many threads as each takes.  The sides
take turns in one process; memory is the growth of the peak of a fresh process, in multiples of the
scores.  torch and entmax are left out where they are not installed.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import marginflow as mf
from benchmarks.timing import in_turn

N_ROWS, N_CLASSES, PARTIAL = 4096, 32768, 128
OURS = {
    "cross-entropy": mf.CrossEntropy(),
    "sparsemax": mf.SparsemaxLoss(),
    "entmax-1.5": mf.EntmaxLoss(alpha=1.5),
}
OPTAX = {
    "cross-entropy": optax.losses.softmax_cross_entropy_with_integer_labels,
    "sparsemax": optax.losses.multiclass_sparsemax_loss,
}
SLOW = {("sparsemax", "optax"), ("sparsemax", "entmax"), ("entmax-1.5", "entmax")}


def main(n_rows: int = N_ROWS) -> list[dict]:
    """Rows of seconds, and of ratios theirs/ours in time and in memory."""
    rows = []
    for loss in OURS:
        ours = side(loss, "marginflow", n_rows)
        own_memory = memory(loss, "marginflow", n_rows)
        for name in opponents(loss):
            few = (side(loss, one, 64)() for one in ("marginflow", name))
            np.testing.assert_allclose(*few, atol=1e-5)
            theirs = side(loss, name, n_rows)
            timing = in_turn(ours, theirs, rounds=1 if (loss, name) in SLOW else 7)
            their_memory = memory(loss, name, n_rows)
            rows.append(
                {
                    "loss": loss,
                    "scores": f"{n_rows} x {N_CLASSES}",
                    "against": name,
                    "marginflow [s]": timing.ours,
                    "theirs [s]": timing.theirs,
                    "ratio time": timing.ratio,
                    "marginflow [scores]": own_memory,
                    "theirs [scores]": their_memory,
                    "ratio memory": their_memory / own_memory,
                }
            )
    return rows


def opponents(loss: str) -> list[str]:
    """Who else has the loss, of those that are installed."""
    found = ["optax"] if loss in OPTAX else []
    if loss == "cross-entropy":
        return [*found, *(["torch"] if importlib.util.find_spec("torch") else [])]
    partial = f"entmax, k={PARTIAL}"
    return [*found, *(["entmax", partial] if importlib.util.find_spec("entmax") else [])]


def side(loss: str, name: str, n_rows: int) -> Callable[[], np.ndarray]:
    """A function that computes the gradient once; its data are made and its program compiled."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((n_rows, N_CLASSES), dtype=np.float32)
    labels = rng.integers(N_CLASSES, size=n_rows)
    if name in ("marginflow", "optax"):
        return jax_side((OURS if name == "marginflow" else OPTAX)[loss], scores, labels)
    return torch_side(loss, PARTIAL if "k=" in name else None, scores, labels)


def jax_side(loss: Callable, scores: np.ndarray, labels: np.ndarray) -> Callable[[], np.ndarray]:
    given, true = jnp.asarray(scores), jnp.asarray(labels)
    gradient = jax.jit(jax.grad(lambda scores: jnp.sum(loss(scores, true))))
    compiled = gradient.lower(given).compile()
    return lambda: np.asarray(compiled(given).block_until_ready())


def torch_side(
    loss: str, k: int | None, scores: np.ndarray, labels: np.ndarray
) -> Callable[[], np.ndarray]:
    import torch

    given, true = torch.from_numpy(scores), torch.from_numpy(labels)

    def total(scores):
        if loss == "cross-entropy":
            return torch.nn.functional.cross_entropy(scores, true, reduction="sum")
        import entmax

        function = entmax.sparsemax_loss if loss == "sparsemax" else entmax.entmax15_loss
        return function(scores, true, k=k).sum()

    def gradient():
        leaf = given.detach().requires_grad_(True)
        total(leaf).backward()
        return leaf.grad.numpy()

    return gradient


def memory(loss: str, name: str, n_rows: int) -> float:
    """The growth of the peak of a process that computes the gradient once."""
    arguments = [loss, name, str(n_rows)]
    command = [sys.executable, "-m", "benchmarks.sparse_softmax", *arguments]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return json.loads(done.stdout)


def _measure(loss: str, name: str, n_rows: int) -> float:
    gradient = side(loss, name, n_rows)
    # forget the peak of imports and compilation (Linux)
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmRSS")
    gradient()
    return (_kilobytes("VmHWM") - before) * 1024 / (n_rows * N_CLASSES * 4)


def _kilobytes(what: str) -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what))


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
