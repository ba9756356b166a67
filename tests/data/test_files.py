"""Files come back as they were written, and bad ones are refused by their place."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import marginflow as mf
from marginflow.data import DataError, read_dataset

FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAMES = ("height", 'a, "b"', "größe in cm")
ROUND_TRIP = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write_csv(path, features, labels):
    frame = pd.DataFrame(features, columns=NAMES)
    frame.insert(1, "label", labels)
    frame.to_csv(path, index=False)


def write_parquet(path, features, labels):
    frame = pd.DataFrame(features, columns=NAMES)
    frame.insert(1, "label", labels)
    frame.to_parquet(path)


def write_npz(path, features, labels):
    np.savez(path, features=features, labels=np.array(labels))


WRITERS = {".csv": write_csv, ".parquet": write_parquet, ".npz": write_npz}
LABELS = st.sampled_from([[-1, 1], [0, 5, 7], ["cat", "dog"], ["ja", "nein, nie", 'größer "x"']])


@pytest.mark.parametrize("suffix", WRITERS)
@ROUND_TRIP
@given(
    features=hnp.arrays(np.float64, st.tuples(st.integers(2, 6), st.just(3)), elements=FINITE),
    data=st.data(),
)
def test_a_file_gives_back_what_was_written(tmp_path, suffix, features, data):
    kinds = data.draw(LABELS)
    labels = kinds[:2] + data.draw(
        st.lists(st.sampled_from(kinds), min_size=len(features) - 2, max_size=len(features) - 2)
    )
    folder = tmp_path / "a folder = größer"
    folder.mkdir(exist_ok=True)
    path = folder / f"my data{suffix}"
    WRITERS[suffix](path, features, labels)
    for given_path in (path, str(path)):
        read = mf.load_dataset(given_path)
        np.testing.assert_array_equal(
            read.features.view(np.uint64), np.ascontiguousarray(features).view(np.uint64)
        )
        assert read.classes[read.labels].tolist() == labels
        assert read.name == "my data"
        assert read.feature_names == (("x0", "x1", "x2") if suffix == ".npz" else NAMES)
        assert str(path) in read.provenance


@pytest.mark.parametrize("suffix", WRITERS)
def test_the_suffix_may_be_in_capitals_and_options_apply(tmp_path, suffix):
    path = tmp_path / f"data{suffix.upper()}"
    features = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 4.0]])
    with path.open("wb") as handle:
        WRITERS[suffix](handle, features, ["a", "b"])
    read = mf.load_dataset(path, standardize=True, constant=True)
    np.testing.assert_array_equal(read.features, [[-1, 0, -1, 1], [1, 0, 1, 1]])
    assert read.feature_names[-1] == "constant"
    assert "standardized" in read.provenance
    np.testing.assert_array_equal(read_dataset(path).features, features)


# ---- CSV


def csv(tmp_path, content, **options):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return mf.load_dataset(path, **options)


PLAIN = "a,b,label\n1,2,x\n3,4,y\n"
SAME_AS_PLAIN = {
    "line ends of Windows": PLAIN.replace("\n", "\r\n"),
    "no last line end": PLAIN.rstrip(),
    "byte order mark": "\ufeff" + PLAIN,
    "blank lines": "\n" + PLAIN.replace("\n", "\n\n"),
    "quotes": '"a","b","label"\n"1","2","x"\n"3","4","y"\n',
    "spaces": "a, b , label\n 1, 2 , x\n3 ,4, y \n",
    "other spellings": "a,b,label\n1.0,+2,x\n3e0,0.4E1,y\n",
    "label first": "label,a,b\nx,1,2\ny,3,4\n",
    "label in capitals": "a,Label,b\n1,x,2\n3,y,4\n",
    "target": "a,b,target\n1,2,x\n3,4,y\n",
    "class": "a,b,class\n1,2,x\n3,4,y\n",
    "y": "a,b,y\n1,2,x\n3,4,y\n",
}


@pytest.mark.parametrize("case", SAME_AS_PLAIN)
def test_csv_dialects_give_the_same_data(tmp_path, case):
    plain, same = csv(tmp_path, PLAIN), csv(tmp_path, SAME_AS_PLAIN[case])
    assert same == plain
    assert same.feature_names == plain.feature_names == ("a", "b")
    np.testing.assert_array_equal(plain.features, [[1, 2], [3, 4]])
    assert plain.classes.tolist() == ["x", "y"]


def test_y_is_a_feature_where_there_is_a_label(tmp_path):
    content = "label,x,y\n0,1,2\n1,3,4\n"
    assert csv(tmp_path, content).feature_names == ("x", "y")
    assert csv(tmp_path, content, target="y").feature_names == ("label", "x")


def test_the_target_can_be_named(tmp_path):
    read = csv(tmp_path, "kind,a,label\nx,1,2\ny,3,4\n", target="kind")
    assert read.feature_names == ("a", "label")
    assert read.classes.tolist() == ["x", "y"]


TYPED_LABELS = {
    ("1", "2"): [1, 2],
    ("-1", "+1"): [-1, 1],
    ("1.0", "2"): [1.0, 2.0],
    ("1e3", "2"): [2.0, 1000.0],
    ("007", "7"): ["007", "7"],
    ("1", "b"): ["1", "b"],
    ("true", "false"): ["false", "true"],
    ("NA", "US"): ["NA", "US"],
    ("1_0", "2"): ["1_0", "2"],
    ("--1", "2"): ["--1", "2"],
    ("9007199254740993", "9007199254740992"): [9007199254740992, 9007199254740993],
    ("0", "-"): ["-", "0"],
}


@pytest.mark.parametrize("texts", TYPED_LABELS)
def test_csv_labels_are_numbers_where_all_are(tmp_path, texts):
    read = csv(tmp_path, f"a,label\n1,{texts[0]}\n2,{texts[1]}\n")
    assert read.classes.tolist() == TYPED_LABELS[texts]
    assert [type(c) for c in read.classes.tolist()] == [type(c) for c in TYPED_LABELS[texts]]


BAD_CSV = {
    "empty": (b"", "expected a header line that names the columns, got an empty file"),
    "blank": (b"\n\n", "empty file"),
    "only a mark": (b"\xef\xbb\xbf", "empty file"),
    "header only": (b"a,label\n", "expected rows after the header"),
    "no number": (b"a,b,label\n1,2,x\n\n3,four,y\n", r"got 'four' in line 4, column 'b'"),
    "after a long cell": (b'a,b,label\n1,2,"x\nx"\n3,?,y\n', r"got '\?' in line 4, column 'b'"),
    "empty cell": (b"a,b,label\n1,,x\n", "got an empty cell in line 2, column 'b'"),
    "nan": (b"a,b,label\n1,2,x\n1,nan,x\n", "got 'nan' in line 3, column 'b'"),
    "inf": (b"a,b,label\n1,-inf,x\n", "got '-inf' in line 2, column 'b'"),
    "too large": (b"a,b,label\n1,1e999,x\n", "got '1e999' in line 2"),
    "grouped digits": (b"a,b,label\n1_000,2,x\n", "got '1_000' in line 2, column 'a'"),
    "decimal comma": (b'a,b,label\n1,"2,5",x\n', "got '2,5' in line 2, column 'b'"),
    "short row": (b"a,b,label\n1,2,x\n3,y\n", "expected 3 cells as in the header, got 2 in line 3"),
    "long row": (b"a,b,label\n1,2,x,\n", "got 4 in line 2"),
    "missing label": (b"a,b,label\n1,2,x\n1,2, \n", "got an empty cell in line 3, column 'label'"),
    "label nan": (b"a,b,label\n1,2,nan\n", "expected a label, got 'nan' in line 2"),
    "fractional label": (b"a,label\n1,0.5\n2,1\n", r"must name classes, got 0\.5"),
    "one class": (b"a,label\n1,x\n2,x\n", "at least two classes"),
    "twice": (b"a,a,label\n1,2,x\n", "columns 0 and 1, counted from 0, have one name, 'a'"),
    "no name": (b",a,label\n0,1,x\n", r"column 0, counted from 0, has no name.*index=False"),
    "no target": (b"a,b\n1,2\n", r"expected one column named label, target, class or y.*'a', 'b'"),
    "two targets": (b"a,label,target\n1,2,3\n", r"several \('label', 'target'\)"),
    "semicolons": (b"a;b;label\n1;2;x\n", "not separated by commas"),
    "label only": (b"label\nx\n", "got only 'label'"),
    "open quote": (b'a,label\n1,x\n2,"y\n', "cannot be read in line 3.*check the quotes"),
    "not UTF-8": ("größe,label\n1,x\n".encode("latin-1"), "expected UTF-8 text, got the byte 0xf6"),
    "UTF-16": (PLAIN.encode("utf-16"), "expected UTF-8 text"),
}


@pytest.mark.parametrize("case", BAD_CSV)
def test_bad_csv_is_refused_by_its_place(tmp_path, case):
    content, message = BAD_CSV[case]
    with pytest.raises(DataError, match=message) as caught:
        csv(tmp_path, content)
    assert str(tmp_path / "table.csv") in str(caught.value)


def test_a_missing_target_lists_the_columns(tmp_path):
    with pytest.raises(DataError, match=r"expected a column 'kind'.*'a', 'b', 'label'"):
        csv(tmp_path, PLAIN, target="kind")
    wide = ",".join(f"c{j}" for j in range(100))
    with pytest.raises(DataError, match=r"'c19', \.\.\. \(100 columns\)"):
        csv(tmp_path, wide + "\n")


@given(value=FINITE)
@ROUND_TRIP
def test_csv_numbers_are_the_nearest_floats(tmp_path, value):
    read = csv(tmp_path, f"a,b,label\n{value!r},{value:.25e},x\n0,0,y\n")
    assert read.features[0].tolist() == [value, value]


# ---- Parquet


def parquet(tmp_path, columns, **options):
    path = tmp_path / "table.parquet"
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), path)
    return mf.load_dataset(path, **options)


def test_parquet_types(tmp_path):
    read = parquet(
        tmp_path,
        {
            "i": pa.array([1, 2], pa.int8()),
            "f": pa.array([0.5, 1.5], pa.float32()),
            "b": pa.array([True, False]),
            "label": pa.array(["x", "y"]).dictionary_encode(),
        },
    )
    np.testing.assert_array_equal(read.features, [[1, 0.5, 1], [2, 1.5, 0]])
    assert read.classes.tolist() == ["x", "y"]


def test_the_row_index_of_a_saved_table_is_no_feature(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0], "label": [0, 1]}, index=pd.Index([7, 9], name="id"))
    frame.to_parquet(tmp_path / "table.parquet")
    assert mf.load_dataset(tmp_path / "table.parquet").feature_names == ("a",)


BAD_PARQUET = {
    "null": ({"a": [1, None], "label": [0, 1]}, r"got nan at row 1, column 0 \('a'\)"),
    "null label": ({"a": [1, 2], "label": ["x", None]}, "labels must be complete.*row 1"),
    "text": ({"a": [1, 2], "b": ["x", "y"], "label": [0, 1]}, r"'x'.*row 0, column 1 \('b'\)"),
    "large": ({"a": [0, 2**53 + 1], "label": [0, 1]}, r"9007199254740993 at row 1, column 0"),
    "no rows": ({"a": pa.array([], "float64"), "label": pa.array([], "int64")}, "at least one row"),
    "no target": ({"a": [1, 2], "b": [0, 1]}, "expected one column named label"),
    "twice": (
        pa.Table.from_arrays([pa.array([1, 2])] * 3, names=["a", "a", "label"]),
        "have one name, 'a'",
    ),
}


@pytest.mark.parametrize("case", BAD_PARQUET)
def test_bad_parquet_is_refused_by_its_place(tmp_path, case):
    columns, message = BAD_PARQUET[case]
    with pytest.raises(DataError, match=message):
        parquet(tmp_path, columns)


# ---- NPZ


def npz(tmp_path, options=None, **arrays):
    path = tmp_path / "arrays.npz"
    np.savez(path, **arrays)
    return mf.load_dataset(path, **(options or {}))


def test_npz_keys(tmp_path):
    expected = mf.Dataset(np.eye(2), [3, 4])
    assert npz(tmp_path, features=np.eye(2), labels=[3, 4]) == expected
    assert npz(tmp_path, X=np.eye(2), y=[3, 4], other=np.ones(3)) == expected
    assert npz(tmp_path, {"target": "kind"}, X=np.eye(2), y=[1, 2], kind=[3, 4]) == expected


BAD_NPZ = {
    "other keys": ({"data": np.eye(2), "target": [0, 1]}, r"got \['data', 'target'\]"),
    "no keys": ({}, r"got \[\]"),
    "half": ({"features": np.eye(2), "y": [0, 1]}, r"got \['features', 'y'\]"),
    "objects": (
        {"features": np.eye(2), "labels": np.array(["a", None], dtype=object)},
        "array 'labels' cannot be read.*never unpickled",
    ),
    "object features": (
        {"features": np.eye(2, dtype=object), "labels": [0, 1]},
        "array 'features' cannot be read",
    ),
    "NaN": ({"features": [[0.0], [np.nan]], "labels": [0, 1]}, "row 1, column 0"),
    "shape": ({"features": np.eye(3), "labels": [0, 1]}, "3 rows of features and 2 labels"),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_bad_npz_is_refused(tmp_path, case):
    arrays, message = BAD_NPZ[case]
    with pytest.raises(DataError, match=message):
        npz(tmp_path, **arrays)


# ---- any file


class Trap:
    """Unpickling this would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", WRITERS)
def test_nothing_is_unpickled(tmp_path, suffix):
    trap = Trap(tmp_path / "sprung")
    path = tmp_path / f"data{suffix}"
    path.write_bytes(pickle.dumps(trap))
    with pytest.raises(DataError):
        mf.load_dataset(path)
    objects = np.empty(2, dtype=object)
    objects[:] = [trap, trap]
    np.savez(tmp_path / "objects.npz", features=np.eye(2), labels=objects)
    with pytest.raises(DataError, match="never unpickled"):
        mf.load_dataset(tmp_path / "objects.npz")
    assert not trap.path.exists()


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        *(
            (suffix, content)
            for suffix in (".parquet", ".npz")
            for content in ("empty", "text", "cut")
        ),
        (".npz", "flipped"),  # an archive carries checksums; a Parquet file need not
        (".npz", "bare array"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, suffix, content):
    path = tmp_path / f"data{suffix}"
    WRITERS[suffix](path, np.arange(600.0).reshape(200, 3), ["a", "b"] * 100)
    whole = path.read_bytes()
    if content == "bare array":
        with path.open("wb") as handle:
            np.save(handle, np.eye(2))
    else:
        flipped = bytearray(whole)
        flipped[200:400] = bytes(255 - byte for byte in whole[200:400])
        path.write_bytes(
            {"empty": b"", "text": b"a,b\n", "cut": whole[:-100], "flipped": bytes(flipped)}[
                content
            ]
        )
    with pytest.raises(DataError) as caught:
        mf.load_dataset(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_wrong_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.csv.*check the path"):
        mf.load_dataset(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileNotFoundError, match="found a folder"):
        mf.load_dataset(tmp_path / "folder.csv")
    for name in ("data.pkl", "data.tsv", "data"):
        (tmp_path / name).write_text(PLAIN)
        with pytest.raises(DataError, match=r"ends in \.csv, \.parquet, \.npz"):
            mf.load_dataset(tmp_path / name)


def test_a_second_constant_column_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"have one already \(column 1"):
        csv(tmp_path, "a,constant,label\n1,1,x\n2,1,y\n", constant=True)
