"""Where records go: a Parquet file by default, or a tracker's own package, or any function.

A sink is a function of a record, a mapping from names to numbers.  Names have the layer behind a
slash, as "saturated/layers.1", so that trackers group them.
"""

import io
import math
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marginflow.dynamics.checkpoint import replace_file
from marginflow.training.monitor.missing_package import missing

Record = Mapping[str, float | int]
Sink = Callable[[Record], object]
RECORDS = "records.parquet"
EVERY_SECONDS = 5.0


class ParquetSink:
    """A file of all records, written anew every few seconds and at the end.

    A process killed at any moment leaves a whole file, short of the last seconds.  The records of
    an earlier run in the same folder are replaced.

    Args:
        folder: is made where there is none.
    """

    def __init__(self, folder: str | PathLike[str]):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._records: list[Any] = []
        self._written, self._last = 0, time.monotonic()

    def __call__(self, record: Record) -> None:
        self._records.append(record)
        if time.monotonic() - self._last > EVERY_SECONDS:
            self.flush()

    def restore(self, records: Sequence[Record]) -> None:
        """Take the records of an earlier part of the run for those so far."""
        self._records, self._written = [dict(each) for each in records], 0

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._written == len(self._records):
            return
        content = io.BytesIO()
        table = pa.Table.from_pandas(pd.DataFrame(list(self._records)), preserve_index=False)
        pq.write_table(table, content)
        replace_file(self.folder / RECORDS, content.getvalue())
        self._written, self._last = len(self._records), time.monotonic()


def to_parquet(folder: str | PathLike[str]) -> ParquetSink:
    """A sink that writes a Parquet file to a folder.

    Args:
        folder: of the run; `marginflow report` takes it.
    """
    return ParquetSink(folder)


def to_tensorboard(writer: Any) -> Sink:
    """A sink that writes scalars to TensorBoard.

    Args:
        writer: a `torch.utils.tensorboard.SummaryWriter` or tensorboardX's; or the folder for one,
            which needs the package tensorboard.
    """
    if isinstance(writer, str | PathLike):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(missing("TensorBoard", "tensorboard")) from error
        writer = SummaryWriter(str(writer))

    def write(record: Record) -> None:
        for name, value in _finite(record).items():
            writer.add_scalar(name, value, int(record["step"]))

    return write


def to_wandb(run: Any = None) -> Sink:
    """A sink that logs to Weights & Biases.

    Args:
        run: of `wandb.init`; by default the one that is under way.
    """
    if run is None:
        try:
            import wandb as run  # type: ignore[import-not-found]
        except ImportError as error:
            raise ImportError(missing("Weights & Biases", "wandb")) from error
    return lambda record: run.log(_finite(record), step=int(record["step"]))


def to_mlflow(client: Any = None) -> Sink:
    """A sink that logs metrics to the MLflow run that is under way.

    A quantity of the whole model that each layer has too is logged as that of "model", as MLflow
    may keep metrics in files, whose names no folder can have.

    Args:
        client: the module mlflow, or what has its `log_metrics`.
    """
    if client is None:
        try:
            import mlflow as client  # type: ignore[import-not-found]
        except ImportError as error:
            raise ImportError(missing("MLflow", "mlflow")) from error

    def log(record: Record) -> None:
        metrics = _finite(record)
        layered = {name.partition("/")[0] for name in metrics if "/" in name}
        named = {f"{n}/model" if n in layered else n: value for n, value in metrics.items()}
        client.log_metrics(named, step=int(record["step"]))

    return log


def as_sink(to: Any) -> Sink:
    """A function as it is, and a folder as a Parquet file in it."""
    if callable(to):
        return to
    if isinstance(to, str | PathLike):
        return to_parquet(to)
    raise TypeError(
        f"to: expected a folder or a function of records, got {type(to).__name__}; to_tensorboard, "
        "to_wandb and to_mlflow make such functions."
    )


def _finite(record: Record) -> dict[str, float | int]:
    return {name: value for name, value in record.items() if math.isfinite(value)}
