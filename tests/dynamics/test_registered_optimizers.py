"""Laws of every registered optimizer.

One compiled run an optimizer serves them all: four lanes side by side by `vmap`, over its settings
and over the initial weights.  Two lanes are compared with a plain NumPy loop of the formula, which
is itself compared with PyTorch and optax.  The other two start from weights R and R + T Ŵ, where
every margin of Ŵ is 1 and T is 10⁵: under the multiclass exponential loss the gradients differ by
the factor e^(−T) alone, so that a method without a scale makes the same steps.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tests.dynamics.optimizer_oracles import STEPS, adam_direction, loop
from tests.dynamics.oracles import SLOPES, multiclass_gradient

import marginflow as mf
from marginflow.dynamics.descent import Descent
from marginflow.dynamics.objective import MarginObjective
from marginflow.dynamics.optimizers.eps_takeover import mostly_below

GENERATOR = np.random.default_rng(0)
FEATURES = GENERATOR.standard_normal((6, 6))
LABELS = np.array([0, 1, 2, 0, 1, 2])
FLAT = np.linalg.solve(FEATURES, np.eye(3)[LABELS])  # every margin is 1
INITIAL, OTHER = 0.1 * GENERATOR.standard_normal((2, 6, 3))
FAR = 1e5
SETTINGS = {"steepest": {"norm": "l3"}}
STEPS_RUN = 250
RATES = {"gd": 0.01, "heavy-ball": 0.003, "nesterov": 0.003}
WITHOUT_SCALE = {
    *("normalized-gd", "steepest", "sign", "signum", "spectral", "muon", "muon-exact", "nuclear"),
    *("class-normalized", "coordinate", "rmsprop", "adam", "lion", "dual-momentum"),
    "loss-based-gd",
}


@pytest.fixture(params=mf.registered_optimizers())
def name(request):
    return request.param


def make(name, rate, **more):
    return mf.get_optimizer(name, learning_rate=rate, **SETTINGS.get(name, {}), **more)


@eqx.filter_jit
def carry(optimizers, starts, steps):
    objective = MarginObjective(
        mf.MulticlassMargins((FEATURES, LABELS)),
        mf.MulticlassExponential(),
        scaled=optimizers.scale_free,
    )

    @eqx.filter_vmap
    def lane(optimizer, start):
        dynamics = Descent(objective, optimizer)
        state = jax.lax.fori_loop(0, steps, lambda *at: dynamics.step(*at), dynamics.init(start))
        return state.params, state.memory

    return lane(optimizers, starts)


def stack(*trees):
    return jax.tree.map(
        lambda *leaves: jnp.stack(leaves) if eqx.is_array(leaves[0]) else leaves[0], *trees
    )


@functools.cache
def lanes(name):
    rate = RATES.get(name, 0.01)
    with mf.x64():
        one, two = make(name, rate), make(name, 2 * rate)
        bare = make(name, rate, eps=0) if hasattr(one, "eps") else one
        starts = jnp.asarray([INITIAL, OTHER, INITIAL, INITIAL + FAR * FLAT])
        steps = jnp.asarray(STEPS_RUN)
        params, memory = carry(stack(one, two, bare, bare), starts, steps)
        return np.asarray(params), jax.tree.map(np.asarray, memory)


def gradient(W):
    value = multiclass_gradient(FEATURES, LABELS, W, SLOPES["multiclass-exponential"])
    scores = FEATURES @ W
    others = np.array([[k for k in range(3) if k != label] for label in LABELS])
    own = scores[np.arange(len(LABELS)), LABELS][:, None]
    return value, np.sum(np.exp(np.take_along_axis(scores, others, axis=1) - own))


def test_iterates_are_those_of_the_formula(name):
    rate, steps = RATES.get(name, 0.01), STEPS_RUN
    ours = lanes(name)[0]
    for lane, (start, factor) in enumerate([(INITIAL, 1), (OTHER, 2)]):
        theirs = loop(name, gradient, start, factor * rate, steps)[-1]
        assert np.max(np.abs(theirs - start)) > 0.05
        atol = 1e-10 * np.max(np.abs(theirs))
        np.testing.assert_allclose(ours[lane], theirs, rtol=0, atol=atol)


@pytest.mark.parametrize("name", sorted(WITHOUT_SCALE))
def test_scale_free_methods_run_on_where_the_gradient_is_zero(name):
    near, far = lanes(name)[0][2:]
    # weights of 10^5 round by 10^-11 at a step, and with them the margins
    np.testing.assert_allclose(far - FAR * FLAT, near, rtol=0, atol=1e-6)


def test_the_first_state_is_of_the_types_of_later_ones(name):
    """Otherwise the loop compiles twice."""
    objective = MarginObjective(mf.MulticlassMargins((FEATURES, LABELS)), mf.CrossEntropy())
    with mf.x64():
        optimizer = jax.tree.map(
            lambda leaf: jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf,
            make(name, RATES.get(name, 0.01)),
        )
        state = Descent(objective, optimizer).init(jnp.asarray(INITIAL))
        assert not any(jnp.asarray(leaf).aval.weak_type for leaf in jax.tree.leaves(state))


def test_every_optimizer_has_an_oracle():
    assert set(STEPS) == set(mf.registered_optimizers())


def sequence(count=60):
    rng = np.random.default_rng(1)
    return [rng.standard_normal((4, 3)) * 10.0 ** rng.uniform(-3, 1) for _ in range(count)]


TORCH = {
    "heavy-ball": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", {}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
}


@pytest.mark.parametrize("name", TORCH)
def test_formula_is_that_of_torch(name):
    torch = pytest.importorskip("torch")
    kind, settings = TORCH[name]
    weights = torch.nn.Parameter(torch.tensor(np.ones((4, 3))))
    optimizer = getattr(torch.optim, kind)([weights], lr=0.01, **settings)
    gradients = iter(sequence())
    theirs = loop(name, lambda W: (next(gradients), 1.0), np.ones((4, 3)), 0.01, 60)[-1]
    for value in sequence():
        weights.grad = torch.tensor(value)
        optimizer.step()
    np.testing.assert_allclose(weights.detach().numpy(), theirs, rtol=1e-12)


OPTAX = {
    "lion": optax.lion(0.01, weight_decay=0.0),
    "adam": optax.adam(0.01),
    "nesterov": optax.sgd(0.01, momentum=0.9, nesterov=True),
}


@pytest.mark.parametrize("name", OPTAX)
def test_formula_is_that_of_optax(name):
    gradients = iter(sequence())
    theirs = loop(name, lambda W: (next(gradients), 1.0), np.ones((4, 3)), 0.01, 60)[-1]
    with mf.x64():
        weights = jnp.ones((4, 3))
        state, update = OPTAX[name].init(weights), jax.jit(OPTAX[name].update)
        for value in sequence():
            step, state = update(jnp.asarray(value), state, weights)
            weights = weights + step
        np.testing.assert_allclose(weights, theirs, rtol=1e-12)


@pytest.mark.parametrize("name", ["adam", "rmsprop", "adagrad"])
def test_takeover_is_the_step_at_which_the_median_root_falls_below_eps(name):
    eps = {"adam": 0.3, "rmsprop": 0.1, "adagrad": 20.0}[name]
    memory, W, wanted = {}, INITIAL, -1
    for t in range(400):
        G = gradient(W)[0]
        if name == "adam":
            step = adam_direction(G, t, memory, eps)
            root = memory["root"]
        else:
            decay, weight = {"rmsprop": (0.99, 0.01), "adagrad": (1.0, 1.0)}[name]
            memory["v"] = decay * memory.get("v", 0.0) + weight * G**2
            root = np.sqrt(memory["v"])
            step = G / (root + eps)
        W = W - 0.05 * step
        if wanted < 0 and 2 * np.sum(root < eps) >= root.size:
            wanted = t + 1
    # a sum of squares only grows: where it is below eps in the end, it was from the first step on
    assert wanted == 1 if name == "adagrad" else wanted > 100
    with mf.x64():
        one = make(name, 0.05, eps=eps)
        lanes = stack(one, one, one, make(name, 0.05, eps=0.0))
        _, memory = carry(lanes, jnp.asarray([INITIAL] * 4), jnp.asarray(400))
    since = np.asarray(memory.since)
    np.testing.assert_array_equal(since, [wanted, wanted, wanted, -1])
    after = one.takeover(jax.tree.map(lambda leaf: leaf[0], memory))
    assert after is not None
    assert after[0] == wanted
    assert f"learning_rate/eps = {0.05 / eps:.3g}" in after[1]


def test_half_of_the_entries_is_a_takeover():
    with mf.x64():
        roots = {"a": jnp.asarray([1.0, 3.0]), "b": jnp.asarray([[2.0, 4.0]])}
        assert bool(mostly_below(roots, jnp.asarray(2.5)))
        assert not bool(mostly_below(roots, jnp.asarray(2.0)))
