"""The source: Wang et al. 2022."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="wang2022",
    citation=(
        "Wang, Meng, Zhang, Sun, Chen, Ma, Liu: Does Momentum Change the Implicit Regularization "
        "on Separable Data? NeurIPS 2022"
    ),
    arxiv="2110.03891",
)
