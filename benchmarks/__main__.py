"""All benchmarks in one command: `python -m benchmarks [NAME ...]`."""

import argparse

import pandas as pd

from benchmarks import fast_forward, gd_step, growth, max_margin, sparse_softmax

BENCHMARKS = {
    "gd_step": gd_step.main,
    "max_margin": max_margin.main,
    "fast_forward": fast_forward.main,
    "growth": growth.main,
    "sparse_softmax": sparse_softmax.main,
}


def main() -> None:
    """Run the benchmarks that were named, or all, and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"any of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--picture", default=None, help="file for the log-log picture of growth")
    arguments = parser.parse_args()
    unknown = set(arguments.name) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in arguments.name or BENCHMARKS:
        extra = {"picture": arguments.picture} if name == "growth" else {}
        table = pd.DataFrame(BENCHMARKS[name](**extra))
        print(f"\n{name}")
        with pd.option_context("display.float_format", "{:.3g}".format, "display.width", 200):
            print(table.to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
