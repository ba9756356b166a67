"""Likelihoods: families of distributions, and the losses that they make of scores."""

from marginflow.likelihoods.categorical import Bernoulli, Categorical
from marginflow.likelihoods.dirichlet import Beta, Dirichlet
from marginflow.likelihoods.gamma import Gamma
from marginflow.likelihoods.gaussian import Gaussian
from marginflow.likelihoods.gaussian_mixture import GaussianMixture
from marginflow.likelihoods.generative import LogisticForm, as_logistic, draw_samples
from marginflow.likelihoods.huber import Huber
from marginflow.likelihoods.information import (
    cross_entropy,
    entropy,
    jensen_shannon,
    kl,
    mutual_information,
)
from marginflow.likelihoods.laplace import Laplace, Quantile
from marginflow.likelihoods.learning_curves import LearningCurves, learning_curves
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.location_scale import LocationScale
from marginflow.likelihoods.log_loss import LogLossSteps, log_loss
from marginflow.likelihoods.log_normal import LogNormal
from marginflow.likelihoods.negative_binomial import NegativeBinomial
from marginflow.likelihoods.ordinal import Ordinal
from marginflow.likelihoods.poisson import Poisson, ZeroInflatedPoisson
from marginflow.likelihoods.registry import (
    get_likelihood,
    register_likelihood,
    registered_likelihoods,
    unregister_likelihood,
)
from marginflow.likelihoods.sampled_information import (
    sampled_entropy,
    sampled_kl,
    sampled_mutual_information,
)
from marginflow.likelihoods.student_t import StudentT
from marginflow.likelihoods.suggestion import FitTest, LossSuggestion, suggest_loss
from marginflow.likelihoods.support import Support
from marginflow.likelihoods.survival import LogNormalSurvival, Survival, Weibull
from marginflow.likelihoods.von_mises import VonMises

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "Dirichlet",
    "FitTest",
    "Gamma",
    "Gaussian",
    "GaussianMixture",
    "Huber",
    "Laplace",
    "LearningCurves",
    "Likelihood",
    "LocationScale",
    "LogLossSteps",
    "LogNormal",
    "LogNormalSurvival",
    "LogisticForm",
    "LossSuggestion",
    "NegativeBinomial",
    "Ordinal",
    "Poisson",
    "Quantile",
    "StudentT",
    "Support",
    "Survival",
    "VonMises",
    "Weibull",
    "ZeroInflatedPoisson",
    "as_logistic",
    "cross_entropy",
    "draw_samples",
    "entropy",
    "get_likelihood",
    "jensen_shannon",
    "kl",
    "learning_curves",
    "log_loss",
    "mutual_information",
    "register_likelihood",
    "registered_likelihoods",
    "sampled_entropy",
    "sampled_kl",
    "sampled_mutual_information",
    "suggest_loss",
    "unregister_likelihood",
]
