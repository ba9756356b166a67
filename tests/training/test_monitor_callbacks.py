"""The monitor as a callback of other trainers."""

import sys
import types

import pytest

from marginflow.training import monitor

pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)
torch = pytest.importorskip("torch")

from tests.training.digits_models import PROBE, mlp, sgd, train  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def test_callbacks_follow_the_trainer(monkeypatch):
    class Base:
        pass

    hugging = types.ModuleType("transformers")
    hugging.TrainerCallback = Base
    lightning = types.ModuleType("lightning.pytorch.callbacks")
    lightning.Callback = Base
    for name in ("lightning", "lightning.pytorch"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "lightning.pytorch.callbacks", lightning)
    monkeypatch.setitem(sys.modules, "transformers", hugging)
    model = mlp()
    optimizer = sgd(model)
    first = monitor.trainer_callback(PROBE)
    assert isinstance(first, Base)
    first.on_train_begin(None, None, None, model=model, optimizer=optimizer)
    for _ in range(3):
        train(model, optimizer, 1)
        first.on_optimizer_step(None, None, None)
    first.on_train_end(None, None, None)
    assert first.monitor.to_frame()["step"].tolist() == [0, 1, 2, 3]
    second = monitor.lightning_callback(PROBE)
    trainer = types.SimpleNamespace(optimizers=[optimizer], global_step=0)
    second.on_train_start(trainer, model)
    for i in range(3):
        second.on_before_zero_grad(trainer, model, optimizer)
        train(model, optimizer, 1)
        trainer.global_step = i + 1
    second.on_train_end(trainer, model)
    assert second.monitor.to_frame()["step"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("make", "package"), [("trainer_callback", "transformers"), ("lightning_callback", "lightning")]
)
def test_a_trainer_that_is_not_there_is_named(make, package, monkeypatch):
    for name in ("transformers", "lightning", "pytorch_lightning"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"needs the package {package}, which is not installed"):
        getattr(monitor, make)(PROBE)
