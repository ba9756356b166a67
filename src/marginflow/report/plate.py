"""A picture on its way to paper: its files, and its drawing for the page."""

import base64
from dataclasses import dataclass
from pathlib import Path

from marginflow.figures import as_bytes, save, style
from marginflow.report.picture import Picture

PIXELS = 96  # of a browser, an inch


@dataclass(frozen=True)
class Plate:
    """A picture that was written.

    Attributes:
        name, title, caption, alt: as of the picture.
        width, height: in a browser's pixels.
        svg: the drawing.
        files: what was written.
    """

    name: str
    title: str
    caption: str
    alt: str
    width: int
    height: int
    svg: bytes
    files: tuple[Path, ...] = ()

    @property
    def source(self) -> str:
        """The drawing as an address that holds all of it."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


def make_plate(picture: Picture, folder: Path | None = None) -> Plate:
    """Draw a picture and write it as PDF and PNG.

    Args:
        picture: its figure is laid out once, for all formats.
        folder: where the files go; none are written without one.
    """
    figure = picture.figure
    with style():
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    width, height = (round(PIXELS * inches) for inches in figure.get_size_inches())
    return Plate(
        name=picture.name,
        title=picture.title,
        caption=picture.caption,
        alt=picture.alt,
        width=width,
        height=height,
        svg=as_bytes(figure, "svg"),
        files=() if folder is None else tuple(save(figure, folder / picture.name)),
    )
