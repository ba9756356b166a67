"""Random problems for the limits: small enough for exact oracles, or awkward on purpose."""

import numpy as np
from hypothesis import strategies as st


@st.composite
def tiny_problems(draw):
    """(features, labels, n_classes) with at most seven pairs and three weights' dimensions or so.

    Entries are small integers (ties, dependent and repeated rows), integers over 3 (ties broken by
    rounding) or Gaussian; labels are those of a linear teacher or random.
    """
    n_classes = draw(st.integers(2, 3))
    n_samples = draw(st.integers(2, 7 if n_classes == 2 else 3))
    n_features = draw(st.integers(1, 3 if n_classes == 2 else 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["integers", "thirds", "normal"]))
    features = rng.integers(-3, 4, (n_samples, n_features)).astype(float)
    if kind == "thirds":
        features /= 3
    if kind == "normal":
        features = rng.standard_normal((n_samples, n_features))
    labels = rng.integers(0, n_classes, n_samples)
    if draw(st.booleans()):
        labels = (features @ rng.standard_normal((n_features, n_classes))).argmax(axis=1)
    labels[:2] = [0, 1]
    return features, labels, n_classes


def teacher_problem(seed, n_samples, n_features, n_classes):
    """Gaussian features with the labels of a linear teacher, on a sphere so that none is absent."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_samples, n_features))
    teacher = rng.standard_normal((n_features, n_classes))
    teacher /= np.linalg.norm(teacher, axis=0)
    features[:n_classes] = teacher.T
    return features, (features @ teacher).argmax(axis=1)


def barely_separable(seed, n_samples, n_features, n_classes, gap):
    """A teacher's data with a few points moved to the given distances from its boundaries."""
    rng = np.random.default_rng(seed)
    teacher = rng.standard_normal((n_features, n_classes))
    features = rng.standard_normal((n_samples, n_features))
    order = np.argsort(features @ teacher, axis=1)
    for i in range(n_features * n_classes):
        normal = teacher[:, order[i, -1]] - teacher[:, order[i, -2]]
        target = gap * (1 + rng.random())
        features[i] -= normal * ((features[i] @ normal) - target) / (normal @ normal)
    return features, (features @ teacher).argmax(axis=1)
