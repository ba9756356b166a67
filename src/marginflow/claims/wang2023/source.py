"""The source: Wang, Min and Wu 2023."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="wang2023",
    citation=(
        "Wang, Min, Wu: Achieving Margin Maximization Exponentially Fast via Progressive Norm "
        "Rescaling. ICML 2024"
    ),
    arxiv="2311.14387",
)
