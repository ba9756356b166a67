"""The source: Gunasekar et al. 2018."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="gunasekar2018",
    citation=(
        "Gunasekar, Lee, Soudry, Srebro: Characterizing Implicit Bias in Terms of Optimization "
        "Geometry. ICML 2018"
    ),
    arxiv="1802.08246",
)
