"""The page of a monitored training, from records as a monitor writes them."""

import json

import numpy as np
import pytest
from tests.report.test_page import Reader

from marginflow.training import monitor

STEPS = np.array([0, 1, 3, 10, 32, 100])
ABOUT = {
    "model": "Sequential",
    "parameters": 300,
    "activations": {"1": "Tanh"},
    "weights": ["0", "2"],
    "homogeneity": None,
    "beyond": 0.95,
    "optimizer": "SGD",
    "learning_rate": 0.1,
    "momentum": 0.5,
    "effective_step": 0.1 + 0.2 - 0.1,
}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "a run"
    sink = monitor.to_parquet(folder)
    for i, step in enumerate(STEPS.tolist()):
        sink(
            {
                "step": step,
                "log_time": float(np.log(step)) if step else -np.inf,
                "loss": 2.0 / (i + 1),
                "weights_norm": 1.0 + i,
                "saturated/1": 0.9,
                "derivative/1": 0.05,
                "norm/0": 1.0,
                "norm/2": 2.0 + i,
            }
        )
    sink.flush()
    (folder / "run.json").write_text(json.dumps(ABOUT))
    return folder


def test_the_command_writes_a_whole_page_with_what_was_found(marginflow, run):
    ended = marginflow("report", str(run), "--json")
    assert ended.code == 0, ended.err
    assert [finding["name"] for finding in ended.document["findings"]] == ["saturated"]
    page = (run / "report.html").read_text(encoding="utf-8")
    Reader(page)  # complains of what does not close
    assert "layer 1: 90% of the Tanh outputs" in page
    assert "one thing was found that harms" in page
    assert "<td>0.2</td>" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    names = sorted(path.name for path in (run / "figures").iterdir())
    assert names == ["layers.pdf", "layers.png", "training.pdf", "training.png"]
    said = marginflow("report", str(run)).out
    assert "layer 1: 90% of the Tanh outputs" in said
    assert (run / "report.html").read_text(encoding="utf-8") == page


def test_the_pictures_hold_the_records(run):
    from marginflow.report import monitor_pictures

    whole, layers = monitor_pictures(monitor.load_run(run))
    panels = {ax.get_title(loc="left"): ax for ax in whole.figure.axes}
    assert set(panels) == {"Loss", "Weights"}
    (curve,) = panels["Weights"].lines
    np.testing.assert_array_equal(curve.get_xdata(), STEPS[1:])
    np.testing.assert_array_equal(curve.get_ydata(), 2.0 + np.arange(5))
    shown = [ax.get_title(loc="left") for ax in layers.figure.axes if ax.axison]
    assert shown == ["Saturation", "Derivatives", "Norms of layers"]


def test_a_folder_that_holds_neither_is_refused(marginflow, tmp_path):
    ended = marginflow("report", str(tmp_path))
    assert ended.code == 2
