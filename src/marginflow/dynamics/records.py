"""Records of a run as they come in, chunk by chunk, on the host."""

import numpy as np
from jaxtyping import Int64

from marginflow.dynamics.recording import Schedule

Columns = dict[str, np.ndarray]


class Records:
    """Observables by step: parts that are joined when they are asked for.

    Each change is a single assignment, so that an interruption between two of them leaves a whole.
    """

    def __init__(self, steps: np.ndarray | None = None, observables: Columns | None = None):
        self._parts: list[tuple[np.ndarray, Columns]] = []
        if steps is not None and observables is not None:
            self.add(steps, observables)

    def add(self, steps: np.ndarray, observables: Columns) -> None:
        """Append rows, one for each step."""
        if len(steps):
            self._parts.append((steps, observables))

    @property
    def last_step(self) -> int:
        """The last recorded step; −1 if there is none."""
        return int(self._parts[-1][0][-1]) if self._parts else -1

    def columns(self) -> tuple[Int64[np.ndarray, " m"], Columns]:
        """All steps, and all observables by name."""
        if not self._parts:
            return np.zeros(0, dtype=np.int64), {}
        steps = np.concatenate([part[0] for part in self._parts])
        names = self._parts[0][1]
        joined = {name: np.concatenate([part[1][name] for part in self._parts]) for name in names}
        self._parts = [(steps, joined)]
        return steps, joined

    def until(self, step: int) -> "Records":
        """The records up to a step, that step included."""
        return self._keep(self.columns()[0] <= step)

    def on(self, schedule: Schedule, step: int, steps: int) -> "Records":
        """The records that a run of `steps` steps on `schedule` has made by `step`.

        Raises:
            KeyError: if one of them is missing; its argument is the missing step.
        """
        have = self.columns()[0]
        wanted = schedule.following(-1, steps, len(have) + 1)
        wanted = wanted[wanted <= step]
        missing = np.setdiff1d(wanted, have)
        if len(missing):
            raise KeyError(int(missing[0]))
        return self._keep(np.isin(have, wanted))

    def _keep(self, mask: np.ndarray) -> "Records":
        steps, observables = self.columns()
        return Records(steps[mask], {name: rows[mask] for name, rows in observables.items()})
