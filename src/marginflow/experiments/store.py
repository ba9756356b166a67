"""The folder of a sweep: what is done is there whole, and what is half done can go on.

    manifest.json              the sweep, its hash, versions, hashes of data, seeds, batches, status
    limits/HASH-NORM.json      a best margin, once it is solved
    batches/ID.parquet         the records of a batch, once it is finished
    batches/ID.npz             the checkpoint of a batch that is not
    records.parquet  runs.parquet  limits.parquet     the tables, once all is finished

Every file is written beside its place, synchronized and renamed, so that a process killed at any
moment loses what the running batch did since its last checkpoint, and nothing else.  The folder is
locked while a process works in it.
"""

import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from marginflow._version import __version__
from marginflow.dynamics.checkpoint import replace_file
from marginflow.dynamics.resumption import Resumption
from marginflow.experiments.best_margins import BestMargin
from marginflow.experiments.errors import SweepError

FORMAT = 1
MANIFEST = "manifest.json"
OURS = (".lock", f"{MANIFEST}.partial", "limits", "batches")  # of a sweep killed at its birth
COMPUTING = ("marginflow", "jax", "jaxlib", "numpy", "scipy")  # on which the bits may depend
ABOUT = b"marginflow"


class Store:
    """The folder of one sweep.

    Args:
        folder: where everything is.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def manifest(self) -> dict[str, Any]:
        """What the folder says of itself.

        Raises:
            SweepError: if it holds no sweep, or one of another version.
        """
        path = self.folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["format"] != FORMAT:
                raise SweepError(
                    f"{path}: expected format {FORMAT}, got {found['format']}: the folder was "
                    "written by another version of marginflow."
                )
            return found
        except FileNotFoundError:
            raise SweepError(
                f"{self.folder}: expected the folder of a sweep, found none."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            if isinstance(error, SweepError):
                raise
            raise SweepError(f"{path}: expected the manifest of a sweep; {error}.") from error

    def take(self, manifest: Mapping[str, Any]) -> None:
        """Take the folder for a sweep: a new or empty one, or that of the same sweep.

        Raises:
            SweepError: if it cannot be written, or holds something else.
        """
        self.check(manifest)
        try:
            for name in ("limits", "batches"):
                (self.folder / name).mkdir(exist_ok=True)
            for path in self.folder.glob("**/*.partial"):
                path.unlink()
            for path in self.folder.glob("batches/*.parquet"):
                path.with_suffix(".npz").unlink(missing_ok=True)
        except OSError as error:
            raise SweepError(f"{self.folder}: is not writable: {error.strerror}.") from error
        if not (self.folder / MANIFEST).exists():
            self.write_manifest(manifest)

    def check(self, manifest: Mapping[str, Any]) -> None:
        """Refuse a folder that holds something else than the sweep, and touch nothing in it.

        Raises:
            SweepError: saying what it holds.
        """
        if not self.folder.exists():
            return
        try:
            there = sorted(path.name for path in self.folder.iterdir())
        except OSError as error:
            raise SweepError(
                f"{self.folder}: is no folder to be read: {error.strerror}."
            ) from error
        if MANIFEST in there:
            whole = self.is_whole(manifest)
            _check_same(self.folder, self.manifest(), manifest, finished=whole)
        elif others := [name for name in there if name not in OURS]:
            raise SweepError(
                f"{self.folder}: expected a new folder or that of a sweep, and it holds "
                f"{others[0]!r}; name another one."
            )

    def is_whole(self, manifest: Mapping[str, Any]) -> bool:
        """Whether every batch is finished, and every best margin is there."""
        batches = [self.batch_path(batch["id"]) for batch in manifest["batches"]]
        hashes = {each["hash"] for each in manifest["data"]}
        norms = manifest["sweep"]["norms"]
        limits = [self._limit_path(each, norm) for each in hashes for norm in norms]
        return all(path.exists() for path in batches + limits)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes out; the lock of a process that was killed is gone with it.

        Raises:
            SweepError: if another one is at work.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise SweepError(f"{self.folder}: is not writable: {error.strerror}.") from error
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SweepError(
                    f"{self.folder}: another process is at work on this sweep; wait for it."
                ) from None
            yield
        finally:
            os.close(file)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest in the place of the one that is there."""
        text = json.dumps(manifest, indent=2, allow_nan=False)
        replace_file(self.folder / MANIFEST, f"{text}\n".encode())

    def limit(self, data_hash: str, norm: str) -> BestMargin | None:
        """A best margin, or None if it is not solved yet."""
        path = self._limit_path(data_hash, norm)
        if not path.exists():
            return None
        return BestMargin.from_json(json.loads(path.read_text(encoding="utf-8")))

    def write_limit(self, data_hash: str, best: BestMargin) -> None:
        """Keep a best margin."""
        text = json.dumps(best.to_json(), indent=2, allow_nan=False)
        replace_file(self._limit_path(data_hash, best.norm), f"{text}\n".encode())

    def batch_path(self, batch: str) -> Path:
        """Where the records of a finished batch are."""
        return self.folder / "batches" / f"{batch}.parquet"

    def checkpoint(self, batch: str, config_hash: str) -> Resumption:
        """The checkpoint of a batch."""
        path = self.folder / "batches" / f"{batch}.npz"
        return Resumption({"sweep": config_hash, "batch": batch}, path, path)

    def write_batch(
        self, batch: str, config_hash: str, records: pd.DataFrame, endings: list[dict[str, Any]]
    ) -> None:
        """Keep a finished batch, and drop its checkpoint."""
        about = {"sweep": config_hash, "batch": batch, "endings": endings}
        write_parquet(self.batch_path(batch), records, about)
        (self.folder / "batches" / f"{batch}.npz").unlink(missing_ok=True)

    def batch(self, batch: str, config_hash: str) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
        """The records of a finished batch, and how its runs ended.

        Raises:
            SweepError: if the file is of another sweep.
        """
        path = self.batch_path(batch)
        try:
            table = pq.ParquetFile(io.BytesIO(path.read_bytes())).read()
            about = json.loads((table.schema.metadata or {})[ABOUT])
            if (about["sweep"], about["batch"]) != (config_hash, batch):
                raise KeyError("sweep")
        except (OSError, KeyError, ValueError, pa.ArrowException) as error:
            raise SweepError(
                f"{path}: expected a batch of this sweep, and the file is damaged or another's; "
                "remove it, and the batch is run again."
            ) from error
        return table.to_pandas(), about["endings"]

    def write_tables(self, result: Any) -> None:
        """Write the tables of the finished sweep, where they are not there yet."""
        for name in ("records", "runs", "limits"):
            path = self.folder / f"{name}.parquet"
            if not path.exists():
                write_parquet(
                    path, getattr(result, name), {"sweep": self.manifest()["config_hash"]}
                )

    def set_status(self, status: str) -> None:
        """Say in the manifest how far the sweep is."""
        manifest = self.manifest()
        if manifest["status"] != status:
            self.write_manifest(manifest | {"status": status})

    def _limit_path(self, data_hash: str, norm: str) -> Path:
        return self.folder / "limits" / f"{data_hash[:16]}-{norm}.json"


def write_parquet(path: Path, frame: pd.DataFrame, about: Mapping[str, Any]) -> None:
    """Write a table, with words of our own in its metadata, in the place of the one there."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    words = {**(table.schema.metadata or {}), ABOUT: json.dumps(about).encode()}
    content = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(words), content)
    replace_file(path, content.getvalue())


def versions() -> dict[str, str]:
    """The versions on which figures may depend to the last bit."""
    others = {name: metadata.version(name) for name in COMPUTING if name != "marginflow"}
    return {"marginflow": __version__} | others


def _check_same(
    folder: Path, found: Mapping[str, Any], wanted: Mapping[str, Any], *, finished: bool
) -> None:
    if found["config_hash"] != wanted["config_hash"]:
        old, new = found["sweep"], wanted["sweep"]
        differing = [key for key in new if old.get(key) != new[key]]
        what = f"{', '.join(differing)} {'differs' if len(differing) == 1 else 'differ'}"
        raise SweepError(
            f"{folder}: holds another sweep: {what}.  Name another folder, or remove this one."
        )
    if finished:
        return
    for name, version in wanted["versions"].items():
        if found["versions"].get(name) != version:
            raise SweepError(
                f"{folder}: was begun with {name} {found['versions'].get(name)} and this is "
                f"{version}; half a sweep from each is not one table.  Go on with the former, or "
                "name another folder."
            )
