"""What the properties of a loss mean for training with it, in words."""

import math
from collections.abc import Mapping

from marginflow.losses import Loss, TailKind
from marginflow.theory.certificate.verdict import Property

DEFINING = ("permutation equivariant", "translation invariant")
NEEDED = ("non-negative", "convex", "strictly decreasing", "exponential tail")
RAVI = "Ravi et al. 2024 (arXiv 2411.01350)"


def conclude(loss: Loss, n_classes: tuple[int, ...], found: Mapping[str, Property]) -> str:
    """Which theorem applies, the step-size bound, the limit problem and the predicted direction."""
    broken = [name for name in DEFINING if not found[name].holds]
    if broken:
        return (
            f"Not a PERM loss: it is not {' and not '.join(broken)}. What stands above is said of "
            "one template, that of label 0 where the loss is given in scores, and no theorem of "
            "the sources carries it over to training."
        )
    tail, kind = found["tail"], found["tail"].figures.get("kind")
    missing = [name for name in NEEDED if not found[name].holds]
    factor = found["exponential tail"].figures.get("factor", math.inf)
    sentences = []
    if not missing:
        sentences.append(_theorem(loss, n_classes, found))
    elif missing == ["exponential tail"] and math.isfinite(factor):
        sentences.append(
            f"Its tail is exponential, though not in the letter of {RAVI}, whose bound has 1 in "
            f"place of {factor:.4g}; their argument needs no more than some constant there "
            "(derived here, not a theorem of theirs). " + _theorem(loss, n_classes, found)
        )
    elif kind == TailKind.EXPONENTIAL and found["exponential tail"].holds:
        sentences.append(
            f"The tail is exponential, but the theorem of {RAVI} does not apply: the loss is not "
            f"{' and not '.join(missing)}. On separable data the max-margin direction is still "
            "what large margins pull towards, once they are reached."
        )
    else:
        sentences.append(_other_tail(kind, tail))
    calibrated = found["classification-calibrated"]
    sentences.append(
        "Classification-calibrated: minimizing it on all data finds the most probable class."
        if calibrated.holds
        else f"Not classification-calibrated: {calibrated.evidence}"
    )
    return " ".join(sentences)


def _theorem(loss: Loss, n_classes: tuple[int, ...], found: Mapping[str, Property]) -> str:
    figures = found["exponential tail"].figures
    rate, constant = figures["rate"], math.exp(figures["log_constant"])
    growth = "Ŵ log t" if rate == 1 else f"(Ŵ/{rate:.6g}) log t"
    words = (
        f"A PERM loss with an exponential tail: on separable data gradient descent grows as "
        f"{growth} + ρ(t), in direction to the hard-margin multiclass SVM, "
        "min ½‖W‖² with every relative margin at least 1"
    )
    words += f"; on support pairs ρ tends to (1/{rate:.6g}) log({rate * constant:.6g} η / α*)."
    if not found["smooth"].holds:
        return (
            words + f" It has no global smoothness, which the theorem of {RAVI} asks for: keep the "
            "learning rate below the bound of the level set of the start (`step_bound`)."
        )
    bounds = []
    for k in n_classes:
        beta = loss.smoothness(k) or found["smooth"].figures.get("scores")
        bounds.append(f"{2 / beta:.4g} (K = {k})" if beta else "")
    return (
        words + f" By the theorem of {RAVI}, for learning rates below 2/(β σ_max(X)²), that is, "
        f"times 1/σ_max(X)²: {', '.join(filter(None, bounds))}."
    )


def _other_tail(kind: object, tail: Property) -> str:
    if kind == TailKind.FINITE:
        return (
            "The slopes end at a finite margin: training stops at a point that depends on the "
            "start, and no limit direction is predicted."
        )
    if kind == TailKind.POLYNOMIAL:
        degree = tail.figures["degree"]
        return (
            f"The tail is polynomial, u^(−{degree:.4g}): on separable data the direction tends to "
            f"that of least Σ u^(−{degree:.4g}) on the unit sphere, not to the SVM, and sample "
            "weights keep their say (Lai & Muthukumar 2023, arXiv 2303.07475)."
        )
    if kind == TailKind.STRETCHED:
        return (
            "The tail fades more slowly than every exponential and faster than every power: the "
            f"theorem of {RAVI} does not apply (Nacson et al. 2019, arXiv 1803.01905, study such "
            "tails for two classes)."
        )
    if kind == TailKind.RISING:
        return (
            "Some slopes turn positive however large the margins are: training does not drive them "
            "to infinity, and no maximum margin is found."
        )
    return f"No theorem of the sources applies: {tail.evidence}"
