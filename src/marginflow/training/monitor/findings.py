"""Findings: what records say of a training, in a sentence, with the evidence and what helps.

Each rule looks at the last records, not at one alone, and is silent where its quantities were not
recorded.  The limits are set so that a training that goes well is not spoken of.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from marginflow.training.monitor.growth import log_growth
from marginflow.training.monitor.plateau import recent_fall

SATURATED = 0.4  # of a layer's outputs beyond the threshold
FLAT = 0.25  # mean derivative of a saturated layer, where 1 is the steepest
LEARNED = 0.95  # of the probe samples right, from which on saturation is that of growing weights
DEAD = 0.4  # of a rectified layer's units
EARLY = 5  # steps before which a large update is no sign
LARGE_UPDATE = 0.1  # of the weights' norm in a step
VANISHING = 1e-4  # a layer's gradient over its weights, against the largest of all layers
UPHILL = 0.6  # of the records with a step along the gradient
FEW = 5  # records that a share is taken over, at least
DOMINATED = 0.5  # of the entries whose root mean square is below ε
OVERFIT = 0.1  # rise of the validation loss over its least value
RISING = 3  # records since then, at least
LOST = 0.01  # of the validation accuracy, which is no loss yet
STANDING = 0.01  # change of the loss in an e-fold of steps, below which nothing moves
LOGARITHMIC = 0.99  # R² of a norm that grows as log t


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        name: of the rule, as "saturated".
        layer: whose it is; empty where it is the whole model's.
        sentence: what was found, with the figures that show it, and what usually helps.
        since: the step from which on it has held.
        harmful: False of what is worth knowing and no fault.
    """

    name: str
    layer: str
    sentence: str
    since: int
    harmful: bool = True


def find(records: pd.DataFrame, about: Mapping[str, Any]) -> tuple[Finding, ...]:
    """All findings, those that harm first.

    Args:
        records: a row a record, as `Monitor` makes them.
        about: the layers and the optimizer, as `Monitor` describes them.

    Example:
        >>> import pandas as pd
        >>> find(pd.DataFrame({"step": [0, 1], "loss": [1.0, float("inf")]}), {})[0].name
        'diverged'
    """
    if not len(records):
        return ()
    found = [finding for rule in RULES for finding in rule(records, about)]
    return tuple(sorted(found, key=lambda finding: not finding.harmful))


def _diverged(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    if "loss" in records and not np.isfinite(records["loss"].iloc[-1]):
        since = _since(records, ~np.isfinite(records["loss"].to_numpy()))
        yield Finding(
            "diverged",
            "",
            f"the loss is not finite since step {since}: lower the learning rate, clip gradients, "
            "or look for a division by zero.",
            since,
        )


def _saturated(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    for layer, kind in about.get("activations", {}).items():
        share = _column(records, f"saturated/{layer}")
        slope = _column(records, f"derivative/{layer}")
        if share is None or slope is None:
            continue
        holds = (share > SATURATED) & (slope < FLAT)
        if not holds[-1]:
            continue
        since = _since(records, holds)
        right = _accuracy_at(records, since)
        grown = right >= LEARNED
        ending = (
            f"{right:.0%} of the probe samples were on the right side by then, and the weights "
            "grow on: no fault as long as that is what is wanted; weight decay ends it."
            if grown
            else "little gradient passes: lower the scale of its initial weights, normalize what "
            "comes in, or take ReLU."
        )
        yield Finding(
            "saturated",
            layer,
            f"layer {layer}: {share[-1]:.0%} of the {kind} outputs lie beyond "
            f"{about['beyond']:g} of their range since step {since:,}, and the mean derivative is "
            f"{slope[-1]:.2g} of the steepest; {ending}",
            since,
            harmful=not grown,
        )


def _dead(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    for layer, kind in about.get("activations", {}).items():
        share = _column(records, f"dead/{layer}")
        if share is not None and share[-1] > DEAD:
            since = _since(records, share > DEAD)
            yield Finding(
                "dead",
                layer,
                f"layer {layer}: {share[-1]:.0%} of the {kind} units are zero on every probe "
                f"sample since step {since:,} and get no gradient: lower the learning rate, start "
                "the biases higher, or take LeakyReLU.",
                since,
            )


def _vanishing(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    layers = about.get("weights", [])
    columns = {layer: _column(records, f"gradient_to_weight/{layer}") for layer in layers}
    known = {layer: column for layer, column in columns.items() if column is not None}
    if len(known) < 2:
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        largest = np.max(list(known.values()), axis=0)
        for layer, column in known.items():
            ratio = column / largest
            holds = ratio < VANISHING
            if holds[-1] and holds[-3:].all():
                since = _since(records, holds)
                yield Finding(
                    "vanishing",
                    layer,
                    f"layer {layer}: its gradient, over its weights, is {ratio[-1]:.1g} of that of "
                    f"the layer with the largest since step {since:,}, so that it hardly learns: "
                    "scale the initial weights to the layer's width, add skip connections or "
                    "normalization, or take ReLU.",
                    since,
                )


def _large_updates(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    records = _where_known(records, "update_to_weight")
    ratio = _column(records, "update_to_weight")
    if ratio is None:
        return
    late = records["step"].to_numpy() > EARLY
    holds = late & (ratio > LARGE_UPDATE)
    if late.sum() >= FEW and holds[-1] and holds[late].mean() > 0.5:
        since = _since(records, holds)
        yield Finding(
            "large updates",
            "",
            f"a step changes the weights by {ratio[-1]:.0%} of their norm since step {since:,}: "
            "lower the learning rate, or warm it up.",
            since,
        )


def _uphill(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    records = _where_known(records, "momentum_cosine", "gradient_dot_update")
    product = _column(records, "gradient_dot_update")
    if product is None:
        return
    seen = product[-4 * FEW :]
    if len(seen) >= 2 * FEW and np.mean(seen > 0) > UPHILL:
        yield Finding(
            "uphill",
            "",
            f"{np.mean(seen > 0):.0%} of the last {len(seen)} recorded steps go along the gradient "
            "instead of against it: momentum carries the weights past where they are going; lower "
            "momentum or the learning rate.",
            int(records["step"].iloc[-len(seen)]),
        )


def _eps_dominated(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    share = _column(records, "eps_dominated")
    if share is not None and "eps" in records and share[-1] > DOMINATED:
        since = _since(records, share > DOMINATED)
        yield Finding(
            "eps dominated",
            "",
            f"for {share[-1]:.0%} of the weights the root mean square of the gradients is below "
            f"eps = {records['eps'].iloc[-1]:.1g} since step {since:,}: the optimizer moves them "
            "by gradient descent of step lr/eps, no longer by signs; lower eps if that is not "
            "meant.",
            since,
            harmful=False,
        )


def _overfit(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    loss = _column(records, "validation_loss")
    train = _column(records, "loss")
    if loss is None or train is None or len(loss) < 2 * FEW:
        return
    best = int(np.nanargmin(loss))
    if not loss[best] > 0:  # the logarithm of a loss, say, of which no share means anything
        return
    rises = loss[-1] > (1 + OVERFIT) * loss[best] and train[-1] < train[best]
    if not rises or len(loss) - 1 - best < RISING:
        return
    since = int(records["step"].iloc[best])
    accuracy = _column(records, "validation_accuracy")
    kept = accuracy is not None and accuracy[-1] >= accuracy[best] - LOST
    ending = "stop there, or penalize the weights."
    if kept and accuracy is not None:
        ending = (
            f"its accuracy has not fallen, {accuracy[best]:.1%} to {accuracy[-1]:.1%}, so that it "
            "is the growing scores of its few errors; divide scores by a temperature where "
            "probabilities are wanted."
        )
    yield Finding(
        "overfitting",
        "",
        f"the validation loss was least, {loss[best]:.3g}, at step {since:,} and is "
        f"{loss[-1]:.3g} now, while the training loss went on falling; {ending}",
        since,
        harmful=not kept,
    )


def _plateau(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    loss = _column(records, "loss")
    if loss is None:
        return
    log_time = _log_time(records)
    fall = recent_fall(log_time, loss)
    if abs(fall) < STANDING:
        since = int(records["step"].iloc[np.flatnonzero(log_time <= log_time[-1] - 1)[-1]])
        yield Finding(
            "plateau",
            "",
            f"the loss is {loss[-1]:.3g} and has changed by {abs(fall):.1%} since step {since:,}, "
            "in an e-fold of steps or more: training is at its end, or on a plateau, which a "
            "larger learning rate or momentum leaves sooner.",
            since,
            harmful=False,
        )


def _separated(records: pd.DataFrame, about: Mapping[str, Any]) -> Iterator[Finding]:
    margin = _column(records, "margin")
    if margin is None or not margin[-1] > 0:
        return
    since = _since(records, margin > 0)
    words = f"every probe sample is on the right side since step {since:,}"
    rows = (records["step"] >= max(since, 1)).to_numpy()
    norm = _column(records, "weights_norm")
    if norm is not None and rows.sum() >= FEW:
        fit = log_growth(_log_time(records)[rows], norm[rows])
        if fit.r_squared > LOGARITHMIC and fit.slope > 0:
            words += (
                f", and from there the weights' norm has grown by {fit.slope:.3g} log t "
                f"(R² {fit.r_squared:.3f}): from now on the loss falls by growth, and the "
                "direction turns ever more slowly"
            )
    yield Finding("separated", "", f"{words}.", since, harmful=False)


RULES: tuple[Callable[[pd.DataFrame, Mapping[str, Any]], Iterator[Finding]], ...] = (
    _diverged,
    _saturated,
    _dead,
    _vanishing,
    _large_updates,
    _uphill,
    _overfit,
    _eps_dominated,
    _plateau,
    _separated,
)


def _column(records: pd.DataFrame, name: str) -> np.ndarray | None:
    """The values of a quantity; None where it was not recorded or the last is not finite."""
    if name not in records or not len(records):
        return None
    values = records[name].to_numpy(dtype=np.float64)
    return values if np.isfinite(values[-1]) else None


def _where_known(records: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The records with these quantities; the last of a run has none of the update."""
    if any(name not in records for name in names):
        return records.iloc[:0]
    known = np.isfinite(records[list(names)].to_numpy(dtype=np.float64)).all(axis=1)
    return records.loc[known]


def _log_time(records: pd.DataFrame) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(records["step"].to_numpy(dtype=np.float64))


def _accuracy_at(records: pd.DataFrame, step: int) -> float:
    """The share of the probe samples on the right side then; NaN where it was not recorded."""
    if "accuracy" not in records:
        return math.nan
    return float(records.loc[records["step"] == step, "accuracy"].iloc[-1])


def _since(records: pd.DataFrame, holds: np.ndarray) -> int:
    """The step of the first record from which on something holds to the end."""
    broken = np.flatnonzero(~holds)
    first = broken[-1] + 1 if len(broken) else 0
    return int(records["step"].iloc[min(first, len(records) - 1)])
