"""The source: Lyu & Li 2020."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="lyu2020",
    citation=(
        "Lyu, Li: Gradient Descent Maximizes the Margin of Homogeneous Neural Networks. ICLR 2020"
    ),
    arxiv="1906.05890",
)
