"""Homogeneous networks in training, recorded with their weights."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from marginflow.data import Dataset, gaussian_clusters, load_dataset
from marginflow.dynamics import LossBasedGD, Optimizer, SignDescent, Trajectory, every, train
from marginflow.margins import NetworkMargins


@dataclass(frozen=True)
class Setting:
    """Networks in training, on the cross-entropy.

    Attributes:
        networks: by name.
        method: "gradient" for descent on log L in short steps, or "sign" for sign descent.
        steps: of each.
        short: how much of log L a step of descent may take.
    """

    networks: tuple[str, ...] = ("clusters, three layers", "digits, two layers")
    method: str = "gradient"
    steps: int = 1000
    short: float = 0.1


@dataclass(frozen=True)
class NetworkRun:
    """A run and what it was on.

    Attributes:
        network: the map.
        run: with the weights among its records.
    """

    network: NetworkMargins
    run: Trajectory

    @property
    def log_risk(self) -> np.ndarray:
        """Of each record."""
        return self.run.observables["log_risk"]

    @property
    def smoothed_margin(self) -> np.ndarray:
        """log(1/L)/‖θ‖^L of each record."""
        norms = self.run.observables["weights_norm"]
        return -self.log_risk / norms**self.network.homogeneity


@cache
def network_run(name: str, method: str, steps: int, short: float) -> NetworkRun:
    """The run of a network of that name."""
    network = _network(name)
    optimizer: Optimizer = LossBasedGD(short, decrease=0.1)
    if method == "sign":
        optimizer = SignDescent(0.01)
    run = train(
        network,
        "cross-entropy",
        optimizer,
        steps=steps,
        initial=network.draw(0, 0.5),
        record=every(5),
        record_weights=True,
        throw=False,
    )
    return NetworkRun(network, run)


def _network(name: str) -> NetworkMargins:
    if name == "clusters, three layers":
        clusters = gaussian_clusters(0, n_samples=30, n_classes=3, n_features=5, noise=0.5)
        return NetworkMargins(clusters, (8, 8))
    digits = load_dataset("digits")
    if name == "all digits, two layers":
        return NetworkMargins(digits, (16,))
    return NetworkMargins(Dataset(digits.features[:300], digits.labels[:300]), (16,))
