"""Claims on nothing: one of each kind, judged in no time."""

from dataclasses import dataclass, replace

import numpy as np

from marginflow.claims.claim import Check, Claim, Evidence, Source

SOURCE = Source("fake2020", "A. Nobody: On <nothing> & more. Journal 2020", "2001.00001")
OTHER = Source("fake2021", "B. Nobody: More on nothing. Journal 2021")


@dataclass(frozen=True)
class Setting:
    """Of an experiment that measures what it is told."""

    measured: float
    uncertainty: float = 0.0
    seeds: tuple[int, ...] = (0, 1, 2, 3)


def measure(setting: Setting) -> Evidence:
    """Measure the constant of a curve that falls as constant / log t."""
    log_time = np.geomspace(1.0, 1e6, 40)
    check = Check(
        "error × log t",
        setting.measured,
        1.0,
        tolerance=0.01,
        uncertainty=setting.uncertainty,
    )
    data = {"log_time": log_time, "error": setting.measured / log_time}
    return Evidence((check, Check("accuracy", 1.0, 1.0, relation="at_least")), data)


def draw(evidence, ax):
    """Draw the curve, without the ticks that cost most of a drawing's time."""
    ax.loglog(evidence.data["log_time"], evidence.data["error"])
    ax.set_axis_off()


def broken(setting: Setting) -> Evidence:
    """Break."""
    raise ZeroDivisionError("nothing to divide by")


HOLDS = Claim(
    id="fake2020/holds",
    source=SOURCE,
    section="Theorem 1",
    statement="The constant is 1 wherever x < 2 & y > 3.",
    proved=True,
    experiment=measure,
    setting=Setting(1.001),
    full=Setting(1.0001, seeds=tuple(range(10))),
    control=Setting(1.5),
    control_statement="Half as much again is not 1.",
    tolerance_reason="The curve is followed to a hundredth.",
    draw=draw,
)
FALSE = replace(
    HOLDS,
    id="fake2020/false-as-said",
    statement="The constant is 1 always.",
    proved=False,
    setting=Setting(1.2),
    full=None,
    draw=None,
)
UNDECIDED = replace(
    HOLDS,
    id="fake2021/undecided",
    source=OTHER,
    proved=False,
    setting=Setting(1.0, uncertainty=0.05),
)
SKIPPED = replace(HOLDS, id="fake2021/skipped", source=OTHER, requires=("no_such_package",))
SOUND = (HOLDS, FALSE, UNDECIDED, SKIPPED)

PROVED_BUT_FAILS = replace(HOLDS, id="fake2020/proved-but-fails", setting=Setting(2.0))
CONTROL_HOLDS = replace(HOLDS, id="fake2020/control-holds", control=Setting(1.002))
BROKEN = replace(HOLDS, id="fake2020/broken", experiment=broken)
UNSOUND = (PROVED_BUT_FAILS, CONTROL_HOLDS, BROKEN)
