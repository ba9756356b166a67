"""The path that training took: what was seen at the recorded times, and where it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from marginflow._results import Result


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Trajectory(Result):
    """Observables along a run, and its last weights.

    Attributes:
        weights: the last weights, in the user's units: (d, K), or (d,) in the binary map.
        log_time: (m,) log t at each record; log of the step count, −∞ at step 0.
        steps: (m,) the recorded steps; None for a run that is not counted in steps.
        observables: by name, one array with a row for each record: `risk`, `log_risk`, `margin`
            (the least relative margin), `normalized_margin` (the least margin over the Frobenius
            norm of the weights), `weights_norm`, `accuracy`, `gradient_norm`, and those that the
            caller asked for, as `normalized_margin_max` in the norm of that name.
    """

    weights: Any
    log_time: Float64[np.ndarray, " m"]
    steps: Int64[np.ndarray, " m"] | None = None
    observables: Mapping[str, np.ndarray] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """The records as a table: `steps`, `log_time` and one column for each observable.

        An observable that is an array has a column for each entry, as `name[0,2]`.
        """
        columns: dict[str, np.ndarray] = {} if self.steps is None else {"steps": self.steps}
        columns["log_time"] = self.log_time
        for name, values in self.observables.items():
            if values.ndim == 1:
                columns[name] = values
                continue
            for index in np.ndindex(values.shape[1:]):
                entry = ",".join(map(str, index))
                columns[f"{name}[{entry}]"] = values[:, *index]
        return pd.DataFrame(columns)

    def summary(self) -> dict[str, Any]:
        shown = super().summary()
        for name, values in self.observables.items():
            if values.ndim == 1 and len(values):
                shown[f"last {name}"] = values[-1].item()
        return shown
