"""The source: Lai and Muthukumar 2023."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="lai2023",
    citation=(
        "Lai, Muthukumar: General Loss Functions Lead to (Approximate) Interpolation in High "
        "Dimensions. 2023"
    ),
    arxiv="2303.07475",
)
