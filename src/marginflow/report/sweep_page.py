"""The report of a sweep as one HTML page that needs nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from marginflow._results import Status
from marginflow.experiments import SweepResult
from marginflow.report.plate import Plate
from marginflow.report.sweep_pictures import PREFIX
from marginflow.report.template import render

ENDED_WELL = (Status.DONE, Status.SATURATED)


def sweep_page(result: SweepResult, plates: Sequence[Plate], *, command: str) -> str:
    """The page of a sweep; the same for the same sweep.

    Args:
        result: its tables.
        plates: its pictures.
        command: what was typed.
    """
    manifest = result.manifest
    return render(
        "sweep.html",
        title=manifest["name"],
        version=manifest["versions"]["marginflow"],
        headline=headline(result),
        sound=result.status == Status.DONE and not remarks(result),
        remarks=remarks(result),
        result=result,
        plates=plates,
        rows=final_rows(result.runs),
        norms=[str(name) for name in manifest["sweep"]["norms"]],
        limits=_limit_rows(result.limits),
        facts=_facts(manifest),
        command=command,
        nan=float("nan"),
    )


def headline(result: SweepResult) -> str:
    """The sweep in a line."""
    asked = result.manifest["sweep"]
    sizes = [
        f"{len(asked[axis])} {noun if len(asked[axis]) == 1 else nouns}"
        for axis, noun, nouns in (
            ("data", "data set", "data sets"),
            ("losses", "loss", "losses"),
            ("optimizers", "optimizer", "optimizers"),
            ("seeds", "seed", "seeds"),
        )
    ]
    return f"{' × '.join(sizes)}, {asked['steps']:,} steps each: {result.message}"


def remarks(result: SweepResult) -> list[str]:
    """Sentences on what a reader has to know: data without a margin, runs that did not end well."""
    found = []
    limits, runs = result.limits, result.runs
    if len(limits):
        for (label, status), rows in limits.groupby(["data", "status"], sort=False):
            if status == Status.DONE:
                continue
            seeds = _seeds(rows["seed"])
            where = f"{label} ({seeds})" if len(set(limits["seed"])) > 1 else str(label)
            if status == Status.NOT_SEPARABLE:
                found.append(f"{where}: nothing separates the data, so there is no best margin.")
            else:
                norms = ", ".join(dict.fromkeys(rows["norm"]))
                found.append(f"{where}: the best margin is not certified as asked in {norms}.")
    if len(runs):
        odd = runs[~runs["status"].isin([str(status) for status in ENDED_WELL])]
        for (label, status), rows in odd.groupby(["optimizer", "status"], sort=False):
            first = rows["message"].iloc[0]
            found.append(f"{label}: {len(rows)} runs ended {status}, the first: {first}")
    return found


def final_rows(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each data set, loss and optimizer: the last margin fractions over the seeds."""
    if not len(runs):
        return []
    names = [name for name in runs.columns if name.startswith(PREFIX)]
    found = []
    for (data, loss, optimizer), own in runs.groupby(["data", "loss", "optimizer"], sort=False):
        counts = own["status"].value_counts(sort=False)
        found.append(
            {
                "data": data,
                "loss": loss,
                "optimizer": optimizer,
                "seeds": len(own),
                "status": ", ".join(
                    str(s) if len(counts) == 1 else f"{n} {s}" for s, n in counts.items()
                ),
                "log_risk": float(own["log_risk"].median()),
                "fractions": {
                    name.removeprefix(PREFIX): float(np.median(own[name])) for name in names
                },
            }
        )
    return found


def _limit_rows(limits: pd.DataFrame) -> list[dict[str, Any]]:
    """The best margins, each data set once."""
    unique = limits.drop_duplicates(["hash", "norm"]) if len(limits) else limits
    return [{str(key): value for key, value in row.items()} for row in unique.to_dict("records")]


def _facts(manifest: Mapping[str, Any]) -> dict[str, str]:
    asked = manifest["sweep"]
    plain = {
        "optimizers": "; ".join(
            f"{entry['label']} {json.dumps(entry['settings'])}" for entry in asked["optimizers"]
        ),
        "losses": ", ".join(entry["label"] for entry in asked["losses"]),
        "data": "; ".join(
            f"{each['label']}: {each['samples']} samples, {each['features']} features, "
            f"{each['classes']} classes"
            for each in {each["label"]: each for each in manifest["data"]}.values()
        ),
        "seeds": ", ".join(map(str, asked["seeds"])),
    }
    others = ("seed", "steps", "record", "initial", "batch_size", "reduction")
    plain |= {name.replace("_", " "): str(asked[name]) for name in others}
    plain["hash of the sweep"] = manifest["config_hash"]
    return plain | {name: str(version) for name, version in manifest["versions"].items()}


def _seeds(seeds: pd.Series) -> str:
    distinct = sorted(set(seeds))
    return f"seed{'' if len(distinct) == 1 else 's'} {', '.join(map(str, distinct))}"
