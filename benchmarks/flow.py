"""The limit and the flow to t = e^1000000 on the bundled data."""

import numpy as np

import marginflow as mf
from benchmarks.timing import seconds

LOG_TIME = 1e6
RECORDS = 120


def main() -> list[dict]:
    """Rows of seconds and accuracies, for each data set."""
    rows = []
    for name in ("wine", "breast_cancer", "digits"):
        data, loss = mf.load_dataset(name), mf.CrossEntropy()
        limit = mf.max_margin(data)

        def alone(data=data, loss=loss, limit=limit):
            return mf.gradient_flow(data, loss, LOG_TIME, limit=limit)

        def together(data=data, loss=loss):
            record = np.geomspace(1.0, LOG_TIME, RECORDS)
            svm = mf.max_margin(data)
            return mf.gradient_flow(data, loss, LOG_TIME, limit=svm, record=record)

        rows.append(
            {
                "data": name,
                "max margin [s]": seconds(lambda data=data: mf.max_margin(data)),
                "relative gap": limit.relative_gap,
                "flow [s]": seconds(alone),
                f"both, {RECORDS} records [s]": seconds(together),
                "1 - cos": alone().observables["one_minus_cos"][-1],
            }
        )
    return rows
