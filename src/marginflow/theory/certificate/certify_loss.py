"""`certify_loss`: is a loss of the kind for which training finds the maximum margin?"""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from marginflow._numpy_program import NumpyProgram
from marginflow._precision import in_x64
from marginflow._results import Status
from marginflow.losses import Loss, TemplateLoss, get_loss
from marginflow.theory.certificate.calibration import calibrated
from marginflow.theory.certificate.conclusion import conclude
from marginflow.theory.certificate.curvature import convex, smooth, strictly_convex
from marginflow.theory.certificate.differentiability import twice_differentiable
from marginflow.theory.certificate.loss_certificate import LossCertificate
from marginflow.theory.certificate.order import (
    came_below_zero,
    non_negative,
    semi_coercive,
    strictly_decreasing,
)
from marginflow.theory.certificate.regularity import regular, totally_regular
from marginflow.theory.certificate.search import points
from marginflow.theory.certificate.symmetry import (
    extract_template,
    general_loss,
    shift_invariant_by_construction,
    symmetric,
)
from marginflow.theory.certificate.tail_class import exponential_tail, tail_class
from marginflow.theory.certificate.template_view import TemplateView
from marginflow.theory.certificate.verdict import Property, Verdict, shown, weakest
from marginflow.theory.proof import prove as prove_property

CLASSES = (2, 3, 5, 10)
PROVABLE = ("non-negative", "convex", "strictly convex", "strictly decreasing", "exponential tail")
MOST_CLASSES_PROVED = 4
# Margins at which a template has to be finite, in its own length, and rows of a look further out.
ORDINARY = 6.0
LADDER = 121
# A template in a smaller unit has a tail that float64 cannot hold.
LEAST_UNIT = 1e-150


@in_x64
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def certify_loss(
    loss: Any,
    *,
    n_classes: Sequence[int] = CLASSES,
    seed: int = 0,
    prove: bool = False,
    seconds: float = 20.0,
) -> LossCertificate:
    """A verdict on each property of a loss, with a counterexample where it is false.

    Permutation equivariant, translation invariant, non-negative, strictly decreasing, convex,
    strictly convex, twice differentiable, smooth, the class of its tail, the exponential tail of
    Ravi et al. 2024, semi-coercive, regular and totally regular in the sense of Wang & Scott 2024,
    and classification-calibrated.  What no search refuted is `supported`, with what was tried.  No
    verdict depends on the loss's name.

    Args:
        loss: a `Loss`, a registered name, a template (a function of one sample's margins (K−1,) in
            `jax.numpy`), or a general loss of scores (m, K) and labels (m,) that returns (m,).
        n_classes: the K to try.
        seed: of the random points.
        prove: try to prove, by intervals, what the search supports: non-negative, convex, strictly
            convex, strictly decreasing and the exponential tail, for K up to 4.
        seconds: after which the search for one proof ends.

    Returns:
        A `LossCertificate`.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no loss of that name, or the function does not give a real scalar
            for margins of ordinary size, or gives values below 1e-150.

    Example:
        >>> import marginflow as mf
        >>> certificate = mf.certify_loss("weston-watkins", n_classes=[3])
        >>> print(certificate["convex"].verdict, certificate["strictly decreasing"].verdict)
        supported refuted

    Reference:
        Ravi et al. 2024, arXiv 2411.01350; Wang & Scott 2024, arXiv 2311.17778.
    """
    classes = tuple(sorted({int(k) for k in n_classes}))
    if not classes or classes[0] < 2:
        raise ValueError(f"n_classes: expected numbers of classes from 2 on, got {n_classes!r}.")
    template, general = _as_template(loss)
    by_classes: dict[int, dict[str, Property]] = {}
    evaluations, notes = 0, []
    for k in classes:
        view = TemplateView(template, k)
        notes += [note for note in _check_finite(view) if note not in notes]
        rng = np.random.default_rng([seed, k])
        found = _elementary(view, general, rng)
        if prove and k <= MOST_CLASSES_PROVED:
            found |= _proofs(template, k, found, seconds)
        by_classes[k] = found | _consequent(view, found, rng)
        evaluations += view.evaluations
    names = by_classes[classes[0]]
    found = {name: weakest(name, [by_classes[k][name] for k in classes]) for name in names}
    refuted = [name for name, part in found.items() if not part.holds]
    message = f"{template.name}: " + (
        f"refuted: {', '.join(refuted)}." if refuted else "no property was refuted."
    )
    return LossCertificate(
        status=Status.DONE,
        message=message,
        statistics={"evaluations": evaluations},
        loss=template.name,
        n_classes=classes,
        properties=found,
        by_classes=by_classes,
        conclusion=conclude(template, classes, found),
        notes=tuple(notes),
    )


def _elementary(view: TemplateView, general: Any, rng: np.random.Generator) -> dict[str, Property]:
    """The properties that are looked at one by one."""
    k = view.n_classes
    if general is None:
        symmetry = (symmetric(view, rng), shift_invariant_by_construction(k))
    else:
        symmetry = general_loss(general, k, rng)
    tail, curved = tail_class(view, rng), convex(view, rng)
    strict, twice = strictly_convex(view, rng), twice_differentiable(view, rng)
    if twice.figures.get("of") == "value":  # a convex function does not jump
        curved = replace(twice, name="convex")
    if not curved.holds and strict.holds:
        strict = weakest("strictly convex", [curved])
    parts = [
        *symmetry,
        non_negative(view, rng),
        strictly_decreasing(view, rng),
        curved,
        strict,
        twice,
        smooth(view, rng, twice),
        tail,
        exponential_tail(view, rng, tail),
        semi_coercive(view, rng),
    ]
    return {part.name: part for part in parts}


def _consequent(
    view: TemplateView, found: dict[str, Property], rng: np.random.Generator
) -> dict[str, Property]:
    """Those that rest on others, and what regularity is asked for."""
    calibration = calibrated(view, rng)
    negative = came_below_zero(view)
    if negative is not None and found["non-negative"].verdict == Verdict.SUPPORTED:
        found = {**found, negative.name: negative}
    whole = regular(view.n_classes, found)
    parts = [found["non-negative"], whole, totally_regular(view, whole, rng), calibration]
    return {part.name: part for part in parts}


def _proofs(
    template: Loss, n_classes: int, found: dict[str, Property], seconds: float
) -> dict[str, Property]:
    """What intervals prove or refute of the properties that the search supports.

    What they prove on a box alone stays supported, with the box in its evidence.
    """
    better = {}
    for name in PROVABLE:
        if not found[name].holds:
            continue
        part = prove_property(template, n_classes, name, seconds)
        figures = {**found[name].figures, **part.figures}
        if math.isfinite(part.figures.get("within", math.inf)):
            words = f"{found[name].evidence} Proved {part.evidence}"
            better[name] = replace(found[name], evidence=words, figures=figures)
        elif part.verdict != Verdict.SUPPORTED:
            better[name] = replace(part, name=name, figures=figures)
    return better


def _as_template(loss: Any) -> tuple[Loss, Callable[..., Any] | None]:
    """The loss as a `Loss`, and the function of scores and labels if it is one."""
    if isinstance(loss, str):
        return get_loss(loss), None
    if isinstance(loss, Loss):
        return loss, None
    if isinstance(loss, type) or not callable(loss):
        raise TypeError(
            "certify_loss expects a Loss, a registered name, a template of one sample's margins "
            f"or a function of scores and labels; got {loss!r}."
        )
    if _needs_two_arguments(loss):
        return TemplateLoss(extract_template(loss)), loss
    return TemplateLoss(loss), None


def _needs_two_arguments(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return len(needed) == 2


def _check_finite(view: TemplateView) -> list[str]:
    """Refuse what is no number at ordinary margins; notes where it is none further out."""
    notes, given = [], _as_given(view)
    u = view.margins(points(view.n_margins, np.random.default_rng(0), ORDINARY))
    found = view.plain.evaluate(u)
    bad = ~(np.isfinite(found.value) & np.isfinite(found.slope).all(axis=1))
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"{view.loss.name} is not finite at margins {shown(u[at])}, K = {view.n_classes}: "
            f"value {found.value[at]:.6g}, slopes {shown(found.slope[at])}. Where jnp.where "
            "chooses, both branches have to be finite."
        )
    if view.scale.unit < LEAST_UNIT:
        raise ValueError(
            f"{view.loss.name} has values of about {view.scale.unit:.1g}, so that its tail is lost "
            "to underflow: certify a multiple of it, which has the same properties."
        )
    for ladder, words in (
        (-np.geomspace(1.0, 1e3, 61), "Below margins of"),
        (np.geomspace(1.0, 1e6, 121), "Beyond margins of"),
    ):
        u = view.margins(np.repeat(ladder[:, None], view.n_margins, axis=1))
        found, value = view.plain.evaluate(u), given(u)
        lost = np.isnan(value) & (ladder > 0)
        if lost.any():
            raise ValueError(
                f"{view.loss.name} is not a number at margins {shown(u[int(np.argmax(lost))])}, "
                f"K = {view.n_classes}: expected finite values at large margins."
            )
        broken = ~np.isfinite(value) | ~np.isfinite(found.slope).all(axis=1)
        if broken.any():
            where = u[int(np.argmax(broken)), 0]
            notes.append(f"{words} {where:.4g} the value or a slope is not a finite float64.")
    low = view.scale.margin(view.reach[0])
    if np.isfinite(low) and np.isfinite(given(np.full((1, view.n_margins), 1.2 * low))).all():
        notes.append(
            f"Below margins of {low:.4g} derivatives of the template are lost to overflow and "
            "contradict its values; nothing was read from them there."
        )
    return notes


def _as_given(view: TemplateView) -> Callable[[np.ndarray], np.ndarray]:
    """Values by the user's own function, without the tail that a `TemplateLoss` adds."""
    loss = view.loss
    if not isinstance(loss, TemplateLoss):
        return lambda u: view.plain.evaluate(u).value
    program = NumpyProgram(jax.vmap(loss.function), (LADDER, view.n_margins))
    return lambda u: program(np.resize(u, (LADDER, view.n_margins)))[0][: len(u)]
