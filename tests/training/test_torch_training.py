"""The losses for torch as they are used: targets and reductions, autocast, compilers, processes."""

import json
import os
import subprocess
import sys
import warnings

import pytest

import marginflow as mf

mft = pytest.importorskip("marginflow.training.torch", exc_type=ImportError)
torch = pytest.importorskip("torch")

every_registered_loss = pytest.mark.parametrize("name", mf.registered_losses())
N_CLASSES = 4


@pytest.fixture
def batch():
    """Scores (2, 5, 4), labels of which two are ignored, shares of classes, and class weights."""
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(2, 5, N_CLASSES, generator=generator, dtype=torch.float64)
    labels = torch.randint(N_CLASSES, (2, 5), generator=generator)
    labels[0, 3] = labels[1, 0] = -100
    shares = torch.rand(2, 5, N_CLASSES, generator=generator, dtype=torch.float64)
    weight = torch.rand(N_CLASSES, generator=generator, dtype=torch.float64)
    return scores, labels, shares / shares.sum(-1, keepdim=True), weight


# Smoothed and weighted, torch weighs what smoothing gives to each class by that class.
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize(
    ("kind", "weighted"),
    [("labels", False), ("labels", True), ("shares", False), ("shares", True), ("smoothed", False)],
)
def test_the_cross_entropy_is_that_of_torch(batch, reduction, kind, weighted):
    scores, labels, shares, weight = batch
    settings = {"reduction": reduction, "weight": weight if weighted else None}
    theirs = torch.nn.CrossEntropyLoss(**settings)
    ours = mft.CrossEntropy(**settings)
    targets = labels
    if kind == "shares":
        targets = shares
    elif kind == "smoothed":
        theirs = torch.nn.CrossEntropyLoss(**settings, label_smoothing=0.2)
        ours = mft.LabelSmoothing(smoothing=0.2, **settings)
    # classes are the second axis there
    given = scores.clone().requires_grad_()
    moved = shares.movedim(-1, 1) if kind == "shares" else targets
    expected = theirs(given.movedim(-1, 1), moved)
    value = ours(given, targets)
    torch.testing.assert_close(value, expected, rtol=1e-14, atol=1e-15)
    gradients = [torch.autograd.grad(loss.sum(), given)[0] for loss in (value, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-13, atol=1e-15)


@every_registered_loss
def test_reductions_weigh_and_leave_out(batch, name):
    scores, labels, _, weight = batch
    values = mft.loss(name, reduction="none")(scores, labels)
    assert values.shape == labels.shape
    counts = labels != -100
    assert (values[~counts] == 0).all()
    sizes = torch.where(counts, weight[labels.clamp(min=0)], 0)
    results = {
        reduction: mft.loss(name, weight=weight, reduction=reduction)(scores, labels)
        for reduction in ("none", "sum", "mean")
    }
    torch.testing.assert_close(results["none"], sizes * values)
    torch.testing.assert_close(results["sum"], (sizes * values).sum())
    torch.testing.assert_close(results["mean"], (sizes * values).sum() / sizes.sum())
    value = mft.loss_value(scores, labels, name, weight=weight)
    torch.testing.assert_close(value, results["mean"])
    other = mft.loss(name, ignore_index=1)(scores, torch.where(counts, labels, 1))
    kept = (labels != 1) & counts
    torch.testing.assert_close(other, values[kept].mean())


@pytest.mark.parametrize("weight", [None, torch.ones(2)])
def test_what_is_ignored_may_overflow(weight):
    scores = torch.tensor([[-1e4, 1e4], [0.0, 0.0]], requires_grad=True)
    value = mft.MulticlassExponential(weight=weight)(scores, torch.tensor([-100, 0]))
    assert value == 1
    (gradient,) = torch.autograd.grad(value, scores)
    assert gradient.tolist() == [[0.0, 0.0], [-1.0, 1.0]]


LINEAR_IN_THE_LABEL = {
    *("cross-entropy", "sparsemax", "entmax", "soft-entmax", "tsallis", "norm-entropy"),
    *("duchi-khosravi-ruan", "label-smoothing", "cross-entropy-temperature"),
    "cross-entropy-sparsemax",
}


@every_registered_loss
def test_shares_of_classes_are_shares_of_their_losses(batch, name):
    scores, _, shares, weight = batch
    module = mft.loss(name, weight=weight, reduction="none")
    if name not in LINEAR_IN_THE_LABEL:
        with pytest.raises(ValueError, match="soft targets are defined for"):
            module(scores, shares)
        return
    of_classes = torch.stack(
        [module(scores, torch.full(scores.shape[:-1], k)) for k in range(N_CLASSES)], dim=-1
    )
    expected = (shares * of_classes).sum(-1)
    torch.testing.assert_close(module(scores, shares), expected, rtol=1e-13, atol=1e-14)
    few = scores[0, :2].clone().requires_grad_()
    soft = shares[0, :2].clone().requires_grad_()
    assert torch.autograd.gradcheck(module, (few, soft))
    assert torch.autograd.gradgradcheck(lambda scores: module(scores, shares[0, :2]), few)


@every_registered_loss
def test_one_binary_score_is_the_difference_of_two(name):
    scores, labels = torch.randn(6, 2, dtype=torch.float64), torch.tensor([0, 1, 1, 0, 0, 1])
    module = mft.loss(name, reduction="none")
    single = module(scores[:, 1] - scores[:, 0], labels)
    torch.testing.assert_close(single, module(scores, labels), rtol=1e-12, atol=1e-15)


def test_misfits_are_told(batch):
    scores, labels, shares, weight = batch
    module = mft.CrossEntropy()
    for wrong in [(scores, labels[0]), (scores, shares[..., 0]), (scores[..., :1], labels)]:
        with pytest.raises(ValueError, match=r"classes last.*got scores"):
            module(*wrong)
    for label in (N_CLASSES, -1):
        with pytest.raises(ValueError, match=r"targets: expected integers in 0\.\.3, or ignore_in"):
            module(scores, torch.full_like(labels, label))
    with pytest.raises(ValueError, match="weight: expected one number for each of 4 classes"):
        mft.CrossEntropy(weight=weight[:3])(scores, labels)
    with pytest.raises(ValueError, match="expected a floating type"):
        module(labels, labels)
    with pytest.raises(ValueError, match="reduction: expected one of"):
        mft.CrossEntropy(reduction="avg")


def test_an_empty_batch_has_no_losses():
    scores, labels = torch.zeros(0, 3, requires_grad=True), torch.zeros(0, dtype=torch.long)
    for name in mf.registered_losses():
        value = mft.loss(name, reduction="sum")(scores, labels)
        assert value == 0
        assert torch.autograd.grad(value, scores)[0].shape == (0, 3)


# The losses whose exact values at margins of −20,000 do not fit float32.
OVERFLOWS = {"multiclass-exponential"}


@every_registered_loss
def test_extreme_scores_are_finite_under_autocast(name):
    """The gradient in scores of 16 bits has their range, which some sums of slopes exceed."""
    extremes = torch.tensor([-1e4, 1e4, 0.0], dtype=torch.float16)
    scores = torch.cartesian_prod(extremes, extremes, extremes).requires_grad_()
    for label in range(3):
        labels = torch.full((len(scores),), label)
        with torch.autocast("cpu", dtype=torch.float16):
            values = mft.loss(name, reduction="none")(scores, labels)
        assert values.dtype == torch.float32
        assert not values.isnan().any()
        assert values.isfinite().all() == (name not in OVERFLOWS)
        (gradient,) = torch.autograd.grad(values.mean(), scores)
        assert not gradient.isnan().any()
        assert gradient.isfinite().all() or name in OVERFLOWS


@every_registered_loss
def test_a_compiler_gets_one_program(batch, name):
    scores, labels, _, weight = batch
    module = mft.loss(name, weight=weight)
    check_compiled(module, "aot_eager", scores, labels)


def test_the_default_compiler_agrees(batch):
    scores, labels, _, _ = batch
    check_compiled(
        lambda scores, labels: mft.loss_value(scores, labels, "entmax"), "inductor", scores, labels
    )


def test_soft_targets_and_templates_compile(batch):
    scores, labels, shares, _ = batch
    check_compiled(mft.SparsemaxLoss(), "aot_eager", scores, shares)
    template = mft.TemplateLoss(lambda u: torch.log1p((-u).exp().sum()))
    check_compiled(template, "aot_eager", scores, labels)


@pytest.mark.parametrize("name", ["sparsemax", "entmax", "norm-entropy"])
def test_a_compiled_solver_takes_rows_in_blocks_too(batch, name, monkeypatch):
    monkeypatch.setattr("marginflow.training.torch.row_blocks._PER_THREAD", 1)
    scores, labels, _, _ = batch
    check_compiled(mft.loss(name), "aot_eager", scores, labels)


def check_compiled(function, backend: str, scores, targets) -> None:
    torch.compiler.reset()
    given = scores.clone().requires_grad_()
    value = function(given, targets)
    with warnings.catch_warnings():
        # torch's own, of what it does while it compiles
        warnings.simplefilter("ignore", DeprecationWarning)
        compiled = torch.compile(function, fullgraph=True, backend=backend)(given, targets)
    torch.testing.assert_close(compiled, value, rtol=1e-13, atol=1e-15)
    gradients = [torch.autograd.grad(loss, given)[0] for loss in (compiled, value)]
    torch.testing.assert_close(*gradients, rtol=1e-13, atol=1e-15)


TWO_PROCESSES = """
import json, os, sys, tempfile
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
import marginflow as mf
from marginflow.training import torch as mft

generator = torch.Generator().manual_seed(0)
X = torch.randn(8, 3, generator=generator, dtype=torch.float64)
y = torch.randint(4, (8,), generator=generator)
W = torch.randn(4, 3, generator=generator, dtype=torch.float64)


def gradient(model, loss, rows):
    model.zero_grad()
    loss(model(X[rows]), y[rows]).backward()
    return next(model.parameters()).grad.clone()


def model():
    linear = torch.nn.Linear(3, 4, bias=False, dtype=torch.float64)
    with torch.no_grad():
        linear.weight.copy_(W)
    return linear


def work(rank, folder):
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    shared = DistributedDataParallel(model())
    errors = {}
    for name in mf.registered_losses():
        loss = mft.loss(name)
        found = gradient(shared, loss, slice(4 * rank, 4 * rank + 4))
        alone = gradient(model(), loss, slice(0, 8))
        errors[name] = float((found - alone).abs().max() / alone.abs().max())
    if rank == 0:
        json.dump(errors, open(f"{folder}/errors", "w"))
    dist.destroy_process_group()


folder = tempfile.mkdtemp()
torch.multiprocessing.start_processes(work, args=(folder,), nprocs=2, start_method="fork")
print(open(f"{folder}/errors").read())
"""


def test_two_processes_find_the_gradient_of_one(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", TWO_PROCESSES],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    errors = json.loads(done.stdout)
    assert errors.keys() == mf.registered_losses().keys()
    assert max(errors.values()) < 1e-13
