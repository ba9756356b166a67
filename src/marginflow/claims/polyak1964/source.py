"""The source: Polyak 1964."""

from marginflow.claims.claim import Source

SOURCE = Source(
    key="polyak1964",
    citation=(
        "Polyak: Some methods of speeding up the convergence of iteration methods. USSR "
        "Computational Mathematics and Mathematical Physics 4(5), 1964"
    ),
)
