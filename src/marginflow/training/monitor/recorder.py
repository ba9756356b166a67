"""Records of a run: kept, sent to where they are wanted, and read for findings."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from marginflow.dynamics.checkpoint import replace_file
from marginflow.training.monitor.findings import Finding, find
from marginflow.training.monitor.monitored_run import ABOUT
from marginflow.training.monitor.sinks import ParquetSink, Record, Sink, as_sink


class Recorder:
    """What was recorded, in the order of the steps.

    Args:
        to: a folder, a function of a record, or several of them.

    Attributes:
        records: mappings from names to numbers.
        about: the model, its layers and the optimizer.
    """

    def __init__(self, to: Any = ()):
        self._sinks: list[Sink] = [
            as_sink(each) for each in (to if isinstance(to, tuple | list) else [to])
        ]
        self.records: list[Record] = []
        self.about: dict[str, Any] = {}

    @property
    def last_step(self) -> int:
        """That of the last record, −1 without one."""
        return int(self.records[-1]["step"]) if self.records else -1

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the records say, in sentences."""
        return find(self.to_frame(), self.about)

    def to_frame(self) -> pd.DataFrame:
        """A row a record, a column a quantity."""
        return pd.DataFrame(self.records)

    def describe(self, about: Mapping[str, Any]) -> None:
        """Say what is followed, in folders too."""
        self.about = dict(about)
        for sink in self._files():
            replace_file(sink.folder / ABOUT, json.dumps(self.about, indent=1).encode())

    def add(self, record: Record) -> None:
        """Keep a record and send it on."""
        self.records.append(record)
        for sink in self._sinks:
            sink(record)

    def restore(self, records: Iterable[Record]) -> None:
        """Take the records of an earlier part of the run for those so far."""
        self.records = [dict(each) for each in records]
        for sink in self._files():
            sink.restore(self.records)

    def flush(self) -> None:
        """Write what is not written yet."""
        for sink in self._files():
            sink.flush()

    def _files(self) -> list[ParquetSink]:
        return [sink for sink in self._sinks if isinstance(sink, ParquetSink)]
