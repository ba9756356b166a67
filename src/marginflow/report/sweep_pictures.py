"""The pictures of a sweep: for each data set and loss, margin fractions along training and at last.

Seeds are put together: curves and tables show their median, bands their range.
"""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from marginflow import figures
from marginflow._results import Status
from marginflow.experiments import SweepResult
from marginflow.experiments.tables import fraction_column, groups
from marginflow.report.picture import Picture

COLUMNS = 3  # panels in a row


def sweep_pictures(result: SweepResult) -> Iterator[Picture]:
    """Draw what a sweep has found, data set by data set and loss by loss."""
    for (data, loss), records in groups(result.records, "data", "loss"):
        norms = norms_with_fractions(records)
        if norms:
            yield fraction_picture(data, loss, records, norms)
            yield matrix_picture(data, loss, records, norms)


def norms_with_fractions(records: pd.DataFrame) -> list[str]:
    """The norms in which some of the records have a margin fraction."""
    start = fraction_column("")
    names = [str(name) for name in records.columns if str(name).startswith(start)]
    return [name.removeprefix(start) for name in names if np.isfinite(records[name]).any()]


@figures.style()
def fraction_picture(data: str, loss: str, records: pd.DataFrame, norms: list[str]) -> Picture:
    """Margin fractions against steps: one panel a norm, one curve an optimizer."""
    curves = {name: along_steps(own, norms) for (name,), own in groups(records, "optimizer")}
    rows = math.ceil(len(norms) / COLUMNS)
    columns = math.ceil(len(norms) / rows)
    width = 2.6 + 2.6 * columns
    in_a_row = _names_in_a_row(width, list(curves))
    lines = math.ceil(len(curves) / in_a_row)
    figure = figures.canvas(width, 0.4 + 2.6 * rows + 0.2 * lines)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for panel, norm in zip(panels.flat, norms, strict=False):
        steps = {name: at for name, (at, _) in curves.items()}
        values = {name: found[norm] for name, (_, found) in curves.items()}
        figures.margin_fraction(panel, steps, values, f"{norm} norm")
    for panel in panels.flat[len(norms) :]:
        panel.set_axis_off()
    for panel in panels[:, 1:].flat:
        panel.set_ylabel("")
    handles, names = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=in_a_row)
    n_seeds = len(set(records["seed"]))
    band = f"; bands reach over {n_seeds} seeds, lines are their medians" if n_seeds > 1 else ""
    return Picture(
        f"fractions-{_word(data)}-{_word(loss)}",
        f"{data}, {loss}: margins along training",
        "The least margin over the norm of the weights, as a fraction of the best there is in that "
        f"norm (dashed: 1){band}. Below 0 the data are not separated yet.",
        f"Margin fraction in the norms {', '.join(norms)} against steps, on {data} with {loss}, a "
        "curve an optimizer.",
        figure,
    )


@figures.style()
def matrix_picture(data: str, loss: str, records: pd.DataFrame, norms: list[str]) -> Picture:
    """The matrix optimizer × norm of the last margin fractions."""
    table = last_fractions(records, norms)
    width = 2.4 + 0.075 * max(map(len, table)) + 1.05 * len(norms)
    figure = figures.canvas(width, 0.8 + 0.36 * len(table))
    values = np.array(list(table.values()))
    figures.margin_matrix(figure.subplots(), values, list(table), norms)
    over = " (median over the seeds)" if len(set(records["seed"])) > 1 else ""
    return Picture(
        f"matrix-{_word(data)}-{_word(loss)}",
        f"{data}, {loss}: which optimizer maximizes which margin",
        f"The margin fraction at the last step{over}. Framed: the norm in which an optimizer is "
        "nearest to the best margin.",
        f"Table of margin fractions, optimizers by norms, on {data} with {loss}.",
        figure,
    )


def along_steps(
    records: pd.DataFrame, norms: list[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The margin fractions of all seeds of an optimizer at common steps.

    A run that came to rest keeps its last value; one that diverged has none after its end.  Between
    its records a run is interpolated in the logarithm of the step.

    Returns:
        The steps (m,), and (seeds, m) fractions by norm.
    """
    steps = np.unique(records["step"].to_numpy())
    found: dict[str, list[np.ndarray]] = {norm: [] for norm in norms}
    for _, run in groups(records, "run"):
        goes_on = run["status"].iloc[0] != Status.DIVERGED
        at = np.log1p(run["step"].to_numpy(dtype=float))
        for norm in norms:
            values = run[fraction_column(norm)].to_numpy()
            right = values[-1] if goes_on else np.nan
            found[norm].append(np.interp(np.log1p(steps), at, values, right=right))
    return steps, {norm: np.array(rows) for norm, rows in found.items()}


def last_fractions(records: pd.DataFrame, norms: list[str]) -> dict[str, np.ndarray]:
    """The margin fractions of each optimizer at the last step, by norm: the median over seeds.

    Seeds whose data nothing separates have none, and are left out.
    """
    last = records.groupby("run", sort=False).tail(1)
    columns = [fraction_column(norm) for norm in norms]
    return {
        name: np.array([median(own[column].to_numpy()) for column in columns])
        for (name,), own in groups(last, "optimizer")
    }


def median(values: np.ndarray) -> float:
    """The median of what is finite; NaN where nothing is."""
    finite = np.asarray(values)[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else math.nan


def _names_in_a_row(width: float, names: list[str]) -> int:
    """How many names of a legend fit side by side."""
    longest = 0.6 + 0.085 * max(map(len, names), default=1)  # inches, with the line before it
    return max(1, min(len(names), int(width / longest)))


def _word(text: str) -> str:
    """A label as a part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)
