"""Checkpoints: a run on disk, whole at every moment.

A checkpoint is one .npz file of plain arrays: the state, the records so far, the step, and the
identity of the run, so that it is continued only by the run that wrote it.  It is written to a
temporary file beside it, synchronized and renamed: a process killed at any moment leaves the file
as it was or as it was to be.  Nothing is pickled, and every array carries a checksum.
"""

import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from marginflow._results import MarginflowError

FORMAT = 1


class CheckpointError(MarginflowError):
    """A checkpoint is missing, damaged, or belongs to another run."""


@dataclass(frozen=True)
class Checkpoint:
    """What is needed to go on.

    Attributes:
        identity: what tells the run from others; JSON values by name.
        step: of the state.
        state: the leaves of the state.
        steps: (m,) the recorded steps.
        observables: by name, with a row for each record.
    """

    identity: dict[str, Any]
    step: int
    state: list[np.ndarray]
    steps: np.ndarray
    observables: dict[str, np.ndarray]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint in the place of the one that is there, or leave that one."""
    head = {
        "format": FORMAT,
        "identity": checkpoint.identity,
        "step": checkpoint.step,
        "observables": list(checkpoint.observables),
    }
    arrays: dict[str, Any] = {"head": np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)}
    arrays |= {f"state_{index}": leaf for index, leaf in enumerate(checkpoint.state)}
    arrays["steps"] = checkpoint.steps
    rows = checkpoint.observables.values()
    arrays |= {f"observable_{index}": values for index, values in enumerate(rows)}
    content = io.BytesIO()
    np.savez(content, **arrays)
    replace_file(path, content.getvalue())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: if the file is missing, damaged or no checkpoint.
    """
    try:
        # opened here, because numpy.load forgets to close what it fails to read
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays["head"].tobytes())
        if head["format"] != FORMAT:
            raise CheckpointError(
                f"{path}: expected a checkpoint of format {FORMAT}, got {head['format']}; it was "
                "written by another version of marginflow: start anew with another file."
            )
        names = head["observables"]
        n_state = sum(name.startswith("state_") for name in arrays)
        return Checkpoint(
            identity=head["identity"],
            step=head["step"],
            state=[arrays[f"state_{index}"] for index in range(n_state)],
            steps=arrays["steps"],
            observables={name: arrays[f"observable_{i}"] for i, name in enumerate(names)},
        )
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: there is no checkpoint to resume; leave resume out to start anew, or give "
            "the same path as checkpoint and resume, which starts anew by itself."
        ) from None
    except CheckpointError:
        raise
    except Exception as error:  # whatever a damaged file makes a reader stumble over
        raise CheckpointError(
            f"{path}: expected a checkpoint of marginflow, but the file is damaged or something "
            f"else ({error}); remove it and start anew."
        ) from error


def check_identity(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse a checkpoint of another run.

    Raises:
        CheckpointError: naming the first thing that differs.
    """
    for name in expected | found:
        old, new = found.get(name), expected.get(name)
        if old != new:
            raise CheckpointError(
                f"{path}: the checkpoint is of another run: {name} is {_short(old)} there and "
                f"{_short(new)} here.  Resume with the settings of the checkpoint, or start anew "
                "with another file."
            )


def replace_file(path: Path, content: bytes) -> None:
    """Put content in the place of what is there, so that a kill leaves one or the other whole."""
    temporary = path.with_name(path.name + ".partial")
    with open(temporary, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    if os.name == "posix":
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:18] + "..." + text[-6:]
