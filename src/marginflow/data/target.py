"""Which column of a table holds the labels."""

from marginflow.data.errors import DataError

USUAL_NAMES = ("label", "target", "class")
LAST_RESORT = "y"  # a coordinate in many tables that have a column "label" as well


def find_target(columns: list[str], target: str | None) -> str:
    """The label column: the named one, or the only one with a usual name.

    Args:
        columns: all names, in order.
        target: a name, or None to look for label, target or class in any case, then for y.

    Raises:
        DataError: if a name is empty or stands twice, if there is no such column, or several could
            be it; the message lists the columns.
    """
    _refuse_unusable(columns)
    if target is not None:
        if target not in columns:
            raise DataError(
                f"expected a column {target!r} with the labels, got {listed(columns)}; pass one "
                "of these as target."
            )
        return target
    found = [name for name in columns if name.casefold() in USUAL_NAMES]
    found = found or [name for name in columns if name.casefold() == LAST_RESORT]
    if len(found) != 1:
        what = f"several ({', '.join(map(repr, found))})" if found else "none"
        raise DataError(
            f"expected one column named {', '.join(USUAL_NAMES)} or {LAST_RESORT} with the labels, "
            f"got {what} among {listed(columns)}; pass the column's name as target."
        )
    return found[0]


def _refuse_unusable(columns: list[str]) -> None:
    if len(columns) < 2:
        raise DataError(
            f"expected feature columns and a label column, got only {listed(columns) or 'none'}; "
            "if the cells are not separated by commas, convert the file."
        )
    first: dict[str, int] = {}
    for j, name in enumerate(columns):
        if not name.strip():
            raise DataError(
                f"column {j}, counted from 0, has no name; name it, or drop it if it is a saved "
                "row index (in pandas, to_csv(index=False))."
            )
        if first.setdefault(name, j) != j:
            raise DataError(
                f"columns {first[name]} and {j}, counted from 0, have one name, {name!r}; rename "
                "one of them."
            )


def listed(columns: list[str]) -> str:
    """The first twenty names, and how many there are."""
    shown = ", ".join(repr(name) for name in columns[:20])
    return f"{shown}, ... ({len(columns)} columns)" if len(columns) > 20 else shown
