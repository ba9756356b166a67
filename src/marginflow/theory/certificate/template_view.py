"""A template at many margins at once: values, slopes with their logarithms, and Hessians.

Every check of a certificate looks at the template through this view.  It is compiled once for each
K and always called with as many rows, so that a certificate costs a few compilations and some
thousand evaluations.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import x64
from marginflow._types import AnyArray
from marginflow.losses import Loss

# Rows in one call of the compiled function.
BATCH = 256
# A certificate is made of few evaluations, and most of its time is compilation.
QUICK: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
# What stands for an infinite margin in a truncation: float64 squares it, and e to minus it is zero.
BEYOND = 1e100


class Evaluation(NamedTuple):
    """A template at m points: value (m,), slopes as sign and log (m, k), Hessian (m, k, k)."""

    value: np.ndarray
    sign: np.ndarray
    log_abs: np.ndarray
    hessian: np.ndarray

    @property
    def slope(self) -> np.ndarray:
        """The slopes themselves, (m, k); zero where they underflow."""
        with np.errstate(over="ignore", under="ignore"):
            return self.sign * np.exp(self.log_abs)


class TemplateView:
    """The template of a loss for K classes.

    Args:
        loss: gives template and slopes.
        n_classes: K.
    """

    def __init__(self, loss: Loss, n_classes: int):
        self.loss, self.n_classes = loss, n_classes
        self.n_margins = n_classes - 1
        self.evaluations = 0
        with x64():
            rows = jax.ShapeDtypeStruct((BATCH, self.n_margins), jnp.float64)
            lowered = jax.jit(lambda margins: _evaluate(loss, margins)).lower(rows)
            self._compiled = lowered.compile(compiler_options=QUICK)

    def evaluate(self, margins: np.ndarray) -> Evaluation:
        """At margins (m, K−1)."""
        margins = np.asarray(margins, dtype=float).reshape(-1, self.n_classes - 1)
        self.evaluations += len(margins)
        parts = [self._call(margins[i : i + BATCH]) for i in range(0, len(margins), BATCH)]
        return Evaluation(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _call(self, margins: np.ndarray) -> list[np.ndarray]:
        rows = np.resize(margins, (BATCH, margins.shape[1]))
        with x64():
            found = self._compiled(jnp.asarray(rows))
        return [np.asarray(part)[: len(margins)] for part in found]


class TruncatedView:
    """The truncation ψ⁽ⁿ⁾(z) = lim ψ(z, λ1), λ → ∞, of a template to its first n margins.

    The template of fewer classes that is left when the other classes are out of the question (Wang
    & Scott 2024, arXiv 2311.17778).
    """

    def __init__(self, view: TemplateView, n_margins: int):
        self.view, self.n_margins, self.n_classes = view, n_margins, view.n_classes

    @property
    def loss(self) -> Loss:
        return self.view.loss

    @property
    def evaluations(self) -> int:
        return self.view.evaluations

    def evaluate(self, margins: np.ndarray) -> Evaluation:
        """At margins (m, n)."""
        margins = np.asarray(margins, dtype=float).reshape(-1, self.n_margins)
        found = self.view.evaluate(self.complete(margins))
        n = self.n_margins
        return Evaluation(
            found.value, found.sign[:, :n], found.log_abs[:, :n], found.hessian[:, :n, :n]
        )

    def complete(self, margins: np.ndarray) -> np.ndarray:
        """The points in the margins of all K classes."""
        rest = np.full((len(margins), self.n_classes - 1 - self.n_margins), BEYOND)
        return np.hstack([margins, rest])


def _evaluate(loss: Loss, margins: AnyArray) -> tuple[AnyArray, ...]:
    sign, log_abs = loss.slope(margins)
    hessian = jax.vmap(jax.jacfwd(lambda u: loss.slope_value(u)))(margins)
    value = loss.template(margins)
    # what overflows downwards is out of reach, not a minimum
    value = jnp.where(value == -jnp.inf, jnp.inf, value)
    return value, sign, log_abs, hessian
