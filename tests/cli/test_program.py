"""The program around its verbs: help without weight, exit codes, one document, quiet pipes."""

import errno
import io
import json
import os
import pty
import subprocess
import sys

import pytest

import marginflow as mf
from marginflow.cli import program
from marginflow.cli.answer import Answer
from marginflow.cli.errors import UsageError
from marginflow.cli.exit_codes import OF_STATUS, ExitCode
from marginflow.cli.options import Debug, Json

CODE = "import sys; from marginflow.cli import main; sys.exit(main(sys.argv[1:]))"
HEAVY = {"jax", "numpy", "scipy", "pandas", "pyarrow", "sklearn", "matplotlib", "clarabel", "torch"}
FIELDS = ["command", "marginflow", "status", "exit_code", "message"]


@pytest.fixture
def a_verb(monkeypatch):
    """Register a verb that returns or raises what it is given."""

    def register(outcome):
        def verb(json: Json = False, debug: Debug = False) -> Answer:
            """Return or raise."""
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        monkeypatch.setitem(program.VERBS, "verb", verb)

    return register


def test_help_of_the_program_and_of_every_verb_loads_nothing_heavy(marginflow_process):
    code = """
import json, sys
from marginflow.cli import main, program
codes = [main([*verb, "--help"]) for verb in ([], *([name] for name in program.VERBS))]
codes.append(main(["--version"]))
print(json.dumps({"codes": codes, "modules": sorted(sys.modules)}), file=sys.stderr)
"""
    ended = marginflow_process(code=code)
    found = json.loads(ended.err)
    assert set(found["codes"]) == {0}
    assert not {name.partition(".")[0] for name in found["modules"]} & HEAVY
    assert mf.__version__ in ended.out


def test_every_verb_takes_the_common_options_and_says_what_it_does(marginflow):
    for name in program.VERBS:
        ended = marginflow(name, "--help")
        assert ended.code == 0
        assert "--json" in ended.out
        assert "--debug" in ended.out
        first_words = " ".join((program.VERBS[name].__doc__ or "").split()[:5])
        assert first_words in " ".join(ended.out.split())


def test_without_a_verb_the_help_is_shown(marginflow):
    assert marginflow() == marginflow("--help")
    assert "max-margin" in marginflow().out


@pytest.mark.parametrize(
    ("error", "code", "status", "words"),
    [
        (UsageError("expected a, got b; do c."), 2, "usage", "expected a, got b; do c."),
        (mf.MarginflowError("expected a, got b."), 2, "usage", "expected a, got b."),
        (mf.NotConvergedError("not yet."), 3, "max_steps", "not yet."),
        (mf.NotSeparableError("no separator."), 4, "not_separable", "no separator."),
        (KeyboardInterrupt(), 130, "interrupted", "interrupted."),
        (OSError(errno.ENOSPC, "No space left", "a.npz"), 1, "failure", "a.npz: No space left."),
        (ZeroDivisionError("division by zero"), 1, "failure", "ZeroDivisionError: division by"),
        (ValueError("from\ndeep inside"), 1, "failure", "ValueError: from deep inside."),
    ],
)
def test_an_error_is_one_sentence_an_exit_code_and_one_document(
    marginflow, a_verb, error, code, status, words
):
    a_verb(error)
    plain = marginflow("verb")
    assert (plain.code, plain.out, plain.err.count("\n")) == (code, "", 1)
    assert words in plain.err
    as_json = marginflow("verb", "--json")
    assert (as_json.code, as_json.err) == (code, plain.err)
    assert list(as_json.document) == FIELDS
    assert as_json.document["status"] == status
    assert as_json.document["exit_code"] == code
    assert plain.err == f"marginflow verb: {as_json.document['message']}\n"


def test_a_result_carried_by_an_error_gives_its_status(marginflow, a_verb):
    result = mf.Result(status=mf.Status.SATURATED, message="saturated.")
    a_verb(mf.NotConvergedError("saturated.", result))
    ended = marginflow("verb", "--json")
    assert (ended.code, ended.document["status"]) == (3, "saturated")


def test_only_what_is_unexpected_is_called_our_failure(marginflow, a_verb):
    a_verb(ZeroDivisionError("division by zero"))
    assert "failure of marginflow" in marginflow("verb").err
    a_verb(UsageError("expected a."))
    assert "failure of marginflow" not in marginflow("verb").err


def test_tracebacks_are_shown_on_request_only(marginflow, a_verb, monkeypatch):
    a_verb(ZeroDivisionError("division by zero"))
    assert "Traceback" not in marginflow("verb").err
    assert "Traceback" in marginflow("verb", "--debug").err
    monkeypatch.setenv("MARGINFLOW_DEBUG", "1")
    ended = marginflow("verb", "--json")
    assert "Traceback" in ended.err
    assert ended.document["status"] == "failure"
    monkeypatch.setenv("MARGINFLOW_DEBUG", "0")
    assert "Traceback" not in marginflow("verb").err


@pytest.mark.parametrize(
    "arguments", [["nothing-like-it"], ["--nothing"], ["losses", "--nothing"], ["info", "extra"]]
)
def test_a_command_line_that_cannot_be_read_is_a_usage_error(marginflow, arguments):
    ended = marginflow(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert arguments[-1] in ended.err
    as_json = marginflow(*arguments, "--json")
    assert as_json.document["status"] == "usage"
    assert as_json.document["exit_code"] == as_json.code == 2


def test_every_status_has_its_exit_code():
    assert set(OF_STATUS) == set(mf.Status)
    codes = {"done": 0, "eps_dominated": 0, "not_separable": 4, "interrupted": 130}
    for status in mf.Status:
        assert OF_STATUS[status] == codes.get(status, ExitCode.NOT_CONVERGED)


def test_the_document_of_an_answer_has_the_common_fields_first(marginflow, a_verb):
    a_verb(Answer(status="done", message="all is well.", figures={"gap": float("nan"), "n": 3}))
    ended = marginflow("verb", "--json")
    assert (ended.code, ended.err) == (0, "")
    assert list(ended.document) == [*FIELDS, "gap", "n"]
    assert ended.document["gap"] is None


def test_an_answer_that_cannot_be_written_is_our_failure_and_still_one_document(marginflow, a_verb):
    a_verb(Answer(message="all is well.", figures={"odd": object()}))
    ended = marginflow("verb", "--json")
    assert (ended.code, ended.document["status"]) == (1, "failure")
    assert "$.odd is a object" in ended.err


def test_a_word_that_looks_like_markup_is_shown_as_it_is(marginflow, a_verb):
    from marginflow.cli.console import facts, table

    a_verb(
        Answer(message="ok.", page=[facts([("name", "[bold]x[/]")]), table(["[a]"], [[":pig:"]])])
    )
    out = marginflow("verb").out
    assert "[bold]x[/]" in out
    assert "[a]" in out
    assert ":pig:" in out


def test_through_a_pipe_tables_are_plain_unbroken_lines(marginflow, a_verb):
    from marginflow.cli.console import facts

    long = " ".join(["word"] * 500)
    a_verb(Answer(message="ok.", page=[facts([("name", long), ("other", 1.0 / 3.0)])]))
    lines = marginflow("verb").out.splitlines()
    assert lines == [f"name   {long}", "other  0.333333"]


def test_a_terminal_that_lacks_a_letter_shows_its_code(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    assert program.main(["losses"]) == 0
    output.seek(0)
    assert "\\u03c8(u) = log(1 + " in output.read()


@pytest.mark.parametrize(
    "arguments", [["losses", "--json"], ["losses"], ["--help"], ["run", "--help"], ["--version"]]
)
def test_a_closed_pipe_ends_the_run_in_silence(arguments):
    """As `marginflow losses | head -0` does: the reader is gone before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", CODE, *arguments],
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [["losses"], ["losses", "--json"], ["--help"], ["--version"]])
@pytest.mark.parametrize("place", [">/dev/full", ">&-"])
def test_output_that_cannot_be_written_is_one_sentence_and_exit_code_1(arguments, place):
    done = in_a_shell(arguments, place)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    reason = os.strerror(errno.ENOSPC if "full" in place else errno.EBADF)
    assert done.stderr == f"marginflow: standard output: {reason}.\n"


@pytest.mark.parametrize("place", ["2>/dev/full", "2>&-"])
def test_notes_that_cannot_be_written_change_no_exit_code_and_no_document(place):
    done = in_a_shell(["nothing-like-it", "--json"], place)
    assert done.returncode == json.loads(done.stdout)["exit_code"] == 2


def in_a_shell(arguments: list[str], place: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {place}', "sh", sys.executable, "-c", CODE, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_terminal_gets_colors_unless_it_asks_for_none():
    plain, colored = on_a_terminal(NO_COLOR="1"), on_a_terminal()
    dumb = on_a_terminal(TERM="dumb")
    assert "3" in plain
    assert "\x1b[" in colored
    assert "\x1b[3" not in plain
    assert "\x1b" not in dumb


def on_a_terminal(**environment: str) -> str:
    """What `marginflow --help` shows on a terminal."""
    code = "from marginflow.cli import main; main(['--help'])"
    master, slave = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", **environment}
    with subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave, env=variables):
        os.close(slave)
        shown = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
    os.close(master)
    return shown.decode()
