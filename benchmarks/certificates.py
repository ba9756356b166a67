"""The certificate of each registered loss, each in a process of its own as a user would meet it."""

import json
import subprocess
import sys

import marginflow as mf

SCRIPT = """
import json, sys, time
import marginflow as mf
loss, certify_loss = mf.losses.as_loss(sys.argv[1]), mf.certify_loss
start = time.perf_counter()
certify_loss(loss)
print(json.dumps(time.perf_counter() - start))
"""


def main() -> list[dict]:
    """Rows of seconds after import, of marginflow and its room of theory, slowest first."""
    rows = []
    for name in mf.losses.registered_losses():
        command = [sys.executable, "-c", SCRIPT, name]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append({"loss": name, "certificate [s]": json.loads(answer.stdout)})
    rows.sort(key=lambda row: -row["certificate [s]"])
    return [*rows, {"loss": "all", "certificate [s]": sum(r["certificate [s]"] for r in rows)}]
