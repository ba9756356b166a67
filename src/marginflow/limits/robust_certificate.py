"""What can be proved about weights and a dual against bounded perturbations, whoever made them.

As in `certificate`, the data, the weights W, a dual α ≥ 0 and directions g are read and nothing
else; every bound holds for float64 inputs taken as exact numbers, all rounding included.

**The problem.**  Minimize ½‖W‖_F² subject to u_ik(W) = x_i·w_yk − ε‖w_yk‖_q ≥ 1, with
w_yk = w_{y_i} − w_k, or w itself in the binary map.  Since ‖w_yk‖_q is the largest g·w_yk over
‖g‖_p ≤ 1, a constraint stands for those of all rows (x_i − ε g)(e_{y_i} − e_k)ᵀ, linear in W.

**The margin.**  Margins are homogeneous of degree 1: with m > 0 the least of W, W/m is feasible, so
the best margin 1/‖Ŵ‖ is at least m/‖W‖.  For any α ≥ 0 and any g_yk = −g_ky of p-norm at most 1,
put V = Σ α_ik (x_i − ε g_{y_i k})(e_{y_i} − e_k)ᵀ.  Then Σα − ½‖V‖² is at most ½‖Ŵ‖², and any W' of
norm 1 has Σ α u(W') ≤ ⟨V, W'⟩ ≤ ‖V‖, so the best margin is at most ‖V‖/Σα.  One g for each two
classes is enough: the worst perturbations of all samples between them are the same.

**The weights.**  The objective is 1-strongly convex, so ‖F − Ŵ‖² ≤ ‖F‖² − (Σα)²/‖V‖², F = W/m.

**Nothing separates.**  Let β_yk be the sum of α over the pairs of two classes.  If
Aᵀα = Σ_{y<k} ζ_yk (e_y − e_k)ᵀ and r is the largest ‖ζ_yk‖_p/β_yk, then at every radius ε ≥ r and
for every W, Σ α u(W) ≤ Σ (‖ζ_yk‖_p − ε β_yk) ‖w_yk‖_q ≤ 0: some margin is not positive.  Any ζ
near that is moved onto it: R = Aᵀα − Σ ζ (e_y − e_k)ᵀ has columns of sum zero, and along a tree
of class pairs, from the leaves on, each class hands what it misses to the next.  Where some classes
alone are inseparable, the dual of other class pairs is rounding, and is left out.  In the binary
map ζ = Aᵀα, and r is the upper bound ‖Aᵀα‖_p/Σα of the best margin in the q-norm: weights that
separate exist if and only if ε is below that margin.
"""

import math
from dataclasses import dataclass

import equinox as eqx
import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.sparse import csgraph

from marginflow._types import AnyArray
from marginflow.limits.certificate import checked
from marginflow.limits.compensated import UNIT, gamma, inflate
from marginflow.limits.norm_bounds import norm_upper
from marginflow.limits.pair_products import (
    gather,
    pair_margins,
    pair_rows,
    row_norm_bounds,
    row_sum,
)
from marginflow.limits.scaling import take_out_scale
from marginflow.margins import RobustMargins
from marginflow.margins.robust import differences
from marginflow.norms import Norm, as_norm

_NEGLIGIBLE = (
    0.0,
    1e-9,
    1e-6,
    1e-3,
)  # shares of the largest β below which class pairs are left out
_EXAMINED = 20_000  # pairs computed in doubled precision; with more, looser bounds serve


@dataclass(frozen=True, eq=False)
class RobustCertificate:
    """Proved bounds on weights as a solution of the robust max-margin problem.

    Attributes:
        least_margin: a lower bound of the least robust margin.
        relative_gap: 1 − margin_lower/margin_upper; infinite where the weights do not separate.
        weights_error_bound: ‖W − Ŵ‖_F is at most this.
        margin_lower: the best margin 1/‖Ŵ‖_F is at least this.
        margin_upper: and at most this.
        directions: g of each two classes, (d, K, K) with g_yk = −g_ky, or (d, 1) in the binary map:
            the perturbation −ε g is worst for the samples of class y against class k.
    """

    least_margin: float
    relative_gap: float
    weights_error_bound: float
    margin_lower: float
    margin_upper: float
    directions: Float[np.ndarray, "*table"]


@dataclass(frozen=True, eq=False)
class RobustInseparability:
    """Weights over pairs for which perturbations within the radius leave no positive margin.

    Attributes:
        dual: α ≥ 0, sum 1: (n, K), or (n,) in the binary map.
        radius: ε.
        radius_bound: at this radius and beyond, nothing separates: proved.
        epsilon: no weights of Frobenius norm 1 give every pair a robust margin above this.
        proved: whether the radius is at least `radius_bound`.
        statement: all this in a sentence.
    """

    dual: Float[np.ndarray, "*dual"]
    radius: float
    radius_bound: float
    epsilon: float
    proved: bool
    statement: str


def certify_robust_margin(
    robust: RobustMargins, weights: AnyArray, dual: AnyArray, directions: AnyArray
) -> RobustCertificate:
    """Prove how far weights are from the largest robust margin in the Frobenius norm.

    Nothing is assumed of the arguments but their shapes; worse ones give looser bounds.  Negative
    entries of the dual count as zero, directions longer than 1 are shortened, and of each two
    classes the one with y < k is read.

    Args:
        robust: the margin map.
        weights: (d, K), or (d,) in the binary map.
        dual: (n, K), or (n,) in the binary map: α ≥ 0.
        directions: (d, K, K), or (d, 1) in the binary map.

    Returns:
        The proved bounds; the module's docstring derives them.

    Raises:
        ValueError: if a shape does not fit or an entry is not finite.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> from marginflow.limits import certify_robust_margin
        >>> maps = mf.RobustMargins((np.array([[2.0, 0.0], [-2.0, 0.0]]), [1, 0]), 0.5, "max")
        >>> proof = certify_robust_margin(
        ...     maps, np.array([1.0, 0.0]), np.array([1.0, 0.0]), np.array([[1.0], [0.0]])
        ... )
        >>> round(proof.margin_lower, 12), round(proof.margin_upper, 12)
        (1.5, 1.5)
    """
    robust, exponent = scaled_robust(robust)
    weights = np.ldexp(checked(weights, robust.weights_shape, "weights"), exponent)
    directions = _shortened(robust, directions)
    upper = _margin_upper(robust, _columns(robust, dual), directions)
    least = _least_margin(robust, weights)
    lower, gap, bound = 0.0, math.inf, math.inf
    if least > 0:
        size = float(np.linalg.norm(weights))
        lower = least / norm_upper(as_norm("frobenius"), weights) * (1.0 - gamma(4))
        gap = max(1.0 - lower / upper, 0.0) + gamma(4) if upper > 0 else math.inf
        if gap < 1:
            away = math.sqrt(inflate(gap * (2.0 - gap))) / lower
            bound = float(np.ldexp(inflate(away + abs(1.0 / least - 1.0) * size), -exponent))
    return RobustCertificate(
        least_margin=least,
        relative_gap=gap,
        weights_error_bound=bound,
        margin_lower=float(np.ldexp(lower, exponent)),
        margin_upper=float(np.ldexp(upper, exponent)),
        directions=directions,
    )


def certify_robust_inseparability(
    robust: RobustMargins, dual: AnyArray, directions: AnyArray
) -> RobustInseparability:
    """Prove from which radius on nothing separates, from a dual and directions near a proof.

    Args:
        robust: the margin map.
        dual: (n, K), or (n,) in the binary map: α ≥ 0, not all zero.
        directions: (d, K, K), or (d, 1) in the binary map.

    Raises:
        ValueError: if a shape does not fit or an entry is not finite.
    """
    radius = float(robust.radius)
    robust, exponent = scaled_robust(robust)
    directions, columns = _shortened(robust, directions), _columns(robust, dual)
    tried = [_without_negligible(robust, columns, share) for share in _NEGLIGIBLE]
    bounds = [_radius_bound(robust, each, directions) for each in tried]
    bound, columns = float(np.ldexp(min(bounds), exponent)), tried[int(np.argmin(bounds))]
    epsilon = float(np.ldexp(_margin_upper(robust, columns, directions), exponent))
    proved = bound <= radius
    statement = (
        f"perturbations of {robust.norm.name} norm {radius:.6g} leave no weights with every margin "
        f"positive; none do from {bound:.6g} on (proved, all rounding bounded)."
        if proved
        else f"no weights of norm 1 give every pair a robust margin above {epsilon:.2g}."
    )
    dual = np.asarray(robust.linear.to_dual(columns))
    return RobustInseparability(dual, radius, bound, epsilon, proved, statement)


def _without_negligible(
    robust: RobustMargins, columns: Float[np.ndarray, "n c"], share: float
) -> Float[np.ndarray, "n c"]:
    """A dual of sum 1, without class pairs whose part is below this share of the largest."""
    forces = np.asarray(robust.class_forces(columns))
    kept = np.asarray(robust.per_pair(forces > share * forces.max()))
    columns = np.where(kept, columns, 0.0)
    return columns / columns.sum()


def _radius_bound(
    robust: RobustMargins,
    columns: Float[np.ndarray, "n c"],
    directions: Float[np.ndarray, "*table"],
) -> float:
    """The largest ‖ζ‖_p/β from above, with ζ moved onto Aᵀα."""
    image, errors = _image(robust, columns)
    forces = np.asarray(robust.class_forces(columns))
    low = forces * (1.0 - gamma(columns.size + 4))
    if image.ndim == 1:
        return norm_upper(robust.norm, image, errors) / float(low[0]) * (1.0 + gamma(4))
    parts = float(robust.radius) * forces * directions
    missing = image - parts.sum(axis=-1)
    unsure = errors + gamma(len(low) + 4) * (np.abs(image) + np.abs(parts).sum(axis=-1))
    shaky = np.zeros_like(parts)
    for child, parent in _leaves_first(forces):
        parts[:, child, parent] += missing[:, child]
        unsure[:, child] += gamma(4) * np.abs(parts[:, child, parent])
        parts[:, parent, child] = -parts[:, child, parent]
        shaky[:, child, parent] = shaky[:, parent, child] = inflate(unsure[:, child])
        missing[:, parent] += missing[:, child]
        unsure[:, parent] += unsure[:, child] + gamma(4) * np.abs(missing[:, parent])
    ratios = _lengths(robust.norm, parts, shaky)[forces > 0] / low[forces > 0]
    return float(ratios.max()) * (1.0 + gamma(4))


def _leaves_first(forces: Float[np.ndarray, "k k"]) -> list[tuple[int, int]]:
    """A tree over the classes, or one a component, along the largest forces: child and parent."""
    used = forces > 0
    costs = np.where(used, forces.max() / np.where(used, forces, 1.0), 0.0)
    tree = csgraph.minimum_spanning_tree(sparse.csr_array(costs))
    found, seen = [], set()
    for root in range(len(forces)):
        if root not in seen:
            order, parents = csgraph.breadth_first_order(tree, root, directed=False)
            seen.update(order.tolist())
            found += [(int(child), int(parents[child])) for child in order[:0:-1]]
    return found


def scaled_robust(robust: RobustMargins) -> tuple[RobustMargins, int]:
    """The map with features below 1 and the exponent of the power of two taken out of them."""
    scaled = take_out_scale(robust.linear)
    radius = float(np.ldexp(float(robust.radius), -scaled.exponent))
    parts = (scaled.maps, radius)
    return eqx.tree_at(lambda maps: (maps.linear, maps.radius), robust, parts), scaled.exponent


def _columns(robust: RobustMargins, dual: AnyArray) -> Float[np.ndarray, "n c"]:
    """A dual as non-negative values of all pairs."""
    linear = robust.linear
    shape = np.shape(linear.to_dual(np.zeros((linear.n_samples, linear.n_columns))))
    return np.maximum(np.asarray(linear.from_dual(checked(dual, shape, "dual"))), 0.0)


def _shortened(robust: RobustMargins, directions: AnyArray) -> Float[np.ndarray, "*table"]:
    """Directions with g_yk = −g_ky, each of norm at most 1."""
    shape = differences(np.zeros(robust.weights_shape)).shape
    found = checked(directions, shape, "directions")
    if found.ndim == 3:
        found = np.triu(found)
        found = found - found.swapaxes(1, 2)
    lengths = _lengths(robust.norm, found, np.zeros_like(found))
    return found / np.where(lengths > 1.0, lengths * (1.0 + gamma(8)), 1.0)


def _lengths(
    norm: Norm, table: Float[np.ndarray, "*table"], errors: Float[np.ndarray, "*table"]
) -> Float[np.ndarray, "*classpairs"]:
    """Upper bounds of the norms of vectors along the first axis."""
    flat, unsure = (part.reshape(len(table), -1).T for part in (table, errors))
    found = [norm_upper(norm, *pair) for pair in zip(flat, unsure, strict=True)]
    return np.array(found).reshape(table.shape[1:])


def _least_margin(robust: RobustMargins, weights: Float[np.ndarray, "*shape"]) -> float:
    """A lower bound of the least robust margin."""
    linear, table = robust.linear, np.asarray(differences(weights))
    lengths = _lengths(robust.norm.dual, table, UNIT * np.abs(table))
    falls = float(robust.radius) * lengths * (1.0 + gamma(2))
    shape = (linear.n_samples, linear.n_columns)
    fall = gather(np.broadcast_to(np.asarray(robust.per_pair(falls)), shape))
    margins = gather(linear.margins(weights))
    size = float(np.linalg.norm(weights))
    radii = gamma(weights.size + 4) * size * np.tile(row_norm_bounds(linear), linear.n_columns)
    radii = inflate(radii + 4.0 * UNIT * (np.abs(margins) + fall))
    near = np.flatnonzero(margins - radii - fall <= (margins + radii - fall).min())
    if len(near) > _EXAMINED:
        return float((margins - radii - fall).min())
    values, errors = pair_margins(linear, near, weights)
    unsure = inflate(errors + 4.0 * UNIT * (np.abs(values) + fall[near]))
    return float((values - fall[near] - unsure).min())


def _image(
    robust: RobustMargins, columns: Float[np.ndarray, "n c"]
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """Aᵀα, and bounds on the errors of its entries."""
    values, shape = gather(columns), robust.weights_shape
    support = np.flatnonzero(values)
    image, errors = row_sum(pair_rows(robust.linear, support), values[support])
    return image.reshape(shape), errors.reshape(shape)


def _margin_upper(
    robust: RobustMargins,
    columns: Float[np.ndarray, "n c"],
    directions: Float[np.ndarray, "*table"],
) -> float:
    """‖V‖/Σα from above; infinite for α = 0."""
    if not columns.any():
        return math.inf
    columns = np.ldexp(columns, -int(np.frexp(columns.max())[1]))
    image, errors = _image(robust, columns)
    parts = float(robust.radius) * robust.class_forces(columns) * directions
    pushed, sizes = parts.sum(axis=-1), np.abs(parts).sum(axis=-1)
    unsure = errors + gamma(columns.size + parts.shape[-1] + 8) * sizes + gamma(2) * np.abs(image)
    pull = norm_upper(as_norm("frobenius"), image - pushed, inflate(unsure))
    return pull / float(columns.sum()) * (1.0 + gamma(columns.size + 4))
