"""What the certificate says of a template, as a row of yes and no, and the picture of such rows.

Only the conditions of the paper are asked for, each through the check that `certify_loss` uses.  A
row costs one compilation and is kept, so that claims that look at the same template share it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.claim import Evidence
from marginflow.losses import Loss, as_loss
from marginflow.theory.certificate.calibration import NAME as CALIBRATED
from marginflow.theory.certificate.calibration import calibrated
from marginflow.theory.certificate.curvature import convex
from marginflow.theory.certificate.regularity import CONDITIONS, regular, totally_regular
from marginflow.theory.certificate.template_view import TemplateView

NON_NEGATIVE, CONVEX, STRICTLY_CONVEX = "non-negative", "convex", "strictly convex"
DECREASING, SEMI_COERCIVE, TWICE = "strictly decreasing", "semi-coercive", "twice differentiable"
REGULAR, TOTALLY_REGULAR = "regular", "totally regular"
# The five conditions of a regular template.
FIVE = (NON_NEGATIVE, TWICE, STRICTLY_CONVEX, SEMI_COERCIVE, DECREASING)
PROPERTIES = (CONVEX, *FIVE, REGULAR, TOTALLY_REGULAR, CALIBRATED)
# Letters of a name in the picture.
LONGEST = 48


@cache
def verdicts_of(loss: str | Loss, n_classes: int, seed: int = 0) -> Mapping[str, bool]:
    """Whether a search refuted each of the `PROPERTIES`: False if it did.

    Args:
        loss: a registered one by its name, or any other.
        n_classes: K.
        seed: of the points that are tried.
    """
    view, rng = TemplateView(as_loss(loss), n_classes), np.random.default_rng([seed, n_classes])
    parts = {part.name: part for part in (each(view, rng) for each in CONDITIONS)}
    curved = convex(view, rng)
    if not curved.holds:
        parts[STRICTLY_CONVEX] = curved
    whole = regular(n_classes, parts)
    found = {name: parts[name].holds for name in FIVE}
    return {
        CONVEX: curved.holds,
        **found,
        REGULAR: whole.holds,
        TOTALLY_REGULAR: totally_regular(view, whole, rng).holds,
        CALIBRATED: calibrated(view, rng).holds,
    }


def row_of(verdicts: Mapping[str, bool]) -> list[bool]:
    """The verdicts in the order of `PROPERTIES`."""
    return [verdicts[name] for name in PROPERTIES]


def table(rows: Sequence[str], cells: Sequence[Sequence[bool]]) -> dict[str, Any]:
    """What `draw_verdicts` draws: templates by name, and their verdicts."""
    return {"templates": list(rows), "verdicts": np.array(cells, dtype=bool)}


def draw_verdicts(evidence: Evidence, ax: Any) -> Any:
    """A cell for each template and property: filled where it holds, crossed where it is refuted."""
    from marginflow.figures.style import BLACK, SKY, VERMILION

    key = list(evidence.data)[-1]
    rows, cells = evidence.data[key]["templates"], evidence.data[key]["verdicts"]
    for holds, color, marker in ((True, SKY, "s"), (False, VERMILION, "x")):
        at, of = np.nonzero(cells == holds)
        face = {"facecolor": color} if holds else {"color": color}
        ax.scatter(of, at, marker=marker, s=34 if holds else 20, linewidth=1.2, **face)
    ax.set_xticks(range(len(PROPERTIES)), PROPERTIES, rotation=35, ha="right", fontsize=7)
    short = [row if len(row) <= LONGEST else f"{row[: LONGEST - 1]}…" for row in rows]
    ax.set_yticks(range(len(rows)), short, fontsize=6.5, color=BLACK)
    ax.set(xlim=(-0.6, len(PROPERTIES) - 0.4), ylim=(len(rows) - 0.4, -0.6))
    ax.tick_params(length=0)
    ax.set_title(f"{key}; a cross is a refutation")
    return ax
