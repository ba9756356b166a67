"""The package as a whole: what importing it costs, and what its public names promise."""

import doctest
import importlib.metadata
import importlib.resources
import inspect
import json
import subprocess
import sys
from typing import Any

import pytest

import marginflow as mf

PUBLIC = [name for name in mf.__all__ if name != "__version__"]


def in_a_fresh_python(code: str) -> Any:
    """What a program prints as JSON, run by itself in the environment of the tests."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_version_is_that_of_the_installed_metadata():
    assert mf.__version__ == importlib.metadata.version("marginflow")


def test_types_are_published():
    assert (importlib.resources.files("marginflow") / "py.typed").is_file()


def test_import_brings_in_nothing_heavy():
    code = "import json, sys, marginflow; print(json.dumps(sorted(sys.modules)))"
    loaded = set(in_a_fresh_python(code))
    assert "marginflow" in loaded
    assert not loaded & {"jax", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch"}


def test_claims_are_listed_without_what_draws_them():
    code = """
import json, sys
from marginflow.claims import all_claims
all_claims()
print(json.dumps("matplotlib" in sys.modules))
"""
    assert in_a_fresh_python(code) is False


def test_rooms_are_reached_through_the_package():
    rooms = [
        "claims",
        "data",
        "dynamics",
        "experiments",
        "figures",
        "likelihoods",
        "limits",
        "losses",
        "margins",
        "norms",
        "theory",
        "training",
    ]
    code = f"""
import json, marginflow as mf
print(json.dumps([getattr(mf, room).__name__ for room in {rooms}]))
"""
    assert in_a_fresh_python(code) == [f"marginflow.{room}" for room in rooms]


def test_precision_is_the_callers_before_and_after_a_verb():
    code = """
import json, jax, jax.numpy as jnp, marginflow as mf
states = [jax.config.jax_enable_x64]
mf.max_margin(mf.load_dataset("wine"))
states += [jax.config.jax_enable_x64, str(jnp.ones(1).dtype)]
print(json.dumps(states))
"""
    assert in_a_fresh_python(code) == [False, False, "float32"]


def test_public_names_are_listed_once():
    assert sorted(mf.__all__) == sorted(set(mf.__all__))
    assert set(mf.__all__) <= set(dir(mf))


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_a_thing_and_not_the_module_it_lives_in(name):
    assert not inspect.ismodule(getattr(mf, name))


def test_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match="no attribute 'max_margn'"):
        mf.max_margn  # noqa: B018


def own_words(value: Any) -> str:
    """The docstring of a function or class, unless a base class wrote it."""
    text = inspect.getdoc(value) or ""
    inherited = {inspect.getdoc(base) for base in getattr(value, "__mro__", ())[1:]}
    return "" if text in inherited else text


def test_public_names_are_described_in_their_own_words():
    assert [name for name in PUBLIC if not own_words(getattr(mf, name))] == []


def is_made_by_users(value: Any) -> bool:
    """Whether it needs an example of its own: a result is shown by the verb that returns it."""
    if inspect.isclass(value) and issubclass(value, (Exception, mf.Result)):
        return False
    return not inspect.isabstract(value)


def test_public_names_are_shown_by_an_example():
    examples = doctest.DocTestParser().get_examples
    made = [name for name in PUBLIC if is_made_by_users(getattr(mf, name))]
    assert [name for name in made if not examples(own_words(getattr(mf, name)))] == []
