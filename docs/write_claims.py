"""Write the list of claims as a table for the documentation: python docs/write_claims.py FILE."""

import sys
from pathlib import Path

from marginflow.claims import all_claims


def main(path: Path) -> None:
    """One row a claim: its id, its statement, and where it stands."""
    lines = [".. list-table::", "   :header-rows: 1", "   :widths: 25 55 20", ""]
    lines += ["   * - id", "     - statement", "     - section"]
    for claim in all_claims():
        lines += [f"   * - ``{claim.id}``", f"     - {_plain(claim.statement)}"]
        lines += [f"     - {_plain(claim.section)}"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plain(text: str) -> str:
    for mark in ("\\", "*", "`", "|", "_"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
