"""Monitors on compiled models and in several processes, and after they are gone."""

import gc
import os
import subprocess
import sys
import weakref

import pytest

from marginflow.training import monitor

pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)
torch = pytest.importorskip("torch")

from tests.training.digits_models import PROBE, mlp, sgd, train  # noqa: E402

from marginflow.training.monitor import Monitor  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


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
