"""The source: Soudry, Hoffer, Nacson, Gunasekar and Srebro 2018."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="soudry2018",
    citation=(
        "Soudry, Hoffer, Nacson, Gunasekar, Srebro: The Implicit Bias of Gradient Descent on "
        "Separable Data. Journal of Machine Learning Research 19, 2018"
    ),
    arxiv="1710.10345",
)
