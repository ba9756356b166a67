"""The error of this room."""

from marginflow._results import MarginflowError


class DataError(MarginflowError, ValueError):
    """Data that marginflow cannot take; the message names the place and says what to do."""
