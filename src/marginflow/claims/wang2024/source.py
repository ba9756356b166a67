"""The source: Wang and Scott 2024."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="wang2024",
    citation=(
        "Wang, Scott: Unified Binary and Multiclass Margin-Based Classification. Journal of "
        "Machine Learning Research, 2024"
    ),
    arxiv="2311.17778",
)

# Where statements stand.  The wording could not be checked against the paper, so that parts of it
# are cited by their names, not by numbers.
REGULARITY = "regular and totally regular PERM losses; definitions quoted from memory"
THEOREM = "main theorem: totally regular losses are classification-calibrated"
SUMS = "sums of totally regular losses"
FENCHEL_YOUNG = "Fenchel–Young losses"
