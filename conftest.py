"""What holds for every test and every example in a docstring, wherever pytest is started.

Tests run on the CPU and draw no windows.  On top of what each of them states, all of them check two
promises of the package: it uses no network, and it leaves JAX's precision as the caller had it.
"""

import ast
import importlib
import importlib.util
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from jaxtyping._import_hook import JaxtypingTransformer, _JaxtypingFinder

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["MPLBACKEND"] = "agg"

# Shells start what runs in the background deaf to Ctrl-C; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# jaxtyping wraps functions inside functions too, anew at every call of the outer one: a quarter of
# all time.  Modules are cached by the name of the checker, so that it has to change with this.
_decorate = JaxtypingTransformer.visit_FunctionDef


def _decorate_outer(self: JaxtypingTransformer, node: ast.FunctionDef) -> ast.FunctionDef:
    inside = any(isinstance(parent, ast.FunctionDef) for parent in self._parents)
    return node if inside else _decorate(self, node)


JaxtypingTransformer.visit_FunctionDef = _decorate_outer

# torch.compile follows what it compiles into every function, and cannot follow the checks.
_is_checked = _JaxtypingFinder.should_instrument


def _is_checked_and_not_compiled(self: _JaxtypingFinder, module_name: str) -> bool:
    compiled = module_name.startswith("marginflow.training.torch")
    return _is_checked(self, module_name) and not compiled


_JaxtypingFinder.should_instrument = _is_checked_and_not_compiled


SOURCES = Path(__file__).parent / "src"
TRAINING = SOURCES / "marginflow" / "training"


class WithoutTorch(pytest.File):
    """A file of examples that need torch, where there is none."""

    def collect(self) -> Iterator[pytest.Item]:
        pytest.importorskip("marginflow.training.torch", exc_type=ImportError)
        raise AssertionError("torch is there after all")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Iterator[None]:
    """Skip examples that need torch, with the sentence that the package has for its absence."""
    collectors = yield
    if collectors and importlib.util.find_spec("torch") is None and _needs_torch(file_path):
        return [WithoutTorch.from_parent(parent, path=file_path)]
    return collectors


def _needs_torch(file: Path) -> bool:
    """Whether a file has an example with torch, or is a module that fails for want of it."""
    if ">>> import torch" in file.read_text(encoding="utf-8"):
        return True
    if TRAINING not in file.parents:
        return False
    place = file.parent if file.name == "__init__.py" else file.with_suffix("")
    place = place.relative_to(SOURCES)
    try:
        importlib.import_module(".".join(place.parts))
    except ImportError as error:
        cause = error.__cause__ or error
        return isinstance(cause, ModuleNotFoundError) and cause.name == "torch"
    return False


hypothesis.settings.register_profile("anywhere", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "anywhere")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse every connection but those inside this machine."""
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        outside = self.family in (socket.AF_INET, socket.AF_INET6)
        if outside and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(
                f"a connection to {address} was tried: nothing may use the network"
            )
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        yield


@pytest.fixture(autouse=True, scope="module")
def _compiled_programs_are_let_go() -> Iterator[None]:
    """Stay below the 65,530 mappings that Linux allows a process: a compiled program takes three.

    Beyond them the next compilation is a segmentation fault, late in a run of all tests.
    """
    yield
    listed = Path("/proc/self/maps")
    mappings = listed.read_bytes().count(b"\n") if listed.exists() else 0
    if "jax" in sys.modules and mappings > 20_000:
        sys.modules["jax"].clear_caches()


@pytest.fixture(autouse=True)
def _precision_is_left_alone() -> Iterator[None]:
    """Float64 is entered by context and left again."""
    yield
    if "jax" in sys.modules:
        assert not sys.modules["jax"].config.jax_enable_x64, "float64 was left switched on"
