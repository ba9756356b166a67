"""Losses of installed packages, found through the entry-point group."""

import importlib
import sys
from pathlib import Path

import pytest

import marginflow as mf
from marginflow.losses import registry

MODULE = """
import marginflow as mf

def steep():
    return mf.PolynomialLoss(degree=9.0)

def fails():
    raise OSError("no such file: table.csv")

def text():
    return "steep"

LOSS = mf.CrossEntropy()
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a package on the path that announces losses, and let the registry read it anew."""
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))
    monkeypatch.setattr(registry, "_PLUGINS_ARE_READ", False)

    def install(announced: dict[str, str], module: str = MODULE) -> None:
        (tmp_path / "steep_losses.py").write_text(module)
        about = tmp_path / "steep_losses-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: steep-losses\nVersion: 1.0\n")
        lines = [f"{name} = {value}\n" for name, value in announced.items()]
        (about / "entry_points.txt").write_text("".join(["[marginflow.losses]\n", *lines]))
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()

    yield install
    sys.modules.pop("steep_losses", None)


def test_a_loss_of_an_installed_package_goes_by_its_name(install):
    install({"steep": "steep_losses:steep"})
    assert mf.get_loss("Steep") == mf.PolynomialLoss(degree=9.0)
    assert list(mf.registered_losses())[-1] == "steep"
    with pytest.raises(ValueError, match=r"registered are: cross-entropy,.*steep"):
        mf.get_loss("deep")


def test_plugins_are_not_imported_before_a_loss_is_asked_for(install):
    install({"steep": "steep_losses:steep"})
    assert mf.get_loss("cross-entropy") == mf.CrossEntropy()
    assert "steep_losses" not in sys.modules
    mf.registered_losses()
    assert "steep_losses" in sys.modules


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("broken", "steep_losses:absent", "AttributeError.*absent"),
        ("broken", "absent_module:Loss", "ModuleNotFoundError.*absent_module"),
        ("broken", "steep_losses:fails", "OSError: no such file: table.csv"),
        ("broken", "steep_losses:text", "TypeError: expected a class or a function"),
        ("broken", "steep_losses:LOSS", "TypeError: expected a class or a function"),
        ("Not A Name", "steep_losses:steep", "ValueError.*lower-case words"),
        ("focal", "steep_losses:steep", "ValueError.*'focal' is registered already"),
    ],
)
def test_a_broken_plugin_is_named_and_left_out(install, name, value, words):
    before = dict(mf.registered_losses())
    registry._PLUGINS_ARE_READ = False
    install({name: value, "steep": "steep_losses:steep"})
    with pytest.warns(RuntimeWarning, match=f"{name}.*of steep-losses.*is left out: {words}"):
        found = mf.registered_losses()
    assert found == {**before, "steep": mf.PolynomialLoss(degree=9.0)}
    assert mf.get_loss("steep").degree == 9.0


def test_a_plugin_that_cannot_be_imported_breaks_nothing_else(install):
    install({"broken": "steep_losses:steep"}, module="raise RuntimeError('built for another time')")
    with pytest.warns(RuntimeWarning, match="broken.*RuntimeError: built for another time"):
        assert "broken" not in mf.registered_losses()
    assert "broken" not in mf.registered_losses()
