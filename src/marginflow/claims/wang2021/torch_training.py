"""Adam's two phases and their handover in PyTorch: a linear head, `torch.optim.Adam`, our loss.

The prediction is that of `handover`, made from the run itself: √v̂ at t_a, a step from which on its
rate is steady, and the rate that `theory.adam_throttle` gives.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from marginflow.claims.adam_runs import B1, AdamRuns, rate_of, steady_from, throttle_of
from marginflow.claims.checks import at_most, close
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.descents import problem
from marginflow.claims.wang2021.source import SOURCE

PROBLEM, B2, SHARE, EVERY = "clusters", 0.98, 8.0, 10


@dataclass(frozen=True)
class Setting:
    """Adam in PyTorch with each of several ε.

    Attributes:
        eps: ε.
        law: "throttled", or "unthrottled" for r = γ·lr.
        steps: of each run.
    """

    eps: tuple[float, ...] = (1e-8,)
    law: str = "throttled"
    steps: int = 4000


class HeadRun(NamedTuple):
    """A linear head in training.

    Attributes:
        steps: (r,) of the records.
        log_root: (r,) the logarithm of the median of √v̂.
        margins: (r,) the least margin.
    """

    steps: np.ndarray
    log_root: np.ndarray
    margins: np.ndarray


def experiment(setting: Setting) -> Evidence:
    """The predicted step over the observed one, and the rates before and after."""
    throttle = throttle_of(PROBLEM, rate_of(SHARE, PROBLEM, B2), B2)
    law = throttle.rate if setting.law == "throttled" else throttle.unthrottled
    checks: list[Check] = []
    pictures: dict[str, Any] = {}
    for eps in setting.eps:
        run, words = head_run(eps, setting.steps), f"ε = {eps:g}"
        below = np.flatnonzero(run.log_root <= math.log(eps))
        start = steady_from(_as_runs(run), 0, B2)
        if not len(below) or start is None or start >= below[0]:
            checks.append(close(f"{words}: whether it took over after t_a", 0.0, 1.0, 0.0))
            continue
        took, since = int(run.steps[below[0]]), float(run.steps[start])
        predicted = since + (float(run.log_root[start]) - math.log(eps)) / law
        before, after = (_rate(run, step) / law for step in (0.8 * took, 2.0 * took))
        checks += [
            close(f"{words}: predicted step over the observed one", predicted / took, 1.0, 0.05),
            close(f"{words}: rate before it over the predicted", before, 1.0, 0.05),
            at_most(f"{words}: rate at twice that step over the predicted", after, 0.2),
        ]
        pictures[words] = {**run._asdict(), "took": took, "predicted": predicted, "eps": eps}
    return Evidence(tuple(checks), pictures)


def _rate(run: HeadRun, step: float) -> float:
    """The rate at which gradients fall, which is that of the least margin, over a tenth around."""
    low, high = np.searchsorted(run.steps, [0.95 * step, min(1.05 * step, run.steps[-1])])
    return float((run.margins[high] - run.margins[low]) / (run.steps[high] - run.steps[low]))


def _as_runs(run: HeadRun) -> AdamRuns:
    return AdamRuns(run.steps, np.zeros((1, 1)), run.log_root[None], np.array([-1]))


@cache
def head_run(eps: float, steps: int) -> HeadRun:
    """Train a linear head from zero on the summed cross-entropy, in double precision."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a step is so small that threads wait for one another
    try:
        return _train_head(eps, steps)
    finally:
        torch.set_num_threads(threads)


def _train_head(eps: float, steps: int) -> HeadRun:
    import torch

    from marginflow.training import torch as losses

    data = problem(PROBLEM)
    features, labels = torch.tensor(np.array(data.features)), torch.tensor(np.array(data.labels))
    head = torch.nn.Linear(data.n_features, data.n_classes, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(head.weight)
    optimizer = torch.optim.Adam(
        head.parameters(), lr=rate_of(SHARE, PROBLEM, B2), betas=(B1, B2), eps=eps
    )
    loss = losses.CrossEntropy(reduction="sum")
    rows = []
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        scores = head(features)
        loss(scores, labels).backward()
        optimizer.step()
        if step % EVERY == 0:
            second = optimizer.state[head.weight]["exp_avg_sq"].numpy() / (1.0 - B2**step)
            own = scores.detach().gather(1, labels[:, None])
            others = scores.detach().scatter(1, labels[:, None], -math.inf)
            least = float((own - others.max(dim=1, keepdim=True).values).min())
            rows.append((step, 0.5 * math.log(float(np.median(second))), least))
    return HeadRun(*np.array(rows).T)


def draw(evidence: Evidence, ax: Any) -> Any:
    """√v̂ along training, and where it was predicted to meet ε."""
    for index, (words, data) in enumerate(evidence.data.items()):
        color = f"C{index}"
        ax.plot(data["steps"], data["log_root"] / np.log(10.0), color=color, label=words)
        ax.axhline(math.log10(data["eps"]), ls=":", color=color)
        ax.plot([data["predicted"]], [math.log10(data["eps"])], "o", color=color)
    ax.set(
        xlabel="steps",
        ylabel="log₁₀ √v̂; dots: predicted meeting with ε",
        title="Adam in PyTorch on a linear head",
    )
    ax.legend()
    return ax


CLAIMS = (
    Claim(
        id="wang2021/handover-torch",
        source=SOURCE,
        section="the two phases, in PyTorch; the rate and the step are derived",
        statement=(
            "Trained by torch.optim.Adam a linear head has both phases: gradients fall as e^(−rt), "
            "and at t_a + log(√v̂(t_a)/ε)/r ε takes over and they all but stop falling."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(),
        full=Setting(eps=(1e-8, 1e-10, 1e-12, 1e-14), steps=8000),
        control=Setting(law="unthrottled"),
        control_statement="So it is with r = γ·lr.",
        tolerance_reason=(
            "Entries of √v̂ fall at rates between r and the ceiling, 1.4 % apart here, and ε counts "
            "a little before √v̂ has met it: 5 %, as for our own Adam. From there on gradients fall "
            "as 1/t, at twice the step by a fifth of r at most."
        ),
        draw=draw,
        requires=("torch",),
    ),
)
