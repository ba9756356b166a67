"""A monitored run as it lies in its folder: records, layers, and what they say."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from marginflow.data.errors import DataError
from marginflow.training.monitor.findings import Finding, find
from marginflow.training.monitor.sinks import RECORDS

ABOUT = "run.json"


@dataclass(frozen=True)
class MonitoredRun:
    """What was recorded of a run.

    Attributes:
        records: a row a record, a column a quantity.
        about: the model, its layers and the optimizer, as `Monitor` described them.
    """

    records: pd.DataFrame
    about: Mapping[str, Any]

    @property
    def findings(self) -> Sequence[Finding]:
        """What the records say, in sentences."""
        return find(self.records, self.about)


def load_run(folder: str | PathLike[str]) -> MonitoredRun:
    """Read a run that `Monitor` wrote, also while it goes on.

    Args:
        folder: the `to` of the monitor.

    Raises:
        DataError: if there is none.
    """
    folder = Path(folder)
    if not is_run(folder):
        raise DataError(
            f"{folder}: expected a folder with {ABOUT} and {RECORDS}, as a Monitor writes them to "
            "the folder that it is given as `to`."
        )
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return MonitoredRun(pd.read_parquet(io.BytesIO((folder / RECORDS).read_bytes())), about)


def is_run(folder: str | PathLike[str]) -> bool:
    """Whether a monitored run lies there.

    Args:
        folder: any path.
    """
    folder = Path(folder)
    return (folder / ABOUT).is_file() and (folder / RECORDS).is_file()
