"""Make the environment `.venv` at the root of the repository, given no more than a Python.

    python -E -s tools/environment.py KIND[+EXTRA,...]

KIND is `run` (the package and what it needs), `test` (with the test tools) or `dev` (with the
linters too).  The versions are those of constraints.txt, and the package is installed in place, so
that the tree that is tested is the tree at hand.  The standard library does all of it, and nothing
is written outside `.venv` but pip's cache.

Two marks, written last, say what is there.  `.venv/.place` holds the folder that a finished
environment was made in: without it the environment is half-made, with another one it was moved or
copied, and either way it is made anew; so it is when another Python is asked for.  The stamps
`.venv/.ready-KIND+EXTRA`, targets of the Makefile, hold a fingerprint of what they were made from:
where that has changed, what is new is installed over what there is.
"""

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

from bring_pip import bring_pip

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PLACE = ENVIRONMENT / ".place"  # the folder it was made in
ASKED = ENVIRONMENT / ".asked"  # the PYTHON that was named, if any

KINDS = ["run", "test", "dev"]  # each holds those before it

# Settings of the caller's that would send Python or pip somewhere else.
STRAY = [
    "CONDA_PREFIX",
    "PIP_DRY_RUN",
    "PIP_PREFIX",
    "PIP_PYTHON",
    "PIP_ROOT",
    "PIP_TARGET",
    "PYTHONHOME",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "__PYVENV_LAUNCHER__",
]


def main(wanted: str) -> None:
    """Make what is wanted, unless it is there."""
    os.chdir(ROOT)
    clean_process_environment()
    kind, _, extras = wanted.partition("+")
    check(kind, extras)
    with alone():
        stamp = ENVIRONMENT / f".ready-{wanted}"
        if not is_sound():
            make_anew()
        if not stamp.exists() or stamp.read_text() != fingerprint():
            install(kind, extras)
        stamp.touch()
        ASKED.write_text(os.environ.get("PYTHON", ""), encoding="utf-8")


def clean_process_environment() -> None:
    """Let nothing of the caller's send Python or pip outside the environment."""
    for name in STRAY:
        os.environ.pop(name, None)
    # Set rather than dropped, because a configuration file may say otherwise.
    os.environ.update(PIP_REQUIRE_VIRTUALENV="0", PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1")


def check(kind: str, extras: str) -> None:
    """Refuse an unknown extra: pip would only warn, and install less than was asked for."""
    if kind not in KINDS:
        sys.exit(f"Expected one of {', '.join(KINDS)}, got {kind!r}.")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = project.get("optional-dependencies", {})
    for extra in filter(None, extras.split(",")):
        if extra not in known:
            sys.exit(f"marginflow has no extra {extra!r}: EXTRAS is one or more of {list(known)}.")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep a second `make` waiting while a first one installs."""
    with open(__file__, "rb") as file:
        with contextlib.suppress(ImportError, OSError):  # not on every file system
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_sound() -> bool:
    """Whether `.venv` was once finished, at this place, by the Python that is asked for."""
    try:
        if PLACE.read_text(encoding="utf-8") != str(ROOT):
            return False
        code = "import sys; print(sys.base_prefix, sys.version)"
        home = subprocess.run([PYTHON, "-I", "-c", code], capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    here = f"{sys.base_prefix} {sys.version}"
    return not os.environ.get("PYTHON") or os.fsdecode(home).strip() == here


def fingerprint() -> str:
    """What an installation depends on: requirements, pins, and the version in its metadata."""
    text = Path("src/marginflow/_version.py").read_text(encoding="utf-8")
    version = re.findall(r"^__version__ = .*", text, re.MULTILINE)
    parts = [Path("pyproject.toml").read_bytes(), Path("constraints.txt").read_bytes()]
    return hashlib.sha256(b"\0".join([*parts, str(version).encode()])).hexdigest()


def make_anew() -> None:
    """Make the environment from nothing, by the Python that runs this; pip included."""
    say(f"Making {ENVIRONMENT} with Python {'.'.join(map(str, sys.version_info[:3]))}.")
    PLACE.unlink(missing_ok=True)
    if ENVIRONMENT.is_symlink() or ENVIRONMENT.is_file():
        ENVIRONMENT.unlink()
    elif ENVIRONMENT.exists():
        shutil.rmtree(ENVIRONMENT)
    venv.EnvBuilder(symlinks=os.name != "nt", with_pip=False).create(ENVIRONMENT)
    pinned = re.search(r"^pip==(\S+)$", Path("constraints.txt").read_text(), re.MULTILINE)
    bring_pip(PYTHON, pinned[1] if pinned else sys.exit("constraints.txt names no version of pip."))


def install(kind: str, extras: str) -> None:
    """Install over what there is; if that is cut short, no mark says that it was done."""
    say("Installing marginflow and what it needs: some minutes the first time.")
    command = [PYTHON, "-I", "-m", "pip", "install", "--constraint=constraints.txt"]
    if not sys.stderr.isatty():
        command.append("-qq")
    if kind != "run":
        command += [f"--group={group}" for group in (kind, *groups_of(extras))]
    command += ["--editable", f".[{extras}]" if extras else "."]
    was_sound = PLACE.exists()
    PLACE.unlink(missing_ok=True)
    failed = subprocess.run(command, stdout=sys.stderr).returncode
    if was_sound or not failed:  # a pip that fails of itself leaves every package whole
        PLACE.write_text(str(ROOT), encoding="utf-8")
    if failed:
        sys.exit("pip could not install what marginflow needs; its reason stands above.")
    for held in KINDS[: KINDS.index(kind) + 1]:
        for suffix in ["", f"+{extras}"] if extras else [""]:
            (ENVIRONMENT / f".ready-{held}{suffix}").write_text(fingerprint())


def groups_of(extras: str) -> list[str]:
    """The dependency groups that bear the names of extras: what tests of these compare with."""
    groups = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return [extra for extra in extras.split(",") if extra in groups]


def say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit(130)
