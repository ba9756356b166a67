"""Write the certificates of the registered losses: python docs/write_certificates.py FILE."""

import sys
from pathlib import Path

from marginflow import certify_loss, registered_losses

SHOWN = (
    "convex",
    "strictly decreasing",
    "smooth",
    "tail",
    "exponential tail",
    "regular",
    "totally regular",
    "classification-calibrated",
)
CLASSES = (2, 3, 5)


def main(path: Path) -> None:
    """One row a loss: yes where a search supports the property, no where a point refutes it."""
    lines = [".. list-table::", "   :header-rows: 1", "", "   * - loss"]
    lines += [f"     - {name}" for name in SHOWN]
    for name, loss in registered_losses().items():
        certificate = certify_loss(loss, n_classes=CLASSES)
        lines.append(f"   * - ``{name}``")
        lines += [f"     - {_cell(certificate[shown])}" for shown in SHOWN]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _cell(part) -> str:
    if part.name == "tail":
        return str(part.figures.get("kind", "unknown"))
    if part.holds:
        return "yes"
    return "no" if part.n_classes == CLASSES[0] else f"no (K = {part.n_classes})"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
