"""The report of a monitored training as one HTML page that needs nothing else."""

import math
from collections.abc import Sequence
from typing import Any

from marginflow._version import __version__
from marginflow.report.plate import Plate
from marginflow.report.template import render
from marginflow.training.monitor import MonitoredRun

LAST = (
    "loss",
    "validation_loss",
    "accuracy",
    "validation_accuracy",
    "margin",
    "normalized_margin",
    "weights_norm",
    "gradient_norm",
    "update_to_weight",
    "direction_change",
    "momentum_cosine",
    "eps_dominated",
)


def monitor_page(run: MonitoredRun, plates: Sequence[Plate], *, command: str) -> str:
    """The page of a run; the same for the same run.

    Args:
        run: its records.
        plates: its pictures.
        command: what was typed.
    """
    harmful = [finding for finding in run.findings if finding.harmful]
    return render(
        "monitor.html",
        title=f"Training of {run.about['model']}",
        version=__version__,
        headline=headline(run),
        sound=not harmful,
        harmful=harmful,
        others=[finding for finding in run.findings if not finding.harmful],
        plates=plates,
        last=_last(run),
        setting=_setting(run.about),
        command=command,
    )


def headline(run: MonitoredRun) -> str:
    """The run in a line."""
    step = int(run.records["step"].iloc[-1])
    count = sum(finding.harmful for finding in run.findings)
    few = {0: "nothing was found that harms", 1: "one thing was found that harms"}
    words = few.get(count, f"{count} things were found that harm")
    return f"{step:,} steps, {len(run.records)} records: {words}."


def _last(run: MonitoredRun) -> dict[str, str]:
    row = run.records.iloc[-1]
    found = {name: float(row[name]) for name in LAST if name in row}
    return {
        name.replace("_", " "): f"{value:.4g}"
        for name, value in found.items()
        if math.isfinite(value)
    }


def _setting(about: Any) -> dict[str, str]:
    plain = {
        name.replace("_", " "): f"{value:.6g}" if isinstance(value, float) else f"{value}"
        for name, value in about.items()
        if isinstance(value, str | int | float)
    }
    layers = {"layers": ", ".join(about["weights"])}
    kinds = {"activations": ", ".join(f"{n} {kind}" for n, kind in about["activations"].items())}
    return {name: value for name, value in (plain | layers | kinds).items() if value}
