"""Cost as samples, features and classes grow: a table and a log-log picture."""

from matplotlib.figure import Figure

import marginflow as mf
from benchmarks.timing import seconds

BASE = {"n_samples": 1_000, "n_features": 20, "n_classes": 5}
GROWTH = {
    "n_samples": (250, 1_000, 4_000, 16_000, 64_000),
    "n_features": (10, 20, 40, 80, 160),
    "n_classes": (2, 5, 10, 20, 40),
}
STEPS = 100


def main(picture: str | None = None) -> list[dict]:
    """Rows of seconds for each verb at each size; draws them to a file if one is named."""
    rows = []
    for name, sizes in GROWTH.items():
        for size in sizes:
            data = mf.gaussian_clusters(0, **(BASE | {name: size}), noise=0.3)
            limit = mf.max_margin(data, throw=False)
            rows.append(
                {
                    "grows": name,
                    "size": size,
                    "separable": str(limit.status) == "done",
                    "max margin [s]": seconds(lambda d=data: mf.max_margin(d, throw=False)),
                    f"{STEPS} GD steps [s]": seconds(lambda d=data: _descend(d)),
                    "flow to log t = 1e4 [s]": seconds(
                        lambda d=data, svm=limit: mf.gradient_flow(
                            d, "cross-entropy", record=[1e4], limit=svm, throw=False
                        ),
                        rounds=1,
                    ),
                }
            )
    if picture is not None:
        _draw(rows, picture)
    return rows


def _descend(data: mf.Dataset) -> mf.Trajectory:
    rate = 0.5 * mf.step_bound(data, mf.CrossEntropy()).value
    return mf.gradient_descent(
        data, "cross-entropy", learning_rate=rate, steps=STEPS, record=[STEPS]
    )


def _draw(rows: list[dict], picture: str) -> None:
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, len(GROWTH), sharey=True)
    verbs = [key for key in rows[0] if key.endswith("[s]")]
    for ax, name in zip(axes, GROWTH, strict=True):
        own = [row for row in rows if row["grows"] == name]
        sizes = [row["size"] for row in own]
        for verb in verbs:
            ax.loglog(sizes, [row[verb] for row in own], marker="o", label=verb[:-4])
        ax.set_xlabel(name.replace("n_", ""))
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes], minor=False)
        ax.set_xticks([], minor=True)
        ax.grid(alpha=0.3, which="both")
    axes[0].set_ylabel("seconds")
    axes[0].legend(fontsize=8)
    figure.savefig(picture, dpi=150)
