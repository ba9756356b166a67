"""The named templates: which are regular, totally regular, calibrated, and why.

Every row of the table is derived before the certificate is asked.  Two arguments decide calibration
where it holds.  Let class 1 be likelier than class 2.

*Trading places.*  If its score is lower, then ℓ_1 > ℓ_2, as ψ is symmetric and falls in every
margin.  If the two scores trade places, no other label's loss changes, and C_p falls by
(p_1 − p_2)(ℓ_1 − ℓ_2).

*Parting a tie.*  If the scores are equal and ψ is differentiable there, then by symmetry raising
v_1 and lowering v_2 changes C_p by −(p_1 − p_2) s at first order, where s > 0 is how fast ℓ_1
falls; no other label's loss changes.

So a differentiable template with slopes below zero is calibrated wherever C_p has a minimizer,
which it has for p inside the simplex if ψ is semi-coercive and continuous.  Templates that fail
fail at ties, by kinks.
"""

from dataclasses import dataclass

from marginflow.claims.checks import close
from marginflow.claims.claim import Claim, Evidence
from marginflow.claims.wang2024.source import REGULARITY, SOURCE
from marginflow.claims.wang2024.verdicts import (
    CALIBRATED,
    CONVEX,
    DECREASING,
    FIVE,
    PROPERTIES,
    REGULAR,
    SEMI_COERCIVE,
    STRICTLY_CONVEX,
    TOTALLY_REGULAR,
    TWICE,
    draw_verdicts,
    row_of,
    table,
    verdicts_of,
)
from marginflow.losses import Loss


@dataclass(frozen=True)
class Row:
    """What is expected of a template, and why.

    Attributes:
        loss: a registered one, or a loss.
        why: the derivation, in a sentence or two.
        lacks: what it lacks of convexity and of the five conditions.
        calibrated: the largest K for which it is calibrated; None if there is no such bound.
    """

    loss: str | Loss
    why: str
    lacks: tuple[str, ...] = ()
    calibrated: int | None = None

    def expected(self, n_classes: int) -> dict[str, bool]:
        """Of each property."""
        regular = not set(self.lacks) & set(FIVE)
        return {
            **{name: name not in self.lacks for name in (CONVEX, *FIVE)},
            REGULAR: regular,
            TOTALLY_REGULAR: regular,
            CALIBRATED: self.calibrated is None or n_classes <= self.calibrated,
        }


@dataclass(frozen=True)
class Setting:
    """A table and for how many classes it is tried.

    Attributes:
        rows: the templates.
        n_classes: each K.
        seed: of the certificate's points.
    """

    rows: tuple[Row, ...]
    n_classes: tuple[int, ...] = (3,)
    seed: int = 0


def experiment(setting: Setting) -> Evidence:
    """How many verdicts of each row differ from what was derived."""
    checks, found = [], {}
    for k in setting.n_classes:
        names, cells = [], []
        for row in setting.rows:
            name = row.loss if isinstance(row.loss, str) else row.loss.name
            verdicts, expected = verdicts_of(row.loss, k, setting.seed), row.expected(k)
            differ = [each for each in PROPERTIES if verdicts[each] != expected[each]]
            told = f" ({', '.join(differ)})" if differ else ""
            title = f"verdicts of {len(PROPERTIES)} that differ{told}: {name}, K = {k}"
            checks.append(close(title, len(differ), 0, 0.0))
            names.append(name)
            cells.append(row_of(verdicts))
        found[f"K = {k}"] = table(names, cells)
    return Evidence(tuple(checks), found)


_FLAT = (STRICTLY_CONVEX, DECREASING)
_KINKED = (TWICE, *_FLAT)
_BOUNDED = (CONVEX, STRICTLY_CONVEX, SEMI_COERCIVE)
_SUM = (
    "a sum over the margins of a positive, strictly convex, falling function that is twice "
    "differentiable and fades to zero; margins that go to infinity drop out of the sum"
)
_SOFTMAX = (
    "a bounded function of the softmax's probability of the own class: not convex, as no bounded "
    "function is but a constant; trading places and parting ties lower C_p on the simplex of the "
    "softmax's probabilities, which is compact, so that infima at infinity are no exception"
)

REGULAR_ROWS = (
    Row(
        "cross-entropy",
        "log-sum-exp of (0, −u), curved along all but the constants, which the 0 rules out; at "
        "least the largest −u; a margin at infinity drops out and leaves a cross-entropy",
    ),
    Row("multiclass-exponential", _SUM),
    Row("pair-log-loss", _SUM),
    Row("coherence", "a cross-entropy of margins u − 1 with a temperature"),
    Row("polynomial", _SUM),
    Row("stretched-exponential", _SUM),
    Row(
        "tsallis",
        "α = ½: Fenchel–Young with Ω′ unbounded at the simplex's border, so that predictions are "
        "positive and move with every score; without a class it is itself, with a class fewer",
    ),
)
HINGE_ROWS = (
    Row(
        "weston-watkins",
        "flat beyond margin 1, with kinks there.  Between kinks that hold, ties stay: at "
        "p = (.4, .35, .25) scores (1, 1, 0) cost 1.75 and (1, 0, 0) cost 1.8",
        _KINKED,
        calibrated=2,
    ),
    Row(
        "crammer-singer",
        "flat beyond margin 1, with kinks.  From equal scores a small step d costs "
        "Σ_y p_y (max_{k≠y} d_k − d_y) ≥ 0 if no p_y exceeds ½: equal scores are a minimum",
        _KINKED,
        calibrated=2,
    ),
    Row(
        "squared-crammer-singer",
        "the square of Crammer–Singer, whose slope at equal scores is twice that one: the same "
        "argument; for two classes it is differentiable",
        _KINKED,
        calibrated=2,
    ),
)
FLAT_ROWS = (
    Row(
        "duchi-khosravi-ruan",
        "piecewise linear; the Fenchel–Young loss of max p, whose subgradients at p put the "
        "likeliest class first, alone",
        _KINKED,
    ),
    Row(
        "lee-lin-wahba",
        "piecewise linear, and slopes turn positive; with scores that sum to zero C_p is least "
        "where all others are at −1/(K−1) (Lee, Lin & Wahba 2004)",
        _KINKED,
    ),
    Row("squared-weston-watkins", "flat beyond margin 1, curved below; parted at ties", _KINKED),
    Row("smoothed-hinge", "flat beyond margin 1, straight below; parted at ties", _KINKED),
    Row("huberized-hinge", "flat beyond a margin, straight below; parted at ties", _KINKED),
    Row("modified-huber", "flat beyond margin 1, straight below −1; parted at ties", _KINKED),
    Row("sparsemax", "flat beyond margin 1; curvature jumps where a class drops out", _KINKED),
    Row("norm-entropy", "flat beyond margin 1; curvature jumps where a class drops out", _KINKED),
    Row(
        "entmax",
        "α = 1.5: predictions are squares of positive parts, so that only curvature ends; flat "
        "beyond margin 2",
        _FLAT,
    ),
    Row(
        "cross-entropy-sparsemax",
        "curved and falling as the cross-entropy is; the curvature of the sparsemax still jumps",
        (TWICE,),
    ),
)
OTHER_ROWS = (
    Row("mean-absolute-error", _SOFTMAX, _BOUNDED),
    Row("generalized-cross-entropy", _SOFTMAX, _BOUNDED),
    Row("savage", _SOFTMAX, _BOUNDED),
    Row(
        "focal",
        "(1 − p)² log(1/p) grows as −u and falls with negative slopes, but bends the other way "
        "where p is small",
        (CONVEX, STRICTLY_CONVEX),
    ),
)
TABLE = (*REGULAR_ROWS, *FLAT_ROWS, *HINGE_ROWS, *OTHER_ROWS)

CLAIMS = (
    Claim(
        id="wang2024/table",
        source=SOURCE,
        section=REGULARITY + "; each row is derived here",
        statement=(
            "Of the named templates cross-entropy, the exponential, PairLogLoss, coherence, "
            "polynomial, stretched and Tsallis losses are totally regular; hinges, squared or "
            "smoothed, Duchi–Khosravi–Ruan, Lee–Lin–Wahba, sparsemax, entmax and bounded losses "
            "are not even regular, and all but Weston–Watkins and both Crammer–Singer losses are "
            "calibrated."
        ),
        proved=False,
        experiment=experiment,
        setting=Setting(TABLE),
        full=Setting(TABLE, n_classes=(2, 3, 5)),
        control=Setting(
            (
                Row("weston-watkins", "as if convexity were enough"),
                Row("crammer-singer", "as if convexity were enough"),
                Row("sparsemax", "as if calibration made a template regular"),
                Row("mean-absolute-error", "as if calibration took convexity"),
            )
        ),
        control_statement=(
            "Hinges, sparsemax and the mean absolute error are held to be totally regular and "
            "calibrated."
        ),
        tolerance_reason="Verdicts are yes or no; none may differ.",
        draw=draw_verdicts,
    ),
)
