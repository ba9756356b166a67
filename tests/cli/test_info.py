"""`marginflow info`: the installation as it is."""

import importlib.metadata
import platform

import jax

import marginflow as mf
from marginflow.cli import info


def test_the_document_describes_this_installation(marginflow):
    found = marginflow("info", "--json").document
    assert found["marginflow"] == mf.__version__
    assert found["python"] == platform.python_version()
    assert found["cores"] >= 1
    assert [each["platform"] for each in found["devices"]] == [d.platform for d in jax.devices()]
    assert {"wine", "breast_cancer", "digits", "iris"} <= set(found["bundled_data"])
    for name, version in found["versions"].items():
        assert version == importlib.metadata.version(name)
    assert {"numpy", "scipy", "jax", "clarabel"} <= set(found["versions"])


def test_the_page_names_every_package_and_data_set(marginflow):
    out = marginflow("info").out
    found = marginflow("info", "--json").document
    for part in (*found["versions"], *found["bundled_data"], *found["generators"]):
        assert part in out


def test_an_extra_is_present_with_its_versions_or_missing_with_its_command(marginflow, monkeypatch):
    lines = ["numpy>=2.0", "there>=1; extra == 'here'", 'gone[x]>=1; extra == "away"']
    installed = {"numpy": "2.0", "there": "1.5"}

    def version(name: str) -> str:
        if name not in installed:
            raise importlib.metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(info.metadata, "requires", lambda name: lines)
    monkeypatch.setattr(info.metadata, "version", version)
    assert info.versions() == {"numpy": "2.0"}
    assert info.extras() == {
        "here": {
            "present": True,
            "packages": {"there": "1.5"},
            "install": "pip install 'marginflow[here]'",
        },
        "away": {
            "present": False,
            "packages": {"gone": None},
            "install": "pip install 'marginflow[away]'",
        },
    }
    out = marginflow("info").out
    assert "there 1.5" in out
    assert "missing; pip install 'marginflow[away]'" in out


def test_a_source_tree_without_metadata_has_no_versions_to_show(monkeypatch):
    def missing(name: str):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(info.metadata, "requires", missing)
    assert (info.versions(), info.extras()) == ({}, {})
