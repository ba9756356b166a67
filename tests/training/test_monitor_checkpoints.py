"""A monitored training that is interrupted goes on as if nothing had been."""

import numpy as np
import pytest

import marginflow as mf
from marginflow.training import monitor

pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)
torch = pytest.importorskip("torch")

from tests.training.digits_models import PROBE, mlp, sgd, train  # noqa: E402

from marginflow.training.monitor import Monitor  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_checkpoint_goes_on_as_if_nothing_had_been(tmp_path):
    def start(folder):
        model = mlp(torch.nn.ReLU)
        optimizer = sgd(model)
        return model, optimizer, Monitor(model, PROBE, optimizer=optimizer, to=folder)

    model, optimizer, whole = start(tmp_path / "whole")
    train(model, optimizer, 40, whole)
    whole.close()
    model, optimizer, first = start(tmp_path / "parts")
    draws = torch.Generator().manual_seed(0)
    train(model, optimizer, 20, first, draws=draws)
    saved = tmp_path / "checkpoint.pt"
    torch.save([each.state_dict() for each in (model, optimizer, first)], saved)
    model, optimizer, second = start(tmp_path / "parts")
    for each, state in zip((model, optimizer, second), torch.load(saved), strict=True):
        each.load_state_dict(state)
    train(model, optimizer, 20, second, draws=draws)
    second.close()
    one, two = (monitor.load_run(tmp_path / name).records for name in ("whole", "parts"))
    assert one["step"].tolist() == two["step"].tolist()
    for column in ("loss", "margin", "direction_change", "revived/1"):
        np.testing.assert_array_equal(one[column], two[column])


def test_a_checkpoint_keeps_the_turn_between_e_folds():
    def start():
        model = mlp()
        optimizer = sgd(model)
        return model, optimizer, Monitor(model, optimizer=optimizer, schedule=mf.every(1))

    model, optimizer, whole = start()
    train(model, optimizer, 9, whole)
    model, optimizer, first = start()
    draws = torch.Generator().manual_seed(0)
    train(model, optimizer, 5, first, draws=draws)
    second = Monitor(model, optimizer=optimizer, schedule=mf.every(1))
    second.load_state_dict(first.state_dict())
    train(model, optimizer, 4, second, draws=draws)
    one, two = (each.to_frame()["direction_change"] for each in (whole, second))
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one[6:]).all()
