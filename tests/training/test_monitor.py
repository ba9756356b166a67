"""The monitor of a torch model: what it sees, and that training does not notice it."""

import numpy as np
import pytest

import marginflow as mf
from marginflow.training import monitor

pytest.importorskip("marginflow.training.monitor.torch_monitor", exc_type=ImportError)
torch = pytest.importorskip("torch")

from tests.training.digits_models import INPUTS, PROBE, VALIDATION, adam, cnn, mlp, sgd, train  # noqa: E402

from marginflow.training.monitor import Monitor  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_what_ends_before_its_first_record_has_one(tmp_path):
    model = mlp()
    optimizer = sgd(model)
    with Monitor(model, PROBE, optimizer=optimizer, schedule=[1000], to=tmp_path) as seen:
        train(model, optimizer, 3, seen)
    assert monitor.load_run(tmp_path).records["step"].tolist() == [3]
