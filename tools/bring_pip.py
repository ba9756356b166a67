"""Bring pip into a virtual environment that has none.

`python -m venv` takes pip from ensurepip, which Debian and its kin keep in a package of its own,
python3-venv.  A machine without it is common, and its owner need not be asked to change it: pip is
one wheel, which runs from its file.  So four sources are asked in turn, those that need no network
first: ensurepip, the wheels that a system keeps for such use, a pip outside the environment, and
the package index.  Whichever serves, pip then takes the version that constraints.txt names.
"""

import configparser
import hashlib
import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path


def bring_pip(python: Path, version: str) -> None:
    """Give the environment of `python` that version of pip, or exit with a sentence."""
    for source in (from_ensurepip, from_system_wheels, from_outside, from_index):
        try:
            source(python, version)
            quietly(python, "-I", "-m", "pip", "--version")
            break
        except (OSError, LookupError, subprocess.CalledProcessError) as error:
            reason = error
    else:
        sys.exit(
            f"No pip could be had for the environment (the package index said: {reason}): install "
            "pip or python3-venv, or mend the network, its certificates or pip's settings, and run "
            "make again."
        )
    pip = [python, "-I", "-m", "pip"]
    if quietly(*pip, "--version").split()[1] != version:
        try:
            quietly(*pip, "install", "--upgrade", f"pip=={version}")
        except subprocess.CalledProcessError as error:
            sys.exit(f"pip {version} could not be installed; an older pip said:\n{error.stderr}")


def quietly(*command: str | Path) -> str:
    """Run a command and return what it printed; `CalledProcessError` if it failed."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def from_ensurepip(python: Path, version: str) -> None:
    quietly(python, "-I", "-m", "ensurepip", "--default-pip")


def from_system_wheels(python: Path, version: str) -> None:
    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR"), "/usr/share/python-wheels"]
    wheels = [wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")]
    if not wheels:
        raise LookupError("this system keeps no wheel of pip")
    install_wheel(python, wheels[0])


def from_outside(python: Path, version: str) -> None:
    programs = [[sys.executable, "-m", "pip"], ["pip3"], ["pip"]]
    for program in programs:
        if shutil.which(program[0]):
            try:
                quietly(*program, "--python", python, "install", f"pip=={version}")
                return
            except subprocess.CalledProcessError:
                continue
    raise LookupError("there is no pip outside the environment that can install into it")


def from_index(python: Path, version: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        install_wheel(python, download_wheel(version, Path(folder)))


def install_wheel(python: Path, wheel: Path) -> None:
    """Let pip install itself: a wheel is an archive that Python runs from."""
    quietly(python, "-I", wheel / "pip", "install", "--no-index", wheel)


def download_wheel(version: str, folder: Path) -> Path:
    """Fetch pip's wheel as pip would: from its configured indexes, the hash compared."""
    settings = pip_settings()
    certificates = ssl.create_default_context()
    if "cert" in settings:
        certificates.load_verify_locations(settings["cert"])
    name = f"pip-{version}-py3-none-any.whl"
    link = re.compile(rf'href="([^"#]*{re.escape(name)})#sha256=([0-9a-f]{{64}})"')

    def read(address: str) -> bytes:
        with urllib.request.urlopen(address, timeout=60, context=certificates) as answer:
            return answer.read()

    reasons: list[Exception] = []
    for index in indexes(settings):
        page = f"{index.rstrip('/')}/pip/"
        try:
            found = link.search(read(page).decode())
        except OSError as error:
            reasons.append(error)
            continue
        if not found:
            reasons.append(LookupError(f"{page} offers no {name}"))
            continue
        wheel = read(urllib.parse.urljoin(page, found[1]))
        if hashlib.sha256(wheel).hexdigest() != found[2]:
            raise LookupError(f"{name} came damaged from {page}")
        (folder / name).write_bytes(wheel)
        return folder / name
    raise reasons[0]


def indexes(settings: dict[str, str]) -> Iterator[str]:
    yield settings.get("index-url", "https://pypi.org/simple")
    yield from settings.get("extra-index-url", "").split()


def pip_settings() -> dict[str, str]:
    """What pip's configuration files and variables say, the later ones ruling."""
    home = Path.home()
    user = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/Library/Application Support/pip/pip.conf"),
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        home / "Library/Application Support/pip/pip.conf",
        user / "pip/pip.conf",
    ]
    if "PIP_CONFIG_FILE" in os.environ:
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    parser = configparser.RawConfigParser()
    parser.read(files, encoding="utf-8")
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            settings.update(parser.items(section))
    for name in ("index-url", "extra-index-url", "cert"):
        value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
        if value:
            settings[name] = value
    return settings
