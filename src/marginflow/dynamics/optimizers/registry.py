"""The optimizers that go by a name: for sweeps, the command line, and the laws tested on all."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import optax

from marginflow.dynamics.optimizers.adaptive import AdaGrad, Adam, AdamW, RMSProp
from marginflow.dynamics.optimizers.dual_momentum import DualMomentum
from marginflow.dynamics.optimizers.heavy_ball import HeavyBall, Nesterov
from marginflow.dynamics.optimizers.loss_based import LossBasedGD
from marginflow.dynamics.optimizers.mirror import MirrorDescent
from marginflow.dynamics.optimizers.muon import Muon
from marginflow.dynamics.optimizers.optax_optimizer import OptaxOptimizer
from marginflow.dynamics.optimizers.optimizer import Optimizer
from marginflow.dynamics.optimizers.progressive_rescaling import PRGD
from marginflow.dynamics.optimizers.sign import Lion, SignDescent, Signum
from marginflow.dynamics.optimizers.steepest import (
    ClassNormalized,
    GreedyCoordinate,
    NormalizedGD,
    NuclearDescent,
    SpectralDescent,
    SteepestDescent,
)

Factory = Callable[..., Optimizer]

_REGISTRY: dict[str, Factory] = {
    "gd": HeavyBall,
    "heavy-ball": partial(HeavyBall, momentum=0.9),
    "nesterov": Nesterov,
    "normalized-gd": NormalizedGD,
    "loss-based-gd": LossBasedGD,
    "steepest": SteepestDescent,
    "sign": SignDescent,
    "signum": Signum,
    "spectral": SpectralDescent,
    "muon": Muon,
    "muon-exact": partial(Muon, ns_steps=None),
    "class-normalized": ClassNormalized,
    "nuclear": NuclearDescent,
    "coordinate": GreedyCoordinate,
    "mirror": MirrorDescent,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
    "lion": Lion,
    "prgd": PRGD,
    "dual-momentum": DualMomentum,
}


def register_optimizer(name: str, factory: Factory) -> None:
    """Make an optimizer known by a name, to `get_optimizer`, sweeps and the command line.

    Args:
        name: lower-case words joined by hyphens, as `normalized-gd`.
        factory: takes `learning_rate` and further settings by name, returns the `Optimizer`.

    Raises:
        TypeError: if the factory cannot be called.
        ValueError: if the name has another form, or is taken by another factory.

    Example:
        >>> import marginflow as mf
        >>> from functools import partial
        >>> mf.register_optimizer("cubic-mirror", partial(mf.MirrorDescent, p=3))
        >>> float(mf.get_optimizer("cubic-mirror", learning_rate=0.1).p)
        3.0
        >>> mf.unregister_optimizer("cubic-mirror")
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"expected a name of lower-case words joined by hyphens, as 'normalized-gd'; got "
            f"{name!r}."
        )
    if not callable(factory):
        raise TypeError(
            f"register_optimizer({name!r}, ...) expects a function that returns the optimizer, got "
            f"{type(factory).__name__}."
        )
    if _REGISTRY.get(name, factory) is not factory:
        raise ValueError(f"an optimizer named {name!r} is registered already; choose another name.")
    _REGISTRY[name] = factory


def unregister_optimizer(name: str) -> None:
    """Forget a registered optimizer.

    Args:
        name: as `register_optimizer` got it.

    Raises:
        ValueError: if there is none of that name.

    Example:
        >>> import marginflow as mf
        >>> mf.register_optimizer("draft", mf.Adam)
        >>> mf.unregister_optimizer("draft")
        >>> "draft" in mf.registered_optimizers()
        False
    """
    del _REGISTRY[_key(name)]


def registered_optimizers() -> dict[str, Factory]:
    """What makes each registered optimizer, by its name.

    Example:
        >>> import marginflow as mf
        >>> "muon-exact" in mf.registered_optimizers()
        True
    """
    return dict(_REGISTRY)


def get_optimizer(name: str, **settings: Any) -> Optimizer:
    """The optimizer of that name, with settings.

    Args:
        name: as `register_optimizer` got it; underscores and capitals are forgiven.
        settings: by name: `learning_rate`, and those that the optimizer has.

    Raises:
        ValueError: if there is no such optimizer; the message lists the names.
        TypeError: if a setting is missing or unknown.

    Example:
        >>> import marginflow as mf
        >>> type(mf.get_optimizer("adam", learning_rate=1e-3, eps=0)).__name__
        'Adam'
    """
    factory = _REGISTRY[_key(name)]
    try:
        return factory(**settings)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from error


def as_optimizer(optimizer: Any) -> Optimizer:
    """One of ours as it is, an optax transformation wrapped."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, optax.GradientTransformation):
        return OptaxOptimizer(optimizer)
    raise TypeError(
        "optimizer: expected an optimizer of marginflow, as mf.Adam(0.1) or "
        "mf.get_optimizer('adam', learning_rate=0.1), or an optax transformation, as "
        f"optax.sgd(0.1), got {type(optimizer).__name__}."
    )


def _key(name: str) -> str:
    key = name.lower().replace("_", "-")
    if key not in _REGISTRY:
        raise ValueError(f"no optimizer is named {name!r}; there are {', '.join(_REGISTRY)}.")
    return key
