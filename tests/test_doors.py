"""The doors: which Python is taken, where pip comes from, and when an environment is made anew."""

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import venv
from pathlib import Path

import bring_pip
import environment
import pytest

ROOT = environment.ROOT


@pytest.fixture
def folder(tmp_path):
    """A folder whose name has a space in it, as a user's may."""
    path = tmp_path / "a folder"
    path.mkdir()
    return path


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def find_python(path: list[Path], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", ROOT / "tools" / "find_python.sh"],
        env={"PATH": os.pathsep.join(map(str, path)), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_shim_that_fails_and_a_python_too_old_are_passed_over(folder):
    program(folder / "shims" / "python3", "echo 'not installed' >&2; exit 127")
    program(folder / "old" / "python3", "echo 'it is Python 3.9' >&2; exit 1")
    good = program(folder / "good" / "python3.12", "echo tested")
    found = find_python([folder / "shims", folder / "nowhere", folder / "old", folder / "good"])
    assert (found.returncode, found.stdout) == (0, f"{good}\n")


def test_a_tested_version_goes_before_a_newer_one(folder):
    newer = program(folder / "python3", "echo newer")
    assert find_python([folder]).stdout == f"{newer}\n"
    tested = program(folder / "python3.11", "echo tested")
    assert find_python([folder]).stdout == f"{tested}\n"


def test_no_python_is_one_sentence_and_status_2(folder):
    found = find_python([folder])
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)
    assert "CPython 3.11 or newer" in found.stderr


def test_a_python_that_is_named_is_taken_or_refused_with_its_reason(folder):
    program(folder / "python3", "echo tested")
    assert find_python([folder], PYTHON=sys.executable).stdout == f"{sys.executable}\n"
    old = program(folder / "old", "echo 'it is Python 3.9' >&2; exit 1")
    for name, reason in {
        str(old): "it is Python 3.9",
        "nothing": "there is no such program",
    }.items():
        found = find_python([folder], PYTHON=name)
        assert (found.returncode, found.stdout, found.stderr.count("\n")) == (2, "", 1)
        assert reason in found.stderr


@pytest.fixture
def index(folder, monkeypatch):
    """A package index on this machine; what is written into its folder is offered."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
        yield folder
        server.shutdown()


def offer(index: Path, content: bytes, digest: str) -> None:
    (index / "simple" / "pip").mkdir(parents=True)
    (index / "files").mkdir()
    (index / "files" / "pip-99.1-py3-none-any.whl").write_bytes(content)
    links = [
        f'<a href="../../files/pip-{version}-py3-none-any.whl#sha256={digest}">pip</a>'
        for version in ("9.1", "99.0", "99.1", "99.10")
    ]
    (index / "simple" / "pip" / "index.html").write_text("\n".join(links))


def test_pip_comes_from_the_configured_index(index):
    offer(index, b"a wheel", hashlib.sha256(b"a wheel").hexdigest())
    wheel = bring_pip.download_wheel("99.1", index)
    assert (wheel.name, wheel.read_bytes()) == ("pip-99.1-py3-none-any.whl", b"a wheel")


def test_a_damaged_wheel_is_refused(index):
    offer(index, b"a wheel, damaged", hashlib.sha256(b"a wheel").hexdigest())
    with pytest.raises(LookupError, match="damaged"):
        bring_pip.download_wheel("99.1", index)


def test_a_version_that_the_index_lacks_is_named(index):
    offer(index, b"a wheel", hashlib.sha256(b"a wheel").hexdigest())
    with pytest.raises(LookupError, match=r"offers no pip-99\.2"):
        bring_pip.download_wheel("99.2", index)


def test_variables_rule_over_pips_configuration_files(folder, monkeypatch):
    (folder / "pip.conf").write_text("[global]\nindex-url = of-the-file\ncert = of-the-file\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(folder / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "of-the-variable")
    monkeypatch.delenv("PIP_CERT", raising=False)
    settings = bring_pip.pip_settings()
    assert (settings["index-url"], settings["cert"]) == ("of-the-variable", "of-the-file")


@pytest.fixture
def tree(folder, monkeypatch):
    """The doors of a tree of its own, with an environment that seems finished."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    (folder / "src" / "marginflow").mkdir(parents=True)
    (folder / "src" / "marginflow" / "_version.py").write_text('__version__ = "1.0"\n')
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder / ".venv")
    for name in ("run", "test", "dev"):
        (folder / ".venv" / f".ready-{name}").touch()
    (folder / ".venv" / ".place").write_text(str(folder))
    monkeypatch.chdir(folder)
    monkeypatch.delenv("PYTHON", raising=False)
    monkeypatch.setattr(environment, "ROOT", folder)
    monkeypatch.setattr(environment, "PYTHON", folder / ".venv" / "bin" / "python")
    monkeypatch.setattr(environment, "PLACE", folder / ".venv" / ".place")
    return folder


def would_install(tree: Path, *arguments: str) -> bool:
    """Whether `make test` would touch the environment before it runs pytest."""
    planned = subprocess.run(
        ["make", "--dry-run", "test", *arguments],
        cwd=tree,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "-m pytest" in planned
    return "tools/environment.py" in planned


def test_a_finished_environment_is_left_alone(tree):
    assert environment.is_sound()
    assert not would_install(tree)


def test_a_half_made_environment_is_made_anew(tree):
    (tree / ".venv" / ".place").unlink()
    assert not environment.is_sound()
    assert would_install(tree)


def test_an_environment_that_was_moved_is_made_anew(tree):
    (tree / ".venv" / ".place").write_text(str(tree.parent / "elsewhere"))
    assert not environment.is_sound()
    assert would_install(tree)


def test_an_environment_whose_python_is_gone_is_made_anew(tree):
    (tree / ".venv" / "bin" / "python").unlink()
    (tree / ".venv" / "bin" / "python").symlink_to(tree / "gone")
    assert not environment.is_sound()
    assert would_install(tree)


def test_naming_another_python_or_an_extra_asks_again(tree):
    assert would_install(tree, "PYTHON=python3.12")
    (tree / ".venv" / ".asked").write_text("python3.12")
    assert not would_install(tree, "PYTHON=python3.12")
    assert would_install(tree, "EXTRAS=torch")


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_new_requirements_are_installed(tree, name):
    before = environment.fingerprint()
    with open(tree / name, "a") as file:
        file.write("# another line\n")
    later = (tree / ".venv" / ".ready-test").stat().st_mtime + 10
    os.utime(tree / name, (later, later))
    assert environment.fingerprint() != before
    assert would_install(tree)


def test_the_package_is_installed_again_for_a_new_version_only(tree):
    package = tree / "src" / "marginflow" / "_version.py"
    before = environment.fingerprint()
    package.write_text('__version__ = "1.0"\n__all__ = ["__version__"]\n')
    assert environment.fingerprint() == before
    package.write_text('__version__ = "1.1"\n')
    assert environment.fingerprint() != before


def test_an_unknown_extra_is_refused_with_the_known_ones(tree):
    with pytest.raises(SystemExit, match=r"no extra 'troch'.*torch"):
        environment.check("test", "troch")
