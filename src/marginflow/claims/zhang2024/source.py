"""The source: Zhang, Zou and Cao 2024."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="zhang2024",
    citation=("Zhang, Zou, Cao: The Implicit Bias of Adam on Separable Data. NeurIPS 2024"),
    arxiv="2406.10650",
)

# The theorem's number could not be checked against the paper, so it is cited by what it says.
THEOREM = "main theorem: Adam without ε maximizes the margin in the max-norm"
