"""Whether gradients vanish on their way down a deep stack, and what saturation has to do with it.

A gradient is multiplied by √χ in each layer, χ = σ² E[φ'²].  Sigmoid units have φ' ≤ ¼, so with
σ = 1 it falls at least fourfold.  With larger weights units saturate, φ' falls, and σ² rises by
more: gradients vanish less, and in tanh stacks they explode.  What makes them vanish is saturation
without larger weights, as by an offset.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, at_most, close
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.training_notes.source import SOURCE
from marginflow.claims.training_notes.stacks import stack, wide_factor
from marginflow.training.monitor import saturated_share

DEPTHS = (5, 10, 20, 40)
GONE = 1e-3


@dataclass(frozen=True)
class Setting:
    """Stacks of one unit.

    Attributes:
        unit: its name.
        scale: σ; None for the unit's usual one.
        offset: added to every sum.
    """

    unit: str = "sigmoid"
    scale: float | None = None
    offset: float = 0.0

    @property
    def words(self) -> str:
        """The setting in a few words."""
        scale = "usual weights" if self.scale is None else f"weights of scale {self.scale:g}"
        return f"{self.unit}, {scale}" + (f", offset {self.offset:g}" if self.offset else "")


def with_depth(setting: Setting) -> Evidence:
    """The gradient at the first layer over that at the last, by depth."""
    stacks = {depth: stack(setting.unit, depth, setting.scale, setting.offset) for depth in DEPTHS}
    first = np.array([each.gradients[0] for each in stacks.values()])
    checks: list[Check] = [
        at_most(f"{setting.words}: first over last gradient, 40 layers", first[-1], GONE),
        at_most(
            f"{setting.words}: largest rise from depth to depth",
            (first[1:] / first[:-1]).max(),
            1.0,
        ),
    ]
    if not setting.offset:
        measured = first[-1] ** (1.0 / (DEPTHS[-1] - 1))
        expected = wide_factor(setting.unit, setting.scale)
        checks.append(close("factor a layer over that of wide layers", measured / expected, 1, 0.1))
    return Evidence(tuple(checks), _pictures(setting))


def saturated(setting: Setting) -> Evidence:
    """The same, of units that are saturated."""
    found = stack(setting.unit, 20, setting.scale, setting.offset)
    return Evidence(
        (
            at_least(f"{setting.words}: share near the ends", saturated_share(found.scaled), 0.3),
            at_most(
                f"{setting.words}: first over last gradient, 20 layers", found.gradients[0], GONE
            ),
        ),
        _pictures(setting),
    )


def relu_keeps(setting: Setting) -> Evidence:
    """The gradient at the first layer over that at the last stays near 1."""
    first = [stack(setting.unit, depth, setting.scale).gradients[0] for depth in DEPTHS]
    return Evidence(
        (
            at_least(f"{setting.words}: least of first over last gradient", min(first), 0.1),
            at_most(f"{setting.words}: largest of it", max(first), 10.0),
        ),
        _pictures(setting),
    )


def _pictures(setting: Setting) -> dict[str, np.ndarray]:
    shown = {
        "sigmoid": stack("sigmoid", 20),
        "tanh": stack("tanh", 20),
        "relu": stack("relu", 20),
        setting.words: stack(setting.unit, 20, setting.scale, setting.offset),
    }
    return {name: each.gradients for name, each in shown.items()}


def draw(evidence: Evidence, ax: Any) -> Any:
    """The gradient by layer."""
    for name, gradients in evidence.data.items():
        ax.semilogy(np.arange(1, len(gradients) + 1), gradients, "o-", ms=3, label=name)
    ax.set(
        xlabel="layer",
        ylabel="gradient over that of the last layer",
        title="Gradients in stacks of 20 layers",
    )
    ax.legend()
    return ax


_REASON = (
    "A gradient that is a thousandth of what it was is gone in words. Of a hundred units the "
    "factor of one layer varies by a few hundredths, and forty of them average."
)

CLAIMS = (
    Claim(
        id="training_notes/vanishing-sigmoid",
        source=SOURCE,
        section="saturation: gradients vanish, worse in deep networks; sigmoid units",
        statement=(
            "In stacks of sigmoid units gradients vanish, the more the deeper, by the factor of "
            "wide layers in each."
        ),
        proved=False,
        experiment=with_depth,
        setting=Setting("sigmoid"),
        control=Setting("relu"),
        control_statement="They do so in stacks of rectified units.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/vanishing-tanh",
        source=SOURCE,
        section="saturation: gradients vanish, worse in deep networks; tanh units, as said",
        statement="In stacks of tanh units gradients vanish, the more the deeper.",
        proved=False,
        experiment=with_depth,
        setting=Setting("tanh"),
        control=Setting("relu"),
        control_statement="They do so in stacks of rectified units.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/rectified-units",
        source=SOURCE,
        section="saturation: rectified units as a remedy",
        statement=(
            "In stacks of rectified units with their usual weights gradients keep their size at "
            "every depth."
        ),
        proved=False,
        experiment=relu_keeps,
        setting=Setting("relu"),
        control=Setting("relu", 1.0),
        control_statement="They do so with the usual weights of tanh units.",
        tolerance_reason=(
            "In forty layers of a hundred units the logarithm of the gradient wanders by "
            "about sqrt(40 · 5/100)/2 = .7: a factor of ten is three of that."
        ),
        draw=draw,
    ),
    Claim(
        id="training_notes/saturated-by-weights",
        source=SOURCE,
        section="saturation: gradients vanish where units saturate, as said; by large weights",
        statement="Where large weights saturate the units of a deep stack, gradients vanish.",
        proved=False,
        experiment=saturated,
        setting=Setting("tanh", 5.0),
        control=Setting("tanh", 0.5),
        control_statement="So it is with weights of half the usual scale, which saturate no unit.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
    Claim(
        id="training_notes/saturated-by-offset",
        source=SOURCE,
        section="saturation: gradients vanish where units saturate; by an offset",
        statement="Where an offset saturates the units of a deep stack, gradients vanish.",
        proved=False,
        experiment=saturated,
        setting=Setting("tanh", 1.5, 2.5),
        control=Setting("tanh", 1.5),
        control_statement="So it is without the offset.",
        tolerance_reason=_REASON,
        draw=draw,
    ),
)
