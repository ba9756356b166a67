"""All benchmarks in one command: `python -m benchmarks [NAME ...]`."""

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import jax
import numpy as np
import pandas as pd

import marginflow as mf
from benchmarks import (
    certificates,
    estimators,
    fast_forward,
    flow,
    gd_step,
    growth,
    lanes,
    max_margin,
    monitor_overhead,
    norms,
    optimizer_step,
    sparse_softmax,
    suggestions,
    torch_losses,
)

BENCHMARKS = {
    "gd_step": gd_step,
    "optimizer_step": optimizer_step,
    "lanes": lanes,
    "max_margin": max_margin,
    "estimators": estimators,
    "norms": norms,
    "fast_forward": fast_forward,
    "flow": flow,
    "certificates": certificates,
    "sparse_softmax": sparse_softmax,
    "torch_losses": torch_losses,
    "monitor_overhead": monitor_overhead,
    "suggestions": suggestions,
    "growth": growth,
}


def main() -> None:
    """Run the benchmarks that were named, or all, and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--picture", default=None, help="file for the log-log picture of growth")
    parser.add_argument("--tables", default=None, help="file for the tables in reStructuredText")
    parser.add_argument("--device", default="cpu", help="where torch_losses runs, as cuda")
    parser.add_argument("--compiled", action="store_true", help="compile the sides of torch_losses")
    arguments = parser.parse_args()
    unknown = set(arguments.name) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    options = {
        "growth": {"picture": arguments.picture},
        "torch_losses": {"device": arguments.device, "compiled": arguments.compiled},
    }
    written = [machine()]
    for name in arguments.name or BENCHMARKS:
        module = BENCHMARKS[name]
        table = pd.DataFrame(module.main(**options.get(name, {})))
        print(f"\n{name}")
        with pd.option_context("display.float_format", "{:.3g}".format, "display.width", 200):
            print(table.to_string(index=False, na_rep=""), flush=True)
        written.append(as_list_table(module.__doc__ or "", table))
        if arguments.tables is not None:
            Path(arguments.tables).write_text("\n".join(written), encoding="utf-8")


def machine() -> str:
    """When and on what the tables were made."""
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with marginflow {mf.__version__}, Python "
        f"{platform.python_version()}, NumPy {np.__version__}, JAX {jax.__version__}, on "
        f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}).\n"
    )


def as_list_table(description: str, table: pd.DataFrame) -> str:
    """A benchmark's first line as a heading, the rest of its description, and its table."""
    first, _, rest = description.strip().partition("\n")
    title = first.rstrip(".")
    lines = [title, "-" * len(title), "", rest.strip(), "", ".. list-table::"]
    lines += ["   :header-rows: 1", ""]
    rows = [list(table.columns), *table.itertuples(index=False)]
    for row in rows:
        marks = ["   * -", *["     -"] * (len(row) - 1)]
        lines += [f"{mark} {_cell(value)}" for mark, value in zip(marks, row, strict=True)]
    return "\n".join([*lines, ""])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    main()
