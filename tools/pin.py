"""Write constraints.txt anew: the newest versions that agree with pyproject.toml, all of them.

    .venv/bin/python tools/pin.py

Run by `make pins`.  torch keeps the version it has, because a wheel for the CPU alone is to be had
for few versions; what only its builds for a GPU need is left to pip.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

CONSTRAINTS = Path("constraints.txt")
HEADER = """\
# The versions that `make` installs and the tests have passed with, on Python 3.11, 3.12 and 3.13.
# Written by `make pins`; only the version of torch is set by hand.
"""


def main() -> None:
    torch = re.search(r"^torch==\S+$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE)
    if torch is None:
        sys.exit(
            "constraints.txt names no version of torch: expected a line such as torch==2.13.0."
        )
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = ["pip", torch[0], *project["dependencies"]]
    wanted += project["optional-dependencies"]["docs"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip = [sys.executable, "-I", "-m", "pip", "install", "-qq", "--dry-run"]
        options = ["--ignore-installed", "--group=dev", "--group=torch", f"--report={report}"]
        subprocess.run([*pip, *options, *wanted], check=True)
        found = [item["metadata"] for item in json.loads(report.read_bytes())["install"]]
    pins = {item["name"].lower(): item["version"].partition("+")[0] for item in found}
    lines = [f"{name}=={pins[name]}\n" for name in sorted(pins) if not is_for_gpu(name)]
    CONSTRAINTS.write_text(HEADER + "".join(lines), encoding="utf-8")


def is_for_gpu(name: str) -> bool:
    return name == "triton" or name.startswith(("cuda-", "nvidia-"))


if __name__ == "__main__":
    main()
