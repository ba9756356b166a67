"""Losses for torch, forward and backward: against torch.nn and the package entmax, in float32.

Gradients of mean losses in Gaussian scores.  Losses that have a peer are timed against it: torch's
CrossEntropyLoss and MultiMarginLoss, and entmax's SparsemaxLoss and Entmax15Loss.  The others stand
beside CrossEntropyLoss, for their memory: none needs more, though it is another function that is
timed there.  Both sides take turns in one process, with as many threads as each takes.  Memory is
the growth of the peak of a fresh process, or on a GPU of what torch has allocated, in multiples of
the scores.  `--device cuda` runs on a GPU; `--compiled` compiles both sides first, but for those of
entmax, which torch cannot compile.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import marginflow as mf
from benchmarks.timing import in_turn

SIZES = [(8192, 1000), (512, 50000)]
PEERS = {
    "cross-entropy": "CrossEntropyLoss",
    "weston-watkins": "MultiMarginLoss",
    "squared-weston-watkins": "MultiMarginLoss(p=2)",
    "sparsemax": "entmax.SparsemaxLoss",
    "entmax": "entmax.Entmax15Loss",
}


def main(device: str = "cpu", compiled: bool = False) -> list[dict]:
    """Rows of milliseconds, and of ratios theirs/ours in time and in memory."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("entmax") is None:
        return [{"loss": "none: torch or entmax is not installed"}]
    others = [name for name in mf.registered_losses() if name not in PEERS]
    runs = [(name, shape) for shape in SIZES for name in PEERS]
    runs += [(name, SIZES[0]) for name in others]
    return [compare(name, shape, device, compiled) for name, shape in runs]


def compare(name: str, shape: tuple[int, int], device: str, compiled: bool) -> dict:
    """One loss against its peer."""
    import torch

    torch._dynamo.reset()  # which runs a function uncompiled after some compilations of it
    peer = PEERS.get(name, "CrossEntropyLoss")
    ours, theirs = (step(side, shape, device, compiled) for side in (name, peer))
    if name in PEERS:
        # torch divides the sum over the margins by K
        factor = shape[1] if "Margin" in peer else 1
        torch.testing.assert_close(ours(), factor * theirs(), rtol=1e-3, atol=1e-7)
    timing = in_turn(ours, theirs)
    memories = [memory(side, shape, device, compiled) for side in (name, peer)]
    return {
        "loss": name,
        "against": peer if name in PEERS else f"({peer})",
        "scores": f"{shape[0]} x {shape[1]}",
        "marginflow [ms]": 1e3 * timing.ours,
        "theirs [ms]": 1e3 * timing.theirs,
        "ratio time": timing.ratio,
        "marginflow [scores]": memories[0],
        "theirs [scores]": memories[1],
        "ratio memory": memories[1] / memories[0],
    }


def step(side: str, shape: tuple[int, int], device: str, compiled: bool) -> Callable[[], Any]:
    """A function that computes the gradient once; its data are made."""
    import torch

    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(shape, generator=generator).to(device).requires_grad_()
    labels = torch.randint(shape[1], shape[:1], generator=generator).to(device)
    loss = module(side)
    if compiled and not side.startswith("entmax."):
        loss = torch.compile(loss)

    def gradient() -> Any:
        (found,) = torch.autograd.grad(loss(scores, labels), scores)
        if device != "cpu":
            torch.cuda.synchronize()
        return found

    return gradient


def module(side: str) -> Any:
    """The loss of that name, of torch, of entmax or ours."""
    import entmax
    from torch import nn

    from marginflow.training import torch as mft

    theirs = {
        "CrossEntropyLoss": nn.CrossEntropyLoss(),
        "MultiMarginLoss": nn.MultiMarginLoss(),
        "MultiMarginLoss(p=2)": nn.MultiMarginLoss(p=2),
        "entmax.SparsemaxLoss": entmax.SparsemaxLoss(),
        "entmax.Entmax15Loss": entmax.Entmax15Loss(),
    }
    return theirs[side] if side in theirs else mft.loss(side)


def memory(side: str, shape: tuple[int, int], device: str, compiled: bool) -> float:
    """The growth of the peak while the gradient is computed, in multiples of the scores."""
    if device != "cpu":
        import torch

        gradient = step(side, shape, device, compiled)
        gradient()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        gradient()
        return (torch.cuda.max_memory_allocated() - before) / (4 * shape[0] * shape[1])
    arguments = [side, *map(str, shape), *(["compiled"] if compiled else [])]
    command = [sys.executable, "-m", "benchmarks.torch_losses", *arguments]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return json.loads(done.stdout)


def _measure(side: str, shape: tuple[int, int], compiled: bool) -> float:
    # threads, and what is compiled, are there before
    step(side, (64, shape[1]), "cpu", compiled)()
    gradient = step(side, shape, "cpu", compiled)
    # forget the peak of imports and compilation (Linux)
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmRSS")
    gradient()
    return (_kilobytes("VmHWM") - before) * 1024 / (4 * shape[0] * shape[1])


def _kilobytes(what: str) -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(what))


if __name__ == "__main__":
    print(
        json.dumps(_measure(sys.argv[1], (int(sys.argv[2]), int(sys.argv[3])), len(sys.argv) > 4))
    )
