"""DATA on the command line: a bundled data set, a generator, or a file."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from marginflow.cli.console import note
from marginflow.cli.errors import UsageError, as_usage_error

if TYPE_CHECKING:
    from marginflow.data import Dataset

GENERATORS = ("soudry-toy", "linear-teacher", "random-labels", "gaussian-clusters")


@dataclass(frozen=True, kw_only=True)
class DataArgument:
    """DATA and the options that go with it; None where an option was not given.

    Attributes:
        name: as it was typed.
        target: the label column of a file.
        standardize: of bundled data and files.
        constant: of bundled data and files.
        samples: of a generator.
        features: of a generator.
        classes: of a generator.
        seed: of a generator.
    """

    name: str
    target: str | None = None
    standardize: bool | None = None
    constant: bool | None = None
    samples: int | None = None
    features: int | None = None
    classes: int | None = None
    seed: int = 0

    @property
    def generates(self) -> bool:
        """Whether the data are drawn, not read."""
        return self.name.replace("_", "-").lower() in GENERATORS

    def load(self) -> "Dataset":
        """The data; what should be known about them goes to standard error.

        Raises:
            UsageError: if there are no such data, or an option does not go with them.
        """
        with as_usage_error():
            data = self._load()
        note(*(f"note: {sentence}" for sentence in data.notes))
        return data

    def _load(self) -> "Dataset":
        from marginflow.data import load_dataset
        from marginflow.data.bundled import BUNDLED

        bundled = self.name.replace("-", "_").lower()
        if self.generates:
            return self._generate(self.name.replace("_", "-").lower())
        self._refuse(("samples", "features", "classes"), "goes with a generator")
        if bundled in BUNDLED:
            self._refuse(("target",), "names the label column of a file")
            return load_dataset(bundled, **self._preparation())
        if not PurePath(self.name).suffix:
            raise UsageError(self._unknown((*BUNDLED, *GENERATORS)))
        return load_dataset(PurePath(self.name), target=self.target, **self._preparation())

    def _preparation(self) -> dict[str, Any]:
        return {"standardize": self.standardize, "constant": self.constant}

    def _generate(self, generator: str) -> "Dataset":
        import marginflow.data

        self._refuse(("target", "standardize", "constant"), "goes with files or bundled data")
        sizes = ("samples", "features", "classes")
        given = {f"n_{size}": getattr(self, size) for size in sizes}
        given = {name: size for name, size in given.items() if size is not None}
        if generator == "soudry-toy":
            self._refuse(sizes, "does not go with soudry-toy, whose sizes are fixed,")
        return getattr(marginflow.data, generator.replace("-", "_"))(self.seed, **given)

    def _refuse(self, options: tuple[str, ...], reason: str) -> None:
        for option in options:
            if getattr(self, option) is not None:
                raise UsageError(f"--{option} {reason}, and got {self.name!r}; leave it out.")

    def _unknown(self, known: tuple[str, ...]) -> str:
        near = get_close_matches(self.name.lower(), known, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        return (
            f"expected one of the data sets {', '.join(known)}, or a file that ends in .csv, "
            f".parquet or .npz; got {self.name!r}{meant}"
        )
