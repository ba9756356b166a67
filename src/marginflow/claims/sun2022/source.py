"""The source: Sun et al. 2022."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="sun2022",
    citation=(
        "Sun, Ahn, Thrampoulidis, Azizan: Mirror Descent Maximizes Generalized Margin and Can Be "
        "Implemented Efficiently. NeurIPS 2022"
    ),
    arxiv="2205.12808",
)
