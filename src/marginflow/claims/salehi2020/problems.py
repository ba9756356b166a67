"""Two clouds of Gaussian samples, far enough apart that perturbations leave a margin."""

import numpy as np

from marginflow.data import Dataset

SHIFT = 0.5
CONJUGATES = {"max": "l1", "l3": "l1.5", "l2": "frobenius", "l1": "max"}
"""Norms of perturbations, and of the weights whose margin they eat up."""


def clouds(seed: int, n_samples: int, n_features: int) -> Dataset:
    """X = standard_normal((n, d)) + .5 y with y = −1, 1, −1, ...; the source leaves it open."""
    signs = np.where(np.arange(n_samples) % 2, 1.0, -1.0)
    features = np.random.default_rng(seed).standard_normal((n_samples, n_features))
    name = f"n = {n_samples}, d = {n_features}, seed {seed}"
    return Dataset(features + SHIFT * signs[:, None], signs.astype(int), name=name)


def distance(left: np.ndarray, right: np.ndarray) -> float:
    """The distance of two directions."""
    return float(np.linalg.norm(left / np.linalg.norm(left) - right / np.linalg.norm(right)))
