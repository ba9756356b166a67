"""The certificate of a network's weights as a stationary point of the margin problem.

Any multipliers λ ≥ 0 make a valid certificate; the best ones solve a problem that the package can
solve already.  Made linear at θ, with θ scaled to a least margin of 1, the margin problem is

    minimize ½‖z‖²  subject to  u_i + ⟨∇u_i, z − θ⟩ ≥ 1,

and by homogeneity ⟨∇u_i, θ⟩ = L u_i, so that with the rows a_i = ∇u_i/(1 + (L − 1) u_i) it is the
max-margin problem ⟨a_i, z⟩ ≥ 1.  Its dual, row by row over the same numbers, are the multipliers.
Pairs of large margin have none, so that the smallest margins alone are looked at.
"""

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float64

from marginflow.limits.compensated import UNIT
from marginflow.limits.kkt_residual import kkt_parts
from marginflow.limits.max_margin import max_margin
from marginflow.margins import BinaryMargins, MarginMap, as_margin_map

_PAIRS = 400  # of least margin, whose multipliers are solved for


@dataclass(frozen=True)
class KKTCertificate:
    """How nearly parameters satisfy the KKT conditions of min ½‖θ‖² subject to margins ≥ 1.

    Attributes:
        residual: stationarity² + complementarity, the duality gap of the problem made linear at θ
            over ½‖θ‖²; 0 at KKT points, infinite where a margin is not positive.
        stationarity: ‖θ − Σ λ ∇u‖/‖θ‖, with θ scaled to a least margin of 1.
        complementarity: Σ λ (u − 1)/½‖θ‖².
        normalized_margin: the least margin over ‖θ‖^L.
        multipliers: (n, K−1) λ ≥ 0.
    """

    residual: float
    stationarity: float
    complementarity: float
    normalized_margin: float
    multipliers: Float64[np.ndarray, "n c"]

    @property
    def n_support(self) -> int:
        """How many pairs have a positive multiplier."""
        return int(np.count_nonzero(self.multipliers))


def certify_kkt(
    data: Any, params: Any, multipliers: Any = None, *, max_pairs: int = _PAIRS
) -> KKTCertificate:
    """Measure how far parameters are from a KKT point of the margin problem.

    Minimize ½‖θ‖² subject to u_ik(θ) ≥ 1, with u homogeneous of degree L: where training of a
    homogeneous network by gradient descent is headed (Lyu & Li 2020, arXiv 1906.05890, theorem on
    KKT points; Ji & Telgarsky 2020, arXiv 2006.06657).  The parameters may have any scale.  All is
    formed in NumPy from the data and the parameters, nothing of the training loop is used.

    Args:
        data: a margin map, as `NetworkMargins`, a `Dataset` or a pair (features, labels).
        params: the map's parameters; of a network its layers, as a tuple or a list.
        multipliers: (n, K−1) λ ≥ 0 up to a common factor; the best ones are solved for by default.
        max_pairs: how many pairs, of least margin, may then have a multiplier.

    Returns:
        The residual with its parts.  It is computed in float64 and rounds to about 1e-15.

    Raises:
        ValueError: if the multipliers are of another shape or negative.

    Example:
        >>> import numpy as np
        >>> import marginflow as mf
        >>> data = (np.array([[1.0, 0.0], [-1.0, 0.5]]), [1, 0])
        >>> mf.certify_kkt(data, mf.max_margin(data).weights).residual < 1e-15
        True
        >>> mf.certify_kkt(data, np.array([1.0, -1.0])).residual
        0.5
    """
    maps = as_margin_map(data)
    params = tuple(params) if isinstance(params, list) else params
    params = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), params)
    margins = np.asarray(maps.margins(params))
    if multipliers is None:
        given = _best_multipliers(maps, params, margins, max_pairs)
    else:
        given = np.asarray(multipliers, dtype=np.float64)
        if given.shape != margins.shape or not (np.all(given >= 0) and np.all(np.isfinite(given))):
            raise ValueError(
                f"multipliers: expected finite numbers from 0 on in shape {margins.shape}, got "
                f"shape {given.shape}."
            )
    found = kkt_parts(maps, params, given)
    norm = np.sqrt(sum(np.vdot(leaf, leaf) for leaf in jax.tree.leaves(params)))
    separates = np.isfinite(found.residual)
    return KKTCertificate(
        residual=float(found.residual),
        stationarity=float(found.stationarity),
        complementarity=float(found.complementarity),
        normalized_margin=float(margins.min() / norm**maps.homogeneity) if norm else 0.0,
        multipliers=float(found.factor) * given if separates else np.zeros(margins.shape),
    )


def _best_multipliers(
    maps: MarginMap, params: Any, margins: np.ndarray, max_pairs: int
) -> np.ndarray:
    """Those of the problem made linear; zero everywhere where the parameters do not separate."""
    found, least = np.zeros(margins.shape), float(margins.min())
    if not least > 0:
        return found
    degree = maps.homogeneity
    scaled = jax.tree.map(lambda leaf: leaf * least ** (-1.0 / degree), params)
    order = np.argsort(margins, axis=None, kind="stable")[:max_pairs]
    samples, columns = np.unravel_index(order, margins.shape)
    places = zip(samples.tolist(), columns.tolist(), strict=True)
    weights = 1.0 + (degree - 1.0) * margins[samples, columns] / least
    rows = np.array([_row(maps, scaled, i, k) for i, k in places])
    limit = max_margin(_pool(rows / weights[:, None]), rtol=4096 * UNIT, throw=False)
    found[samples, columns] = limit.dual / weights
    return found


def _row(maps: MarginMap, params: Any, sample: int, column: int) -> np.ndarray:
    """The gradient of one margin, flattened."""
    one = maps.take(np.array([sample]))
    chosen = np.zeros(np.shape(one.margins(params)))
    chosen[0, column] = 1.0
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(one.vjp(params, chosen))])


def _pool(rows: np.ndarray) -> BinaryMargins:
    """The linear map whose margins are rows @ w."""
    two = BinaryMargins((np.eye(2), [0, 1]))
    parts = (rows.T, np.ones(len(rows), dtype=two.labels.dtype))
    return eqx.tree_at(lambda maps: (maps.features_t, maps.labels), two, parts)
