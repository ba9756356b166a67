"""--norm on the command line: a named norm, or one with an exponent."""

from typing import TYPE_CHECKING

from marginflow.cli.errors import UsageError, sentence

if TYPE_CHECKING:
    from marginflow.norms import Norm

NORMS_IN_WORDS = (
    "frobenius, max, l1, spectral, nuclear, class_l2, feature_l2, or one with an exponent, as l1.5 "
    "and schatten3"
)


def norm_argument(text: str) -> "Norm":
    """The norm that a text names.

    Raises:
        UsageError: if it names none.
    """
    from marginflow.norms import as_norm

    try:
        return as_norm(text)
    except ValueError as error:
        words = sentence(error).removeprefix("norm: ")
        raise UsageError(f"--norm {text}: {words}") from error
