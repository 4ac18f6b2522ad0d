"""Data sets: samples by number, joined, stacked and split."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import clownpiece as cp
from clownpiece.utils.data import (
    ChainDataset,
    ConcatDataset,
    CSVDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)


class Count(IterableDataset):
    def __init__(self, start, end):
        self.range = range(start, end)

    def __iter__(self):
        return iter(self.range)

    def __len__(self):
        return len(self.range)


def test_a_batch_at_once_is_the_collated_samples():
    pairs = TensorDataset(cp.randn(6, 2), cp.arange(6))
    for indices in ([4, 0, 4], [5]):
        at_once = pairs.batch(indices)
        collated = default_collate([pairs[index] for index in indices])
        assert [tensor.tolist() for tensor in at_once] == [t.tolist() for t in collated]
    assert Subset(pairs, [3, 1]).batch([1, 0])[1].tolist() == [1, 3]


def test_gradients_flow_through_a_batch_at_once():
    x = cp.arange(3.0, requires_grad=True)
    TensorDataset(x).batch([2, 2])[0].sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 2.0]


def test_tensors_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\[2, 3\]"):
        TensorDataset(cp.zeros(2), cp.zeros(3))
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()


def test_what_is_not_defined_is_named():
    with pytest.raises(NotImplementedError, match="Dataset does not define __getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match="__iter__"):
        iter(IterableDataset())


@given(st.lists(st.lists(st.integers(), max_size=4), min_size=1, max_size=4))
def test_joined_data_sets_are_their_samples_one_after_the_other(parts):
    joined = ConcatDataset(parts)
    flat = [sample for part in parts for sample in part]
    assert [joined[i] for i in range(len(joined))] == flat
    assert [joined[-i] for i in range(1, len(joined) + 1)] == flat[::-1]
    for outside in (len(flat), -len(flat) - 1):
        with pytest.raises(IndexError, match="out of range"):
            joined[outside]


def test_streams_are_chained_and_not_numbered():
    assert list(Count(0, 2) + Count(5, 7)) == [0, 1, 5, 6]
    assert len(ChainDataset([Count(0, 2), Count(0, 3)])) == 5
    with pytest.raises(ValueError, match="use ChainDataset"):
        ConcatDataset([Count(0, 2)])
    with pytest.raises(ValueError, match="empty"):
        ConcatDataset([])
    with pytest.raises(TypeError, match="only supports IterableDataset, but got list"):
        list(ChainDataset([[1]]))


def test_data_sets_side_by_side_give_tuples_or_dicts():
    assert StackDataset([1, 2], ["a", "b"])[1] == (2, "b")
    assert StackDataset(number=[1, 2], letter=["a", "b"])[0] == {"number": 1, "letter": "a"}
    with pytest.raises(ValueError, match=r"\[1, 2\]"):
        StackDataset([1], [1, 2])
    with pytest.raises(ValueError, match="either by position"):
        StackDataset()


@given(
    st.integers(1, 40).flatmap(
        lambda total: st.tuples(st.just(total), st.lists(st.integers(0, total), max_size=4))
    )
)
def test_a_split_has_every_sample_once(total_and_cuts):
    total, cuts = total_and_cuts
    edges = [0, *sorted(cuts), total]
    lengths = [end - start for start, end in itertools.pairwise(edges)]
    parts = random_split(range(total), lengths, cp.Generator().manual_seed(1))
    assert [len(part) for part in parts] == lengths
    assert sorted(sample for part in parts for sample in part) == list(range(total))


def test_a_split_by_fractions_gives_what_is_left_to_the_first():
    parts = random_split(range(11), [0.5, 0.25, 0.25])
    assert [len(part) for part in parts] == [6, 3, 2]
    with pytest.raises(ValueError, match="does not equal the length"):
        random_split(range(10), [5, 4])
    with pytest.raises(ValueError, match="index 0 is not between"):
        random_split(range(10), [1.5, -0.5])


def test_the_same_seed_makes_the_same_split():
    splits = [random_split(range(50), [40, 10], cp.Generator().manual_seed(s)) for s in (3, 3, 4)]
    first, second, other = ([list(part) for part in parts] for parts in splits)
    assert first == second != other


# -- tables -------------------------------------------------------------------------------------


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "houses.csv"
    path.write_text("area, rooms,price\n50,2,100\n80,3,160.5\n")
    return path


def test_a_table_predicts_its_last_column(table):
    houses = CSVDataset(table)
    assert len(houses) == 2
    assert houses.feature_names == ["area", "rooms"]
    assert houses.target_names == ["price"]
    x, y = houses[1]
    assert (x.tolist(), y.tolist()) == ([80.0, 3.0], 160.5)


def test_columns_may_be_chosen(table):
    x, y = CSVDataset(table, target=["price", "area"], features=["rooms"], dtype="float64")[0]
    assert (x.tolist(), y.tolist()) == ([2.0], [100.0, 50.0])
    assert x.dtype is cp.float64
    only = CSVDataset(table, target=None, transform=lambda x: x * 2)[0]
    assert only.tolist() == [100.0, 4.0, 200.0]


def test_a_missing_column_is_named_with_those_there_are(table):
    with pytest.raises(KeyError, match="no column 'size'; it has area, rooms, price"):
        CSVDataset(table, target="size")


@pytest.mark.parametrize(
    "text, told",
    [
        ("a,b\n1,2\n3,x\n", "line 3, column 'b': 'x' is not a number"),
        ("a,b\n1,2\n3\n", "line 3: 1 cells, but the first line names 2"),
        ("a,b\n", "no rows below its 2 column names"),
        ("", "no rows"),
        ("a,b\n1,\n", "'' is not a number"),
    ],
)
def test_a_bad_table_says_where(text, told, tmp_path):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        CSVDataset(tmp_path / "bad.csv")
