"""The losses that go by a name: what the command line lists and what laws are tested on.

Those of other packages (`plugins`) are read when a name is first asked for.
"""

import re
from collections.abc import Callable

from marginflow.losses.coherence import CoherenceLoss
from marginflow.losses.combinators import MarginLoss, SumLoss, TemperatureLoss
from marginflow.losses.cross_entropy import CrossEntropy
from marginflow.losses.duchi_khosravi_ruan import DuchiKhosraviRuan
from marginflow.losses.fenchel_young import (
    EntmaxLoss,
    NormEntropyLoss,
    SparsemaxLoss,
    TsallisLoss,
)
from marginflow.losses.hinge import CrammerSinger, SquaredCrammerSinger, WestonWatkins
from marginflow.losses.label_smoothing import LabelSmoothing
from marginflow.losses.lee_lin_wahba import LeeLinWahba
from marginflow.losses.loss import Loss
from marginflow.losses.multiclass_exponential import MulticlassExponential
from marginflow.losses.pair_log_loss import PairLogLoss
from marginflow.losses.plugins import read_plugins
from marginflow.losses.polynomial_loss import PolynomialLoss
from marginflow.losses.probability_losses import (
    AlphaLoss,
    FocalLoss,
    GeneralizedCrossEntropy,
    MeanAbsoluteError,
    Savage,
    TaylorCrossEntropy,
)
from marginflow.losses.sigmoid_loss import SigmoidLoss
from marginflow.losses.smooth_hinges import (
    HuberizedHinge,
    ModifiedHuber,
    SmoothedHinge,
    SquaredWestonWatkins,
)
from marginflow.losses.stretched_exponential import StretchedExponential
from marginflow.losses.template_loss import TemplateLoss

_REGISTRY: dict[str, Callable[[], Loss]] = {}
_PLUGINS_ARE_READ = False


def register(name: str, factory: Callable[[], Loss]) -> None:
    """Make a loss known by a name, to `get_loss`, the command line and the table of losses.

    Args:
        name: lower-case words joined by hyphens, as `cross-entropy`.
        factory: called without arguments, returns the `Loss`; a class with defaults will do.

    Raises:
        TypeError: if the factory cannot be called, or is a loss itself.
        ValueError: if the name has another form, or is taken by another factory.

    Example:
        >>> import marginflow as mf
        >>> from marginflow.losses import unregister
        >>> mf.register("quartic-tail", lambda: mf.PolynomialLoss(degree=4.0))
        >>> mf.get_loss("quartic-tail").degree
        4.0
        >>> unregister("quartic-tail")
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(
            f"expected a name of lower-case words joined by hyphens, as 'cross-entropy'; "
            f"got {name!r}."
        )
    if not callable(factory) or isinstance(factory, Loss):
        raise TypeError(
            f"register({name!r}, ...) expects a function without arguments that returns the loss, "
            f"got {type(factory).__name__}; write `lambda: loss`."
        )
    if _REGISTRY.get(name, factory) is not factory:
        raise ValueError(
            f"a loss named {name!r} is registered already; choose another name, or call "
            f"marginflow.losses.unregister({name!r}) first."
        )
    _REGISTRY[name] = factory


def unregister(name: str) -> None:
    """Forget a registered loss.

    Args:
        name: as `register` got it.

    Raises:
        ValueError: if there is none; the message lists the names.

    Example:
        >>> import marginflow as mf
        >>> mf.register("draft", mf.PolynomialLoss)
        >>> mf.losses.unregister("draft")
        >>> "draft" in mf.registered_losses()
        False
    """
    del _REGISTRY[_key(name)]


def registered_losses() -> dict[str, Loss]:
    """Every registered loss by its name, in order of registration.

    Example:
        >>> import marginflow as mf
        >>> "cross-entropy" in mf.registered_losses()
        True
    """
    _read_plugins()
    return {name: get_loss(name) for name in _REGISTRY}


def get_loss(name: str) -> Loss:
    """The registered loss of that name.

    Args:
        name: as `register` got it; underscores and capitals are forgiven.

    Raises:
        TypeError: if its factory returns something else than a `Loss`.
        ValueError: if there is none; the message lists the names.

    Example:
        >>> import marginflow as mf
        >>> mf.get_loss("pair-log-loss")
        PairLogLoss()
    """
    loss = _REGISTRY[_key(name)]()
    if not isinstance(loss, Loss):
        raise TypeError(
            f"the factory registered as {name!r} should return a Loss, "
            f"but returned {type(loss).__name__}."
        )
    return loss


def as_loss(loss: Loss | str | Callable, n_classes: int | None = None) -> Loss:
    """A `Loss`, the name of a registered one, or a template function, as a `Loss`.

    Args:
        loss: what a user passed to a verb.
        n_classes: K of the problem at hand; a user's template is then checked for it.

    Raises:
        TypeError: if it is none of these.
        ValueError: if there is no loss of that name, or the template does not pass its check.
    """
    if isinstance(loss, str):
        return get_loss(loss)
    if isinstance(loss, type) and issubclass(loss, Loss):
        raise TypeError(f"expected a loss, got the class {loss.__name__}; write {loss.__name__}().")
    if not isinstance(loss, Loss):
        if not callable(loss):
            raise TypeError(
                "expected a Loss, the name of a registered loss, or a function of one sample's "
                f"margins; got {type(loss).__name__}."
            )
        loss = TemplateLoss(loss)
    if isinstance(loss, TemplateLoss) and n_classes is not None:
        loss.check(n_classes)
    return loss


def _key(name: str) -> str:
    key = name.lower().replace("_", "-")
    if key not in _REGISTRY:
        _read_plugins()
    if key not in _REGISTRY:
        raise ValueError(f"no loss named {name!r}; registered are: {', '.join(_REGISTRY)}.")
    return key


def _read_plugins() -> None:
    """Register the losses of installed packages, once a process."""
    global _PLUGINS_ARE_READ
    if _PLUGINS_ARE_READ:
        return
    _PLUGINS_ARE_READ = True
    read_plugins(register)


_BUILT_IN: dict[str, Callable[[], Loss]] = {
    "cross-entropy": CrossEntropy,
    "multiclass-exponential": MulticlassExponential,
    "pair-log-loss": PairLogLoss,
    "polynomial": PolynomialLoss,
    "crammer-singer": CrammerSinger,
    "weston-watkins": WestonWatkins,
    "mean-absolute-error": MeanAbsoluteError,
    "generalized-cross-entropy": GeneralizedCrossEntropy,
    "alpha-loss": AlphaLoss,
    "taylor-cross-entropy": TaylorCrossEntropy,
    "focal": FocalLoss,
    "savage": Savage,
    "sigmoid": SigmoidLoss,
    "coherence": CoherenceLoss,
    "stretched-exponential": StretchedExponential,
    "polynomial-3": lambda: PolynomialLoss(degree=3.0),
    "squared-weston-watkins": SquaredWestonWatkins,
    "squared-crammer-singer": SquaredCrammerSinger,
    "smoothed-hinge": SmoothedHinge,
    "huberized-hinge": HuberizedHinge,
    "modified-huber": ModifiedHuber,
    "duchi-khosravi-ruan": DuchiKhosraviRuan,
    "lee-lin-wahba": LeeLinWahba,
    "sparsemax": SparsemaxLoss,
    "entmax": EntmaxLoss,
    "soft-entmax": lambda: EntmaxLoss(alpha=1.25),
    "tsallis": TsallisLoss,
    "norm-entropy": NormEntropyLoss,
    "label-smoothing": LabelSmoothing,
    "cross-entropy-margin": lambda: MarginLoss(CrossEntropy(), margin=0.35),
    "cross-entropy-temperature": lambda: TemperatureLoss(CrossEntropy(), temperature=2.0),
    "cross-entropy-sparsemax": lambda: SumLoss([CrossEntropy(), SparsemaxLoss()], [0.5, 0.5]),
}

for _name, _factory in _BUILT_IN.items():
    register(_name, _factory)
