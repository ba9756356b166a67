"""The source: Ravi, Scott, Soudry and Wang 2024."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="ravi2024",
    citation=(
        "Ravi, Scott, Soudry, Wang: The Implicit Bias of Gradient Descent on Separable Multiclass "
        "Data. NeurIPS 2024"
    ),
    arxiv="2411.01350",
)

# Where statements stand.  The theorem's wording could not be checked against the paper, so it is
# cited by its name, not by a number.
THEOREM = "main theorem: implicit bias of gradient descent on PERM losses with exponential tail"
DERIVED = "constant derived from the main theorem; it is not in the paper"
EXPERIMENTS = "the experiments, after the authors' notebooks"
