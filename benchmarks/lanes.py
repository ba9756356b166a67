"""Eight data sets, a million steps each, as the lanes of one compiled loop, against one by one.

K = 4, d = 24, n = 40 Gaussian clusters, of another seed in each lane.  One by one fewer steps are
made; their time a step is what is compared.
"""

import time

import marginflow as mf

LANES, STEPS, ONE_BY_ONE = 8, 1_000_000, 20_000
CLUSTERS = {"n_samples": 40, "n_features": 24, "n_classes": 4, "noise": 0.1, "separation": 1.0}
OPTIMIZERS = ("spectral", "muon", "muon-exact")


def main() -> list[dict]:
    """Rows of seconds for all lanes and microseconds a lane and step, for each optimizer."""
    rows = []
    for name in OPTIMIZERS:
        entry = {"name": name, "learning_rate": 0.1, "schedule": "inverse-sqrt"}
        sweep = mf.Sweep(
            data={"name": "gaussian-clusters", **CLUSTERS},
            optimizers=[entry],
            norms=["spectral"],
            seeds=LANES,
            steps=STEPS,
            record="log:10",
        )
        start = time.perf_counter()
        found = mf.run_sweep(sweep)
        ours = time.perf_counter() - start
        theirs = _one_by_one(name)
        rows.append(
            {
                "optimizer": name,
                "8 x 1e6 steps [s]": ours,
                "lanes [us/step]": 1e6 * ours / LANES / STEPS,
                "alone [us/step]": 1e6 * theirs,
                "ratio": theirs * LANES * STEPS / ours,
                "own-norm fraction": found.runs["margin_fraction_spectral"].median(),
            }
        )
    return rows


def _one_by_one(name: str) -> float:
    """Seconds a step of one run, without its compilation."""
    data = mf.gaussian_clusters(0, **CLUSTERS)
    optimizer = mf.get_optimizer(name, learning_rate=0.1)
    took = []
    for _ in range(2):
        start = time.perf_counter()
        mf.train(data, "cross-entropy", optimizer, steps=ONE_BY_ONE, record=[ONE_BY_ONE])
        took.append(time.perf_counter() - start)
    return took[-1] / ONE_BY_ONE
