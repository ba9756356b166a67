"""The limits that `marginflow run` compares with: the best margins, certified, norm by norm.

The norm is the one whose margin the optimizer maximizes in the end, as `predict_limit` has it, and
the one it heads for before where another takes over, as Adam's; or those that --norm names.  The
Frobenius norm is always among them: it decides whether anything separates the data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from marginflow.cli.norm_argument import norm_argument

if TYPE_CHECKING:
    from marginflow.data import Dataset
    from marginflow.dynamics import Optimizer, Trajectory
    from marginflow.limits import MaxMargin
    from marginflow.losses import Loss
    from marginflow.theory import LimitPrediction

EUCLIDEAN = "frobenius"


@dataclass(frozen=True)
class Comparison:
    """What a run is compared with.

    Attributes:
        norms: by name; the first is that of the limit proper.
        found: the certified limits by norm; a norm is missing where none was certified or asked.
        remark: what is to be said of the first norm's.
    """

    norms: tuple[str, ...] = (EUCLIDEAN,)
    found: "dict[str, MaxMargin]" = field(default_factory=dict)
    remark: str = "not asked for"

    @property
    def limit(self) -> "MaxMargin | None":
        """That of the first norm."""
        return self.found.get(self.norms[0])

    @property
    def euclidean(self) -> "MaxMargin | None":
        """That of the Frobenius norm, which the continuations of gradient descent start from."""
        return self.found.get(EUCLIDEAN)

    def margins(self, result: "Trajectory") -> dict[str, dict[str, Any]]:
        """The margin of the last weights over their norm, and the best there is, norm by norm."""
        import numpy as np

        from marginflow.norms import as_norm

        found: dict[str, dict[str, Any]] = {}
        least = float(result.observables["margin"][-1])
        for name in dict.fromkeys((*self.norms, EUCLIDEAN)):
            with np.errstate(over="ignore"):  # of a run that diverged
                size = float(as_norm(name)(np.asarray(result.weights)))
            normalized = least / size if size > 0 else np.nan
            found[name] = {"normalized_margin": normalized}
            limit = self.found.get(name)
            if limit is not None:
                found[name] |= {
                    "best": limit.margin,
                    "best_upper": limit.margin_upper,
                    "fraction_of_best": normalized / limit.margin,
                }
        return found


def predict(optimizer: "Optimizer", loss: "Loss", n_classes: int) -> "LimitPrediction":
    """Where the optimizer takes the loss, by theory."""
    from marginflow.theory import predict_limit

    return predict_limit(optimizer, loss, n_classes=n_classes)


def norms_of(asked: Sequence[str], prediction: "LimitPrediction | None") -> tuple[str, ...]:
    """The norms to compare in, the first that of the limit.

    Raises:
        UsageError: if --norm names none.
    """
    if asked:
        return tuple(dict.fromkeys(norm_argument(text).name for text in asked))
    if prediction is None:
        return (EUCLIDEAN,)
    before = prediction.before.norm.name if prediction.before and prediction.before.norm else None
    found = [name for name in (prediction.norm, before) if name is not None]
    return tuple(dict.fromkeys(found)) or (EUCLIDEAN,)


def compare(data: "Dataset", norms: tuple[str, ...]) -> Comparison:
    """The certified limits of the data in the norms."""
    from marginflow.limits import max_margin

    best = max_margin(data, throw=False)
    if best.status == "not_separable":
        return Comparison(norms, {}, "none: the data are not linearly separable")
    solved = {EUCLIDEAN: best} | {
        name: max_margin(data, name, throw=False) for name in norms if name != EUCLIDEAN
    }
    found = {name: each for name, each in solved.items() if each.status == "done"}
    first = solved[norms[0]]
    if first.status != "done":
        return Comparison(norms, found, f"not certified: {first.message}")
    return Comparison(norms, found, _certified(first))


def _certified(limit: "MaxMargin") -> str:
    where = "" if limit.norm == EUCLIDEAN else f" in the norm {limit.norm}"
    if limit.weights_error_bound is not None:
        return f"certified{where}, weights' error at most {limit.weights_error_bound:.2g}"
    return (
        f"certified{where}, relative gap at most {limit.relative_gap:.2g}; its weights need not "
        "be unique, so that margins are compared and not directions"
    )
