"""`marginflow losses`: what is registered, with the constants of the losses themselves."""

import pytest

import marginflow as mf
from marginflow.cli.losses import formula


def test_every_registered_loss_is_listed_with_its_own_constants(marginflow):
    found = {each["name"]: each for each in marginflow("losses", "--json").document["losses"]}
    assert list(found) == list(mf.registered_losses())
    for name, loss in mf.registered_losses().items():
        for k in (2, 3, 10):
            assert found[name]["smoothness"][str(k)] == loss.smoothness(k)
        tail, shown = loss.tail(3), found[name]["tail"]
        assert (shown is None) == (tail is None)
        assert tail is None or (shown["kind"], shown["rate"]) == (tail.kind, tail.rate)
        assert found[name]["formula"].startswith("ψ(u) = ")
        assert found[name]["summary"]


def test_the_table_has_a_line_for_each_loss(marginflow):
    header, *lines = marginflow("losses").out.splitlines()
    assert [line.split()[0] for line in lines] == list(mf.registered_losses())
    assert header.split()[:3] == ["name", "formula", "tail"]


def test_a_loss_that_a_program_registers_is_listed(marginflow):
    mf.register("steep", lambda: mf.PolynomialLoss(degree=7.0))
    try:
        assert "u^(−7)" in marginflow("losses").out
        assert marginflow("losses", "STEEP", "--json").document["tail"]["degree"] == 7.0
    finally:
        mf.losses.unregister("steep")


@pytest.mark.parametrize("name", ["cross-entropy", "Cross_Entropy"])
def test_one_loss_is_shown_in_full(marginflow, name):
    ended = marginflow("losses", name)
    assert ended.code == 0
    assert "log(1 + Σ_k e^(−u_k))" in ended.out
    assert marginflow("losses", name, "--json").document["name"] == "cross-entropy"


def test_an_unknown_loss_is_a_usage_error_that_lists_the_known(marginflow):
    ended = marginflow("losses", "crossentropy")
    assert ended.code == 2
    for name in mf.registered_losses():
        assert name in ended.err


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("A loss.\n\nψ(u) = log(1 + Σ_k e^(−u_k)), with slopes.", "ψ(u) = log(1 + Σ_k e^(−u_k))"),
        ("The hinge: ψ(u) = max(0, 1 −\n    u_k).", "ψ(u) = max(0, 1 − u_k)"),
        ("A power: ψ(u) = u^1.5 for all.", "ψ(u) = u^1.5 for all"),
        ("No formula.", None),
    ],
)
def test_the_formula_of_a_docstring_ends_with_its_clause(words, found):
    assert formula(words) == found
