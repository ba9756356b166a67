"""What becomes of sample weights: an exponential tail forgets them, a polynomial one does not.

With weights ω_i the loss is Σ ω_i ℓ(u_i).  An exponential tail turns them into shifts of the
margins, u_i(ρ) → log(ω_i/α_i) on the support, which log t outgrows.  In a polynomial tail they stay
in the limit problem, argmin Σ ω u^(−p) on the sphere; where K = τI it has u_i ∝ ω_i^(1/(p+2)).
Integer weights are repeated rows.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence
from marginflow.claims.lai2023.problems import (
    DIMENSIONS,
    N_SAMPLES,
    distance,
    isotropic,
    margins_of,
    orthonormal,
    repeated,
    rows_of,
)
from marginflow.claims.lai2023.source import SOURCE
from marginflow.data import Dataset
from marginflow.dynamics import Flow, gradient_flow
from marginflow.limits import max_margin, polynomial_limit

EXPONENT = 0.05  # of 1/(p + 2)
EXACT = 1e-10
PREDICTED = 1e-6
FORGOTTEN = 1e-2
KEPT = 0.05
LARGEST = 16.0
_DEGREES = (0.1, 0.5, 1.0, 4.0, 20.0)


@dataclass(frozen=True)
class ExponentSetting:
    """Weights and data.

    Attributes:
        seed: of the data and of the order of the weights.
        degrees: p; None for an exponential tail, whose limit is the max-margin classifier.
        assumed: p of the exponents 1/(p + 2) that are expected.
    """

    seed: int = 0
    degrees: tuple[float | None, ...] = (0.5, 1.0, 4.0)
    assumed: tuple[float, ...] = (0.5, 1.0, 4.0)


def exponent(setting: ExponentSetting) -> Evidence:
    """The slope of log u in log ω where K is nearly, and where it is exactly, the identity."""
    rng = np.random.default_rng(setting.seed)
    omega = rng.permutation(np.geomspace(1 / LARGEST, LARGEST, N_SAMPLES))
    near, exact = isotropic(setting.seed)[-1], orthonormal(setting.seed)
    checks, found = [], {}
    for degree, assumed in zip(setting.degrees, setting.assumed, strict=True):
        expected, name = 1 / (assumed + 2), f"p = {assumed:g}"
        shares = [np.log(margins_of(data, _limit(data, degree, omega))) for data in (near, exact)]
        slope = float(np.polyfit(np.log(omega), shares[0], 1)[0])
        rest = shares[1] - expected * np.log(omega)
        checks += [
            Check(f"exponent, d = {DIMENSIONS[-1]}, {name}", slope, expected, EXPONENT * expected),
            Check(
                f"spread of log u − log ω/(p+2), orthonormal samples, {name}",
                float(np.ptp(rest)),
                0.0,
                EXACT,
                "at_most",
            ),
        ]
        found[name] = {"log weights": np.log(omega), "log margins": shares[0], "slope": slope}
    return Evidence(tuple(checks), found)


def _limit(data: Dataset, degree: float | None, omega: np.ndarray) -> np.ndarray:
    if degree is None:
        return max_margin(data).weights
    return polynomial_limit(data, degree, omega).weights


def draw_exponent(evidence: Evidence, ax: Any) -> Any:
    """Margins over weights."""
    for name, series in evidence.data.items():
        order = np.argsort(series["log weights"])
        weights, margins = (
            np.exp(series[key][order] - np.mean(series[key]))
            for key in ("log weights", "log margins")
        )
        ax.loglog(weights, margins, marker=".", label=f"{name}, slope {series['slope']:.3f}")
    ax.set(
        xlabel="sample weight",
        ylabel="margin",
        title="A polynomial tail gives the margin ω^(1/(p+2))",
    )
    ax.legend()
    return ax


@dataclass(frozen=True)
class WeightSetting:
    """Training with and without weights.

    Attributes:
        seed: of the data.
        dimension: of the data; here every sample is a support vector.
        loss: a registered loss.
        largest: the weights are 1 to this, in turn.
        log_times: two, far apart.
    """

    seed: int = 0
    dimension: int = 800
    loss: str = "cross-entropy"
    largest: int = 8
    log_times: tuple[float, float] = (1e3, 1e6)


def forgotten(setting: WeightSetting) -> Evidence:
    """How the distance between the weighted and the unweighted direction falls."""
    data, times = _weighted_data(setting)
    plain, weighted = (_flow(each, setting.loss, setting.log_times) for each in (data, times[1]))
    rows, omega = rows_of(data), times[0]
    at = [len(plain.log_time) - 2, len(plain.log_time) - 1]
    apart = [distance(weighted.recorded_weights[i], plain.recorded_weights[i]) for i in at]
    shift = rows @ (weighted.recorded_weights[at[-1]] - plain.recorded_weights[at[-1]])
    error = float(np.max(np.abs(shift - np.log(omega))))
    checks = (
        Check("distance of the directions at the end", apart[1], 0.0, 1e-5, "at_most"),
        Check(
            "fall of log distance over that of log t",
            float(np.log(apart[0] / apart[1]) / np.log(plain.log_time[-1] / plain.log_time[-2])),
            1.0,
            FORGOTTEN,
        ),
        Check("error of u(w_ω − w) = log ω", error, 0.0, 1e-3, "at_most"),
    )
    return Evidence(checks, {"distances": np.array(apart), "log_time": plain.log_time[at]})


def kept(setting: WeightSetting) -> Evidence:
    """Whether the weighted direction is the limit with weights, and how far from that without."""
    data, times = _weighted_data(setting)
    weighted = _flow(times[1], setting.loss, setting.log_times).weights
    error = distance(weighted, polynomial_limit(data, 1.0, times[0].astype(float)).weights)
    apart = distance(weighted, polynomial_limit(data, 1.0).weights)
    exponent = np.polyfit(np.log(times[0]), np.log(margins_of(data, weighted)), 1)[0]
    checks = (
        Check("distance to the limit with weights", error, 0.0, PREDICTED, "at_most"),
        Check("distance to the limit without", apart, KEPT, 0.0, "at_least"),
    )
    return Evidence(checks, {"slope of log u in log ω": float(exponent)})


def _weighted_data(setting: WeightSetting) -> tuple[Dataset, tuple[np.ndarray, Dataset]]:
    [data] = isotropic(setting.seed, (setting.dimension,))
    times = 1 + np.arange(N_SAMPLES) % setting.largest
    return data, (times, repeated(data, times))


@cache
def _flow(data: Dataset, loss: str, times: tuple[float, ...]) -> Flow:
    return gradient_flow(data, loss, record=times)


CLAIMS = (
    Claim(
        id="lai2023/weight-exponent",
        source=SOURCE,
        section="polynomial tails with sample weights; the exponent as derived here",
        statement=(
            "As K tends to a multiple of the identity, a polynomial tail u^(−p) with sample "
            "weights ω gives the margins u_i ∝ ω_i^(1/(p+2))."
        ),
        proved=False,
        experiment=exponent,
        setting=ExponentSetting(),
        full=ExponentSetting(
            degrees=(0.1, 0.5, 1.0, 4.0, 20.0), assumed=(0.1, 0.5, 1.0, 4.0, 20.0)
        ),
        control=ExponentSetting(degrees=(None,), assumed=(1.0,)),
        control_statement="The tail is exponential: all margins are 1, whatever the weights.",
        tolerance_reason=(
            "At d = 51200 K1 varies by √(40/51200), 3 %, and by up to three times that under "
            "these weights, which log u feels by 1/(p+2) of it; over 40 samples and a spread of "
            "1.6 in log ω that is 1 % of the exponent, and five times that is allowed. "
            "Orthonormal samples leave rounding, times the weights' range."
        ),
        draw=draw_exponent,
    ),
    Claim(
        id="lai2023/exponential-forgets-weights",
        source=SOURCE,
        section="sample weights; for exponential tails, of which the shift is derived here",
        statement=(
            "Sample weights do not move the limit of an exponential tail: the weighted and the "
            "unweighted direction approach each other as 1/log t, and where every sample is a "
            "support vector the weights end as shifts log ω of the margins."
        ),
        proved=True,
        experiment=forgotten,
        setting=WeightSetting(),
        full=WeightSetting(seed=1, dimension=3200, largest=20),
        control=WeightSetting(loss="polynomial", log_times=(60.0, 100.0)),
        control_statement="The same for a polynomial tail.",
        tolerance_reason=(
            "The distance is ‖A⁺ log ω‖/‖Ŵ‖, about log 8, over log t = 1e6. From log t = 1e3 on "
            "its next order is 1e-3 of it. Margins differ by log ω to the tolerance of two flows."
        ),
    ),
    Claim(
        id="lai2023/polynomial-keeps-weights",
        source=SOURCE,
        section="polynomial tails with sample weights",
        statement=(
            "Sample weights stay in the limit of a polynomial tail: with rows repeated 1 to 8 "
            "times, gradient flow ends in argmin Σ ω u^(−p) on the sphere, elsewhere than without."
        ),
        proved=False,
        experiment=kept,
        setting=WeightSetting(loss="polynomial", log_times=(60.0, 100.0)),
        full=WeightSetting(
            loss="polynomial", log_times=(60.0, 100.0), seed=1, dimension=3200, largest=20
        ),
        control=WeightSetting(),
        control_statement="The same for cross-entropy.",
        tolerance_reason=(
            "1e-6 is the flow's tolerance. Margins in the ratio 8^(1/3) turn the direction by "
            "some tenths; 0.05 is far below that and far above either error."
        ),
    ),
)
