"""The error of this room."""

from marginflow._results import MarginflowError


class SweepError(MarginflowError, ValueError):
    """A sweep that cannot be run as it is written, or a folder that cannot hold it.

    Attributes:
        place: where in the specification: keys and positions, as ("optimizers", 1, "momentum").
    """

    def __init__(self, message: str, place: tuple[str | int, ...] = ()):
        super().__init__(message)
        self.place = place
