"""Families that are one likelihood, or become one in a limit: said where the data are there.

A ranking cannot tell them apart, and a reader who sees one of them chosen should know that the
other would have done.
"""

import numpy as np

from marginflow.likelihoods.suggestion.ranking import Entry

NEAR = 0.1  # of a logarithm: a shape is as good as one


def coincidences(
    entries: list[Entry], chosen: Entry, *, uncensored: bool = False
) -> tuple[str, ...]:
    """Sentences on families that coincide with the chosen one, exactly or nearly.

    Args:
        entries: all candidates.
        chosen: the one that was taken.
        uncensored: whether times may be censored, but none is.
    """
    fitted = {entry.fit.likelihood.name: entry for entry in entries}
    name, constant = chosen.fit.likelihood.name, not chosen.fit.slopes.shape[0]
    notes = list(_exact(name, chosen, constant=constant, uncensored=uncensored))
    near = {entry.fit.likelihood.name for entry in entries if entry.indistinguishable} | {name}
    notes += [note for each in near for note in _limits(each, fitted[each])]
    exponential = [each for each in ("Gamma", "Weibull") if each in near]
    if exponential and abs(fitted[exponential[0]].fit.intercepts[1]) < NEAR:
        notes.append(
            "The shape is near 1, where gamma and Weibull are one: the exponential distribution."
        )
    return tuple(notes)


def _exact(name: str, chosen: Entry, *, constant: bool, uncensored: bool) -> list[str]:
    likelihood = chosen.fit.likelihood
    if name == "Bernoulli":
        return [
            "Bernoulli, Categorical(n_classes=2) and Ordinal(n_classes=2) are one likelihood, the "
            "binary cross-entropy of the scores' difference."
        ]
    if name in ("Categorical", "Ordinal") and constant:
        return [
            "Without features Ordinal and Categorical are one likelihood; features, or a meaning "
            "of the order, tell them apart."
        ]
    if name == "Laplace":
        return ["Laplace is Quantile(tau=0.5): both predict the median."]
    if name == "LogNormalSurvival" and uncensored:
        return ["No time is censored: LogNormalSurvival is LogNormal."]
    if name == "Weibull" and uncensored:
        return ["No time is censored: any family of positive numbers could compete."]
    if name == "Dirichlet" and likelihood.n_scores == 2:
        return ["Dirichlet(n_classes=2) is Beta of the first share."]
    return []


def _limits(name: str, entry: Entry) -> list[str]:
    """Of a fitted family, the one that it is about to become."""
    at, likelihood = entry.fit.intercepts, entry.fit.likelihood
    if name == "NegativeBinomial" and at[0] - at[1] < np.log(0.05):
        return [
            f"NegativeBinomial has shape {np.exp(at[1]):.3g} against mean {np.exp(at[0]):.3g}: it "
            "tends to Poisson as the shape grows."
        ]
    if name == "NegativeBinomial" and at[0] > np.log(20.0) and at[0] - at[1] > np.log(5.0):
        return [
            f"NegativeBinomial of mean {np.exp(at[0]):.3g} and shape {np.exp(at[1]):.3g} is nearly "
            "a rounded Gamma of that shape."
        ]
    if name == "ZeroInflatedPoisson" and at[1] < -4:
        return ["ZeroInflatedPoisson has hardly a sure zero: without any it is Poisson."]
    if name == "StudentT" and getattr(likelihood, "degrees", 0.0) >= 20:
        return ["StudentT with 20 degrees or more tends to Gaussian."]
    if name == "Gamma" and at[1] > np.log(20.0):
        return [f"Gamma of shape {np.exp(at[1]):.3g} is nearly LogNormal, and nearly Gaussian."]
    if name == "VonMises" and entry.fit.slopes.shape[0] == 0 and np.hypot(*at) > 10:
        return [
            f"VonMises of concentration {np.hypot(*at):.3g} is nearly Gaussian of variance "
            f"{1 / np.hypot(*at):.3g}."
        ]
    if name == "Huber":
        return ["Huber tends to Gaussian as its threshold grows, and to Laplace as it shrinks."]
    return []
