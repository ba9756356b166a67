"""`marginflow max-margin --face`: how far apart the weights of nearly the best margin can be."""

from typing import TYPE_CHECKING, Any

from marginflow.cli.progress_bar import progress_bar

if TYPE_CHECKING:
    from marginflow.data import Dataset
    from marginflow.limits import MaxMargin, OptimalFace

SHARE = 1.0 - 1e-6


def measure(
    data: "Dataset", limit: "MaxMargin", share: float, seed: int, *, progress: bool
) -> "OptimalFace | str":
    """The set of weights with that share of the best margin, or why it could not be measured."""
    from marginflow._results import NotConvergedError
    from marginflow.limits import optimal_face

    try:
        with progress_bar("optimal face", wanted=progress):
            return optimal_face(data, share=share, seed=seed, limit=limit)
    except NotConvergedError as error:
        return str(error)


def face_figures(face: "OptimalFace | str") -> dict[str, Any]:
    """The set in a JSON document."""
    if isinstance(face, str):
        return {"message": face}
    names = ("message", "share", "unique", "extent_lower", "extent_upper", "ends", "statistics")
    return {name: getattr(face, name) for name in names}


def face_rows(face: "OptimalFace | str | None") -> list[tuple[str, Any]]:
    """The set as rows of a page."""
    if face is None:
        return []
    if isinstance(face, str):
        return [("best weights", face)]
    upper = (
        "not bounded: too many weights" if face.extent_upper is None else _degrees(face, "upper")
    )
    lower = _degrees(face, "lower") if face.extent_lower else "not probed"
    return [
        ("best weights", "proved unique" if face.unique else "not proved to be unique"),
        (f"at {face.share:.8g} of the margin", ""),
        ("  apart at least", lower),
        ("  apart at most", upper),
    ]


def _degrees(face: "OptimalFace", end: str) -> str:
    return f"{getattr(face, f'extent_{end}'):.3g}°"
