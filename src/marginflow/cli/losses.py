"""`marginflow losses`: the registered losses, with the constants that the theory speaks of."""

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marginflow.cli.answer import Answer
from marginflow.cli.console import facts, table
from marginflow.cli.errors import as_usage_error
from marginflow.cli.options import Debug, Json

if TYPE_CHECKING:
    from marginflow.losses import Loss, Tail

CLASS_COUNTS = (2, 3, 10)
FORMULA = "ψ(u) = "


def losses(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One loss, in full.", show_default=False),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> Answer:
    """List the losses: formula, tail and smoothness.

    The template ψ takes one sample's margins u. The tail is how its slope fades along a margin; β
    is the smoothness in the scores of K classes, with a dash where there is none.
    """
    from marginflow.losses import get_loss, registered_losses

    if name is not None:
        with as_usage_error():
            loss = get_loss(name)
        figures = describe(name.lower().replace("_", "-"), loss)
        return Answer(message=figures["summary"], figures=figures, page=[_one(figures, loss)])
    found = [describe(key, loss) for key, loss in registered_losses().items()]
    message = f"{len(found)} losses are registered."
    return Answer(message=message, figures={"losses": found}, page=[_table(found)])


def describe(name: str, loss: "Loss") -> dict[str, Any]:
    """The figures of a loss: what it is, its tail, its smoothness in the scores by K."""
    words = inspect.getdoc(type(loss)) or ""
    return {
        "name": name,
        "class": loss.name,
        "summary": words.partition("\n\n")[0].replace("\n", " "),
        "formula": formula(words),
        "tail": loss.tail(CLASS_COUNTS[1]),
        "smoothness": {str(k): loss.smoothness(k) for k in CLASS_COUNTS},
    }


def formula(words: str) -> str | None:
    """The first formula of a template in a docstring, to the end of its clause.

    Example:
        >>> from marginflow.cli.losses import formula
        >>> formula("The hinge: ψ(u) = max_k max(0, 1 − u_k), by which ...")
        'ψ(u) = max_k max(0, 1 − u_k)'
    """
    _, found, rest = words.partition(FORMULA)
    if not found:
        return None
    depth = 0
    for i, letter in enumerate(rest):
        depth += (letter in "([") - (letter in ")]")
        ends = i + 1 == len(rest) or rest[i + 1].isspace()
        if letter in ",.;:" and depth == 0 and ends:
            rest = rest[:i]
            break
    return FORMULA + " ".join(rest.split())


def show_tail(tail: "Tail | None") -> str:
    """A tail in a few signs: how the slope fades along the margin u."""
    if tail is None:
        return "not known"
    if tail.rate is not None and tail.log_constant is not None:
        constant = "" if tail.log_constant == 0 else f"e^{tail.log_constant:.6g} "
        rate = "" if tail.rate == 1 else f"{tail.rate:.6g} "
        return f"{tail.kind}, {constant}e^(−{rate}u)"
    if tail.degree is not None:
        return f"{tail.kind}, u^(−{tail.degree:g})"
    if tail.power is not None:
        return f"{tail.kind}, e^(−u^{tail.power:g})"
    return str(tail.kind)


def _table(found: list[dict[str, Any]]) -> Any:
    columns = ["name", "formula", "tail", *(f"β, K={k}" for k in CLASS_COUNTS)]
    rows = [
        [each["name"], each["formula"], show_tail(each["tail"]), *each["smoothness"].values()]
        for each in found
    ]
    return table(columns, rows)


def _one(figures: dict[str, Any], loss: "Loss") -> Any:
    constants = {f"smoothness β, K={k}": beta for k, beta in figures["smoothness"].items()}
    return facts(
        [
            ("name", figures["name"]),
            ("class", repr(loss)),
            ("is", figures["summary"]),
            ("template", figures["formula"]),
            ("slope's tail", show_tail(figures["tail"])),
            *((name, "none" if beta is None else beta) for name, beta in constants.items()),
        ]
    )
