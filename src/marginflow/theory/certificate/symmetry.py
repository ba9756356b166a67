"""Permutation equivariance and translation invariance: what makes a loss a template at all.

A `Loss` is a function of relative margins by construction, so that it does not see a shift of all
scores; whether it treats classes alike is whether its template is symmetric.  Of a general
function of scores and labels both are tried, and its template is read off one class.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from marginflow._precision import x64
from marginflow.theory.certificate.search import clipped, points
from marginflow.theory.certificate.template_view import View
from marginflow.theory.certificate.verdict import Property, Verdict, refuted, shown, supported

CLOSE = 1e-9


def symmetric(view: View, rng: np.random.Generator) -> Property:
    """The template does not change when its margins are permuted."""
    name = "permutation equivariant"
    if view.n_margins == 1:
        return Property(name, Verdict.PROVED, "one margin has one order.", n_classes=2)
    u = clipped(view, points(view.n_margins, rng))
    order = np.argsort(rng.random(u.shape), axis=1)
    moved = np.take_along_axis(u, order, axis=1)
    value, other = view.evaluate(u).value, view.evaluate(moved).value
    with np.errstate(invalid="ignore"):
        apart = np.abs(value - other) / (1 + np.abs(value) + np.abs(u).max(axis=1))
    apart = np.where(np.isfinite(apart), apart, 0.0)
    at = int(np.argmax(apart))
    if apart[at] > CLOSE:
        pair = view.margins(np.stack([u[at], moved[at]]))
        there = view.plain.evaluate(pair).value
        statement = f"ψ{shown(pair[0])} = {there[0]:.6g}, but ψ{shown(pair[1])} = {there[1]:.6g}."
        return refuted(name, view.n_classes, statement, pair)
    evidence = f"{len(u)} points and a random order of each; the values differ by {apart[at]:.1g}."
    return supported(name, view.n_classes, evidence)


def shift_invariant_by_construction(n_classes: int) -> Property:
    """Of a template there is nothing to try."""
    words = "the loss is given by a template, a function of differences of scores."
    return Property("translation invariant", Verdict.PROVED, words, n_classes=n_classes)


def general_loss(
    function: Callable[..., Any], n_classes: int, rng: np.random.Generator
) -> tuple[Property, Property]:
    """Both properties of a function of scores (m, K) and labels (m,).

    Returns:
        Permutation equivariance and translation invariance.
    """
    scores = points(n_classes, rng)
    labels = rng.integers(n_classes, size=len(scores))
    # class k of a row becomes class rename[k] of it
    rename = np.argsort(rng.random(scores.shape), axis=1)
    new_labels = np.take_along_axis(rename, labels[:, None], axis=1)[:, 0]
    value = call(function, scores, labels)
    moved = np.take_along_axis(scores, np.argsort(rename, axis=1), axis=1)
    renamed = call(function, moved, new_labels)
    shift = np.round(5 * rng.standard_normal((len(scores), 1)))
    translated = scores + shift
    shifted = call(function, translated, labels)
    renaming = {
        "permutation": rename,
        "renamed_label": new_labels,
        "renamed_value": renamed,
    }
    shifting = {"shift": shift[:, 0], "shifted_value": shifted}
    size = 1 + np.abs(value) + np.abs(scores).max(axis=1)
    verdicts = []
    for name, there, other, words, columns in (
        ("permutation equivariant", moved, renamed, "with classes renamed", renaming),
        ("translation invariant", translated, shifted, "with all scores shifted", shifting),
    ):
        apart = np.abs(value - other) / size
        apart = np.where(np.isfinite(apart), apart, 0.0)
        at = int(np.argmax(apart))
        if apart[at] > CLOSE:
            statement = (
                f"the loss of scores {shown(scores[at])} with label {labels[at]} is "
                f"{value[at]:.6g}, and {other[at]:.6g} {words}."
            )
            columns = {"label": labels, "value": value, **columns}
            figures = {key: column[at].tolist() for key, column in columns.items()}
            pair = [scores[at], there[at]]
            verdicts.append(refuted(name, n_classes, statement, pair, "scores", **figures))
        else:
            evidence = f"{len(scores)} random points {words}: the same to {apart[at]:.1g}."
            verdicts.append(supported(name, n_classes, evidence))
    return verdicts[0], verdicts[1]


def extract_template(function: Callable[..., Any]) -> Callable[[jax.Array], jax.Array]:
    """The template of a general loss: its value at scores (0, −u) with label 0."""

    def template(margins: jax.Array) -> jax.Array:
        scores = jnp.concatenate([jnp.zeros_like(margins[:1]), -margins])
        return jnp.sum(function(scores[None], jnp.zeros(1, dtype=int)))

    template.__name__ = getattr(function, "__name__", type(function).__name__)
    return template


def call(function: Callable[..., Any], scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A general loss of each sample, (m,); says so if it returns another shape."""
    with x64():
        value = np.asarray(function(jnp.asarray(scores), jnp.asarray(labels)), dtype=float)
    if value.shape != labels.shape:
        raise ValueError(
            f"expected one loss for each of {len(labels)} samples from scores {scores.shape} and "
            f"labels {labels.shape}, got shape {value.shape}; do not reduce over samples."
        )
    return value
