"""Sweeps in TOML files.

A file has the names of the arguments of `Sweep` as keys, and a table [[data]] or [[optimizers]] for
each entry that has settings.  Whatever is wrong with it is said with the line where it stands.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from marginflow.experiments.errors import SweepError
from marginflow.experiments.sweep import Sweep

_HEADER = re.compile(r"\s*\[+\s*([A-Za-z0-9_-]+)\s*\]+\s*(#.*)?$")
_KEY = re.compile(r"""\s*["']?([A-Za-z0-9_-]+)["']?\s*=""")


def read_sweep(path: str | PathLike[str], *, seed: int | None = None) -> Sweep:
    """Read a sweep from a TOML file.

    Args:
        path: of the file; the paths of data in it start in its folder.
        seed: in place of the file's.

    Raises:
        SweepError: if the file is no TOML, or says something that no sweep has; the message names
            the file and, where it can, the line.
        FileNotFoundError: if there is no such file.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import TemporaryDirectory
        >>> from marginflow.experiments import read_sweep
        >>> text = '''
        ... steps = 100
        ... data = ["soudry-toy"]
        ... [[optimizers]]
        ... name = "heavy-ball"
        ... learning_rate = [0.1, 0.01]
        ... '''
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder) / "two-rates.toml"
        ...     _ = path.write_text(text)
        ...     read_sweep(path)
        Sweep 'two-rates': 1 data set × 1 loss × 2 optimizers × 1 seed, 100 steps each
    """
    path = Path(path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(f"expected a TOML file at {str(path)!r}, found {what}.")
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SweepError(f"{path}: expected TOML: {error}.") from error
    try:
        given = {"name": path.stem} | content
        return Sweep.of(given | ({} if seed is None else {"seed": seed}), folder=path.parent)
    except SweepError as error:
        line = line_of(text, error.place)
        where = f"{path}, line {line}" if line else str(path)
        raise SweepError(f"{where}: {error}", error.place) from error


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    r"""The line, counted from 1, of a key, or of the table or key that holds it.

    Args:
        text: of the file.
        place: keys and positions, as ("optimizers", 1, "momentum").

    Example:
        >>> from marginflow.experiments.toml_file import line_of
        >>> text = "steps = 3\n[[data]]\nname = 'a'\n[[data]]\nname = 'b'"
        >>> line_of(text, ("steps",)), line_of(text, ("data", 1, "name"))
        (1, 5)
    """
    if not place:
        return None
    table, counts = "", Counter[str]()
    best: int | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header:
            table = header[1]
            counts[table] += 1
            if (table, counts[table] - 1) == tuple(place[:2]):
                best = number
        elif key and not table and key[1] == place[0]:
            best = number
        elif key and (table, counts[table] - 1, key[1]) == tuple(place[:3]):
            return number
    return best
