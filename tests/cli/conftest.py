"""The command line as its users meet it: arguments in, an exit code and two texts out."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from marginflow.cli import main

CODE = "import sys; from marginflow.cli import main; sys.exit(main(sys.argv[1:]))"


class Ended(NamedTuple):
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Standard output as one document of strict JSON."""

        def refuse(constant: str):
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def marginflow(capsys) -> Callable[..., Ended]:
    """Run the program in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        code = main(arguments)
        out, err = capsys.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def marginflow_process() -> Callable[..., Ended]:
    """Run the program in a process of its own."""

    def run(*arguments: str, code: str = CODE, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONUTF8": "1", **environment},
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run
