"""Tables of a sweep: a row for each recorded step of each run, and a row for each run.

    records   run, data, loss, optimizer, settings, seed, status, limit, step, log_risk, ...
    runs      the same names, with the figures of the last step and a sentence on how it ended
    limits    data, seed, norm, and the best margin with its bounds

The margin fraction in a norm is the least margin over the norm of the weights and the best margin:
1 is the end that the theory of implicit bias speaks of.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from marginflow._results import Status
from marginflow.dynamics.trajectory import Trajectory
from marginflow.experiments.batching import Batch
from marginflow.experiments.best_margins import BestMargin
from marginflow.experiments.grid import text_of
from marginflow.experiments.sweep import Sweep

Heads = Mapping[str, Any]
Limits = Mapping[tuple[str, str], BestMargin]  # by data hash and norm
NAMES = ("data", "loss", "optimizer", "settings", "seed")


def fraction_column(norm: str) -> str:
    """The column that holds the margin fraction in a norm."""
    return f"margin_fraction_{norm}"


def batch_records(batch: Batch, results: list[Trajectory]) -> pd.DataFrame:
    """What a batch recorded: run, step and the observables."""
    frames = []
    for run, result in zip(batch.runs, results, strict=True):
        assert result.steps is not None
        columns = {"step": result.steps, **result.observables}
        frames.append(pd.DataFrame({"run": np.int64(run), **columns}))
    return pd.concat(frames, ignore_index=True)


def batch_endings(batch: Batch, results: list[Trajectory]) -> list[dict[str, Any]]:
    """How each run of a batch ended, as JSON can hold it."""
    return [
        {"run": run, "status": str(result.status), "message": result.message}
        for run, result in zip(batch.runs, results, strict=True)
    ]


def run_heads(sweep: Sweep) -> list[dict[str, Any]]:
    """What each run is, as the manifest says it."""
    return [
        {
            "run": run,
            "data": point.data.label,
            "loss": point.loss.label,
            "optimizer": point.optimizer.label,
            "settings": text_of(point.optimizer.settings),
            "seed": point.seed,
            "data_hash": sweep.datasets[point.data.label, point.seed].hash,
        }
        for run, point in enumerate(sweep.points)
    ]


def records_table(
    heads: Sequence[Heads], endings: Mapping[int, Heads], records: pd.DataFrame, limits: Limits
) -> pd.DataFrame:
    """The table of records, in the order of the runs.

    Args:
        heads: of all runs, as `run_heads` gives them.
        endings: how each finished run ended, by its number.
        records: of the finished runs, as `batch_records` gives them.
        limits: the best margins.
    """
    frame = records.sort_values(["run", "step"], kind="stable", ignore_index=True)
    rows = [
        {
            **{name: head[name] for name in ("run", *NAMES)},
            "limit": limit_status(head["data_hash"], limits),
            "status": endings[head["run"]]["status"],
        }
        for head in heads
        if head["run"] in endings
    ]
    about = pd.DataFrame(rows, columns=["run", *NAMES, "limit", "status"]).set_index("run")
    named = about.loc[frame["run"]].reset_index(drop=True)
    found = pd.concat([frame[["run"]], named, frame.drop(columns="run")], axis=1)
    for norm in dict.fromkeys(norm for _, norm in limits):
        best = {head["run"]: best_of(limits, head["data_hash"], norm) for head in heads}
        each = np.array([best[run] for run in found["run"]])
        found[fraction_column(norm)] = found[f"normalized_margin_{norm}"].to_numpy() / each
    return found


def runs_table(records: pd.DataFrame, endings: Mapping[int, Heads]) -> pd.DataFrame:
    """The last row of each run, with the sentence on how it ended."""
    last = records.groupby("run", sort=True).tail(1).reset_index(drop=True)
    last["message"] = [endings[run]["message"] for run in last["run"]]
    return last


def limits_table(heads: Sequence[Heads], limits: Limits) -> pd.DataFrame:
    """The best margin of each data set in each norm, where it is known."""
    sets = dict.fromkeys((head["data"], head["seed"], head["data_hash"]) for head in heads)
    rows = [
        {"data": label, "seed": seed, "hash": data_hash} | vars(best)
        for label, seed, data_hash in sets
        for (solved, _), best in limits.items()
        if solved == data_hash
    ]
    columns = ["data", "seed", "hash", *BestMargin.__dataclass_fields__]
    return pd.DataFrame(rows, columns=columns)


def groups(frame: pd.DataFrame, *names: str) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """The rows of each combination of some columns, in the order of their first appearance."""
    if len(frame):
        for key, rows in frame.groupby(list(names), sort=False):
            yield cast("tuple[str, ...]", key), rows


def best_of(limits: Limits, data_hash: str, norm: str) -> float:
    """The best margin of data in a norm; NaN where it is not known or there is none."""
    found = limits.get((data_hash, norm))
    return np.nan if found is None else found.margin


def limit_status(data_hash: str, limits: Limits) -> str:
    """The status of the best margins of data: the worst over the norms; empty if none is known."""
    found = {best.status for (solved, _), best in limits.items() if solved == data_hash}
    for status in (Status.NOT_SEPARABLE, Status.MAX_STEPS):
        if status in found:
            return str(status)
    return min(found, default="")
