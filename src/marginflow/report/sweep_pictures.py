"""The pictures of a sweep: for each data set and loss, margin fractions along training and at last.

Seeds are put together: curves and tables show their median, bands their range.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from marginflow import figures
from marginflow._results import Status
from marginflow.experiments import SweepResult
from marginflow.report.picture import Picture

COLUMNS = 3  # panels in a row
PREFIX = "margin_fraction_"


def sweep_pictures(result: SweepResult) -> Iterator[Picture]:
    """Draw what a sweep has found, data set by data set and loss by loss."""
    groups = result.records.groupby(["data", "loss"], sort=False) if len(result.records) else []
    for (data, loss), records in groups:
        norms = norms_with_fractions(records)
        if norms:
            yield fraction_picture(str(data), str(loss), records, norms)
            yield matrix_picture(str(data), str(loss), records, norms)


def norms_with_fractions(records: pd.DataFrame) -> list[str]:
    """The norms in which some of the records have a margin fraction."""
    names = [name for name in records.columns if name.startswith(PREFIX)]
    return [name.removeprefix(PREFIX) for name in names if records[name].notna().any()]


@figures.style()
def fraction_picture(data: str, loss: str, records: pd.DataFrame, norms: list[str]) -> Picture:
    """Margin fractions against steps: one panel a norm, one curve an optimizer."""
    curves = {
        str(name): along_steps(own, norms) for name, own in records.groupby("optimizer", sort=False)
    }
    columns = min(COLUMNS, len(norms))
    rows = -(-len(norms) // columns)
    figure = figures.canvas(2.6 + 2.6 * columns, 0.7 + 2.6 * rows + 0.11 * len(curves))
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for panel, norm in zip(panels.flat, norms, strict=False):
        steps = {name: at for name, (at, _) in curves.items()}
        values = {name: found[norm] for name, (_, found) in curves.items()}
        figures.margin_fraction(panel, steps, values, f"{norm} norm")
    for panel in panels.flat[len(norms) :]:
        panel.set_axis_off()
    for panel in panels[:, 1:].flat:
        panel.set_ylabel("")
    _legend(figure, panels.flat[0], columns)
    n_seeds = records["seed"].nunique()
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
    width = 2.4 + 0.075 * max(map(len, table.index)) + 1.05 * len(norms)
    figure = figures.canvas(width, 0.8 + 0.36 * len(table))
    figures.margin_matrix(figure.subplots(), table.to_numpy(), list(table.index), norms)
    median = " (median over the seeds)" if records["seed"].nunique() > 1 else ""
    return Picture(
        f"matrix-{_word(data)}-{_word(loss)}",
        f"{data}, {loss}: which optimizer maximizes which margin",
        f"The margin fraction at the last step{median}. Framed: the norm in which an optimizer is "
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
    for _, run in records.groupby("run", sort=False):
        goes_on = run["status"].iloc[0] != Status.DIVERGED
        at = np.log1p(run["step"].to_numpy(dtype=float))
        for norm in norms:
            values = run[PREFIX + norm].to_numpy()
            right = values[-1] if goes_on else np.nan
            found[norm].append(np.interp(np.log1p(steps), at, values, right=right))
    return steps, {norm: np.array(rows) for norm, rows in found.items()}


def last_fractions(records: pd.DataFrame, norms: list[str]) -> pd.DataFrame:
    """The margin fractions at the last step, optimizers × norms: the median over the seeds."""
    last = records.groupby("run", sort=False).tail(1)
    table = last.groupby("optimizer", sort=False)[[PREFIX + norm for norm in norms]].median()
    return table.rename(columns=dict(zip(table.columns, norms, strict=True)))


def _legend(figure: Figure, panel: Axes, columns: int) -> None:
    handles, names = panel.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=max(1, min(columns, len(names)))
    )


def _word(text: str) -> str:
    """A label as a part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in text)
