"""The source: Woodworth et al. 2020."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="woodworth2020",
    citation=(
        "Woodworth, Gunasekar, Lee, Moroshko, Savarese, Golan, Soudry, Srebro: Kernel and Rich "
        "Regimes in Overparametrized Models. COLT 2020"
    ),
    arxiv="2002.09277",
)
