"""The result of `suggest_loss`: the choice with its reason, and everything it rests on."""

import html
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from marginflow._results import Result
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.suggestion.ranking import Entry
from marginflow.likelihoods.suggestion.residuals import FitTest
from marginflow.likelihoods.suggestion.rows import Rows

LIBRARIES = ("torch", "keras", "scikit-learn", "statsmodels")


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class LossSuggestion(Result):
    """Which likelihood suits the targets, and why.

    Attributes:
        choice: the likelihood; its `loss` and `score` are ready to use.
        reason: why it was chosen; also the result's message.
        targets: what was found in the targets.
        classes: what the class numbers 0..K−1 stand for; None of a quantity.
        indistinguishable: the candidates within one standard error of the best, the choice among
            them.
        known_as: the names of the loss in torch, Keras, scikit-learn and statsmodels; None where it
            has none.
        code: a line to paste.
        tests: what residuals say of the fit; empty where nothing can be tested.
        notes: what was left out, sampled or assumed, and which families coincide.
        entries: all candidates with their fits, the best first.
        rows: the rows that were fitted, equal ones together, or a sample.
        residuals: (k,) randomized quantile residuals of held-out rows; standard normal if the
            choice is right.
    """

    choice: Likelihood
    reason: str
    targets: str
    classes: tuple[str, ...] | None
    indistinguishable: tuple[str, ...]
    known_as: dict[str, str | None]
    code: str
    tests: tuple[FitTest, ...]
    notes: tuple[str, ...]
    entries: tuple[Entry, ...] = field(repr=False)
    rows: Rows = field(repr=False)
    residuals: np.ndarray = field(repr=False)

    @property
    def chosen(self) -> Entry:
        """The entry of the choice."""
        return next(e for e in self.entries if e.candidate.likelihood is self.choice)

    def to_frame(self) -> pd.DataFrame:
        """The candidates, the best first.

        Columns: likelihood, n_parameters, log_likelihood (of a held-out target, in nats), gap to
        the best and its paired standard_error, indistinguishable, scale (density, probability, or
        probability of a rounded number), and note.
        """
        return pd.DataFrame(
            {
                "likelihood": entry.candidate.label,
                "n_parameters": entry.n_parameters,
                "log_likelihood": entry.log_likelihood,
                "gap": entry.gap,
                "standard_error": entry.standard_error,
                "indistinguishable": entry.indistinguishable,
                "scale": _scale(entry),
                "note": entry.failure,
            }
            for entry in self.entries
        )

    def summary(self) -> dict[str, Any]:
        """The figures worth a line in `repr`."""
        names = {f"in {library}": name for library, name in self.known_as.items() if name}
        tests = {f"test of {test.name}": test.sentence for test in self.tests}
        return {
            "code": self.code,
            "targets": self.targets,
            "indistinguishable": ", ".join(self.indistinguishable),
            **names,
            **tests,
            **{f"note {i}": note for i, note in enumerate(self.notes, 1)},
        }

    def _repr_html_(self) -> str:
        shown = self.to_frame().drop(columns="note")
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(cell))}</td>" for cell in row) + "</tr>"
            for row in shown.itertuples(index=False)
        )
        head = "".join(f"<th>{html.escape(name)}</th>" for name in shown.columns)
        return f"{super()._repr_html_()}<table><tr>{head}</tr>{rows}</table>"


def _scale(entry: Entry) -> str:
    if entry.candidate.rounded:
        return "probability of a rounded number"
    return "probability" if entry.candidate.likelihood.support.discrete else "density"


def _cell(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, float) else str(value)
