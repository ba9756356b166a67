"""Laws of the margins of a network: its formula, its gradient, and its degree."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marginflow as mf

SHAPES = [(), (4,), (5, 3)]
SLOPES = [0.0, 0.25, 1.0]
TWO = mf.gaussian_clusters(1, n_samples=6, n_classes=2, n_features=3, noise=1.0)
THREE = mf.gaussian_clusters(2, n_samples=7, n_classes=3, n_features=4, noise=1.0)
DATA = [TWO, THREE, mf.MulticlassMargins(TWO)]


@pytest.fixture(params=[(data, hidden, a) for data in DATA for hidden in SHAPES for a in SLOPES])
def network(request):
    data, hidden, slope = request.param
    return mf.NetworkMargins(data, hidden, negative_slope=slope)


def plain_margins(network, params):
    """Sample by sample, unit by unit, in 50 digits."""
    found = []
    with mpmath.workdps(50):
        for x, label in zip(network.linear.features, network.linear.labels, strict=True):
            units = [mpmath.mpf(entry) for entry in x]
            for layer in params[:-1]:
                sums = [
                    mpmath.fsum(u * mpmath.mpf(w) for u, w in zip(units, column, strict=True))
                    for column in layer.T
                ]
                units = [z if z > 0 else network.negative_slope * z for z in sums]
            last = params[-1].reshape(len(units), -1)
            scores = [
                mpmath.fsum(u * mpmath.mpf(w) for u, w in zip(units, column, strict=True))
                for column in last.T
            ]
            if len(scores) == 1:
                found.append([scores[0] if label == 1 else -scores[0]])
            else:
                found.append([scores[label] - s for k, s in enumerate(scores) if k != label])
    return found


def test_margins_are_those_of_the_formula(network):
    params = network.draw(3)
    expected = np.array(plain_margins(network, params), dtype=np.float64)
    sizes = [np.linalg.norm(layer) for layer in params]
    most = np.linalg.norm(network.linear.features, axis=1).max() * np.prod(sizes)
    np.testing.assert_allclose(network.margins(params), expected, rtol=0, atol=1e-14 * most)


def test_the_gradient_is_the_slope_of_the_margins(network):
    """Piecewise polynomial, so that a difference quotient in 50 digits is the derivative."""
    rng = np.random.default_rng(0)
    params = network.draw(4)
    move = tuple(rng.standard_normal(layer.shape) for layer in params)
    cotangent = rng.standard_normal(network.margins(params).shape)
    step = mpmath.mpf(10) ** -20
    with mpmath.workdps(50):
        exact = [np.vectorize(mpmath.mpf, otypes=[object])(layer) for layer in params]
        ahead = [w + step * m for w, m in zip(exact, move, strict=True)]
        change = np.array(plain_margins(network, ahead)) - np.array(plain_margins(network, exact))
        expected = float((change * cotangent).sum() / step)
    found = sum(np.sum(g * m) for g, m in zip(network.vjp(params, cotangent), move, strict=True))
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-11)


def test_the_gradient_is_that_of_torch(network):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    params = network.draw(5)
    cotangent = np.random.default_rng(1).standard_normal(network.margins(params).shape)
    layers = [torch.tensor(layer, requires_grad=True) for layer in params]
    units = torch.tensor(np.array(network.linear.features))
    for layer in layers[:-1]:
        units = torch.nn.functional.leaky_relu(units @ layer, network.negative_slope)
    scores, labels = units @ layers[-1], np.array(network.linear.labels)
    if scores.ndim == 1:
        margins = (torch.tensor(np.where(labels == 1, 1.0, -1.0)) * scores)[:, None]
    else:
        others = np.array([[k for k in range(scores.shape[1]) if k != y] for y in labels])
        own = scores[np.arange(len(labels)), labels]
        margins = own[:, None] - torch.gather(scores, 1, torch.tensor(others))
    (margins * torch.tensor(cotangent)).sum().backward()
    for found, layer in zip(network.vjp(params, cotangent), layers, strict=True):
        np.testing.assert_allclose(found, layer.grad.numpy(), rtol=0, atol=1e-12)


@given(st.floats(1e-3, 1e3))
def test_margins_are_homogeneous(factor):
    for hidden in SHAPES:
        network = mf.NetworkMargins(THREE, hidden)
        params = network.draw(6)
        expected = factor**network.homogeneity * network.margins(params)
        found = network.margins(tuple(factor * layer for layer in params))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())


def test_chosen_samples_have_their_own_margins(network):
    params, samples = network.draw(7), np.array([4, 0])
    found = network.take(samples).margins(params)
    np.testing.assert_allclose(found, network.margins(params)[samples], rtol=0, atol=1e-13)


def test_a_vector_of_all_weights_is_taken_apart(network):
    params = network.draw(8)
    again = network.layers(np.concatenate([layer.ravel() for layer in params]))
    for one, other in zip(params, again, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="flat: expected shape"):
        network.layers(np.zeros(1))


def test_drawn_weights_keep_the_mean_square_of_the_units():
    data = (np.random.default_rng(0).standard_normal((200, 400)), np.arange(200) % 2)
    network = mf.NetworkMargins(data, (400, 400))
    units = network._activations(network.draw(0))
    # half of each layer's square sum passes the rectifier; 400 units: 5 % of spread, twice over
    assert np.mean(units[2] ** 2) == pytest.approx(np.mean(units[0] ** 2), rel=0.25)


@pytest.mark.parametrize("hidden", [(0,), (2.5,), (3, -1)])
def test_a_width_is_a_whole_number(hidden):
    with pytest.raises(ValueError, match="hidden: expected whole numbers"):
        mf.NetworkMargins(THREE, hidden)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="negative_slope"):
        mf.NetworkMargins(THREE, (3,), negative_slope=-0.1)
    with pytest.raises(TypeError, match="NetworkMargins expects margins that are linear"):
        mf.NetworkMargins(mf.RobustMargins(THREE, 0.1))
    network = mf.NetworkMargins(THREE, (3,))
    with pytest.raises(ValueError, match="draw"):
        network.margins((np.zeros((4, 3)), np.zeros((2, 3))))
    for wrong, match in [(None, "draw"), (network.draw(0)[:1], "expected layers of shapes")]:
        with pytest.raises(ValueError, match=match):
            mf.train(network, "cross-entropy", mf.LossBasedGD(), steps=1, initial=wrong)
