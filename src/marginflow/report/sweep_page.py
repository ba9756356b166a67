"""The report of a sweep as one HTML page that needs nothing else."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from marginflow._results import Status
from marginflow.experiments import SweepResult
from marginflow.experiments.tables import fraction_column, groups
from marginflow.report.plate import Plate
from marginflow.report.sweep_pictures import median
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
        setting=_facts(manifest),
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
    several = len({str(seed) for seed in limits["seed"]}) > 1
    for (label, status), rows in groups(limits, "data", "status"):
        where = f"{label} ({_seeds(rows)})" if several else label
        if status == Status.NOT_SEPARABLE:
            found.append(f"{where}: nothing separates the data, so there is no best margin.")
        elif status != Status.DONE:
            norms = ", ".join(dict.fromkeys(rows["norm"]))
            found.append(f"{where}: the best margin is not certified as asked in {norms}.")
    for (label, status), rows in groups(runs, "optimizer", "status"):
        if status not in ENDED_WELL:
            count = "1 run" if len(rows) == 1 else f"{len(rows)} runs"
            words = status.replace("_", " ")
            found.append(f"{label}: {count} ended {words}; the first {rows['message'].tolist()[0]}")
    return found


def final_rows(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """A row for each data set, loss and optimizer: the last margin fractions over the seeds."""
    start = fraction_column("")
    names = [str(name) for name in runs.columns if str(name).startswith(start)]
    found = []
    for (data, loss, optimizer), own in groups(runs, "data", "loss", "optimizer"):
        counts = Counter(own["status"])
        found.append(
            {
                "data": data,
                "loss": loss,
                "optimizer": optimizer,
                "seeds": len(own),
                "status": ", ".join(
                    str(s) if len(counts) == 1 else f"{n} {s}" for s, n in counts.items()
                ),
                "log_risk": median(own["log_risk"].to_numpy()),
                "fractions": {
                    name.removeprefix(start): median(own[name].to_numpy()) for name in names
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


def _seeds(rows: pd.DataFrame) -> str:
    distinct = sorted(set(rows["seed"]))
    return f"seed{'' if len(distinct) == 1 else 's'} {', '.join(map(str, distinct))}"
