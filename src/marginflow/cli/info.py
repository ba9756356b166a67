"""`marginflow info`: what this installation is made of, for bug reports and for choosing extras."""

import os
import platform
import re
import sys
from importlib import metadata
from typing import Any

from marginflow._version import __version__
from marginflow.cli.answer import Answer
from marginflow.cli.console import facts
from marginflow.cli.options import Debug, Json

NAME_OF_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")
EXTRA_OF_REQUIREMENT = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def info(json: Json = False, debug: Debug = False) -> Answer:
    """Show versions, devices, extras and bundled data sets."""
    from marginflow.cli.data_argument import GENERATORS
    from marginflow.data.bundled import BUNDLED

    figures: dict[str, Any] = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cores": usable_cores(),
        "devices": devices(),
        "versions": versions(),
        "extras": extras(),
        "bundled_data": BUNDLED,
        "generators": list(GENERATORS),
    }
    return Answer(message=f"marginflow {__version__}.", figures=figures, page=_page(figures))


def versions() -> dict[str, str | None]:
    """The installed version of each package that marginflow depends on; None if it is missing."""
    names = [name for name, extra in _requirements() if extra is None]
    return {name: _version(name) for name in names}


def extras() -> dict[str, dict[str, Any]]:
    """Each optional extra: the packages that it brings, whether all are here, how to install it."""
    found: dict[str, dict[str, Any]] = {}
    for name, extra in _requirements():
        if extra is not None:
            install = f"pip install 'marginflow[{extra}]'"
            entry = found.setdefault(extra, {"present": True, "packages": {}, "install": install})
            entry["packages"][name] = _version(name)
            entry["present"] &= entry["packages"][name] is not None
    return found


def usable_cores() -> int | None:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def devices() -> list[dict[str, Any]]:
    """The devices that JAX computes on."""
    import jax

    return [{"platform": device.platform, "kind": device.device_kind} for device in jax.devices()]


def _requirements() -> list[tuple[str, str | None]]:
    """Names of required packages, with the extra that asks for them."""
    try:
        lines = metadata.requires("marginflow") or []
    except metadata.PackageNotFoundError:  # run from a source tree
        return []
    found = []
    for line in lines:
        name, extra = NAME_OF_REQUIREMENT.match(line), EXTRA_OF_REQUIREMENT.search(line)
        if name:
            found.append((name[0], extra[1] if extra else None))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _page(figures: dict[str, Any]) -> list[Any]:
    kinds = [f"{device['platform']} ({device['kind']})" for device in figures["devices"]]
    return [
        facts(
            [
                ("marginflow", __version__),
                ("python", f"{figures['python']} ({figures['implementation']})"),
                ("platform", figures["platform"]),
                ("cores", figures["cores"]),
                ("devices", ", ".join(kinds)),
            ]
        ),
        facts(_absent_as_missing(figures["versions"]), title="\nPackages"),
        facts(
            ((name, _extra(entry)) for name, entry in figures["extras"].items()),
            title="\nExtras",
        ),
        facts(figures["bundled_data"].items(), title="\nBundled data"),
        facts([("with --seed", ", ".join(figures["generators"]))], title="\nGenerators"),
    ]


def _extra(entry: dict[str, Any]) -> str:
    if not entry["present"]:
        return f"missing; {entry['install']}"
    return ", ".join(f"{name} {version}" for name, version in entry["packages"].items())


def _absent_as_missing(found: dict[str, str | None]) -> list[tuple[str, str]]:
    return [(name, version or "missing") for name, version in found.items()]
