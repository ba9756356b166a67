"""The source: Wang et al. 2021."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="wang2021",
    citation=(
        "Wang, Meng, Chen, Liu: The Implicit Bias for Adaptive Optimization Algorithms on "
        "Homogeneous Neural Networks. ICML 2021"
    ),
    arxiv="2012.06244",
)
