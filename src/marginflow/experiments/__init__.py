"""Experiments: sweeps as data, their seeds, and the folder in which they are kept.

TOML file ──read_sweep──▶ Sweep: optimizers × losses × data × seeds
Sweep ──make_batches──▶ runs of one shape, carried together by one compiled loop
batches, best margins ──Store──▶ a folder that survives Ctrl-C and kill
folder ──load_sweep──▶ SweepResult: a row for each run and recorded step
"""

from marginflow.experiments.errors import SweepError
from marginflow.experiments.run_sweep import run_sweep
from marginflow.experiments.sweep import Sweep
from marginflow.experiments.sweep_result import SweepResult, load_sweep
from marginflow.experiments.toml_file import read_sweep

__all__ = ["Sweep", "SweepError", "SweepResult", "load_sweep", "read_sweep", "run_sweep"]
