"""The rows that are fitted: all of them, equal ones as one with a weight, or a random sample.

Counts and classes without features have few different values: ten million rows of them cost no
more than twenty.  Other targets are sampled, which is said in the result.  Folds are weights too,
so that a fit on all folds but one has the shape of the fit on all rows.

Counts are dealt to the folds by chance alone.  Dealt evenly, as classes are, each fold would have
the frequencies of all rows, and a family that repeats these would never pay for it.
"""

from dataclasses import dataclass

import numpy as np

from marginflow.likelihoods.fit import orthonormal
from marginflow.likelihoods.suggestion.targets import Targets

N_FOLDS = 5
MOST_ROWS = 30_000


@dataclass(frozen=True, eq=False)
class Rows:
    """What is fitted.

    Attributes:
        values: (m,) or (m, k) targets, distinct where they are grouped.
        design: (m, r), an orthonormal basis of the features; r is 0 without features.
        held_out: (5, m), how many rows of each target a fold holds out.
        n_rows: how many rows there are.
        grouped: whether equal targets were taken together.
    """

    values: np.ndarray
    design: np.ndarray
    held_out: np.ndarray
    n_rows: int
    grouped: bool

    @property
    def weights(self) -> np.ndarray:
        """How many rows of each target there are, (m,)."""
        return self.held_out.sum(axis=0)

    @property
    def n_used(self) -> int:
        """How many rows the ranking rests on."""
        return int(self.held_out.sum())

    def expanded(self, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """At most that many single rows: the number of the target, and the fold that holds it."""
        ends = np.cumsum(self.held_out.reshape(-1))
        total = self.n_used
        if total <= most:
            chosen = np.arange(total)
        else:
            chosen = np.sort(rng.choice(total, size=most, replace=False))
        fold, index = np.divmod(np.searchsorted(ends, chosen, side="right"), len(self.values))
        return index, fold


def make_rows(targets: Targets, features: np.ndarray | None, rng: np.random.Generator) -> Rows:
    """Rows and folds of the targets that were read; `features` are those of the kept rows."""
    n = len(targets.values)
    classes = targets.classes is not None
    discrete = classes or targets.kind in ("few counts", "count")
    if features is None and discrete and len(targets.levels) <= MOST_ROWS:
        dealt = (_evenly if classes else _by_chance)(targets.counts, rng)
        none = np.zeros((len(targets.levels), 0))
        return Rows(targets.levels, none, dealt.astype(np.float64), n, grouped=True)
    chosen = rng.permutation(n) if n <= MOST_ROWS else rng.choice(n, MOST_ROWS, replace=False)
    values = targets.values[chosen]
    design = np.zeros((len(chosen), 0)) if features is None else orthonormal(features[chosen])
    fold = np.arange(len(chosen)) % N_FOLDS
    if classes:
        fold[np.argsort(values, kind="stable")] = np.arange(len(chosen)) % N_FOLDS
    held_out = (fold == np.arange(N_FOLDS)[:, None]).astype(np.float64)
    return Rows(values, design, held_out, n, grouped=False)


def _evenly(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How many rows of each target each fold holds out, (5, m): as evenly as it goes."""
    turns = np.argsort(rng.random((N_FOLDS, len(counts))), axis=0)
    return counts // N_FOLDS + (turns < counts % N_FOLDS)


def _by_chance(counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same, each row by itself; but no fold holds out all rows of a target that has several."""
    dealt = rng.multinomial(counts, np.full(N_FOLDS, 1 / N_FOLDS)).T
    alone = np.flatnonzero((dealt.max(axis=0) == counts) & (counts > 1))
    fold = np.argmax(dealt[:, alone], axis=0)
    dealt[fold, alone] -= 1
    dealt[(fold + 1) % N_FOLDS, alone] += 1
    return dealt
