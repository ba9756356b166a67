"""marginflow: losses, margins and the implicit bias of training.

The loss as a template on margins, the path of training step by step or at any later step, and the
limit, solved exactly and certified.  Names are imported on first use, so that `import marginflow`
is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "Asymptote",
    "BinaryMargins",
    "CheckpointError",
    "CrammerSinger",
    "CrossEntropy",
    "DataError",
    "Dataset",
    "DirectionError",
    "FastForward",
    "Flow",
    "LinearMarginMap",
    "Loss",
    "MarginMap",
    "MarginflowError",
    "MaxMargin",
    "MulticlassExponential",
    "MulticlassMargins",
    "NotConvergedError",
    "NotSeparableError",
    "PairLogLoss",
    "PolynomialLoss",
    "Result",
    "Schedule",
    "Status",
    "StepBound",
    "Tail",
    "TemplateLoss",
    "Trajectory",
    "WestonWatkins",
    "__version__",
    "asymptote",
    "direction_error",
    "every",
    "fast_forward",
    "gaussian_clusters",
    "get_loss",
    "gradient_descent",
    "gradient_flow",
    "linear_teacher",
    "load_dataset",
    "log_spaced",
    "margin_gap",
    "max_margin",
    "random_labels",
    "register",
    "registered_losses",
    "soudry_toy",
    "step_bound",
    "train",
    "x64",
]

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
        Schedule,
        StepBound,
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

_ROOMS = {
    "marginflow._precision": [
        "x64",
    ],
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
    "marginflow.margins": [
        "BinaryMargins",
        "LinearMarginMap",
        "MarginMap",
        "MulticlassMargins",
    ],
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
    "marginflow.limits": [
        "MaxMargin",
        "max_margin",
    ],
    "marginflow.dynamics": [
        "CheckpointError",
        "DirectionError",
        "FastForward",
        "Flow",
        "Schedule",
        "StepBound",
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
    "marginflow.theory": [
        "Asymptote",
        "asymptote",
    ],
}
_HOME = {name: module for module, names in _ROOMS.items() for name in names}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            return getattr(importlib.import_module(_HOME[name]), name)
        raise AttributeError(f"module 'marginflow' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
