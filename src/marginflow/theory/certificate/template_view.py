"""A template at many margins at once: values, slopes with their logarithms, and Hessians.

Every check of a certificate looks at the template through a view.  Nothing is compiled: a
certificate is some ten thousand evaluations, which NumPy has done before XLA has compiled one
(`_numpy_program`).

A template may live at margins of a thousandth or of thousands, and a check that looks at margins
from −30 to 30 would see nothing of either.  So a `TemplateView` counts margins in the template's
own length, from the template's own center, and values in its own unit (`natural_scale`): verdicts
on ψ and on s ψ(c u) are then the same.  What a check says to the user it says in the user's
numbers, by `margins` and `plain`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._numpy_program import NumpyProgram
from marginflow._precision import x64
from marginflow._types import AnyArray
from marginflow.losses import Loss
from marginflow.theory.certificate.natural_scale import AS_GIVEN, Scale, natural_scale
from marginflow.theory.certificate.reach import reach

# Rows in one call of a program.
BATCH = 256
# What stands for an infinite margin in a truncation: float64 squares it, and e to minus it is zero.
BEYOND = 1e100

Compute = Callable[[], tuple[np.ndarray, ...]]


class Evaluation:
    """A template at m points: each part is computed when it is first asked for.

    Attributes:
        value: (m,).
        sign: of the slopes, (m, k).
        log_abs: the logarithms of their absolute values, (m, k).
        hessian: (m, k, k).
    """

    def __init__(self, values: Compute, slopes: Compute, hessians: Compute):
        self._values, self._slopes, self._hessians = values, slopes, hessians

    @cached_property
    def value(self) -> np.ndarray:
        return self._values()[0]

    @cached_property
    def _sign_and_log(self) -> tuple[np.ndarray, ...]:
        return self._slopes()

    @property
    def sign(self) -> np.ndarray:
        return self._sign_and_log[0]

    @property
    def log_abs(self) -> np.ndarray:
        return self._sign_and_log[1]

    @cached_property
    def hessian(self) -> np.ndarray:
        return self._hessians()[0]

    @property
    def slope(self) -> np.ndarray:
        """The slopes themselves, (m, k); zero where they underflow."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            return np.where(self.sign == 0, 0.0, self.sign * np.exp(self.log_abs))


class View(ABC):
    """What a check is given: a template of `n_margins` margins, in units of its own.

    Attributes:
        loss: whose template it is.
        n_classes: K, for which verdicts are said.
        n_margins: of a point.
    """

    loss: Loss
    n_classes: int
    n_margins: int

    @abstractmethod
    def evaluate(self, points: np.ndarray) -> Evaluation:
        """At points (m, n_margins), in the view's units."""

    @abstractmethod
    def margins(self, points: np.ndarray) -> np.ndarray:
        """The points in the user's units."""

    @property
    @abstractmethod
    def plain(self) -> "View":
        """The same template in the user's units."""

    @property
    @abstractmethod
    def scale(self) -> Scale:
        """The units of the view."""

    @cached_property
    def reach(self) -> tuple[float, float]:
        """Between which margins, in the view's units, derivatives can be trusted."""
        return reach(self)


class PlainView(View):
    """The template of a loss for K classes, in the user's units.

    Args:
        loss: gives template and slopes.
        n_classes: K.

    Attributes:
        evaluations: points that were looked at.
        length: of the template, set once it is measured.
        least: the least value of ψ(u)/(length + max |u|) that was come upon.
        least_at: the margins where.
    """

    def __init__(self, loss: Loss, n_classes: int):
        self.loss, self.n_classes, self.n_margins = loss, n_classes, n_classes - 1
        self.evaluations = 0
        self.length, self.least = 1.0, np.inf
        self.least_at = np.zeros(self.n_margins)
        with x64():
            loss.tail(n_classes)  # a template's tail is looked for once, outside of a trace

    @property
    def plain(self) -> "PlainView":
        return self

    @property
    def scale(self) -> Scale:
        return AS_GIVEN

    def margins(self, points: np.ndarray) -> np.ndarray:
        return points

    def evaluate(self, points: np.ndarray) -> Evaluation:
        points = np.asarray(points, dtype=float).reshape(-1, self.n_margins)
        self.evaluations += len(points)
        return Evaluation(
            lambda: self._seen(points, self._in_batches(self._values, points)),
            lambda: self._in_batches(self._slopes, points),
            lambda: self._in_batches(self._hessians, points),
        )

    def _seen(self, points: np.ndarray, found: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        """Keep the least value of all, as a share of what rounding is a share of."""
        with np.errstate(invalid="ignore"):
            share = found[0] / (self.length + np.abs(points).max(axis=1, initial=0.0))
        share = np.where(np.isfinite(share), share, np.inf)
        if len(share) and share.min() < self.least:
            at = int(np.argmin(share))
            self.least, self.least_at = float(share[at]), points[at]
        return found

    def _in_batches(self, program: NumpyProgram, points: np.ndarray) -> tuple[np.ndarray, ...]:
        parts = []
        for start in range(0, max(len(points), 1), BATCH):
            rows = points[start : start + BATCH]
            full = np.resize(rows, (BATCH, self.n_margins))
            parts.append([part[: len(rows)] for part in program(full)])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    @property
    def _shape(self) -> tuple[int, int]:
        return BATCH, self.n_margins

    @cached_property
    def _values(self) -> NumpyProgram:
        def values(margins: AnyArray) -> AnyArray:
            value = self.loss.template(margins)
            # what overflows downwards is out of reach, not a minimum
            return jnp.where(value == -jnp.inf, jnp.inf, value)

        return NumpyProgram(values, self._shape)

    @cached_property
    def _slopes(self) -> NumpyProgram:
        return NumpyProgram(lambda margins: self.loss.slope(margins), self._shape)

    @cached_property
    def _hessians(self) -> NumpyProgram:
        def hessians(margins: AnyArray) -> AnyArray:
            def along(axis: AnyArray) -> AnyArray:
                direction = jnp.broadcast_to(axis, margins.shape)
                return jax.jvp(self.loss.slope_value, (margins,), (direction,))[1]

            # rows do not depend on one another: one direction serves all
            columns = jax.vmap(along)(jnp.eye(margins.shape[1]))
            return jnp.moveaxis(columns, 0, -1)

        return NumpyProgram(hessians, self._shape)


class TemplateView(View):
    """The template of a loss for K classes, in units of its own.

    Args:
        loss: gives template and slopes.
        n_classes: K.
        scale: the units; by default they are measured.
    """

    def __init__(self, loss: Loss, n_classes: int, scale: Scale | None = None):
        self.loss, self.n_classes, self.n_margins = loss, n_classes, n_classes - 1
        self._plain = PlainView(loss, n_classes)
        self._scale = scale or natural_scale(self._plain)
        self._plain.length = self._scale.length

    @property
    def plain(self) -> PlainView:
        return self._plain

    @property
    def scale(self) -> Scale:
        return self._scale

    @property
    def evaluations(self) -> int:
        return self._plain.evaluations

    def margins(self, points: np.ndarray) -> np.ndarray:
        return self._scale.margins(np.asarray(points, dtype=float))

    def evaluate(self, points: np.ndarray) -> Evaluation:
        points = np.asarray(points, dtype=float).reshape(-1, self.n_margins)
        return in_units(self._plain.evaluate(self.margins(points)), self._scale)

    def of_scores(self) -> "TemplateView":
        """In units whose center is zero, as scores need them: a tie is at margin 0."""
        view = object.__new__(TemplateView)
        view.loss, view.n_classes, view.n_margins = self.loss, self.n_classes, self.n_margins
        view._plain, view._scale = self._plain, self._scale.about_zero()
        return view


class TruncatedView(View):
    """The truncation ψ⁽ⁿ⁾(z) = lim ψ(z, λ1), λ → ∞, of a template to its first n margins.

    The template of fewer classes that is left when the other classes are out of the question (Wang
    & Scott 2024, arXiv 2311.17778).
    """

    def __init__(self, view: View, n_margins: int):
        self.view, self.n_margins, self.n_classes = view, n_margins, view.n_classes
        self.loss, self.reach = view.loss, view.reach

    @property
    def plain(self) -> "TruncatedView":
        return TruncatedView(self.view.plain, self.n_margins)

    @property
    def scale(self) -> Scale:
        return self.view.scale

    def margins(self, points: np.ndarray) -> np.ndarray:
        return self.view.margins(points)

    def evaluate(self, points: np.ndarray) -> Evaluation:
        points = np.asarray(points, dtype=float).reshape(-1, self.n_margins)
        found, n = self.view.evaluate(self.complete(points)), self.n_margins
        return Evaluation(
            lambda: (found.value,),
            lambda: (found.sign[:, :n], found.log_abs[:, :n]),
            lambda: (found.hessian[:, :n, :n],),
        )

    def complete(self, points: np.ndarray) -> np.ndarray:
        """The points in the margins of all K classes."""
        rest = np.full((len(points), self.n_classes - 1 - self.n_margins), BEYOND)
        return np.hstack([points, rest])


def in_units(found: Evaluation, scale: Scale) -> Evaluation:
    """What was found in the user's units, in others."""
    log_slope = scale.log_slope
    bend = scale.length**2 / scale.unit
    return Evaluation(
        lambda: (found.value / scale.unit,),
        lambda: (found.sign, found.log_abs - log_slope),
        lambda: (found.hessian * bend,),
    )
