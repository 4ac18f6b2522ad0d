"""What goes into a file comes out of it, here and in the programs that share the format."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from support.files import FORMATS, loaded, safetensors_of, same, saved

import clownpiece as cp
from clownpiece import nn
from clownpiece.serialization import load_metadata

# -- what goes in comes out ---------------------------------------------------------------------

DTYPES = [each.numpy for each in cp.dtypes.DTYPES]
tensors = (
    st.sampled_from(DTYPES)
    .flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0)))
    .map(cp.from_numpy)
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
keys = st.text(max_size=5) | st.integers()
nests = st.recursive(
    tensors | scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("format", FORMATS)
@given(obj=nests)
def test_any_nest_of_containers_comes_back(format, obj):
    assert same(loaded(saved(obj, format)), obj)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", [each.name for each in cp.dtypes.DTYPES])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (3, 4)])
def test_every_dtype_and_shape_comes_back_also_where_it_is_not_contiguous(format, dtype, shape):
    tensor = cp.randint(0, 2, shape).to(getattr(cp, dtype))
    views = {"whole": tensor, "turned": tensor.T if tensor.ndim == 2 else tensor, "part": tensor}
    if shape == (3, 4):
        views |= {"part": tensor[::2, 1::2], "repeated": tensor[:1].expand(5, 4)}
    assert same(loaded(saved(views, format)), views)


NAMES = ["__metadata__", "a\0b", "half \ud800", "line\nbreak", "../../up", "/etc/x", "x" * 5000, ""]


@pytest.mark.parametrize("format", FORMATS)
def test_names_that_a_format_cannot_have_come_back_all_the_same(format):
    state = {name: cp.tensor([number]) for number, name in enumerate(NAMES)}
    assert same(loaded(saved(state, format)), state)
    assert same(loaded(saved({"nested": [state]}, format)), {"nested": [state]})


class Tied(nn.Module):
    """An encoder and a decoder with one weight between them."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Embedding(5, 3)
        self.decoder = nn.Linear(3, 5, bias=False)
        self.decoder.weight = self.encoder.weight


@pytest.mark.parametrize("format", FORMATS)
def test_tied_parameters_have_both_names_and_stay_tied_in_the_model(format):
    model, other = Tied(), Tied()
    state = loaded(saved(model.state_dict(), format))
    assert list(state) == ["encoder.weight", "decoder.weight"]
    other.load_state_dict(state)
    assert other.decoder.weight is other.encoder.weight
    assert other.decoder.weight.tolist() == model.encoder.weight.tolist()


@pytest.mark.parametrize("format", FORMATS)
def test_a_state_dict_keeps_its_names_and_their_order(format, tmp_path):
    state = {"z.weight": cp.ones(2), "a.bias": cp.zeros(3), "m": cp.tensor(1)}
    path = tmp_path / f"model.{format}"
    cp.save(state, path)
    assert same(cp.load(path), state)


def test_other_programs_read_what_was_saved(tmp_path):
    from safetensors.numpy import load_file

    state = {"weight": cp.arange(6).reshape(2, 3), "bias": cp.ones(3)}
    cp.save(state, tmp_path / "a.safetensors")
    cp.save(state, tmp_path / "a.npz")
    for read in (load_file(tmp_path / "a.safetensors"), np.load(tmp_path / "a.npz")):
        for name, tensor in state.items():
            assert np.array_equal(read[name], tensor.numpy())


def test_what_other_programs_saved_is_read(tmp_path):
    from safetensors.numpy import save_file

    arrays = {"weight": np.arange(6.0).reshape(2, 3), "bias": np.ones(3, np.float32)}
    save_file(arrays, tmp_path / "a.safetensors", {"made": "elsewhere"})
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    for name in ("a.safetensors", "a.npz"):
        read = cp.load(tmp_path / name)
        assert {key: value.tolist() for key, value in read.items()} == {
            key: value.tolist() for key, value in arrays.items()
        }
    assert load_metadata(tmp_path / "a.safetensors") == {"made": "elsewhere"}


@pytest.mark.parametrize("format", FORMATS)
def test_metadata_comes_back_without_ours(format, tmp_path):
    path = tmp_path / f"a.{format}"
    cp.save({"x": cp.ones(1)}, path, metadata={"author": "me", "steps": "3"})
    assert load_metadata(path) == {"author": "me", "steps": "3"}
    with pytest.raises(TypeError, match="strings by strings"):
        cp.save({"x": cp.ones(1)}, path, metadata={"steps": 3})
    with pytest.raises(ValueError, match="is taken"):
        cp.save({"x": cp.ones(1)}, path, metadata={"clownpiece.structure": "[]"})


@pytest.mark.parametrize("format", FORMATS)
def test_training_goes_on_from_a_file_as_if_it_had_not_stopped(format, tmp_path):
    def begin():
        x = cp.tensor([1.0, -2.0], requires_grad=True)
        optimizer = cp.optim.Adam([{"params": [x], "weight_decay": 0.1}], lr=0.1, amsgrad=True)
        return x, optimizer, cp.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3, 3])

    def train(x, optimizer, schedule):
        optimizer.zero_grad()
        (x**2).sum().backward()
        optimizer.step()
        schedule.step()

    parts = begin()
    for _ in range(2):
        train(*parts)
    path = tmp_path / f"checkpoint.{format}"
    x, optimizer, schedule = parts
    cp.save({"x": x, "optimizer": optimizer.state_dict(), "lr": schedule.state_dict()}, path)

    again = begin()
    read = cp.load(path)
    with cp.no_grad():
        again[0].copy_(read["x"])
    again[1].load_state_dict(read["optimizer"])
    again[2].load_state_dict(read["lr"])
    for _ in range(3):
        train(*parts)
        train(*again)
    assert again[0].tolist() == x.tolist()


def test_loaded_tensors_own_memory_that_can_be_written(tmp_path):
    for name in ("a.safetensors", "a.npz"):
        cp.save({"x": cp.ones(2)}, tmp_path / name)
        loaded = cp.load(tmp_path / name)["x"]
        loaded += 1
        assert loaded.tolist() == [2.0, 2.0]


def test_types_that_are_missing_here_become_larger_ones_that_hold_them(tmp_path):
    np.savez(
        tmp_path / "a.npz",
        half=np.array([0.5, 65504], np.float16),
        short=np.array([65535], np.uint16),
        big_endian=np.array([1.5], ">f4"),
    )
    read = cp.load(tmp_path / "a.npz")
    assert read["half"].tolist() == [0.5, 65504.0]
    assert read["short"].tolist() == [65535]
    assert read["big_endian"].dtype is cp.float32
    assert read["big_endian"].tolist() == [1.5]


def test_bfloat16_is_read_exactly(tmp_path):
    bits = np.array([0x3F80, 0xC000, 0x7F80, 0x3DCD], "<u2")
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors_of({"x": ("BF16", [2, 2], bits.tobytes())}))
    assert cp.load(path)["x"].tolist() == [[1.0, -2.0], [float("inf"), 0.10009765625]]


@pytest.mark.parametrize("kind", ["F8_E4M3", "F8_E5M2", "C64"])
def test_elements_that_nothing_here_can_hold_are_named_with_what_to_do(kind):
    size = 8 if kind == "C64" else 1
    with pytest.raises(RuntimeError, match=f"'x' in the open file .* {kind}.*convert it to F32"):
        loaded(safetensors_of({"x": (kind, [1], bytes(size))}))


def test_other_bytes_than_0_and_1_in_booleans_are_true():
    content = saved({"x": cp.tensor([True, False, True])}, "safetensors")
    content = content[:-3] + b"\x02\x00\xff"
    assert loaded(content)["x"].tolist() == [True, False, True]
    assert loaded(content)["x"].sum().item() == 2


@pytest.mark.parametrize(
    "array", [np.array([1 + 2j]), np.array([2**63], np.uint64), np.array(["a"])], ids=repr
)
def test_types_that_nothing_here_can_hold_are_refused(array, tmp_path):
    np.savez(tmp_path / "a.npz", x=array)
    with pytest.raises(RuntimeError, match=r"x in .* clownpiece cannot hold"):
        cp.load(tmp_path / "a.npz")


# -- what cannot be saved -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "obj, told",
    [
        ({"a": [1, object()]}, "the object at a.1"),
        ({"f": len}, "builtin_function_or_method at f"),
        (lambda: 0, "the function at the top"),
        ({(1, 2): 3}, r"the key \(1, 2\)"),
        ({"a": np.array(["text"])}, "array of <U4"),
        ({"a": b"bytes"}, "the bytes at a"),
    ],
)
def test_what_no_file_can_hold_is_named_with_its_place(obj, told, tmp_path):
    with pytest.raises(TypeError, match=told):
        cp.save(obj, tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, told",
    [("a.pt", "does not write pickles"), ("a.bin", "'.bin'"), ("a", "expected .safetensors")],
)
def test_a_name_without_a_known_format_is_refused(name, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        cp.save({"x": cp.ones(1)}, tmp_path / name)


@pytest.mark.parametrize("format", FORMATS)
def test_containers_without_end_are_refused_and_those_at_the_limit_come_back(format):
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="contain themselves"):
        saved({"a": endless}, format)
    deep = 1.0
    for _ in range(200):
        deep = [deep]
    assert same(loaded(saved({"a": deep}, format)), {"a": deep})


def test_a_stream_that_only_goes_forward_is_read_too():
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *_):
            raise io.UnsupportedOperation("seek")

    assert cp.load(Pipe(saved({"x": cp.ones(1)}, "npz")))["x"].tolist() == [1.0]
    with pytest.raises(TypeError, match="open it with mode 'rb'"):
        cp.load(io.StringIO("text"))


def test_two_objects_in_one_open_file_are_no_surprise():
    file = io.BytesIO()
    cp.save({"x": cp.tensor(math.pi)}, file)
    file.seek(0)
    assert cp.load(file)["x"].item() == pytest.approx(math.pi)


@pytest.mark.parametrize("wrong", [3, None, {"a": 1}, ["path"]])
def test_what_is_no_file_is_refused_with_how_to_call(wrong):
    with pytest.raises(TypeError, match=r"path or an open binary file.*load\(path\)"):
        cp.load(wrong)
    with pytest.raises(TypeError, match=r"path or an open binary file.*save\(obj, path\)"):
        cp.save("path.safetensors", wrong)
