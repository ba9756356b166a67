"""The sweep that most tests here run, so that one compilation serves them: two batches of it."""

from typing import Any

import pandas as pd

import marginflow as mf

CLUSTERS = {
    "name": "gaussian-clusters",
    "n_samples": 12,
    "n_features": 3,
    "noise": 0.2,
    "separation": 2.0,
    "balanced": True,
}
# the second rate diverges at once
DESCENT = {"name": "gd", "learning_rate": [0.003, 1e9]}
SIGN = {"name": "sign", "learning_rate": 0.03, "schedule": ["constant", "inverse-sqrt"]}


def small(**changes: Any) -> mf.Sweep:
    """Three optimizers on clusters that each seed draws anew."""
    settings: dict[str, Any] = {
        "data": CLUSTERS,
        "optimizers": [DESCENT, SIGN],
        "losses": "multiclass-exponential",
        "seeds": 2,
        "steps": 300,
        "record": "log:5",
        "initial": 0.1,
    }
    return mf.Sweep(**settings | changes)


def same(one: mf.SweepResult, two: mf.SweepResult) -> None:
    """Every table the same to the last bit."""
    for name in ("records", "runs", "limits"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)
