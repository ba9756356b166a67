"""Writing pictures so that the same picture gives the same bytes: no dates, no random names."""

import io
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from marginflow.figures.style import style

# What else would be written: the time, and the versions of the programs that wrote it.
METADATA: dict[str, dict[str, str | None]] = {
    "pdf": {"Creator": "marginflow", "Producer": None, "CreationDate": None},
    "png": {"Software": None},
    "svg": {"Creator": None, "Date": None, "Format": None, "Type": None},
}


def save(figure: Figure, stem: Path | str, formats: Sequence[str] = ("pdf", "png")) -> list[Path]:
    """Write a picture to `stem.pdf`, `stem.png` and whatever else is asked for.

    Args:
        figure: the picture.
        stem: the path without a suffix; its folder is there.
        formats: of "pdf", "png" and "svg".

    Returns:
        The files, in the order of the formats.

    Raises:
        ValueError: if a format is another one.
    """
    paths = []
    for name in formats:
        path = Path(f"{stem}.{name}")
        path.write_bytes(as_bytes(figure, name))
        paths.append(path)
    return paths


def as_bytes(figure: Figure, name: str) -> bytes:
    """A picture as the content of a file of the format "pdf", "png" or "svg".

    Raises:
        ValueError: if the format is another one.
    """
    if name not in METADATA:
        raise ValueError(f"format: expected one of {', '.join(METADATA)}, got {name!r}.")
    content = io.BytesIO()
    with style():
        figure.savefig(content, format=name, metadata=METADATA[name])
    return content.getvalue()
