"""A figure with the words that go with it."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from marginflow.claims.claim import Claim, Evidence
from marginflow.figures import canvas, style


@dataclass(frozen=True)
class Picture:
    """A figure with its words.

    Attributes:
        name: of its files.
        title: above it.
        caption: what is to be seen, in a sentence or two.
        alt: what it shows, for those who cannot see it.
        figure: the drawing.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure


def claim_picture(claim: Claim, evidence: Evidence) -> Picture | None:
    """The picture of a claim's evidence, or None if there is nothing to see."""
    if claim.draw is None:
        return None
    with style():
        figure = canvas(7.6, 4.4)
        claim.draw(evidence, figure.subplots())
    return Picture(
        claim.id.replace("/", "-"),
        claim.id,
        claim.statement,
        f"The evidence for {claim.id}: {claim.statement}",
        figure,
    )
