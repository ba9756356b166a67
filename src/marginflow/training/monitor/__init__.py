"""What training does to a model, followed while it goes on.

`Monitor` looks at a torch model at a few steps, most of them early, and says what it finds in
sentences; `JaxMonitor` does the same in JAX, where `monitored` is an optax transformation that
keeps the gradient for it.  The quantities are functions of NumPy arrays, one concept a file.  torch
is imported with `Monitor`.
"""

import importlib
from typing import TYPE_CHECKING, Any

from marginflow.training.monitor.findings import Finding, find
from marginflow.training.monitor.growth import LogGrowth, log_growth
from marginflow.training.monitor.jax_monitor import JaxMonitor
from marginflow.training.monitor.margin_summary import margin_summary, sample_margins
from marginflow.training.monitor.monitored_run import MonitoredRun, load_run
from marginflow.training.monitor.optax_monitor import MonitoredState, monitored
from marginflow.training.monitor.plateau import recent_fall
from marginflow.training.monitor.saturation import dead_units, saturated_share, saturation_measure
from marginflow.training.monitor.sinks import to_mlflow, to_parquet, to_tensorboard, to_wandb
from marginflow.training.monitor.stable_rank import stable_rank

if TYPE_CHECKING:
    from marginflow.training.monitor.callbacks import lightning_callback, trainer_callback
    from marginflow.training.monitor.torch_monitor import Monitor

__all__ = [
    "Finding",
    "JaxMonitor",
    "LogGrowth",
    "Monitor",
    "MonitoredRun",
    "MonitoredState",
    "dead_units",
    "find",
    "lightning_callback",
    "load_run",
    "log_growth",
    "margin_summary",
    "monitored",
    "recent_fall",
    "sample_margins",
    "saturated_share",
    "saturation_measure",
    "stable_rank",
    "to_mlflow",
    "to_parquet",
    "to_tensorboard",
    "to_wandb",
    "trainer_callback",
]

_OF_TORCH = {
    "Monitor": "torch_monitor",
    "lightning_callback": "callbacks",
    "trainer_callback": "callbacks",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _OF_TORCH:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"{__name__}.{_OF_TORCH[name]}")
        return getattr(module, name)
