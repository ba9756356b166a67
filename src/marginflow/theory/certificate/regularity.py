"""Regular and totally regular: the conditions under which a template is classification-calibrated.

A template is regular if it is non-negative, twice differentiable, strictly convex, semi-coercive
and strictly decreasing in every entry, and totally regular if its truncations are regular too; then
the loss is classification-calibrated (Wang & Scott 2024, arXiv 2311.17778; the wording of the
definitions is quoted from memory).
"""

from dataclasses import replace

import numpy as np

from marginflow.theory.certificate.curvature import strictly_convex
from marginflow.theory.certificate.differentiability import twice_differentiable
from marginflow.theory.certificate.order import non_negative, semi_coercive, strictly_decreasing
from marginflow.theory.certificate.template_view import TemplateView, TruncatedView, View
from marginflow.theory.certificate.verdict import Property, Verdict, supported, weakest

CONDITIONS = (
    non_negative,
    twice_differentiable,
    strictly_convex,
    semi_coercive,
    strictly_decreasing,
)
NAMES = (
    "non-negative",
    "twice differentiable",
    "strictly convex",
    "semi-coercive",
    "strictly decreasing",
)
# Truncations to more margins than the first two and the last are not tried: they are as many as
# there are classes, and nested.
FIRST_TRUNCATIONS = 2


def regular(n_classes: int, found: dict[str, Property]) -> Property:
    """Regular: all five conditions, whose verdicts are among those at hand."""
    return _joined("regular", n_classes, [found[name] for name in NAMES])


def totally_regular(view: TemplateView, whole: Property, rng: np.random.Generator) -> Property:
    """Regular, with regular truncations."""
    name = "totally regular"
    if not whole.holds:
        return weakest(name, [whole])
    k = view.n_margins
    tried = [n for n in range(1, k) if n <= FIRST_TRUNCATIONS or n == k - 1]
    parts = [whole]
    for n in tried:
        truncated: View = TruncatedView(view, n)
        for condition in CONDITIONS:
            part = condition(truncated, rng)
            if not part.holds:
                return _of_truncation(name, n, part)
            parts.append(part)
    listed = ", ".join(str(n) for n in tried)
    words = (
        f"regular, and so are its truncations to {listed} margins."
        if tried
        else ("regular, and a template of one margin has no truncations.")
    )
    return supported(name, view.n_classes, words)


def _joined(name: str, n_classes: int, parts: list[Property]) -> Property:
    worst = weakest(name, parts)
    if worst.verdict == Verdict.REFUTED:
        return worst
    words = "; ".join(f"{part.name} {part.verdict}" for part in parts) + "."
    return Property(name, worst.verdict, words, n_classes=n_classes)


def _of_truncation(name: str, n_margins: int, part: Property) -> Property:
    words = f"its truncation to {n_margins} margins is not {part.name}: {part.evidence}"
    example = part.counterexample
    assert example is not None
    figures = {**example.figures, "truncation": n_margins}
    example = replace(example, statement=words, figures=figures)
    return replace(part, name=name, evidence=words, counterexample=example)
