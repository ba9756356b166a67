"""What is there without torch: all of the package but what needs it, and one sentence for that."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

CODE = """
import json, sys
sys.modules["torch"] = None  # as if it were not installed
import marginflow.training
try:
    import marginflow.training.torch
except ImportError as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


def test_the_missing_extra_is_one_sentence():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kind, message = json.loads(done.stdout)
    assert kind == "ImportError"
    assert message == (
        "marginflow.training.torch needs PyTorch, which is not installed; "
        "pip install 'marginflow[torch]' brings it."
    )


def test_losses_and_training_bring_in_no_torch():
    code = "import sys, marginflow.losses, marginflow.training; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


COLLECT = """
import functools, sys
from importlib.machinery import PathFinder

def but_torch(find, name, *where, **more):
    return None if name == "torch" else find(name, *where, **more)

PathFinder.find_spec = functools.partial(but_torch, PathFinder.find_spec)
import pytest
options = ["-q", "-rs", "--collect-only"]
sys.exit(pytest.main([*options, "src/marginflow/training", "docs", "tests/training"]))
"""


def test_what_needs_torch_is_skipped_with_that_sentence():
    """Every file of tests and examples is there without torch, or skipped."""
    code = [sys.executable, "-c", COLLECT]
    done = subprocess.run(code, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-2000:]
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert len(skipped) > 3
    assert all("needs PyTorch, which is not installed" in line for line in skipped), skipped
