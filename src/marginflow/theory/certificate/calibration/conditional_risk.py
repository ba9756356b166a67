"""The conditional risk C_p(v) = Σ_y p_y ℓ_y(v), with gradient and Hessian in the scores v.

A template is a function of margins, and calibration a matter of scores: here one becomes the other.
The losses of all labels are kept apart from the p that weighs them, so that scores that were looked
at once serve every p.
"""

from typing import NamedTuple

import numpy as np

from marginflow.theory.certificate.template_view import Evaluation, TemplateView


class Values(NamedTuple):
    """What each label loses at scores (s, K): (s, K)."""

    scores: np.ndarray
    value: np.ndarray

    def at(self, which: np.ndarray) -> "Values":
        """At some of the scores."""
        return Values(*(part[which] for part in self))

    def joined(self, other: "Values") -> "Values":
        """At these scores and others."""
        return Values(*(np.concatenate(pair) for pair in zip(self, other, strict=True)))


class Losses(NamedTuple):
    """The same, with gradient (s, K, K) and Hessian (s, K, K, K) in the scores."""

    scores: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray

    @property
    def values(self) -> Values:
        """Without the derivatives."""
        return Values(self.scores, self.value)

    def at(self, which: np.ndarray) -> "Losses":
        """At some of the scores."""
        return Losses(*(part[which] for part in self))


class Costs(NamedTuple):
    """C_p at n scores: value (n,), gradient (n, K), Hessian (n, K, K), sum of pulls (n,)."""

    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray
    pull: np.ndarray


class ConditionalRisk:
    """What scores cost: all labels' losses, and their mean for a distribution.

    Args:
        view: of the template, in whose units scores are.
        unit: what losses are counted in, in the view's units.
    """

    def __init__(self, view: TemplateView, unit: float = 1.0):
        self.view, self.n_classes, self.unit = view, view.n_classes, unit
        eye = np.eye(self.n_classes)
        self.code = np.stack([eye[y] - np.delete(eye, y, axis=0) for y in range(self.n_classes)])

    @property
    def user_unit(self) -> float:
        """What losses are counted in, in the user's units."""
        return self.unit * self.view.scale.unit

    def values(self, scores: np.ndarray) -> Values:
        """Of every label at scores (s, K); NaN counts as infinite."""
        return Values(scores, self._value(self._evaluated(scores), scores))

    def losses(self, scores: np.ndarray) -> Losses:
        """Of every label at scores (s, K), with derivatives; NaN counts as infinite."""
        s, k = scores.shape
        found = self._evaluated(scores)
        with np.errstate(all="ignore"):
            gradient = found.slope.reshape(s, k, 1, k - 1) @ self.code
            hessian = found.hessian.reshape(s, k, k - 1, k - 1) @ self.code
            hessian = self.code.transpose(0, 2, 1) @ hessian
            return Losses(
                scores,
                self._value(found, scores),
                gradient[:, :, 0] / self.unit,
                hessian / self.unit,
            )

    def _evaluated(self, scores: np.ndarray) -> Evaluation:
        margins = np.einsum("ykc,sc->syk", self.code, scores)
        return self.view.evaluate(margins.reshape(-1, self.n_classes - 1))

    def _value(self, found: Evaluation, scores: np.ndarray) -> np.ndarray:
        value = np.where(np.isnan(found.value), np.inf, found.value).reshape(scores.shape)
        with np.errstate(all="ignore"):
            return value / self.unit

    def costs(self, p: np.ndarray, scores: np.ndarray) -> Costs:
        """At scores (n, K), each with its own p (n, K)."""
        at = self.losses(scores)
        with np.errstate(all="ignore"):
            return Costs(
                (p * at.value).sum(axis=1),
                (p[:, None] @ at.gradient)[:, 0],
                np.einsum("ny,nycd->ncd", p, at.hessian),
                (p * np.abs(at.gradient).sum(axis=2)).sum(axis=1),
            )


def weighed(p: np.ndarray, table: Values | Losses) -> np.ndarray:
    """C_p of every p (rows) at all scores of a table (columns)."""
    with np.errstate(invalid="ignore", over="ignore"):
        return p @ table.value.T
