"""What a sweep returns: its tables, read from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from marginflow._results import Result, Status
from marginflow.experiments.store import Store
from marginflow.experiments.tables import (
    Limits,
    limits_table,
    records_table,
    runs_table,
)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class SweepResult(Result):
    """The tables of a sweep, with status `done` or `interrupted`.

    Attributes:
        records: a row for each recorded step of each finished run: `run`, `data`, `loss`,
            `optimizer`, `settings`, `seed`, `limit` (the status of the best margins of its data),
            `status` (of the run), `step`, the observables of `train`, and for each norm
            `normalized_margin_<name>` and `margin_fraction_<name>`, which is that over the best.
        runs: the last row of each run, and a `message` on how it ended.
        limits: a row for each data set and norm: the best margin with its proved bounds.
        manifest: what was run: the specification, its hash, versions, hashes of the data.
        folder: where the sweep is kept; None if nowhere.
    """

    records: pd.DataFrame
    runs: pd.DataFrame
    limits: pd.DataFrame
    manifest: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    def to_frame(self) -> pd.DataFrame:
        """The table of records."""
        return self.records

    def summary(self) -> dict[str, Any]:
        tables = ("records", "runs", "limits")
        sizes = {f"{name}": f"{len(getattr(self, name))} rows" for name in tables}
        return {"status": str(self.status), **sizes, "folder": str(self.folder)}


def load_sweep(folder: str | PathLike[str]) -> SweepResult:
    """What a sweep has found so far, from its folder alone.

    Args:
        folder: as given to `run_sweep`.

    Returns:
        Its tables; those of the finished runs where the sweep is not finished.

    Raises:
        SweepError: if the folder holds no sweep.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> import marginflow as mf
        >>> with TemporaryDirectory() as folder:
        ...     rates = {"name": "gd", "learning_rate": [0.05, 0.1]}
        ...     sweep = mf.Sweep(data="soudry-toy", optimizers=rates, steps=100)
        ...     _ = mf.run_sweep(sweep, folder)
        ...     mf.load_sweep(folder).message
        '2 of 2 runs finished.'
    """
    store = Store(Path(folder))
    manifest = store.manifest()
    heads, config_hash = manifest["runs"], manifest["config_hash"]
    endings: dict[int, Any] = {}
    parts: list[pd.DataFrame] = []
    for batch in manifest["batches"]:
        if store.batch_path(batch["id"]).exists():
            records, ended = store.batch(batch["id"], config_hash)
            parts.append(records)
            endings |= {each["run"]: each for each in ended}
    limits = _limits(store, manifest)
    columns = pd.DataFrame({"run": [], "step": []}, dtype="int64")
    joined = pd.concat(parts, ignore_index=True) if parts else columns
    records = records_table(heads, endings, joined, limits) if parts else columns
    done = len(endings) == len(heads)
    counted = f"{len(endings)} of {len(heads)} runs finished"
    return SweepResult(
        status=Status.DONE if done else Status.INTERRUPTED,
        message=f"{counted}." if done else f"{counted}; run it again.",
        statistics={"runs": len(heads), "finished": len(endings), "records": len(records)},
        records=records,
        runs=runs_table(records, endings) if parts else columns,
        limits=limits_table(heads, limits),
        manifest=manifest,
        folder=store.folder,
    )


def _limits(store: Store, manifest: Mapping[str, Any]) -> Limits:
    hashes = dict.fromkeys(head["data_hash"] for head in manifest["runs"])
    pairs = [(each, norm) for each in hashes for norm in manifest["sweep"]["norms"]]
    found = {pair: store.limit(*pair) for pair in pairs}
    return {pair: best for pair, best in found.items() if best is not None}
