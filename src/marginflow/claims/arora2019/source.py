"""The source: Arora et al. 2019."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="arora2019",
    citation=(
        "Arora, Cohen, Hu, Luo: Implicit Regularization in Deep Matrix Factorization. NeurIPS 2019"
    ),
    arxiv="1905.13655",
)
