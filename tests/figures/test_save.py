"""Files of pictures: the same picture, the same bytes; the user's settings untouched."""

import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from marginflow.figures import as_bytes, canvas, direction_error, save, style

SIGNATURES = {"pdf": b"%PDF-", "png": b"\x89PNG", "svg": b"<?xml"}


def picture():
    times = np.geomspace(1, 1e6, 20)
    with style():
        figure = canvas(4.0, 3.0)
        direction_error(figure.subplots(), times, {"toy": 1 / times}, predicted=1.0)
    return figure


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_same_picture_gives_the_same_bytes(name, monkeypatch):
    first = as_bytes(picture(), name)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert as_bytes(picture(), name) == first
    assert first.startswith(SIGNATURES[name])
    assert b"CreationDate" not in first
    assert b"dc:date" not in first


def test_files_are_written_beside_each_other(tmp_path):
    paths = save(picture(), tmp_path / "direction.error", ("pdf", "png", "svg"))
    assert [path.name for path in paths] == [f"direction.error.{name}" for name in SIGNATURES]
    for path in paths:
        assert path.read_bytes().startswith(SIGNATURES[path.suffix[1:]])


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match="expected one of pdf, png, svg, got 'gif'"):
        save(picture(), tmp_path / "x", ("gif",))


def test_a_drawing_refers_to_nothing_outside_itself():
    root = ET.fromstring(as_bytes(picture(), "svg"))
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.endswith("href"):
                assert value.startswith("#")
        assert not element.tag.endswith(("image", "script", "style")) or "http" not in (
            element.text or ""
        )


def test_the_users_settings_are_left_alone():
    before = dict(mpl.rcParams)
    picture()
    as_bytes(picture(), "png")
    assert dict(mpl.rcParams) == before
    with pytest.raises(ZeroDivisionError), style():
        raise ZeroDivisionError
    assert dict(mpl.rcParams) == before
