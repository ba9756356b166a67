"""The source: an article for practitioners on the way from a likelihood to a loss."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="likelihood2024",
    citation="From likelihood to loss: an article for practitioners. 2024",
)
