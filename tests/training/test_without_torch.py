"""What is there without torch: all of the package but what needs it, and one sentence for that."""

import json
import subprocess
import sys

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
