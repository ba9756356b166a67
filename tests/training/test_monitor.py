"""The monitor of a torch model: what it sees, and that training does not notice it."""

import gc
import os
import subprocess
import sys
import types
import weakref

import numpy as np
import pytest
from sklearn.datasets import load_digits

import marginflow as mf
from marginflow.training import monitor

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)

from marginflow.training.monitor import Monitor  # noqa: E402

FEATURES, LABELS = load_digits(return_X_y=True)
INPUTS, TARGETS = torch.tensor(FEATURES / 16).float(), torch.tensor(LABELS)
PROBE, VALIDATION = (INPUTS[:200], TARGETS[:200]), (INPUTS[1400:], TARGETS[1400:])


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def mlp(activation=torch.nn.Tanh, *, scale=1.0, bias=True, width=32):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(64, width, bias=bias),
        activation(),
        torch.nn.Linear(width, width, bias=bias),
        activation(),
        torch.nn.Linear(width, 10, bias=bias),
    )
    with torch.no_grad():
        model[2].weight.mul_(scale)
    return model


def cnn():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Unflatten(1, (1, 8, 8)),
        torch.nn.Conv2d(1, 8, 3, padding=1),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.2),
        torch.nn.Flatten(),
        torch.nn.Linear(512, 10),
    )


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=2e-3)


def train(model, optimizer, steps, seen=None, runs=None):
    """Train, and call `seen.step()`; the loss of each step."""
    draws, losses = torch.Generator().manual_seed(0), []
    for _ in range(steps):
        batch = torch.randint(1400, (32,), generator=draws)
        loss = torch.nn.functional.cross_entropy((runs or model)(INPUTS[batch]), TARGETS[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if seen is not None:
            seen.step()
    return losses


@pytest.mark.parametrize("make", [sgd, adam])
@pytest.mark.parametrize("model", [mlp, cnn])
def test_training_goes_on_bit_for_bit(model, make):
    plain, watched = model(), model()
    torch.manual_seed(1)
    losses = train(plain, make(plain), 30)
    torch.manual_seed(1)
    optimizer = make(watched)
    with Monitor(
        watched, PROBE, optimizer=optimizer, validation=VALIDATION, schedule=mf.every(3)
    ) as seen:
        watched_losses = train(watched, optimizer, 30, seen)
    assert watched_losses == losses
    assert watched.training
    state = watched.state_dict()
    for name, each in plain.state_dict().items():
        assert torch.equal(each, state[name]), name
    for one, other in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad)
    assert not any(module._forward_hooks for module in watched.modules())
    assert seen.to_frame()["step"].tolist() == list(range(0, 31, 3))


def test_the_figures_are_those_of_a_plain_look():
    model = mlp(torch.nn.ReLU)
    optimizer = sgd(model)
    with Monitor(model, PROBE, optimizer=optimizer, schedule=[7]) as seen:
        train(model, optimizer, 6, seen)
        before = [each.detach().clone() for each in model.parameters()]
        memory = [optimizer.state[each]["momentum_buffer"].clone() for each in model.parameters()]
        train(model, optimizer, 1, seen)
    row = seen.records[-1]
    now = [each.detach() for each in model.parameters()]
    gradients = [each.grad for each in model.parameters()]

    def flat(tensors):
        return np.concatenate([each.double().numpy().ravel() for each in tensors])

    update = flat(now) - flat(before)
    assert row["step"] == 7
    assert row["weights_norm"] == pytest.approx(np.linalg.norm(flat(now)), rel=1e-5)
    assert row["gradient_norm"] == pytest.approx(np.linalg.norm(flat(gradients)), rel=1e-5)
    assert row["update_norm"] == pytest.approx(np.linalg.norm(update), rel=1e-4)
    assert row["gradient_dot_update"] == pytest.approx(flat(gradients) @ update, rel=1e-3)
    angle = flat(memory) @ flat(gradients)
    angle /= np.linalg.norm(flat(memory)) * np.linalg.norm(flat(gradients))
    assert row["momentum_cosine"] == pytest.approx(angle, rel=1e-4)
    assert row["effective_step"] == pytest.approx(0.5)
    with torch.no_grad():
        hidden = model[1](model[0](PROBE[0]))
        scores = model(PROBE[0])
    assert row["dead/1"] == np.mean((hidden == 0).all(dim=0).numpy())
    assert row["derivative/1"] == pytest.approx((hidden > 0).double().mean().item())
    loss = torch.nn.functional.cross_entropy(scores, PROBE[1])
    assert row["loss"] == pytest.approx(loss.item(), rel=1e-5)
    margins = monitor.sample_margins(scores.double().numpy(), PROBE[1].numpy())
    assert row["margin"] == pytest.approx(margins.min(), rel=1e-5)
    values = np.linalg.svd(now[2].double().numpy(), compute_uv=False)
    assert row["stable_rank/2"] == pytest.approx(monitor.stable_rank(values), rel=1e-4)
    assert row["effective_rank/2"] == pytest.approx(
        float(mf.effective_rank(now[2].double().numpy())), rel=1e-4
    )
    assert row["gradient_to_weight/4"] == pytest.approx(
        float(gradients[4].norm() / now[4].norm()), rel=1e-4
    )


def test_the_normalized_margin_knows_a_homogeneous_chain():
    model = mlp(torch.nn.ReLU, bias=False)
    record = Monitor(model, PROBE).records[0]
    with torch.no_grad():
        for each in model.parameters():
            each.mul_(1.5)
    larger = Monitor(model, PROBE).records[0]
    assert larger["margin"] == pytest.approx(1.5**3 * record["margin"], rel=1e-5)
    assert larger["normalized_margin"] == pytest.approx(record["normalized_margin"], rel=1e-5)
    assert "normalized_margin" not in Monitor(mlp(torch.nn.ReLU), PROBE).records[0]


@pytest.mark.parametrize(
    ("model", "make"),
    [(mlp, sgd), (mlp, adam), (lambda: mlp(torch.nn.ReLU), sgd), (cnn, adam)],
)
def test_of_a_healthy_model_nothing_harmful_is_said(model, make):
    model = model()
    optimizer = make(model)
    with Monitor(model, PROBE, optimizer=optimizer, validation=VALIDATION) as seen:
        train(model, optimizer, 600, seen)
    assert seen.records[-1]["accuracy"] > 0.95
    assert [finding for finding in seen.findings if finding.harmful] == []


@pytest.mark.parametrize(
    ("model", "rate", "name", "layer"),
    [
        (lambda: mlp(scale=40.0), 0.01, "saturated", "3"),
        (lambda: mlp(torch.nn.Sigmoid, scale=60.0), 0.01, "saturated", "3"),
        (lambda: dying(), 0.01, "dead", "1"),
        (mlp, 1e38, "diverged", ""),
    ],
    ids=["tanh", "sigmoid", "dead", "diverged"],
)
def test_what_was_planted_is_found(model, rate, name, layer):
    model = model()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    with Monitor(model, PROBE, optimizer=optimizer) as seen:
        train(model, optimizer, 60, seen)
    found = {(finding.name, finding.layer) for finding in seen.findings if finding.harmful}
    assert (name, layer) in found
    assert len(found) == 1 or name == "diverged"


def dying():
    """A layer whose biases no sample overcomes."""
    model = mlp(torch.nn.ReLU)
    with torch.no_grad():
        model[0].bias[:20] = -50.0
    return model


def test_epsilon_takes_over_where_gradients_are_small():
    model = torch.nn.Linear(64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=10.0)
    with Monitor(model, PROBE, optimizer=optimizer) as seen:
        train(model, optimizer, 20, seen)
    assert [finding.name for finding in seen.findings] == ["eps dominated", "plateau"]
    state = optimizer.state[model.weight]
    root = (state["exp_avg_sq"] / (1 - 0.999 ** state["step"])).sqrt()
    assert bool((root < 10.0).all()) == (seen.records[-1]["eps_dominated"] == 1.0)


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
    step(model, optimizer, first, draws, 20)
    saved = tmp_path / "checkpoint.pt"
    torch.save([each.state_dict() for each in (model, optimizer, first)], saved)
    model, optimizer, second = start(tmp_path / "parts")
    for each, state in zip((model, optimizer, second), torch.load(saved), strict=True):
        each.load_state_dict(state)
    step(model, optimizer, second, draws, 20)
    second.close()
    one, two = (monitor.load_run(tmp_path / name).records for name in ("whole", "parts"))
    assert one["step"].tolist() == two["step"].tolist()
    for column in ("loss", "margin", "direction_change", "revived/1"):
        np.testing.assert_array_equal(one[column], two[column])


def step(model, optimizer, seen, draws, steps):
    for _ in range(steps):
        batch = torch.randint(1400, (32,), generator=draws)
        loss = torch.nn.functional.cross_entropy(model(INPUTS[batch]), TARGETS[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.step()


def test_a_checkpoint_keeps_the_turn_between_e_folds():
    def start():
        model = mlp()
        optimizer = sgd(model)
        return model, optimizer, Monitor(model, optimizer=optimizer, schedule=mf.every(1))

    model, optimizer, whole = start()
    train(model, optimizer, 9, whole)
    model, optimizer, first = start()
    draws = torch.Generator().manual_seed(0)
    step(model, optimizer, first, draws, 5)
    second = Monitor(model, optimizer=optimizer, schedule=mf.every(1))
    second.load_state_dict(first.state_dict())
    step(model, optimizer, second, draws, 4)
    one, two = (each.to_frame()["direction_change"] for each in (whole, second))
    np.testing.assert_array_equal(one, two)
    assert np.isfinite(one[6:]).all()


def test_what_ends_before_its_first_record_has_one(tmp_path):
    model = mlp()
    optimizer = sgd(model)
    with Monitor(model, PROBE, optimizer=optimizer, schedule=[1000], to=tmp_path) as seen:
        train(model, optimizer, 3, seen)
    assert monitor.load_run(tmp_path).records["step"].tolist() == [3]


def test_a_compiled_model_gets_no_hooks_and_is_not_compiled_again():
    model = mlp()
    compilations = []

    def backend(graph, _):
        compilations.append(graph)
        return graph.forward

    compiled = torch.compile(model, backend=backend)
    optimizer = sgd(model)
    with Monitor(compiled, PROBE, optimizer=optimizer) as seen:
        train(model, optimizer, 12, seen, runs=compiled)
    assert len(compilations) == 1
    assert "saturated/1" in seen.records[-1]


def test_monitors_come_and_go_without_a_trace():
    model = mlp()
    gone = [weakref.ref(Monitor(model, PROBE)) for _ in range(3)]
    gc.collect()
    assert [each() for each in gone] == [None] * 3
    counted = len(gc.get_objects())
    for _ in range(200):
        Monitor(model, PROBE, schedule=[1]).close()
    gc.collect()
    assert len(gc.get_objects()) - counted < 200
    assert not any(module._forward_hooks for module in model.modules())


def test_two_processes_record_once(tmp_path):
    code = f"""
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from marginflow.training.monitor import Monitor


def work(rank):
    meeting = "file://{tmp_path}/meeting"
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    torch.manual_seed(0)
    model = DistributedDataParallel(torch.nn.Linear(4, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randn(30, 4), torch.arange(30) % 3
    seen = Monitor(model, (inputs, targets), optimizer=optimizer, to={str(tmp_path / "run")!r})
    for _ in range(5):
        loss = torch.nn.functional.cross_entropy(model(inputs[rank::2]), targets[rank::2])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.step()
    seen.close()
    assert len(seen.records) == (5 if rank == 0 else 0), seen.records
    dist.destroy_process_group()


torch.multiprocessing.start_processes(work, nprocs=2, start_method="fork")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},
    )
    assert done.returncode == 0, done.stderr
    assert monitor.load_run(tmp_path / "run").records["step"].tolist() == [0, 1, 2, 3, 5]


def test_regressions_and_binary_scores_are_followed_too():
    inputs = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    model = torch.nn.Linear(3, 1)
    regression = Monitor(model, (inputs, inputs[:, 0])).records[0]
    with torch.no_grad():
        scores = model(inputs)
    assert regression["loss"] == pytest.approx(
        ((scores[:, 0] - inputs[:, 0]) ** 2).mean().item(), rel=1e-5
    )
    assert "margin" not in regression
    labels = (inputs[:, 0] > 0).long()
    binary = Monitor(model, (inputs, labels)).records[0]
    signs = torch.where(labels == 1, 1.0, -1.0)
    assert binary["margin"] == pytest.approx(float((signs * scores[:, 0]).min()), rel=1e-5)


def test_gradients_of_sparse_embeddings_are_followed():
    model = torch.nn.Sequential(torch.nn.EmbeddingBag(10, 4, sparse=True), torch.nn.Linear(4, 2))
    tokens, labels = torch.arange(20).reshape(10, 2) % 10, torch.arange(10) % 2
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = Monitor(model, (tokens, labels), optimizer=optimizer)
    torch.nn.functional.cross_entropy(model(tokens), labels).backward()
    optimizer.step()
    seen.step()
    squares = sum(float(each.grad.to_dense().square().sum()) for each in model.parameters())
    assert seen.records[1]["gradient_norm"] == pytest.approx(squares**0.5, rel=1e-5)
    assert seen.records[1]["gradient_to_weight/0"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": 3}, "expected a torch.nn.Module, got int"),
        ({"probe": INPUTS}, r"expected a pair \(inputs, targets\)"),
        ({"beyond": 1.5}, "between 0 and 1"),
        ({"to": 3}, "expected a folder or a function of records"),
    ],
)
def test_arguments_that_do_not_fit(arguments, said):
    given = {"model": torch.nn.Linear(64, 10), "probe": PROBE} | arguments
    with pytest.raises((TypeError, ValueError), match=said):
        Monitor(given.pop("model"), **given)


def test_records_go_where_they_are_sent(tmp_path):
    rows, model = [], mlp()
    optimizer = sgd(model)
    with Monitor(model, PROBE, optimizer=optimizer, to=[rows.append, tmp_path]) as seen:
        train(model, optimizer, 4, seen)
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4]
    assert monitor.load_run(tmp_path).about["activations"] == {"1": "Tanh", "3": "Tanh"}


def test_a_record_that_fails_does_not_end_the_training():
    def full(record):
        if record["step"] == 2:
            raise OSError("no space left")

    model = mlp()
    optimizer = sgd(model)
    seen = Monitor(model, PROBE, optimizer=optimizer, to=full)
    with pytest.warns(RuntimeWarning, match="no record of step 2: OSError: no space left"):
        train(model, optimizer, 3, seen)
    assert seen.records[-1]["step"] == 3


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
