"""The source: Ji, Srebro and Telgarsky 2021."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="ji2021",
    citation=("Ji, Srebro, Telgarsky: Fast Margin Maximization via Dual Acceleration. ICML 2021"),
    arxiv="2107.00595",
)
