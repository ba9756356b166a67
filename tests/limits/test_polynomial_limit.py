"""`polynomial_limit` is where polynomial tails end, and its bounds hold in fifty digits."""

import cvxpy as cp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from tests.limits.oracles import all_pairs, float_row
from tests.limits.problems import barely_separable, teacher_problem

import marginflow as mf
from marginflow.limits import certify_polynomial_limit


def rows_of(features, labels):
    n_classes = max(labels) + 1
    pairs = all_pairs(labels, n_classes)
    return np.stack([float_row(features, labels, n_classes, pair) for pair in pairs])


def weights_of_rows(labels, omega):
    return np.repeat(omega, max(labels))


def unit(vector):
    return np.ravel(vector) / np.linalg.norm(vector)


def exact_limit(rows, start, degree, omega):
    """The minimizer of ½‖w‖² + (1/p) Σ ω u^(−p) by Newton's method in fifty digits.

    Weights are w = Aᵀα/…: unknown coordinates in an orthonormal basis would round, so the full
    vector is kept; the Hessian exceeds the identity.
    """
    with mpmath.workdps(50):
        a, w = mpmath.matrix(rows.tolist()), mpmath.matrix(np.ravel(start).tolist())
        p, om = mpmath.mpf(degree), [mpmath.mpf(float(value)) for value in omega]
        for _ in range(8):
            u = a * w
            pulls = [o * x ** (-p - 1) for o, x in zip(om, u, strict=True)]
            gradient = w - a.T * mpmath.matrix(pulls)
            hessian = mpmath.eye(len(w))
            scaled = a.copy()
            for i, (pull, x) in enumerate(zip(pulls, u, strict=True)):
                for j in range(len(w)):
                    scaled[i, j] = a[i, j] * (p + 1) * pull / x
            hessian += a.T * scaled
            w = w - mpmath.lu_solve(hessian, gradient)
        assert mpmath.norm(gradient) < mpmath.mpf(10) ** -30
        return w


def exact_distances(weights, exact):
    """‖W − W*‖ and that of the directions, in fifty digits."""
    with mpmath.workdps(50):
        w = mpmath.matrix(np.ravel(weights).tolist())
        apart = mpmath.norm(w - exact)
        turned = mpmath.norm(w / mpmath.norm(w) - exact / mpmath.norm(exact))
        return float(apart), float(turned)


@pytest.mark.parametrize("degree", [1e-2, 0.5, 1.0, 3.0, 100.0])
@pytest.mark.parametrize(
    ("seed", "n_samples", "n_features", "n_classes"), [(0, 12, 3, 2), (1, 10, 3, 3), (2, 6, 20, 2)]
)
def test_the_bounds_hold_in_fifty_digits(seed, n_samples, n_features, n_classes, degree):
    features, labels = teacher_problem(seed, n_samples, n_features, n_classes)
    omega = np.random.default_rng(seed).uniform(0.2, 5.0, n_samples)
    found = mf.polynomial_limit((features, labels), degree, omega)
    rows = rows_of(features, labels)
    exact = exact_limit(rows, found.weights, degree, weights_of_rows(labels, omega))
    apart, turned = exact_distances(found.weights, exact)
    assert apart <= found.weights_error_bound
    assert turned <= found.direction_error_bound <= 2e-14 * (10 + degree)
    assert found.margin == pytest.approx(np.min(rows @ unit(found.weights)), rel=1e-12)


CLARABEL = {"solver": cp.CLARABEL, "tol_gap_abs": 1e-10, "tol_gap_rel": 1e-10, "tol_feas": 1e-10}
SCS = {"solver": cp.SCS, "eps": 1e-9, "max_iters": 100_000}


@pytest.mark.parametrize(("degree", "options"), [(0.3, SCS), (1.0, SCS), (4.0, CLARABEL)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_agrees_with_a_conic_solver(n_classes, degree, options):
    features, labels = teacher_problem(3, 15, 4, n_classes)
    omega = np.random.default_rng(0).uniform(0.5, 2.0, 15)
    rows = rows_of(features, labels)
    weights = cp.Variable(rows.shape[1])
    tail = weights_of_rows(labels, omega) @ cp.power(rows @ weights, -degree, approx=False)
    cp.Problem(cp.Minimize(tail), [cp.norm(weights) <= 1]).solve(**options)
    found = mf.polynomial_limit((features, labels), degree, omega)
    assert found.direction.ravel() == pytest.approx(unit(weights.value), abs=1e-6)


@pytest.mark.parametrize("degree", [0.05, 1.0, 8.0])
def test_it_agrees_with_a_general_minimizer_on_the_sphere(degree):
    features, labels = teacher_problem(4, 20, 3, 2)
    rows = rows_of(features, labels)
    start = mf.max_margin((features, labels)).weights

    def value(w):
        margins = rows @ unit(w)
        return np.log(np.sum(margins**-degree)) if margins.min() > 0 else np.inf

    options = {"xatol": 1e-10, "fatol": 1e-16, "maxiter": 4000}
    best = minimize(value, start, method="Nelder-Mead", options=options).x
    found = mf.polynomial_limit((features, labels), degree)
    assert found.direction == pytest.approx(unit(best), abs=1e-5)


@pytest.mark.parametrize("degree", [1.0, 2.0])
def test_flow_and_descent_end_there_and_grow_as_predicted(degree):
    data = mf.Dataset(*teacher_problem(5, 20, 4, 3))
    found, loss = mf.polynomial_limit(data, degree), mf.PolynomialLoss(degree=degree)
    log_time = 36 * (degree + 2)
    flow = mf.gradient_flow(data, loss, log_time=log_time)
    assert mf.direction_error(flow.weights, found.weights).distance <= 1e-6
    growth = np.exp((np.log(degree * (degree + 2)) + log_time) / (degree + 2))
    assert np.linalg.norm(flow.weights) == pytest.approx(
        growth * np.linalg.norm(found.weights), rel=1e-5
    )
    # step by step the 1 in (1 + u)^(−p) is still felt, as 1/‖w‖ of the direction
    rate, felt = mf.step_bound(data, loss).value, []
    for steps in (10**5, 10**6):
        run = mf.gradient_descent(data, loss, learning_rate=rate, steps=steps)
        error = mf.direction_error(run.weights, found.weights).distance
        felt.append(error * np.linalg.norm(run.weights))
    assert error < 0.01
    assert felt[1] == pytest.approx(felt[0], rel=0.05)


def test_sample_weights_are_repeated_rows():
    features, labels = teacher_problem(6, 15, 4, 3)
    times = 1 + np.arange(15) % 4
    weighted = mf.polynomial_limit((features, labels), 1.5, times)
    repeats = np.repeat(features, times, axis=0), np.repeat(labels, times)
    repeated = mf.polynomial_limit(repeats, 1.5)
    assert weighted.weights == pytest.approx(repeated.weights, rel=1e-10, abs=1e-12)
    shares = np.repeat(weighted.dual / times[:, None], times, axis=0)
    assert repeated.dual == pytest.approx(shares, rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_dual_makes_the_weights(n_classes):
    data = mf.Dataset(*teacher_problem(7, 30, 5, n_classes))
    found = mf.polynomial_limit(data, 1.0)
    maps = mf.BinaryMargins(data) if n_classes == 2 else mf.MulticlassMargins(data)
    assert np.all(maps.from_dual(found.dual) > 0)
    made = maps.adjoint(maps.from_dual(found.dual))
    assert made == pytest.approx(found.weights, rel=1e-9, abs=1e-11)


def test_two_classes_have_one_weight_vector_or_two():
    data = mf.Dataset(*teacher_problem(8, 20, 3, 2))
    one = mf.polynomial_limit(data, 1.0).direction
    two = mf.polynomial_limit(mf.MulticlassMargins(data), 1.0).direction
    assert np.stack([-one, one], axis=1) / np.sqrt(2) == pytest.approx(two, abs=1e-12)


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_as_the_degree_grows_it_tends_to_the_svm(name):
    data = mf.load_dataset(name)
    best = unit(mf.max_margin(data).weights)
    degrees = np.array([10.0, 100.0, 1000.0, 10000.0])
    limits = [mf.polynomial_limit(data, degree) for degree in degrees]
    apart = np.array([np.linalg.norm(unit(limit.weights) - best) for limit in limits])
    assert np.all(np.diff(apart) < 0)
    assert apart[-1] < 1e-3
    # margins between the best and n^(−1/p) of it: Σ u^(−p) at the best is at most N times its least
    top = mf.max_margin(data).margin
    pairs = data.n_samples * (data.n_classes - 1)
    for limit, degree in zip(limits, degrees, strict=True):
        assert top * pairs ** (-1 / degree) <= limit.margin <= top


@pytest.mark.parametrize("degree", [1e-2, 1.0, 100.0])
@pytest.mark.parametrize("scale", [1e-140, 2.0**-20, 1e3, 1e140])
def test_units_change_nothing_but_the_length(scale, degree):
    features, labels = teacher_problem(9, 25, 4, 3)
    found = mf.polynomial_limit((features * scale, labels), degree)
    plain = mf.polynomial_limit((features, labels), degree)
    assert found.direction == pytest.approx(plain.direction, abs=1e-12 * (1 + degree))
    length = np.linalg.norm(plain.weights) * scale ** (-degree / (degree + 2))
    assert np.linalg.norm(found.weights) == pytest.approx(length, rel=1e-11)
    assert found.margin == pytest.approx(plain.margin * scale, rel=1e-10)
    assert found.direction_error_bound < 1e-11


@pytest.mark.parametrize("gap", [1e-4, 1e-9])
@pytest.mark.parametrize("degree", [1e-2, 1.0, 100.0])
def test_barely_separable_data_are_solved(gap, degree):
    found = mf.polynomial_limit(barely_separable(0, 60, 4, 3, gap), degree)
    assert found.status == "done"
    assert found.direction_error_bound < 1e-9


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.0])
def test_a_margin_of_a_billionth_is_solved(turn):
    # two samples (±1, δ): w = (0, (2/δ)^(1/3)) by hand, p = 1
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    features = np.array([[1.0, 1e-9], [1.0, -1e-9]]) @ rotation.T
    found = mf.polynomial_limit((features, [1, 0]), 1.0, throw=False)
    assert found.direction == pytest.approx(rotation @ [0.0, 1.0], abs=1e-6)
    assert found.status in ("done", "max_steps")
    if turn == 0.0:
        assert found.weights == pytest.approx([0.0, 2e9 ** (1 / 3)], rel=1e-12)


def test_many_weights_take_conjugate_gradients():
    features, labels = teacher_problem(10, 250, 1200, 3)
    found = mf.polynomial_limit((features[:60], labels[:60]), 1.0)
    wide = mf.polynomial_limit((features, labels), 1.0)
    assert wide.weights.size > 3000
    for limit, n in ((found, 60), (wide, 250)):
        assert limit.direction_error_bound < 1e-11
        maps = mf.MulticlassMargins((features[:n], labels[:n]))
        pulls = maps.margins(limit.weights) ** -2.0
        assert maps.adjoint(pulls) == pytest.approx(limit.weights, abs=1e-10)


def test_large_problems_have_bounds_from_plain_products():
    # more entries than are looked at in doubled precision; the answer is the same
    data = mf.gaussian_clusters(0, n_samples=12_000, n_features=40, n_classes=10, separation=20.0)
    found = mf.polynomial_limit(data, 1.0)
    assert 12_000 * 9 * found.weights.size > 2**25
    assert found.direction_error_bound < 1e-8
    maps = mf.MulticlassMargins(data)
    made = maps.adjoint(maps.margins(found.weights) ** -2.0)
    assert np.linalg.norm(made - found.weights) <= found.weights_error_bound


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 7.0]), st.floats(-9, -0.5))
def test_the_certificate_holds_for_any_weights(seed, degree, power):
    rng = np.random.default_rng(seed)
    features, labels = teacher_problem(seed, 8, 2, 2)
    best = mf.polynomial_limit((features, labels), degree)
    shift = 10**power * np.linalg.norm(best.weights) * rng.standard_normal(2)
    weights = best.weights + shift
    proof = certify_polynomial_limit((features, labels), weights, degree)
    rows = rows_of(features, labels)
    if (rows @ weights).min() <= 0:
        assert proof.least_margin <= 0
        assert proof.relative_gap == np.inf
        assert proof.direction_error_bound == 2.0
        return
    assert 0 < proof.least_margin <= (rows @ weights).min() * (1 + 1e-12)
    exact = exact_limit(rows, best.weights, degree, np.ones(8))
    apart, turned = exact_distances(weights, exact)
    assert apart <= proof.weights_error_bound
    assert turned <= proof.direction_error_bound

    def value(w):
        return 0.5 * w @ w + np.sum((rows @ w) ** -degree) / degree

    gap = (value(weights) - value(best.weights)) / (0.5 * weights @ weights)
    assert gap <= proof.relative_gap + 1e-13


class TestRefusals:
    def test_data_that_nothing_separates_come_with_a_proof(self):
        data = mf.load_dataset("iris")
        with pytest.raises(mf.NotSeparableError) as caught:
            mf.polynomial_limit(data, 1.0)
        assert caught.value.certificate.proved_exactly
        found = mf.polynomial_limit(data, 1.0, throw=False)
        assert found.status == "not_separable"
        assert np.all(np.isnan(found.weights))
        assert found.direction_error_bound == 2.0

    def test_too_few_steps_and_too_fine_a_gap_are_said(self):
        data = mf.load_dataset("wine")
        with pytest.raises(mf.NotConvergedError, match="not solved after 2 steps") as caught:
            mf.polynomial_limit(data, 1.0, max_steps=2)
        assert caught.value.result.relative_gap > 1e-12
        with pytest.raises(mf.NotConvergedError, match="rounding ends the progress"):
            mf.polynomial_limit(data, 1.0, rtol=1e-40)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"degree": 0.0}, "degree must be a finite number > 0, got 0.0"),
            ({"degree": np.inf}, "degree must be"),
            ({"degree": np.nan}, "degree must be"),
            ({"sample_weight": np.ones(3)}, r"\(16,\), got \(3,\)"),
            ({"sample_weight": np.zeros(16)}, "leave out a sample"),
            ({"rtol": 0.0}, "rtol must lie"),
            ({"max_steps": 0}, "max_steps must be"),
        ],
    )
    def test_arguments_out_of_range(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            mf.polynomial_limit(mf.soudry_toy(), **({"degree": 1.0} | arguments))

    @pytest.mark.parametrize(
        ("weights", "message"), [(np.ones(3), "shape"), (np.array([1.0, np.nan]), "finite")]
    )
    def test_weights_that_do_not_fit(self, weights, message):
        with pytest.raises(ValueError, match=message):
            certify_polynomial_limit(mf.soudry_toy(), weights, 1.0)


def test_what_it_shows():
    shown = repr(mf.polynomial_limit(mf.soudry_toy(), 1.0))
    assert "limit direction of the tail u^(−1)" in shown
    assert "direction_error_bound" in shown
