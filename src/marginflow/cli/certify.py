"""`marginflow certify`: a verdict on each property of a loss, and what follows for training."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from marginflow.cli import options
from marginflow.cli.answer import Answer
from marginflow.cli.console import table
from marginflow.cli.errors import UsageError
from marginflow.cli.loss_argument import LOSS_HELP, named_loss

if TYPE_CHECKING:
    from marginflow.theory import LossCertificate


def certify(
    loss: Annotated[
        str,
        typer.Argument(
            metavar="NAME|OBJECT",
            help=LOSS_HELP,
            show_default=False,
        ),
    ],
    classes: Annotated[
        str, typer.Option(metavar="K,...", help="Numbers of classes to try.")
    ] = "2,3,5,10",
    prove: Annotated[
        bool,
        typer.Option("--prove", help="Try to prove what the search supports, for K up to 4."),
    ] = False,
    seed: options.Seed = 0,
    json: options.Json = False,
    debug: options.Debug = False,
) -> Answer:
    """Certify a loss: is it one for which gradient descent finds the maximum margin?

    Every property is proved, supported by a search that did not refute it, or refuted by margins at
    which you can evaluate the loss yourself. The words at the end say which theorem applies, the
    bound on the learning rate and the direction that training tends to.
    """
    from marginflow.theory import certify_loss

    n_classes = _numbers(classes)
    with named_loss(loss) as found:
        certificate = certify_loss(found, n_classes=n_classes, seed=seed, prove=prove)
    return Answer(
        message=certificate.message,
        figures={"loss": loss, "n_classes": n_classes, "seed": seed, **document(certificate)},
        page=_page(certificate),
    )


def document(certificate: "LossCertificate") -> dict[str, Any]:
    """A certificate's figures: over all K, and by K."""
    return {
        "properties": {name: _property(part) for name, part in certificate.properties.items()},
        "by_classes": {
            str(k): {name: _property(part) for name, part in parts.items()}
            for k, parts in certificate.by_classes.items()
        },
        "conclusion": certificate.conclusion,
        "notes": list(certificate.notes),
        "statistics": certificate.statistics,
    }


def _property(part: Any) -> dict[str, Any]:
    from marginflow.theory.certificate.loss_certificate import as_document

    example = part.counterexample
    return {
        "verdict": part.verdict,
        "evidence": part.evidence,
        "n_classes": part.n_classes,
        "figures": dict(part.figures),
        "counterexample": None if example is None else as_document(example),
    }


def _page(certificate: "LossCertificate") -> list[Any]:
    rows = [
        [name, str(part.verdict), part.n_classes, part.evidence]
        for name, part in certificate.properties.items()
    ]
    return [
        table(["property", "verdict", "K", "evidence"], rows),
        f"\n{certificate.conclusion}",
        *certificate.notes,
    ]


def _numbers(words: str) -> list[int]:
    try:
        return sorted({int(word) for word in words.split(",")})
    except ValueError:
        raise UsageError(f"--classes: expected numbers as 2,3,10, got {words!r}.") from None
