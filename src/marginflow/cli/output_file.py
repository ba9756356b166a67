"""Files that a verb writes: refused before the work begins, and whole once they are there."""

import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marginflow.cli.errors import UsageError
from marginflow.cli.json_document import json_document

if TYPE_CHECKING:
    import pandas as pd


def check_output(path: Path | None, suffixes: Sequence[str]) -> None:
    """Refuse a file that could not be written, before hours are spent on what goes into it.

    Raises:
        UsageError: if the suffix is another one, or the folder is missing or closed.
    """
    if path is None:
        return
    if path.suffix.lower() not in suffixes:
        raise UsageError(
            f"--output writes files that end in {', '.join(suffixes)}, got {str(path)!r}."
        )
    check_folder("--output", path)


def check_folder(option: str, path: Path) -> None:
    """Refuse a file whose folder is missing or closed, or that is a folder itself."""
    if path.is_dir():
        raise UsageError(f"{option} expects a file, got the folder {str(path)!r}.")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"{option} {str(path)!r}: there is no folder {str(folder)!r}; make it.")
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{option} {str(path)!r}: the folder {str(folder)!r} is not writable.")


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document."""
    write_bytes(path, f"{json_document(document)}\n".encode())


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write named arrays as numpy.savez does; nothing is pickled."""
    import numpy as np

    content = io.BytesIO()
    plain = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
    plain = {name: a.astype(str) if a.dtype.hasobject else a for name, a in plain.items()}
    np.savez_compressed(content, **plain)  # pyright: ignore[reportArgumentType]
    write_bytes(path, content.getvalue())


def write_table(path: Path, frame: "pd.DataFrame", document: Mapping[str, Any]) -> None:
    """Write a table as CSV, or as Parquet with the document in its metadata."""
    if path.suffix.lower() == ".csv":
        write_bytes(path, frame.to_csv(index=False, lineterminator="\n").encode())
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = pa.Table.from_pandas(frame, preserve_index=False)
    about = {**(found.schema.metadata or {}), b"marginflow": json_document(document).encode()}
    content = io.BytesIO()
    pq.write_table(found.replace_schema_metadata(about), content)
    write_bytes(path, content.getvalue())


def write_bytes(path: Path, content: bytes) -> None:
    """Put the content in the place of what is there, or leave that."""
    temporary = path.with_name(f"{path.name}.partial")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
