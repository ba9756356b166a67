"""What the monitors of torch and of JAX share: when they look, and what they keep of it."""

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pandas as pd

from marginflow.dynamics.recording import Schedule, as_schedule, log_spaced
from marginflow.training.monitor.findings import Finding
from marginflow.training.monitor.layer_quantities import Activations
from marginflow.training.monitor.recorder import Recorder
from marginflow.training.monitor.sinks import Record

PER_DECADE = 4
NEVER = 2**63 - 1

M = TypeVar("M", bound="BaseMonitor")


class BaseMonitor(ABC):
    """Counts steps, and looks at the training at those of a schedule.

    Args:
        schedule: which steps are recorded; by default 0 and four in each decade.
        to: where records go besides `records`.
        beyond: the part of its range from which on an output counts as saturated.
        unit_axis: of what a layer puts out.
        records_here: False in a process that leaves recording to another.

    Raises:
        TypeError, ValueError: if an argument does not fit.
    """

    def __init__(
        self,
        schedule: Schedule | Iterable[int] | None,
        to: Any,
        beyond: float,
        unit_axis: int,
        *,
        records_here: bool = True,
    ):
        if not 0 < beyond < 1:
            raise ValueError(f"beyond: expected a number between 0 and 1, got {beyond!r}.")
        planned = log_spaced(PER_DECADE) if schedule is None else schedule
        self._schedule = as_schedule(planned, NEVER)
        self._records_here = records_here
        self._recorder = Recorder(to if records_here else ())
        self._activations = Activations(beyond, unit_axis)
        self._step, self._due, self._wake, self._remembered = 0, NEVER, NEVER, -1
        self._reference: tuple[int, list[Any]] | None = None
        self._turn = math.nan

    def __enter__(self: M) -> M:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()

    def close(self) -> None:
        """Record the last step, if it was not, and write what there is."""
        if self._records_here and self._recorder.last_step < self._step:
            self._try_to_record()
        self._recorder.flush()

    def to_frame(self) -> pd.DataFrame:
        """A row a record, a column a quantity."""
        return self._recorder.to_frame()

    @property
    def records(self) -> list[Record]:
        """What was recorded, mappings from names to numbers."""
        return self._recorder.records

    @property
    def about(self) -> dict[str, Any]:
        """The model, its layers and the optimizer."""
        return self._recorder.about

    @property
    def n_steps(self) -> int:
        """How many steps were counted."""
        return self._step

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the records say, in sentences."""
        return self._recorder.findings

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs to go on: arrays, numbers and text."""
        reference = self._reference
        return {
            "step": self._step,
            "records": [dict(record) for record in self.records],
            "reference": None if reference is None else [reference[0], *reference[1]],
            "direction_change": self._turn,
            "dead": dict(self._activations.dead),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`.

        Args:
            state: what `state_dict` gave.
        """
        self._step, self._remembered = int(state["step"]), -1
        self._recorder.restore(state["records"])
        reference = state["reference"]
        self._reference = None if reference is None else (int(reference[0]), list(reference[1:]))
        self._turn = float(state["direction_change"])
        self._activations.dead = dict(state["dead"])
        if self._records_here:
            self._plan(self._step)

    @abstractmethod
    def _remember(self) -> None:
        """Copy what the record of the next step compares with."""

    @abstractmethod
    def _quantities(self) -> dict[str, float]:
        """Those of now, by name."""

    def _begin(self, about: dict[str, Any]) -> None:
        """Record what there is before the first step, if it is to be."""
        self._recorder.describe(about)
        if self._records_here:
            self._plan(-1)
            if self._due == 0:
                self._record()
                self._plan(0)

    def _count(self, steps: int = 1) -> None:
        """Count steps of the optimizer, and look if it is time."""
        self._step += steps
        if self._step < self._wake:
            return
        if self._step >= self._due:
            self._try_to_record()
            self._plan(self._step)
        else:
            self._keep()

    @property
    def _knows_the_step_before(self) -> bool:
        return 0 <= self._remembered == self._step - 1

    def _plan(self, step: int) -> None:
        """The next step to record, and the one before it, when weights are copied."""
        following = self._schedule.following(step, steps=NEVER, limit=1)
        self._due = int(following[0]) if len(following) else NEVER
        self._wake = max(self._due - 1, 0)
        if self._wake == self._step and self._due > self._step:
            self._keep()

    def _keep(self) -> None:
        self._remember()
        self._remembered = self._step

    def _try_to_record(self) -> None:
        """Record; what goes wrong with that must not end a training."""
        try:
            self._record()
        except Exception as error:
            warnings.warn(
                f"the monitor has no record of step {self._step}: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=4,
            )

    def _record(self) -> None:
        step = self._step
        time = {"step": step, "log_time": math.log(step) if step else -math.inf}
        self._recorder.add(time | self._quantities())

    def _turned(
        self, copied: Callable[[], list[Any]], cosine_to: Callable[[list[Any]], float]
    ) -> float:
        """The angle between the weights and those of an e-fold earlier, in radians.

        Args:
            copied: gives the weights of now, to be kept.
            cosine_to: of the angle between them and others.
        """
        if self._reference is None or self._step >= math.e * self._reference[0]:
            if self._reference is not None and self._reference[0] > 0:
                self._turn = math.acos(cosine_to(self._reference[1]))
            self._reference = (self._step, copied())
        return self._turn
