"""A data set is a value: frozen, compared and hashed by content."""

import copy
import hashlib
import itertools
import pickle
import struct

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import marginflow as mf
from marginflow.data import DataError, as_dataset
from marginflow.data.repeats import contradictory_rows

FINITE = st.floats(allow_nan=False, allow_infinity=False)
FEW = st.sampled_from([0.0, -0.0, 1.0])


@st.composite
def parts(draw, elements=FINITE):
    """Features and labels (at least two classes) that a Dataset takes."""
    n, d = draw(st.integers(2, 6)), draw(st.integers(1, 4))
    features = draw(hnp.arrays(np.float64, (n, d), elements=elements))
    kind = draw(st.sampled_from([st.integers(-2, 2), st.sampled_from(["a", "b", "c"])]))
    labels = draw(st.lists(kind, min_size=n, max_size=n))
    assume(len(set(labels)) > 1)
    return features, labels


@given(given_parts=parts())
def test_what_goes_in_is_what_is_held(given_parts):
    features, labels = given_parts
    data = mf.Dataset(features, labels)
    np.testing.assert_array_equal(data.features.view(np.uint64), features.view(np.uint64))
    assert data.classes[data.labels].tolist() == labels
    assert (data.n_samples, data.n_features) == features.shape
    assert data.n_classes == len(set(labels))
    assert data.class_counts.tolist() == [labels.count(label) for label in data.classes.tolist()]


def test_it_is_frozen_and_owns_its_memory():
    features, labels = np.eye(2), np.array([0, 1])
    data = mf.Dataset(features, labels, holdout=(features, labels))
    features[0, 0], labels[0] = 7.0, 1
    assert data.features[0, 0] == 1.0
    assert data.labels[0] == 0
    for part in (data, data.holdout, pickle.loads(pickle.dumps(data)), copy.deepcopy(data)):  # noqa: S301
        for array in (part.features, part.labels, part.classes):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[1]
    with pytest.raises(AttributeError, match="frozen"):
        data.name = "other"
    with pytest.raises(AttributeError, match="frozen"):
        del data.features


@given(given_parts=parts(), data=st.data())
def test_copies_are_equal(given_parts, data):
    dataset = mf.Dataset(*given_parts, holdout=data.draw(st.sampled_from([None, given_parts])))
    for same in (pickle.loads(pickle.dumps(dataset)), copy.deepcopy(dataset)):  # noqa: S301
        assert same == dataset
        assert same.hash == dataset.hash
        assert hash(same) == hash(dataset)
        assert same.feature_names == dataset.feature_names
    renamed = mf.Dataset(
        *given_parts, name="other", provenance="elsewhere", holdout=dataset.holdout
    )
    assert renamed == dataset


@given(first=parts(FEW), second=parts(FEW))
def test_the_hash_changes_if_and_only_if_the_content_does(first, second):
    (features, labels), (others, other_labels) = first, second
    same = np.array_equal(features, others) and labels == other_labels
    a, b = mf.Dataset(features, labels), mf.Dataset(others, other_labels)
    assert (a.hash == b.hash) == same
    assert (a == b) == same
    assert (hash(a) == hash(b)) == same


@given(given_parts=parts(), data=st.data())
def test_the_hash_sees_every_part(given_parts, data):
    features, labels = given_parts
    whole = mf.Dataset(features, labels, holdout=(features, labels))
    row = data.draw(st.integers(0, len(labels) - 1))
    column = data.draw(st.integers(0, features.shape[1] - 1))
    moved = features.copy()
    moved[row, column] = np.nextafter(moved[row, column], 0.0 if moved[row, column] else 1.0)
    assume(moved[row, column] != features[row, column])
    texts = [f"{label}!" for label in labels]
    changed = [
        mf.Dataset(features, labels),
        mf.Dataset(features, labels, holdout=(moved, labels)),
        mf.Dataset(moved, labels, holdout=(features, labels)),
        mf.Dataset(features, texts, holdout=(features, texts)),
        mf.Dataset(features, labels[1:] + labels[:1]) if len(set(labels)) == len(labels) else None,
    ]
    seen = [whole.hash] + [one.hash for one in changed if one is not None]
    assert len(set(seen)) == len(seen)


@given(given_parts=parts())
def test_the_hash_is_the_documented_digest(given_parts):
    features, labels = given_parts
    classes = sorted(set(labels))
    keys = [f"str:{c!r}" if isinstance(c, str) else f"number:{c:x}" for c in classes]
    oracle = hashlib.sha256(repr((features.shape, keys)).encode())
    for value in features.ravel().tolist():
        oracle.update(struct.pack("<d", value if value else 0.0))
    for label in labels:
        oracle.update(struct.pack("<q", classes.index(label)))
    assert mf.Dataset(features, labels).hash == oracle.hexdigest()


def test_numbers_are_classes_by_value_and_other_kinds_are_apart():
    ones = np.eye(2)
    number, whole, text, truth = (
        mf.Dataset(ones, labels) for labels in ([0, 1], [0.0, 1.0], ["0", "1"], [False, True])
    )
    assert number == whole
    assert len({number.hash, text.hash, truth.hash}) == 3
    assert number != "number"


# ---- holdout


def test_the_holdout_shares_the_classes_and_may_lack_some():
    data = mf.Dataset(np.eye(3), ["a", "b", "c"], holdout=([[1, 0, 0], [0, 1, 0]], ["c", "c"]))
    assert data.holdout.labels.tolist() == [2, 2]
    assert data.holdout.n_classes == 3
    assert data.holdout.class_counts.tolist() == [0, 0, 2]
    assert data.holdout.notes[0] == "No row has the label 'a', 'b'."
    assert "holdout of 2 samples" in repr(data)


def test_a_holdout_dataset_is_encoded_anew():
    test = mf.Dataset(np.eye(2), ["c", "b"], provenance="elsewhere")
    data = mf.Dataset(np.eye(2), ["a", "c"], classes=["a", "b", "c"], holdout=test)
    assert data.holdout.labels.tolist() == [2, 1]
    assert data.holdout.provenance == "elsewhere"
    assert data.notes == ("No row has the label 'b'.",)


def test_a_holdout_that_does_not_fit_is_refused():
    def hold(holdout):
        features = pd.DataFrame(np.eye(2), columns=["p", "q"])
        return mf.Dataset(features, ["a", "b"], holdout=holdout)

    with pytest.raises(DataError, match=r"holdout: labels must be among .* got 'c' in row 0"):
        hold((np.eye(2), ["c", "a"]))
    with pytest.raises(DataError, match=r"holdout: it must have 2 features .* got 3"):
        hold((np.eye(3), ["a", "b", "a"]))
    with pytest.raises(DataError, match=r"holdout: .*row 1, column 0"):
        hold(([[0, 0], [np.nan, 0]], ["a", "b"]))
    with pytest.raises(DataError, match="select them by name"):
        hold((pd.DataFrame(np.eye(2), columns=["q", "p"]), ["a", "b"]))
    with pytest.raises(DataError, match="holdout of its own"):
        hold(hold((np.eye(2), ["a", "b"])))
    with pytest.raises(TypeError, match="holdout must be a Dataset or a pair"):
        hold(np.eye(2))


# ---- notes


@given(given_parts=parts(FEW))
def test_contradictory_rows_are_the_pairs_with_equal_features_and_other_labels(given_parts):
    features, labels = given_parts
    data = mf.Dataset(features, labels)
    clash = {
        frozenset(k for k in range(len(labels)) if (features[k] == features[i]).all())
        for i, j in itertools.combinations(range(len(labels)), 2)
        if (features[i] == features[j]).all() and labels[i] != labels[j]
    }
    groups = contradictory_rows(data.features, data.labels)
    assert {frozenset(group.tolist()) for group in groups} == clash
    assert all((np.diff(group) > 0).all() for group in groups)
    assert [group[0] for group in groups] == sorted(group[0] for group in groups)
    assert len(data.notes) == bool(clash)
    for group in groups[:5]:
        assert f"rows {', '.join(map(str, group[:5]))}" in data.notes[0]


def test_the_note_on_many_contradictions_is_short():
    features = np.repeat(np.arange(1000.0), 20)[:, None]
    data = mf.Dataset(features, np.tile(["a", "b"], 10_000))
    (note,) = data.notes
    assert "rows 0, 1, 2, 3, 4, ... (labels 'a', 'b')" in note
    assert "and in 995 more groups" in note
    assert len(note) < 500


def test_a_large_set_without_contradictions_has_no_notes():
    features = np.random.default_rng(0).standard_normal((100_000, 50))
    data = mf.Dataset(features, np.arange(100_000) % 10)
    assert data.notes == ()
    features[99_999] = features[5]
    assert "rows 5, 99999 (labels 5, 9)" in mf.Dataset(features, data.labels).notes[0]


# ---- showing


def test_what_is_shown():
    data = mf.Dataset([[1.0], [1.0]], ["<a>", "b"], name="x & y", provenance="Made <here>.")
    assert repr(data).splitlines()[0] == (
        "Dataset 'x & y': 2 samples, 1 features, 2 classes ('<a>': 1, 'b': 1)"
    )
    assert "different labels in rows 0, 1" in repr(data)
    shown = data._repr_html_()
    assert "x &amp; y" in shown
    assert "Made &lt;here&gt;." in shown
    assert "<a>" not in shown
    many = repr(mf.Dataset(np.eye(30), range(30)))
    assert "30 classes" in many
    assert many.endswith("9: 1, ...)")


# ---- as_dataset


def test_as_dataset_takes_a_dataset_or_a_pair():
    data = mf.Dataset(np.eye(2), [0, 1])
    assert as_dataset(data) is data
    assert as_dataset((np.eye(2), [0, 1])) == data
    assert as_dataset([np.eye(2), [0, 1]]) == data


@pytest.mark.parametrize("other", [np.eye(2), "digits", None, (np.eye(2),), (1, 2, 3)])
def test_as_dataset_lists_what_works(other):
    with pytest.raises(TypeError, match=r"pair \(features, labels\).*mf\.load_dataset"):
        as_dataset(other)


def test_given_classes_allow_a_single_one():
    data = mf.Dataset(np.eye(2), [1, 1], classes=[1, 0])
    assert data.n_classes == 2
    assert data.labels.tolist() == [1, 1]
    with pytest.raises(DataError, match="at least two classes"):
        mf.Dataset(np.eye(2), [1, 1], classes=[1])
