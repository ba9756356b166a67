"""The likelihoods that go by a name: what laws are tested on, and what a choice is made from."""

import re
from collections.abc import Callable

from marginflow.likelihoods.categorical import Bernoulli, Categorical
from marginflow.likelihoods.dirichlet import Beta, Dirichlet
from marginflow.likelihoods.gamma import Gamma
from marginflow.likelihoods.gaussian import Gaussian
from marginflow.likelihoods.gaussian_mixture import GaussianMixture
from marginflow.likelihoods.huber import Huber
from marginflow.likelihoods.laplace import Laplace, Quantile
from marginflow.likelihoods.likelihood import Likelihood
from marginflow.likelihoods.log_normal import LogNormal
from marginflow.likelihoods.negative_binomial import NegativeBinomial
from marginflow.likelihoods.ordinal import Ordinal
from marginflow.likelihoods.poisson import Poisson, ZeroInflatedPoisson
from marginflow.likelihoods.student_t import StudentT
from marginflow.likelihoods.survival import LogNormalSurvival, Weibull
from marginflow.likelihoods.von_mises import VonMises

_REGISTRY: dict[str, Callable[[], Likelihood]] = {
    "bernoulli": Bernoulli,
    "categorical": Categorical,
    "ordinal": Ordinal,
    "unit-gaussian": lambda: Gaussian(scale=1.0),
    "gaussian": Gaussian,
    "laplace": Laplace,
    "student-t": StudentT,
    "huber": Huber,
    "quantile": Quantile,
    "gaussian-mixture": GaussianMixture,
    "poisson": Poisson,
    "negative-binomial": NegativeBinomial,
    "zero-inflated-poisson": ZeroInflatedPoisson,
    "gamma": Gamma,
    "log-normal": LogNormal,
    "beta": Beta,
    "dirichlet": Dirichlet,
    "von-mises": VonMises,
    "weibull-survival": Weibull,
    "log-normal-survival": LogNormalSurvival,
}


def registered_likelihoods() -> dict[str, Likelihood]:
    """Every registered likelihood by its name, in order of registration.

    Example:
        >>> import marginflow as mf
        >>> "poisson" in mf.registered_likelihoods()
        True
    """
    return {name: factory() for name, factory in _REGISTRY.items()}


def get_likelihood(name: str) -> Likelihood:
    """The registered likelihood of that name.

    Args:
        name: as `registered_likelihoods` lists it; underscores and capitals are forgiven.

    Raises:
        ValueError: if there is none; the message lists the names.

    Example:
        >>> import marginflow as mf
        >>> mf.get_likelihood("poisson").n_scores
        1
    """
    key = name.lower().replace("_", "-")
    if key not in _REGISTRY:
        raise ValueError(f"no likelihood named {name!r}; registered are: {', '.join(_REGISTRY)}.")
    return _REGISTRY[key]()


def register_likelihood(name: str, factory: Callable[[], Likelihood]) -> None:
    """Make a likelihood known by a name; the tests of laws and a choice of losses then use it.

    Args:
        name: lower-case words joined by hyphens, as `negative-binomial`.
        factory: called without arguments, returns the `Likelihood`; a class with defaults will do.

    Raises:
        TypeError: if the factory cannot be called, or is a likelihood itself.
        ValueError: if the name has another form, or is taken by another factory.

    Example:
        >>> import marginflow as mf
        >>> mf.register_likelihood("median", lambda: mf.Laplace(scale=1.0))
        >>> mf.get_likelihood("median").n_scores
        1
        >>> mf.unregister_likelihood("median")
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"expected a name of lower-case words joined by hyphens, as 'negative-binomial'; "
            f"got {name!r}."
        )
    if not callable(factory) or isinstance(factory, Likelihood):
        raise TypeError(
            f"register_likelihood({name!r}, ...) expects a function without arguments that returns "
            f"the likelihood, got {type(factory).__name__}; write `lambda: likelihood`."
        )
    if _REGISTRY.get(name, factory) is not factory:
        raise ValueError(
            f"a likelihood named {name!r} is registered already; choose another name, or call "
            f"unregister_likelihood({name!r}) first."
        )
    _REGISTRY[name] = factory


def unregister_likelihood(name: str) -> None:
    """Forget a registered likelihood.

    Args:
        name: as `register_likelihood` got it.

    Raises:
        ValueError: if there is none; the message lists the names.

    Example:
        >>> import marginflow as mf
        >>> mf.register_likelihood("draft", mf.Gamma)
        >>> mf.unregister_likelihood("draft")
        >>> "draft" in mf.registered_likelihoods()
        False
    """
    get_likelihood(name)
    del _REGISTRY[name.lower().replace("_", "-")]
