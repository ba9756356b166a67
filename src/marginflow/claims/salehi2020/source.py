"""The source: Salehi and Hassibi 2020."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="salehi2020",
    citation=(
        "Salehi, Hassibi: Robustifying Binary Classification to Adversarial Perturbation. 2020"
    ),
    arxiv="2010.15391",
)
