"""The source: Nacson et al. 2019."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="nacson2019",
    citation=(
        "Nacson, Lee, Gunasekar, Savarese, Srebro, Soudry: Convergence of Gradient Descent on "
        "Separable Data. AISTATS 2019"
    ),
    arxiv="1803.01905",
)
