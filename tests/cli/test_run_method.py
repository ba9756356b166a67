"""The rule of `--method auto`, at its edges."""

import pytest

import marginflow as mf
from marginflow.cli.errors import UsageError
from marginflow.cli.run_method import LARGEST_EXACT, Choice, Method, choose


def chosen(
    method: Method = Method.AUTO,
    steps: str | None = None,
    log_time: float | None = None,
    loss: str = "cross-entropy",
    only_exact: tuple[str, ...] = (),
    refusal: str | None = None,
) -> Choice:
    return choose(
        method,
        steps=steps,
        log_time=log_time,
        loss=mf.get_loss(loss),
        n_classes=3,
        only_exact=only_exact,
        refusal=refusal,
    )


@pytest.mark.parametrize(
    ("given", "method"),
    [
        ({}, Method.EXACT),
        ({"steps": str(LARGEST_EXACT)}, Method.EXACT),
        ({"steps": str(LARGEST_EXACT + 1)}, Method.FAST_FORWARD),
        ({"steps": "e^1000000"}, Method.FAST_FORWARD),
        ({"steps": "1e9", "only_exact": ("--checkpoint",)}, Method.EXACT),
        ({"steps": "1e9", "loss": "weston-watkins"}, Method.EXACT),
        ({"steps": "1e9", "loss": "lee-lin-wahba"}, Method.EXACT),
        ({"steps": "1e9", "refusal": "it sways"}, Method.EXACT),
        ({"log_time": 5.0}, Method.FLOW),
    ],
)
def test_auto_takes_the_exact_loop_where_it_is_quick_or_needed(given, method):
    found = chosen(**given)
    assert found.method == method
    assert found.reason


@pytest.mark.parametrize("method", [Method.EXACT, Method.FAST_FORWARD])
def test_what_is_asked_for_is_taken(method):
    assert chosen(method, steps="1e9").method == method
    assert chosen(method, steps="1e9").steps.count == 10**9


def test_auto_never_drops_what_only_a_loop_has():
    with pytest.raises(UsageError, match=r"--batch-size is for exact steps"):
        chosen(steps="10^100", only_exact=("--batch-size",))
    with pytest.raises(UsageError, match=r"--batch-size is for exact steps"):
        chosen(log_time=5.0, only_exact=("--batch-size",))


def test_an_optimizer_without_an_equation_is_told_why():
    with pytest.raises(UsageError, match=r"no loop makes 10\^50 steps.*it sways"):
        chosen(steps="1e50", refusal="it sways")
    with pytest.raises(UsageError, match="fast-forward: it sways"):
        chosen(Method.FAST_FORWARD, steps="1e9", refusal="it sways")


@pytest.mark.parametrize("given", [{"log_time": 5.0}, {"steps": "1e9"}])
def test_slopes_that_turn_positive_are_a_loop_s_alone(given):
    method = Method.AUTO if "log_time" in given else Method.FAST_FORWARD
    with pytest.raises(UsageError, match="turn positive"):
        chosen(method, loss="lee-lin-wahba", **given)
