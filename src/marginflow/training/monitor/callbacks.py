"""Monitors as callbacks: of Lightning and of the Hugging Face Trainer."""

from typing import Any

from marginflow.training.monitor.missing_package import missing
from marginflow.training.monitor.torch_monitor import Monitor


def lightning_callback(probe: Any = None, **settings: Any) -> Any:
    """A callback for `lightning.pytorch.Trainer`.

    Args:
        probe: as `Monitor` takes it.
        settings: further arguments of `Monitor`; model and optimizer are the trainer's.

    Returns:
        A callback, whose `monitor` is there once training has begun.

    Raises:
        ImportError: if neither lightning nor pytorch_lightning is installed.
    """
    try:
        from lightning.pytorch.callbacks import (  # type: ignore[import-not-found]
            Callback,
        )
    except ImportError:
        try:
            from pytorch_lightning.callbacks import (  # type: ignore[import-not-found]
                Callback,
            )
        except ImportError as error:
            raise ImportError(missing("the monitor of Lightning", "lightning")) from error

    class MonitorCallback(Callback):  # type: ignore[misc]
        monitor: Monitor | None = None

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            optimizer = trainer.optimizers[0] if trainer.optimizers else None
            self.monitor = Monitor(pl_module, probe, optimizer=optimizer, **settings)

        def on_before_zero_grad(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
            # gradients are set to zero before the next backward pass, after a step was made
            if self.monitor is not None and trainer.global_step > self.monitor.n_steps:
                self.monitor.step()

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            self.on_before_zero_grad(trainer, pl_module, None)  # of the last step none came
            if self.monitor is not None:
                self.monitor.close()

    return MonitorCallback()


def trainer_callback(probe: Any = None, **settings: Any) -> Any:
    """A callback for `transformers.Trainer`.

    Args:
        probe: as `Monitor` takes it; inputs may be a mapping of arguments.
        settings: further arguments of `Monitor`; model and optimizer are the trainer's.

    Returns:
        A callback, whose `monitor` is there once training has begun.

    Raises:
        ImportError: if transformers is not installed.
    """
    try:
        from transformers import (  # type: ignore[import-not-found]
            TrainerCallback,
        )
    except ImportError as error:
        raise ImportError(
            missing("the monitor of the Hugging Face Trainer", "transformers")
        ) from error

    class MonitorCallback(TrainerCallback):  # type: ignore[misc]
        monitor: Monitor | None = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            optimizer = given.get("optimizer")
            optimizer = getattr(optimizer, "optimizer", optimizer)
            self.monitor = Monitor(given["model"], probe, optimizer=optimizer, **settings)

        def on_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            if self.monitor is not None:
                self.monitor.step()

        def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            if self.monitor is not None:
                self.monitor.close()

    return MonitorCallback()
