"""`marginflow certify`: verdicts on the page and in the document, for names and for modules."""

import sys

import pytest

import marginflow as mf

TEMPLATE = "import jax.numpy as jnp\n\ndef bent(u):\n    return jnp.sum(jnp.exp(-u)) - 1.0\n"


def test_the_document_has_every_verdict_of_the_certificate(marginflow):
    document = marginflow("certify", "pair-log-loss", "--classes", "2,3", "--json").document
    certificate = mf.certify_loss("pair-log-loss", n_classes=[2, 3])
    assert list(document["properties"]) == list(certificate)
    for name, part in certificate.properties.items():
        assert document["properties"][name]["verdict"] == part.verdict
        assert document["properties"][name]["evidence"] == part.evidence
    assert set(document["by_classes"]) == {"2", "3"}
    assert document["conclusion"] == certificate.conclusion


def test_a_template_beside_the_caller_is_found(marginflow, tmp_path, monkeypatch):
    (tmp_path / "my_losses.py").write_text(TEMPLATE)
    monkeypatch.chdir(tmp_path)
    ended = marginflow("certify", "my_losses:bent", "--classes", "2")
    assert ended.code == 0
    line = next(line for line in ended.out.splitlines() if line.startswith("non-negative"))
    assert "refuted" in line
    assert "hard-margin" not in ended.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cross-entorpy"], "no loss named"),
        (["no_such_module_here:f"], "no_such_module_here"),
        (["math:no_such_function"], "no_such_function"),
        (["math:pi"], "expects a Loss"),
        (["no/such/file.py:f"], "expected a Python file"),
        (["cross-entropy", "--classes", "two"], "--classes"),
        (["cross-entropy", "--classes", "1"], "from 2 on"),
    ],
)
def test_what_cannot_be_certified_is_a_usage_error(marginflow, arguments, words):
    ended = marginflow("certify", *arguments)
    assert ended.code == 2
    assert words in ended.err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("def bent(u):\n    return u[7] if u.sum() > 0 else 0.0\n", "bent failed in line 2 of"),
        ("def bent(u):\n    return {}['u']\n", "KeyError"),
        ("import no_such_package_here\n", "no_such_package_here"),
        ("def bent(u\n", "SyntaxError"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("def broken(u):\n    return 0.0\n", "defines no 'bent'"),
    ],
)
@pytest.mark.parametrize("place", ["mine.py", "mine"])
def test_what_the_users_code_raises_is_the_users(
    marginflow, tmp_path, monkeypatch, code, words, place
):
    (tmp_path / "mine.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    ended = marginflow("certify", f"{place}:bent", "--classes", "2")
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert words in ended.err


@pytest.mark.parametrize("text", [":f", ":", "math:"])
def test_half_of_a_place_is_refused_with_what_is_expected(marginflow, text):
    ended = marginflow("certify", text, "--classes", "2")
    assert (ended.code, ended.err.count("\n")) == (2, 1), ended.err
    assert "expected NAME, FILE.py:OBJECT or MODULE:OBJECT" in ended.err
    assert repr(text) in ended.err
    assert "Error:" not in ended.err
