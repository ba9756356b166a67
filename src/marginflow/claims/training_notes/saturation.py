"""What measures of saturation say of known distributions, and how they grow with the first weights.

φ_B of ten bins is E|u| up to sampling: ½ of uniform outputs, E|tanh z| of those of Gaussian z.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from marginflow.claims.checks import at_least, close
from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.training_notes.source import SOURCE
from marginflow.claims.training_notes.stacks import UNITS, stack
from marginflow.training.monitor import saturated_share, saturation_measure

N_DRAWS, DEPTH = 20_000, 10
FIGURES = {"uniform": 0.499, "tanh of N(0, 1)": 0.556, "tanh of N(0, 25)": 0.892}


@dataclass(frozen=True)
class FigureSetting:
    """φ_B of drawn outputs.

    Attributes:
        bins: B.
    """

    bins: int = 10


@dataclass(frozen=True)
class ScaleSetting:
    """Stacks with Gaussian first weights of several scales.

    Attributes:
        scales: σ, in the order in which saturation is to grow.
        units: by name.
    """

    scales: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    units: tuple[str, ...] = ("sigmoid", "tanh")


def figures(setting: FigureSetting) -> Evidence:
    """φ_B against the published figures."""
    draws = _draws()
    found = {
        name: saturation_measure(outputs, bins=setting.bins) for name, outputs in draws.items()
    }
    checks = tuple(
        close(f"φ_B, {name}", found[name], expected, 0.01) for name, expected in FIGURES.items()
    )
    return Evidence(checks, draws)


def _draws() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "uniform": rng.uniform(-1.0, 1.0, N_DRAWS),
        "tanh of N(0, 1)": np.tanh(rng.standard_normal(N_DRAWS)),
        "tanh of N(0, 25)": np.tanh(5.0 * rng.standard_normal(N_DRAWS)),
    }


def by_scale(setting: ScaleSetting) -> Evidence:
    """The three measures of a stack's outputs by the scale of its weights."""
    checks: list[Check] = []
    pictures: dict[str, Any] = {"scales": np.array(setting.scales)}
    for name in setting.units:
        largest = UNITS[name].slope(UNITS[name].output(np.zeros(1)))[0]
        stacks = [stack(name, DEPTH, scale) for scale in setting.scales]
        binned = np.array([saturation_measure(each.scaled) for each in stacks])
        shares = np.array([saturated_share(each.scaled) for each in stacks])
        slopes = np.array([np.mean(each.slopes) / largest for each in stacks])
        checks += [
            at_least(f"{name}: least rise of φ_B from scale to scale", np.diff(binned).min(), 0.05),
            at_least(f"{name}: rise of the share near the ends", shares[-1] - shares[0], 0.3),
            at_least(f"{name}: fall of the mean slope", slopes[0] - slopes[-1], 0.5),
        ]
        pictures[name] = {"φ_B": binned, "share near the ends": shares, "mean slope": slopes}
    return Evidence(tuple(checks), pictures)


def draw_figures(evidence: Evidence, ax: Any) -> Any:
    """The three distributions of outputs."""
    for name, outputs in evidence.data.items():
        ax.hist(outputs, bins=10, range=(-1, 1), histtype="step", density=True, label=name)
    ax.set(xlabel="output, scaled to [−1, 1]", ylabel="density", title="Outputs in ten bins")
    ax.legend()
    return ax


def draw_scales(evidence: Evidence, ax: Any) -> Any:
    """The measures against the scale."""
    for index, name in enumerate(name for name in evidence.data if name != "scales"):
        for measure, dash in (("φ_B", "-"), ("share near the ends", "--"), ("mean slope", ":")):
            values = evidence.data[name][measure]
            label = f"{name}: {measure}"
            ax.semilogx(evidence.data["scales"], values, dash, color=f"C{index}", label=label)
    ax.set(xlabel="scale of the first weights", ylabel="measure", title="Saturation by scale")
    ax.legend(fontsize="small")
    return ax


CLAIMS = (
    Claim(
        id="training_notes/saturation-measure",
        source=SOURCE,
        section="saturation: φ_B of Rakitianskaia & Engelbrecht",
        statement=(
            "φ_B of ten bins is .499 of uniform outputs, .556 of tanh of standard normal sums and "
            ".892 of those five times as large."
        ),
        proved=False,
        experiment=figures,
        setting=FigureSetting(),
        control=FigureSetting(bins=3),
        control_statement="It is so of three bins, of which the middle one lies across zero.",
        tolerance_reason=(
            "The mean of 20,000 |u| has a standard error of .002 at most, and the figures, of "
            "another draw, no more than that: .01 is three and a half of both together."
        ),
        draw=draw_figures,
    ),
    Claim(
        id="training_notes/saturation-by-scale",
        source=SOURCE,
        section="saturation: initialization",
        statement="The larger the first weights, the more sigmoid and tanh units are saturated.",
        proved=False,
        experiment=by_scale,
        setting=ScaleSetting(),
        control=ScaleSetting(scales=(8.0, 4.0, 2.0, 1.0, 0.5)),
        control_statement="The smaller the first weights, the more they are saturated.",
        tolerance_reason=(
            "A layer has 20,000 outputs, which depend on one another through its hundred units: "
            "φ_B is known to about .01. The scale grows sixteenfold, which is to move the other "
            "measures by a third and a half of their range."
        ),
        draw=draw_scales,
    ),
)
