"""Sweeps in files: they say what Python says, and errors name the line."""

import pytest
from tests.experiments.sweeps import small

import marginflow as mf

TEXT = """\
# a sweep
steps = 300
seeds = 2
record = "log:5"
losses = "multiclass-exponential"
initial = 0.1

[[data]]
name = "gaussian-clusters"
n_samples = 12
n_features = 3
noise = 0.2
separation = 2.0
balanced = true

[[optimizers]]
name = "gd"
learning_rate = [0.003, 1e9]

[[optimizers]]
name = "sign"
learning_rate = 0.03
schedule = ["constant", "inverse-sqrt"]
"""


@pytest.fixture
def read(tmp_path):
    def of(text):
        path = tmp_path / "small.toml"
        path.write_text(text, encoding="utf-8")
        return mf.read_sweep(path)

    return of


def test_a_file_says_what_python_says(read):
    sweep = read(TEXT)
    assert sweep.hash == small().hash
    assert (sweep.name, sweep.seed) == ("small", 0)


def test_the_seed_can_be_given_from_outside(read, tmp_path):
    read(TEXT)
    assert mf.read_sweep(tmp_path / "small.toml", seed=3).hash == small(seed=3).hash


def test_data_files_are_found_beside_the_sweep(read, tmp_path):
    (tmp_path / "mine.csv").write_text("a,label\n1.0,x\n-1.0,y\n")
    sweep = read('steps = 1\ndata = "mine.csv"\n[[optimizers]]\nname="gd"\nlearning_rate=1')
    assert sweep.datasets["mine", 0].n_samples == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("steps = 300", "steps = 300\nstep = 3", 3, "'step' is not a key; did you mean 'steps'"),
        ("steps = 300", "steps = '300'", 2, "whole number"),
        ("seeds = 2", "seeds = ['a']", 3, "whole number"),
        ("noise = 0.2", "nose = 0.2", 12, "did you mean 'noise'"),
        ("learning_rate = 0.03", "learning_rate = {a = 1}", 22, "a number, a word or a list"),
        ('name = "sign"', 'name = "sing"', 21, "did you mean 'sign'"),
        ('"inverse-sqrt"', '"cosine"', 23, "not a schedule"),
        ("[0.003, 1e9]", "[0.003, -1]", 16, "above 0"),
        ('name = "gd"', "rate = 1", 16, "expected a name"),
        ("multiclass-exponential", "exponential", 5, "not a loss"),
    ],
)
def test_an_error_names_its_line(read, old, new, line, words):
    with pytest.raises(mf.SweepError, match=rf"small\.toml, line {line}: .*{words}"):
        read(TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("steps = ", r"small\.toml: expected TOML: Invalid value"),
        ("steps = 3\nsteps = 4", "expected TOML"),
        (TEXT.replace("steps = 300\n", ""), "steps: expected in every sweep"),
    ],
)
def test_what_is_no_sweep_is_refused(read, text, words):
    with pytest.raises(mf.SweepError, match=words):
        read(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing"):
        mf.read_sweep(tmp_path / "none.toml")
