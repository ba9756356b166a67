"""The page of a sweep: what was found, from tables alone."""

import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from tests.report.test_page import Reader

import marginflow as mf
from marginflow.report import make_plate, sweep_page, sweep_pictures
from marginflow.report.sweep_pictures import along_steps, last_fractions

NORMS = ["frobenius", "max"]
MANIFEST = {
    "name": "two <methods>",
    "config_hash": "abc",
    "versions": {"marginflow": mf.__version__, "jax": "0"},
    "sweep": {
        "data": [{"label": "toy"}],
        "losses": [{"label": "cross-entropy"}],
        "optimizers": [{"label": name, "settings": {}} for name in ("gd", "sign")],
        "norms": NORMS,
        "seeds": [0, 1],
        "seed": 0,
        "steps": 1000,
        "record": [1, 10, 1000],
        "initial": 0.0,
        "batch_size": None,
        "reduction": "sum",
    },
    "data": [{"label": "toy", "samples": 4, "features": 2, "classes": 2}],
}


def rows(run, optimizer, seed, status, steps, fractions, limit="done"):
    named = {f"margin_fraction_{norm}": fractions for norm in NORMS}
    return pd.DataFrame(
        {"run": run, "data": "toy", "loss": "cross-entropy", "optimizer": optimizer, "seed": seed}
        | {"limit": limit, "status": status, "step": steps, "log_risk": -1.0}
        | named
    )


@pytest.fixture
def result():
    records = pd.concat(
        [
            rows(0, "gd", 0, "done", [1, 10, 1000], [0.1, 0.5, 0.9]),
            rows(1, "gd", 1, "saturated", [1, 10, 100], [0.3, 0.6, 0.8]),
            rows(2, "sign", 0, "diverged", [1, 10], [-0.3, 0.2]),
            rows(3, "sign", 1, "done", [1, 10, 1000], [np.nan] * 3, "not_separable"),
        ],
        ignore_index=True,
    )
    runs = records.groupby("run").tail(1).reset_index(drop=True)
    limits = pd.DataFrame(
        [
            {"data": "toy", "seed": seed, "hash": str(seed), "norm": norm, "status": status}
            | {"margin": margin, "relative_gap": 1e-15}
            for seed, status, margin in ((0, "done", 0.25), (1, "not_separable", np.nan))
            for norm in NORMS
        ]
    )
    return mf.SweepResult(
        status=mf.Status.DONE,
        message="all 4 runs are finished.",
        records=records,
        runs=runs.assign(message="as it was said."),
        limits=limits,
        manifest=MANIFEST,
    )


def test_seeds_are_put_on_common_steps(result):
    steps, found = along_steps(result.records[result.records["optimizer"] == "gd"], NORMS)
    np.testing.assert_array_equal(steps, [1, 10, 100, 1000])
    between = np.interp(np.log1p(100), np.log1p([10, 1000]), [0.5, 0.9])
    expected = [[0.1, 0.5, between, 0.9], [0.3, 0.6, 0.8, 0.8]]  # at rest, it stays where it is
    np.testing.assert_allclose(found["max"], expected)


def test_a_diverged_run_has_no_fraction_after_its_end(result):
    sign = result.records[result.records["run"].isin([0, 2])]
    _, found = along_steps(sign, NORMS)
    np.testing.assert_array_equal(found["max"][1], [-0.3, 0.2, np.nan])


def test_seeds_without_a_best_margin_are_left_out_of_the_median(result):
    last = last_fractions(result.records, NORMS)
    np.testing.assert_allclose(last["gd"], [0.85, 0.85])
    np.testing.assert_allclose(last["sign"], [0.2, 0.2])


def test_the_page_is_whole_and_says_what_is_odd(result):
    plates = [make_plate(picture) for picture in sweep_pictures(result)]
    assert [plate.name for plate in plates] == [
        "fractions-toy-cross-entropy",
        "matrix-toy-cross-entropy",
    ]
    for plate in plates:
        ET.fromstring(plate.svg)
    page = sweep_page(result, plates, command="marginflow report DIR")
    read = Reader(page)
    assert len(read.all("img")) == 2
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in read.all("img"))
    assert not read.all("script")
    assert "two <methods>" in read.text
    assert "1 data set × 1 loss × 2 optimizers × 2 seeds, 1,000 steps each" in read.text
    assert "toy (seed 1): nothing separates the data" in read.text
    assert "sign: 1 run ended diverged" in read.text
    assert "0.8500" in read.text
    assert page == sweep_page(result, plates, command="marginflow report DIR")
