"""What stands lowest: element types, shapes, random numbers, creation, copies."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import clownpiece as cp


def test_a_dtype_is_one_object_however_it_is_named():
    for name in ("float32", np.float32, np.dtype("float32"), "float", float, cp.float32):
        assert cp.zeros(1, dtype=name).dtype is cp.float32
    assert pickle.loads(pickle.dumps(cp.int16)) is cp.int16
    assert repr(cp.bool) == "clownpiece.bool"


@pytest.mark.parametrize("wrong", ["complex64", np.float16, "text", object, 3.5])
def test_a_dtype_that_does_not_exist_is_refused_with_what_exists(wrong):
    with pytest.raises(TypeError, match="is not an element type of clownpiece, which has float32"):
        cp.zeros(1, dtype=wrong)


def test_the_default_dtype_decides_what_floats_become():
    cp.set_default_dtype(cp.float64)
    try:
        assert cp.tensor(1.5).dtype is cp.float64 and cp.zeros(1).dtype is cp.float64
    finally:
        cp.set_default_dtype(cp.float32)
    with pytest.raises(TypeError, match="must be a floating type"):
        cp.set_default_dtype(cp.int64)


def test_a_size_is_a_tuple_that_says_whose_it_is():
    size = cp.zeros(2, 3).shape
    assert size == (2, 3) and isinstance(size, tuple) and size.numel() == 6
    assert repr(size) == "clownpiece.Size([2, 3])"
    assert repr(size[1:]) == "clownpiece.Size([3])" and (size + (4,)).numel() == 24
    assert isinstance(pickle.loads(pickle.dumps(size)), cp.Size)


def test_a_seed_repeats_the_numbers_and_a_state_continues_them():
    cp.manual_seed(3)
    first = cp.randn(4).tolist()
    state = cp.get_rng_state()
    then = [cp.rand(2).tolist(), cp.randint(0, 9, (3,)).tolist(), cp.randperm(5).tolist()]
    cp.set_rng_state(state)
    assert then == [cp.rand(2).tolist(), cp.randint(0, 9, (3,)).tolist(), cp.randperm(5).tolist()]
    cp.manual_seed(3)
    assert cp.randn(4).tolist() == first


def test_a_state_carries_half_used_words():
    generator = cp.Generator().manual_seed(1)
    generator.numpy.random(dtype=np.float32)  # uses 32 of the 64 bits that were drawn
    twin = pickle.loads(pickle.dumps(generator))
    drawn = [each.numpy.random(3, dtype=np.float32).tolist() for each in (generator, twin)]
    assert drawn[0] == drawn[1]


def test_fork_rng_leaves_no_trace():
    state = cp.get_rng_state()
    with cp.fork_rng():
        cp.rand(100)
    assert (cp.get_rng_state() == state).all()


def test_a_damaged_state_is_refused():
    with pytest.raises(ValueError, match="53 bytes"):
        cp.set_rng_state(np.zeros(7, np.uint8))


def test_random_numbers_have_the_moments_they_promise():
    x = cp.randn(20_000).numpy()
    assert abs(x.mean()) < 0.03 and abs(x.std() - 1) < 0.03
    u = cp.rand(20_000).numpy()
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 0.02
    assert set(cp.randint(2, 5, (300,)).tolist()) == {2, 3, 4}
    drawn = cp.multinomial(cp.tensor([0.0, 3.0, 1.0]), 4000, replacement=True).numpy()
    assert (drawn > 0).all() and abs((drawn == 1).mean() - 0.75) < 0.04
    assert abs(cp.bernoulli(cp.full((4000,), 0.3)).mean().item() - 0.3) < 0.04


def test_from_numpy_shares_memory_and_tensor_copies():
    array = np.zeros(3)
    shared, copied = cp.from_numpy(array), cp.tensor(array)
    array[0] = 7
    assert shared[0].item() == 7 and copied[0].item() == 0
    assert cp.as_tensor(shared) is shared


def test_the_class_itself_takes_data_or_a_shape_as_pytorch_s_does():
    assert cp.Tensor([1, 2]).tolist() == [1.0, 2.0] and cp.Tensor([1, 2]).dtype is cp.float32
    assert cp.Tensor(2, 3).shape == (2, 3) and cp.Tensor(4).shape == (4,) and len(cp.Tensor()) == 0


def test_numpy_asks_the_tensor_about_operators():
    x = cp.ones(2, requires_grad=True)
    result = np.array([2.0, 3.0], np.float32) * x
    assert isinstance(result, cp.Tensor) and result.requires_grad
    assert np.asarray(x.detach()).tolist() == [1.0, 1.0]
    assert np.from_dlpack(x.detach()).tolist() == [1.0, 1.0]


def test_only_the_cpu_exists_and_says_so():
    assert cp.ones(1).device.type == "cpu" and str(cp.device("cpu")) == "cpu"
    assert cp.ones(1).to("cpu").tolist() == [1.0]
    with pytest.raises(RuntimeError, match="CPU only"):
        cp.ones(1).to("cuda")
    with pytest.raises(RuntimeError, match="CPU only"):
        cp.ones(1, device="cuda:0")


def test_copies_of_a_leaf_are_leaves_and_copies_of_a_result_are_refused():
    x = cp.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    twin = copy.deepcopy(x)
    assert twin.requires_grad and twin.grad.tolist() == [3.0, 3.0]
    twin.grad.zero_()
    assert x.grad.tolist() == [3.0, 3.0]
    assert pickle.loads(pickle.dumps(x)).requires_grad
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


def test_print_options_change_how_tensors_print():
    try:
        cp.set_printoptions(precision=2, sci_mode=False)
        assert repr(cp.tensor([1 / 3])) == "tensor([0.33])"
        cp.set_printoptions(profile="full")
        assert "..." not in repr(cp.arange(1500))
    finally:
        cp.set_printoptions(profile="default")
    with pytest.raises(ValueError, match="profile is one of"):
        cp.set_printoptions(profile="huge")
