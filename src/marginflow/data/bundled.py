"""Real data that come with scikit-learn: read from its files, never from a network."""

import importlib

import numpy as np

from marginflow.data.dataset import Dataset
from marginflow.data.standardize import prepare

BUNDLED = {
    "wine": "178 wines of three cultivars, 13 chemical measurements; UCI Wine",
    "breast_cancer": (
        "569 breast masses, 30 measurements of cell nuclei, class 0 malignant and 1 benign; "
        "UCI Breast Cancer Wisconsin (Diagnostic)"
    ),
    "digits": (
        "1797 handwritten digits of 8 by 8 pixels; UCI Optical Recognition of Handwritten Digits, "
        "test part"
    ),
    "iris": (
        "150 irises, 4 measurements, class 0 setosa, 1 versicolor and 2 virginica; Fisher 1936"
    ),
}


def load_bundled(name: str, *, standardize: bool = True, constant: bool = True) -> Dataset:
    """One of the bundled data sets; see `load_dataset`."""
    bunch = getattr(importlib.import_module("sklearn.datasets"), f"load_{name}")()
    features, names, done = prepare(
        np.asarray(bunch.data, dtype=np.float64),
        tuple(str(feature) for feature in bunch.feature_names),
        standardize=standardize,
        constant=constant,
    )
    return Dataset(
        features,
        bunch.target,
        name=name,
        feature_names=names,
        provenance=f"{BUNDLED[name]}, as bundled with scikit-learn. {done}".strip(),
    )
