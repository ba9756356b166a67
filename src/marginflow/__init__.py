"""marginflow: losses, margins and the implicit bias of training.

The loss as a template on margins, the path of training step by step or at any later step, and the
limit, solved exactly and certified.  Names are imported on first use, so that `import marginflow`
is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_EXPORTS = {
    "marginflow._precision": ["x64"],
    "marginflow._results": [
        "MarginflowError",
        "NotConvergedError",
        "NotSeparableError",
        "Result",
        "Status",
    ],
    "marginflow.data": [
        "DataError",
        "Dataset",
        "gaussian_clusters",
        "linear_teacher",
        "load_dataset",
        "random_labels",
        "soudry_toy",
    ],
    "marginflow.margins": ["BinaryMargins", "LinearMarginMap", "MarginMap", "MulticlassMargins"],
    "marginflow.losses": [
        "CrammerSinger",
        "CrossEntropy",
        "Loss",
        "MulticlassExponential",
        "PairLogLoss",
        "PolynomialLoss",
        "Tail",
        "TemplateLoss",
        "WestonWatkins",
        "get_loss",
        "register",
        "registered_losses",
    ],
    "marginflow.limits": ["MaxMargin", "max_margin"],
    "marginflow.dynamics": [
        "CheckpointError",
        "DirectionError",
        "FastForward",
        "Flow",
        "Trajectory",
        "direction_error",
        "every",
        "fast_forward",
        "gradient_descent",
        "gradient_flow",
        "log_spaced",
        "margin_gap",
        "step_bound",
        "train",
    ],
    "marginflow.theory": ["Asymptote", "asymptote"],
}
_HOME = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = ["__version__", *_HOME]

if TYPE_CHECKING:
    from marginflow._precision import x64
    from marginflow._results import (
        MarginflowError,
        NotConvergedError,
        NotSeparableError,
        Result,
        Status,
    )
    from marginflow.data import (
        DataError,
        Dataset,
        gaussian_clusters,
        linear_teacher,
        load_dataset,
        random_labels,
        soudry_toy,
    )
    from marginflow.dynamics import (
        CheckpointError,
        DirectionError,
        FastForward,
        Flow,
        Trajectory,
        direction_error,
        every,
        fast_forward,
        gradient_descent,
        gradient_flow,
        log_spaced,
        margin_gap,
        step_bound,
        train,
    )
    from marginflow.limits import MaxMargin, max_margin
    from marginflow.losses import (
        CrammerSinger,
        CrossEntropy,
        Loss,
        MulticlassExponential,
        PairLogLoss,
        PolynomialLoss,
        Tail,
        TemplateLoss,
        WestonWatkins,
        get_loss,
        register,
        registered_losses,
    )
    from marginflow.margins import BinaryMargins, LinearMarginMap, MarginMap, MulticlassMargins
    from marginflow.theory import Asymptote, asymptote


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'marginflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
