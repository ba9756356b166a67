"""The source: notes on training, of a practitioners' channel."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="training_notes",
    citation="Notes on training, of a practitioners' machine-learning channel. 2024",
)
