"""The source: Fan, Schmidt and Thrampoulidis 2025."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="fan2025",
    citation=(
        "Fan, Schmidt, Thrampoulidis: Implicit Bias of Spectral Descent and Muon on Multiclass "
        "Separable Data. NeurIPS 2025"
    ),
    arxiv="2502.04664",
)

# The theorem's number could not be checked against the paper, so it is cited by what it says.
THEOREM = "main theorem: normalized steepest descent maximizes the margin in its norm"
