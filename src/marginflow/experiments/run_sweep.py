"""The verb: run a sweep, or go on with one."""

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from marginflow._precision import in_x64
from marginflow._results import Status
from marginflow.dynamics.interrupts import deferred_interrupt
from marginflow.dynamics.progress import Progress
from marginflow.experiments.batching import Batch, make_batches, run_batch
from marginflow.experiments.best_margins import best_margin
from marginflow.experiments.store import FORMAT, Store, versions
from marginflow.experiments.sweep import Sweep
from marginflow.experiments.sweep_result import SweepResult, load_sweep
from marginflow.experiments.tables import batch_endings, batch_records, run_heads
from marginflow.experiments.toml_file import read_sweep


@in_x64
def run_sweep(
    sweep: Sweep | str | PathLike[str],
    output: str | PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> SweepResult:
    """Run all that a sweep asks for, in float64, and measure every margin against the best one.

    Runs that differ in numbers alone are carried together by one compiled loop.  The figures are
    those of `train` with the same settings, to rounding, which decides where a method chooses among
    equals, as `NuclearDescent`; and those of a sweep that was stopped and continued, however often,
    are those of an uninterrupted one to the last bit.

    Ctrl-C ends the sweep after the current chunk, and the same call goes on from there, as it does
    after the process was killed: finished batches are kept, and the one that was running goes on
    from its last checkpoint, a few seconds old.

    Args:
        sweep: a `Sweep`, or the path of a TOML file that says one.
        output: the folder to keep it in; a new one, an empty one, or that of the same sweep.  None
            to keep nothing.
        progress: called as `progress(done, all, message)`, in steps of all runs together.

    Returns:
        A `SweepResult` with status `done` or `interrupted`.

    Raises:
        SweepError: if the sweep is not as it should be, or the folder cannot hold it.

    Example:
        >>> import marginflow as mf
        >>> sweep = mf.Sweep(
        ...     data="soudry-toy",
        ...     optimizers={"name": "gd", "learning_rate": [0.05, 0.1]},
        ...     steps=1000,
        ... )
        >>> found = mf.run_sweep(sweep)
        >>> found.runs[["optimizer", "step", "margin_fraction_frobenius"]].round(3)
                    optimizer  step  margin_fraction_frobenius
        0  gd learning_rate=0.05  1000                      0.997
        1   gd learning_rate=0.1  1000                      0.997
    """
    if not isinstance(sweep, Sweep):
        sweep = read_sweep(sweep)
    if output is None:
        with tempfile.TemporaryDirectory() as folder:
            return replace(_carry_out(sweep, Store(Path(folder)), progress), folder=None)
    return _carry_out(sweep, Store(Path(output)), progress)


def _carry_out(sweep: Sweep, store: Store, progress: Progress | None) -> SweepResult:
    batches = make_batches(sweep)
    manifest = _manifest(sweep, batches)
    store.check(manifest)
    with store.lock(), deferred_interrupt() as interrupted:
        store.take(manifest)
        if not store.is_whole(manifest):
            store.set_status("running")
            _go_on(sweep, batches, store, progress, interrupted)
        result = load_sweep(store.folder)
        if result.status == Status.DONE:
            store.write_tables(result)
        store.set_status(str(result.status))
        return replace(result, manifest=store.manifest())


def _go_on(
    sweep: Sweep,
    batches: list[Batch],
    store: Store,
    progress: Progress | None,
    interrupted: Callable[[], bool],
) -> None:
    """Do what is not done, until it is or Ctrl-C comes."""
    with contextlib.suppress(KeyboardInterrupt):
        if _solve_limits(sweep, store, interrupted):
            _run_batches(sweep, batches, store, progress, interrupted)


def _solve_limits(sweep: Sweep, store: Store, interrupted: Callable[[], bool]) -> bool:
    """Solve for the best margins that are not there; False if it was interrupted."""
    for data in {each.hash: each for each in sweep.datasets.values()}.values():
        for norm in sweep.norms:
            if interrupted():
                return False
            if store.limit(data.hash, norm.name) is None:
                store.write_limit(data.hash, best_margin(data, norm))
    return True


def _run_batches(
    sweep: Sweep,
    batches: list[Batch],
    store: Store,
    progress: Progress | None,
    interrupted: Callable[[], bool],
) -> None:
    """Run the batches that are not finished, until one is interrupted."""
    lanes = [len(batch.runs) for batch in batches]
    for index, batch in enumerate(batches):
        if store.batch_path(batch.id).exists():
            continue
        before, message = sum(lanes[:index]), f"batch {index + 1} of {len(batches)}"

        def tell(step: int, before: int = before, size: int = lanes[index], at: str = message):
            if progress is not None:
                progress(before * sweep.steps + size * step, sum(lanes) * sweep.steps, at)

        files = store.checkpoint(batch.id, sweep.hash)
        results = run_batch(sweep, batch, files, progress=tell, interrupted=interrupted)
        if results is None:
            return
        records, endings = batch_records(batch, results), batch_endings(batch, results)
        store.write_batch(batch.id, sweep.hash, records, endings)
        tell(sweep.steps)


def _manifest(sweep: Sweep, batches: list[Batch]) -> dict[str, Any]:
    sets = sweep.datasets.items()
    return {
        "format": FORMAT,
        "name": sweep.name,
        "status": "new",
        "config_hash": sweep.hash,
        "versions": versions(),
        "sweep": sweep.identity(),
        "data": [
            {
                "label": label,
                "seed": seed,
                "name": data.name,
                "hash": data.hash,
                "samples": data.n_samples,
                "features": data.n_features,
                "classes": data.n_classes,
                "provenance": data.provenance,
            }
            for (label, seed), data in sets
        ],
        "batches": [{"id": batch.id, "runs": list(batch.runs)} for batch in batches],
        "runs": run_heads(sweep),
    }
