"""What is known of a loss: a verdict on each property, and what follows from them together."""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from marginflow._results import Result
from marginflow.theory.certificate.verdict import Counterexample, Property


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class LossCertificate(Result):
    """The certificate of a loss.  `certificate["convex"]` is one `Property` of it.

    Attributes:
        loss: the loss's name.
        n_classes: the K that were tried.
        properties: by name, the weakest verdict over all K.
        by_classes: by K, the same for each.
        conclusion: which theorem applies, and what training then does, in words.
        notes: what the user should know besides, as where the loss overflows.
    """

    loss: str
    n_classes: tuple[int, ...]
    properties: Mapping[str, Property]
    by_classes: Mapping[int, Mapping[str, Property]]
    conclusion: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Property:
        for known, verdict in self.properties.items():
            if _plain(known) == _plain(name):
                return verdict
        raise KeyError(f"no property {name!r}; there are: {', '.join(self.properties)}.")

    def __iter__(self) -> Iterator[str]:
        return iter(self.properties)

    def to_frame(self) -> pd.DataFrame:
        """One row a property: verdict, and evidence or counterexample."""
        rows = [
            {"property": name, "verdict": str(part.verdict), "evidence": _words(part)}
            for name, part in self.properties.items()
        ]
        return pd.DataFrame(rows)

    def summary(self) -> dict[str, Any]:
        return {name: str(part.verdict) for name, part in self.properties.items()}

    def __repr__(self) -> str:
        wide = max(map(len, self.properties))
        lines = [f"LossCertificate of {self.loss}, K = {', '.join(map(str, self.n_classes))}"]
        for name, part in self.properties.items():
            lines.append(f"  {name:<{wide}}  {part.verdict:<9}  {_words(part)}")
        return "\n".join([*lines, self.conclusion, *self.notes])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{part.verdict}</td>"
            f"<td style='text-align:left'>{html.escape(_words(part))}</td></tr>"
            for name, part in self.properties.items()
        )
        title = html.escape(f"Certificate of {self.loss}. {self.conclusion}")
        return f"<table><caption>{title}</caption>{rows}</table>"


def as_document(example: Counterexample) -> dict[str, Any]:
    """A counterexample in plain lists, for JSON."""
    return {
        "n_classes": example.n_classes,
        "statement": example.statement,
        "space": example.space,
        "margins": example.margins.tolist(),
        "figures": dict(example.figures),
    }


def _plain(name: str) -> str:
    """A property's name with hyphens and underscores forgiven."""
    return name.replace("-", " ").replace("_", " ").lower()


def _words(part: Property) -> str:
    where = f"K = {part.n_classes}: " if part.n_classes is not None else ""
    return where + part.evidence
