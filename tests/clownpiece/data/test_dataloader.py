"""Loaders: every sample once, in an order that a seed repeats, whoever does the loading."""

from __future__ import annotations

import collections
import gc
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clownpiece as cp
from clownpiece.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    transforms,
)
from clownpiece.utils.data.worker import random_numbers


class Squares(Dataset):
    def __init__(self, count=10):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return index, float(index**2)


class Stream(IterableDataset):
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        return self.count


def flat(loader):
    return [value for batch in loader for value in batch.tolist()]


@given(st.integers(0, 20), st.integers(1, 7), st.booleans(), st.booleans(), st.integers(0, 2))
def test_every_sample_comes_once_and_the_length_is_known(count, size, shuffle, drop, workers):
    loader = DataLoader(
        range(count),
        size,
        shuffle=shuffle and count > 0,
        drop_last=drop,
        num_workers=workers,
        seed=0,
    )
    batches = [batch.tolist() for batch in loader]
    assert len(batches) == len(loader)
    assert all(len(batch) == size for batch in batches[:-1])
    seen = [sample for batch in batches for sample in batch]
    assert len(set(seen)) == len(seen) == (count - count % size if drop else count)
    if not shuffle:
        assert seen == list(range(len(seen)))


def test_each_epoch_is_shuffled_anew_and_a_seed_repeats_them():
    def epochs(seed):
        loader = DataLoader(range(50), 8, shuffle=True, seed=seed)
        return [flat(loader), flat(loader)]

    first, again, other = epochs(1), epochs(1), epochs(2)
    assert first == again != other
    assert first[0] != first[1]


def test_without_a_seed_the_default_generator_draws():
    cp.manual_seed(5)
    first = flat(DataLoader(range(50), 8, shuffle=True))
    cp.manual_seed(5)
    assert flat(DataLoader(range(50), 8, shuffle=True)) == first


class Noisy(Dataset):
    """Samples with random noise, slower for some, so that threads finish out of order."""

    augment = transforms.Compose([transforms.RandomCrop(4, padding=2)])

    def __len__(self):
        return 24

    def __getitem__(self, index):
        time.sleep(0.002 * (index % 3))
        noise = random_numbers().numpy.random()
        return self.augment(cp.full((1, 4, 4), float(index))), noise


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_any_number_of_workers_gives_the_same_batches(workers):
    def batches(count):
        loader = DataLoader(Noisy(), 5, shuffle=True, num_workers=count, seed=3)
        return [[x.tolist(), y.tolist()] for _ in range(2) for x, y in loader]

    assert batches(workers) == batches(0)


def test_workers_know_who_they_are_and_are_prepared():
    started = []

    class Who(Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, index):
            info = get_worker_info()
            return info.id, info.num_workers, info.dataset is self

    loader = DataLoader(Who(), 2, num_workers=2, worker_init_fn=started.append)
    for ids, counts, own in loader:
        assert set(ids.tolist()) <= {0, 1}
        assert counts.tolist() == [2, 2]
        assert own.all()
    assert sorted(started) in ([0], [0, 1])
    assert get_worker_info() is None


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_a_sample_reaches_the_loop_and_no_thread_stays(workers):
    class Broken(Squares):
        def __getitem__(self, index):
            if index == 5:
                raise ValueError("sample 5 is broken")
            return index

    before = threading.active_count()
    loader = DataLoader(Broken(), 2, num_workers=workers)
    seen = []
    with pytest.raises(ValueError, match="sample 5"):
        seen.extend(batch.tolist() for batch in loader)
    assert seen == [[0, 1], [2, 3]]
    assert threading.active_count() == before


def test_leaving_the_loop_early_ends_the_threads():
    before = threading.active_count()
    batches = iter(DataLoader(range(1000), 2, num_workers=3))
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


def test_persistent_workers_stay_for_the_next_epoch():
    loader = DataLoader(range(8), 2, num_workers=1, persistent_workers=True)
    assert flat(loader) == flat(loader)
    assert loader._threads is not None
    loader._threads.shutdown()


def test_a_sample_that_takes_too_long_is_an_error():
    release = threading.Event()

    class Slow(Squares):
        def __getitem__(self, index):
            release.wait(10)
            return index

    batches = iter(DataLoader(Slow(), 2, num_workers=1, timeout=0.01))
    threading.Timer(0.2, release.set).start()
    with pytest.raises(RuntimeError, match=r"timed out after 0\.01 seconds"):
        next(batches)


def test_samples_are_loaded_ahead_but_not_all_of_them():
    asked = []

    class Asked(Squares):
        def __getitem__(self, index):
            asked.append(index)
            return index

    batches = iter(DataLoader(Asked(100), 1, num_workers=1, prefetch_factor=3))
    next(batches)
    batches.close()
    assert len(asked) <= 5


@pytest.mark.parametrize(
    "drop, expected", [(False, [[0, 1], [2, 3], [4]]), (True, [[0, 1], [2, 3]])]
)
def test_a_stream_is_batched_in_its_own_order(drop, expected):
    loader = DataLoader(Stream(5), 2, drop_last=drop)
    assert [batch.tolist() for batch in loader] == expected
    assert len(loader) == len(expected)
    assert list(DataLoader(Stream(2), batch_size=None)) == [0, 1]


def test_without_batch_size_samples_come_one_by_one():
    class Arrays(Squares):
        def __getitem__(self, index):
            return np.full(2, index)

    first = next(iter(DataLoader(Arrays(), batch_size=None)))
    assert isinstance(first, cp.Tensor)
    assert first.tolist() == [0, 0]


def test_own_batches_and_own_collation():
    batches = [[3, 1], [2]]
    loader = DataLoader(Squares(), batch_sampler=batches, collate_fn=lambda samples: samples)
    assert list(loader) == [[(3, 9.0), (1, 1.0)], [(2, 4.0)]]
    assert len(loader) == 2
    own_order = DataLoader(range(5), 2, sampler=[4, 0, 2])
    assert flat(own_order) == [4, 0, 2]


def test_a_data_set_that_fetches_many_at_once_is_asked_to():
    class Bulk(Squares):
        def __getitems__(self, indices):
            return [index * 10 for index in indices]

    assert flat(DataLoader(Bulk(4), 2)) == [0, 10, 20, 30]


def test_collation_of_a_batch_at_once_is_not_used_with_ones_own():
    pairs = TensorDataset(cp.arange(4))
    (first, _) = DataLoader(pairs, 2, collate_fn=lambda samples: [s[0].item() for s in samples])
    assert first == [0, 1]


@pytest.mark.parametrize(
    "options, told",
    [
        ({"shuffle": True, "sampler": [0]}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "shuffle": True}, "mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "makes none"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"num_workers": -1}, "non-negative"),
        ({"timeout": -1}, "non-negative"),
        ({"prefetch_factor": 2}, "set num_workers"),
        ({"persistent_workers": True}, "set num_workers"),
        ({"num_workers": 1, "prefetch_factor": 0}, "at least 1"),
        ({"seed": 1, "generator": cp.Generator()}, "not both"),
    ],
)
def test_options_that_cannot_be_are_refused(options, told):
    with pytest.raises(ValueError, match=told):
        DataLoader(range(4), **options)


@pytest.mark.parametrize(
    "options, told",
    [
        ({"shuffle": True}, "own order"),
        ({"sampler": [0]}, "own order"),
        ({"batch_size": 0}, "positive integer"),
    ],
)
def test_a_stream_cannot_be_shuffled(options, told):
    with pytest.raises(ValueError, match=told):
        DataLoader(Stream(4), **options)


class Part(IterableDataset):
    """The numbers below `end` that are this worker's."""

    def __init__(self, end):
        self.end, self.start, self.step = end, 0, 1

    def __iter__(self):
        worker = get_worker_info()
        if worker is not None and self.step == 1:
            return iter(range(worker.id, self.end, worker.num_workers))
        return iter(range(self.start, self.end, self.step))


def test_workers_share_a_stream_by_asking_who_they_are():
    batches = [b.tolist() for b in DataLoader(Part(7), batch_size=2, num_workers=2)]
    assert batches == [[0, 2], [1, 3], [4, 6], [5]]
    for workers in (1, 2, 3, 9):
        loader = DataLoader(Part(20), batch_size=3, num_workers=workers)
        assert sorted(flat(loader)) == sorted(flat(loader)) == list(range(20))
        assert sum(len(b) == 3 for b in DataLoader(Part(20), 3, num_workers=2, drop_last=True)) == 6


def test_a_worker_may_change_its_own_copy_of_a_stream():
    def divide(number):
        own = get_worker_info().dataset
        own.start, own.step = number, 2

    dataset = Part(9)
    loader = DataLoader(dataset, batch_size=None, num_workers=2, worker_init_fn=divide)
    assert list(loader) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert (dataset.start, dataset.step) == (0, 1)


def test_a_stream_that_fails_in_a_worker_and_one_left_early_stop_the_threads():
    class Broken(Part):
        def __iter__(self):
            yield 1
            raise OSError("the disk is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        list(DataLoader(Broken(3), batch_size=1, num_workers=2))
    for _ in DataLoader(Part(50), batch_size=1, num_workers=2):
        break
    gc.collect()
    assert threading.active_count() == before


@pytest.mark.parametrize("name", ["batch_size", "sampler", "dataset", "drop_last"])
def test_what_a_loader_was_made_with_cannot_be_changed_as_if_it_had_an_effect(name):
    with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
        setattr(DataLoader(range(4)), name, 3)


# -- samplers -----------------------------------------------------------------------------------


@given(st.integers(1, 20), st.integers(1, 50))
def test_more_samples_than_there_are_come_from_whole_permutations(count, wanted):
    drawn = list(RandomSampler(range(count), num_samples=wanted))
    assert len(drawn) == wanted
    for start in range(0, wanted - count + 1, count):
        assert sorted(drawn[start : start + count]) == list(range(count))


def test_with_replacement_a_sample_may_come_again():
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=50))
    assert len(drawn) == 50
    assert set(drawn) == {0, 1, 2}


def test_weights_say_how_often():
    sampler = WeightedRandomSampler(cp.tensor([0.0, 1.0, 3.0]), 4000)
    counts = collections.Counter(sampler)
    assert counts[0] == 0
    assert 2.5 < counts[2] / counts[1] < 3.6
    assert sorted(WeightedRandomSampler([1, 1, 1], 3, replacement=False)) == [0, 1, 2]


def test_a_subset_is_given_in_a_new_order():
    sampler = SubsetRandomSampler([7, 8, 9], cp.Generator().manual_seed(0))
    assert sorted(sampler) == [7, 8, 9]
    assert len(sampler) == 3


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda: RandomSampler([1], num_samples=0), "positive integer"),
        (lambda: WeightedRandomSampler([1.0], 0), "positive integer"),
        (lambda: WeightedRandomSampler([[1.0]], 1), "1d sequence"),
        (lambda: WeightedRandomSampler([-1.0, 2.0], 1), "at least 0"),
        (lambda: WeightedRandomSampler([0.0], 1), "not all 0"),
        (lambda: WeightedRandomSampler([0.0, 1.0], 2, replacement=False), "only 1 weights"),
        (lambda: BatchSampler(SequentialSampler([1]), True, False), "batch_size=True"),
        (lambda: BatchSampler(SequentialSampler([1]), 1, None), "drop_last"),
    ],
)
def test_samplers_refuse_what_cannot_be(make, told):
    with pytest.raises(ValueError, match=told):
        make()


# -- collation ----------------------------------------------------------------------------------

Pair = collections.namedtuple("Pair", "x y")


def test_nested_samples_become_nested_batches():
    samples = [{"x": Pair(1.5, "a"), "y": [True, np.float32(2)]} for _ in range(2)]
    batch = default_collate(samples)
    assert batch["x"].x.dtype is cp.float64
    assert batch["x"].y == ("a", "a")
    assert batch["y"][0].tolist() == [True, True]
    assert batch["y"][1].dtype is cp.float32


def test_gradients_flow_through_a_collated_batch():
    x = cp.ones(2, requires_grad=True)
    default_collate([x, x * 3]).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


def test_samples_that_do_not_fit_together_say_which():
    with pytest.raises(RuntimeError, match=r"got \[2\] at entry 0 and \[3\] at entry 1"):
        default_collate([cp.zeros(2), cp.zeros(3)])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1, 2], [1]])
    with pytest.raises(TypeError, match="found object"):
        default_collate([object()])


def test_conversion_without_batches_goes_into_containers():
    converted = default_convert({"a": [np.ones(1), "text"], "p": Pair(np.int32(1), None)})
    assert converted["a"][0].tolist() == [1.0]
    assert converted["a"][1] == "text"
    assert converted["p"].x.dtype is cp.int32
