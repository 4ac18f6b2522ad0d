"""Files: what goes in comes out, a write is whole or not at all, and nothing is ever run."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

import clownpiece as cp
from clownpiece.serialization import load_metadata

FORMATS = ["safetensors", "npz"]


def same(a, b):
    """Equal in value, type and nesting."""
    if isinstance(a, cp.Tensor):
        return (
            isinstance(b, cp.Tensor)
            and a.dtype is b.dtype
            and a.shape == b.shape
            and np.array_equal(a.numpy(), b.numpy(), equal_nan=a.is_floating_point())
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


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
    file = io.BytesIO()
    cp.save(obj, file, format=format)
    file.seek(0)
    assert same(cp.load(file), obj)


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


@pytest.mark.parametrize(
    "array, format",
    [(np.array([1 + 2j]), "npz"), (np.array([2**63], np.uint64), "npz"), (np.array(["a"]), "npz")],
)
def test_types_that_nothing_here_can_hold_are_refused(array, format, tmp_path):
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


# -- whole or not at all ------------------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
def test_a_write_that_fails_leaves_the_old_file_and_no_other(format, tmp_path, monkeypatch):
    path = tmp_path / f"a.{format}"
    cp.save({"x": cp.ones(2)}, path)
    before = path.read_bytes()

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        cp.save({"x": cp.zeros(999)}, path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_write_goes_to_what_a_link_points_to_and_keeps_its_mode(tmp_path):
    target, link = tmp_path / "real.npz", tmp_path / "link.npz"
    cp.save({"x": cp.ones(1)}, target)
    target.chmod(0o640)
    link.symlink_to(target)
    cp.save({"x": cp.zeros(1)}, link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert cp.load(target)["x"].tolist() == [0.0]


def test_a_missing_folder_or_file_is_pythons_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        cp.save({"x": cp.ones(1)}, tmp_path / "no" / "a.npz")
    with pytest.raises(FileNotFoundError):
        cp.load(tmp_path / "a.npz")


# -- damaged and lying files --------------------------------------------------------------------


def safetensors_of(entries, body=None):
    """A file by hand: {name: (type, shape, bytes)}."""
    header, data = {}, b""
    for name, (kind, shape, content) in entries.items():
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + (data if body is None else body)


@pytest.mark.parametrize("format", [*FORMATS, "pt", "legacy.pt"])
def test_every_cut_is_an_error_that_names_the_file(format, files, tmp_path):
    whole = files[format]
    path = tmp_path / "cut"
    for length in {*range(0, min(len(whole), 400), 7), *range(0, len(whole), 101), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(RuntimeError, match="cut"):
            cp.load(path)


@pytest.mark.parametrize("format", [*FORMATS, "pt", "legacy.pt"])
@given(data=st.data())
def test_changed_bytes_never_do_worse_than_a_clear_error(format, data, files):
    damaged = bytearray(files[format])
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        cp.load(io.BytesIO(damaged))
    except (RuntimeError, pickle.UnpicklingError):
        pass


@pytest.mark.parametrize(
    "content",
    [
        safetensors_of({"x": ("F32", [2**40], b"1234")}),
        safetensors_of({"x": ("F32", [2], b"1234")}),
        safetensors_of({"x": ("F32", [1], b"1234")}, body=b""),
        struct.pack("<Q", 2**60) + b"{" + b" " * 20,
        struct.pack("<Q", 12) + b"{not json!!}" + b" " * 8,
    ],
)
def test_a_header_that_lies_is_refused_before_memory_is_taken(content):
    with pytest.raises(RuntimeError, match="no whole safetensors file"):
        cp.load(io.BytesIO(content))


def test_an_npy_header_that_lies_is_refused_before_memory_is_taken():
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", head.getvalue() + b"12345678")
    file.seek(0)
    with pytest.raises(RuntimeError, match="has 8 bytes"):
        cp.load(file)


def test_an_npz_with_python_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(RuntimeError, match="Python objects"):
        cp.load(tmp_path / "a.npz")


def test_a_structure_that_fits_no_tensor_is_damage():
    from safetensors.numpy import save

    for structure in ('["x", "y"]', '{"tensor": "y"}', '{"set": []}', "nonsense", '{"dict": 7}'):
        content = save({"x": np.ones(1)}, {"clownpiece.structure": structure})
        with pytest.raises(RuntimeError, match="does not describe its tensors"):
            cp.load(io.BytesIO(content))


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(40), b"hello, world: no tensors here"])
def test_some_other_file_is_recognized_as_such(content):
    with pytest.raises(RuntimeError, match="neither a safetensors, an npz nor a PyTorch file"):
        cp.load(io.BytesIO(content))


# -- PyTorch's files ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """One small file in each format, made without PyTorch."""
    state = {"weight": cp.arange(6).reshape(2, 3).float(), "bias": cp.tensor([1.0, 2.0])}
    made = {}
    for format in FORMATS:
        file = io.BytesIO()
        cp.save(state, file, format=format)
        made[format] = file.getvalue()
    made["pt"] = zip_file(program(TENSOR, STATE), {"0": np.arange(6, dtype="<f4").tobytes()})
    made["legacy.pt"] = legacy_file(program(TENSOR, STATE), {"0": np.arange(6, dtype="<f4")})
    return made


# Pickle programs by hand, for a file that lies cannot be made by a library that does not.
PROTO, STOP = b"\x80\x02", b"."
ORDERED = b"ccollections\nOrderedDict\n)R"
STORAGE = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x06tQ"


HALF_STORAGE = STORAGE.replace(b"FloatStorage", b"BFloat16Storage").replace(b"K\x06", b"K\x0c")


def tensor(offset=0, shape=(2, 3), strides=(3, 1), storage=STORAGE):
    def numbers(values):
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    arguments = storage + b"J" + struct.pack("<i", offset) + numbers(shape) + numbers(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"\x89" + ORDERED + b"tR"


TENSOR = tensor()
STATE = b"X\x06\0\0\0weight"


def program(value, key=STATE):
    """A pickle of the ordered dict {key: value}."""
    return PROTO + ORDERED + key + value + b"s" + STOP


def zip_file(pickled, storages):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key}", content)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def legacy_file(pickled, storages):
    head = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True, "protocol_version": 1001}]
    parts = [pickle.dumps(each, protocol=2) for each in head]
    parts += [pickled, pickle.dumps(list(storages), protocol=2)]
    parts += [struct.pack("<q", each.size) + each.tobytes() for each in storages.values()]
    return b"".join(parts)


@pytest.mark.parametrize("format", ["pt", "legacy.pt"])
def test_pytorchs_files_are_read(format, files):
    read = cp.load(io.BytesIO(files[format]))
    assert list(read) == ["weight"]
    assert read["weight"].tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert read["weight"].dtype is cp.float32


def with_program(pickled):
    storage = np.arange(6, dtype="<f4")
    return [zip_file(pickled, {"0": storage.tobytes()}), legacy_file(pickled, {"0": storage})]


@pytest.mark.parametrize(
    "value",
    [
        b"cos\nsystem\n(X\x04\0\0\0exittR",
        b"cbuiltins\neval\n(X\x03\0\0\x001+1tR",
        b"c__builtin__\ngetattr\n",
        b"ctorch\nload\n",
        b"ctorch._utils\n_rebuild_sparse_tensor\n",
        b"ccollections\nUserDict\n",
        b"(X\x01\0\0\0xios\nsystem\n",
        b"cos\nsystem\n(X\x01\0\0\0xo",
        b"cos\nsystem\n)\x81",
        b"\x82\x01",
        b"P7\n",
        b"X\x02\0\0\0osX\x06\0\0\0system\x93",
    ],
    ids=lambda value: repr(value)[2:24],
)
def test_a_file_that_wants_to_run_code_is_refused(value, monkeypatch):
    monkeypatch.setattr(os, "system", lambda *_: pytest.fail("the file ran a command"))
    for content in with_program(program(value)):
        with pytest.raises(pickle.UnpicklingError, match=r"run|needs"):
            cp.load(io.BytesIO(content))


@pytest.mark.parametrize(
    "value",
    [
        # The allowed names must be nothing that can be changed, called oddly or smuggled out.
        b"ctorch._utils\n_rebuild_tensor_v2\n}X\x01\0\0\0xK\x01sb",
        b"ctorch._utils\n_rebuild_tensor_v2\nN}X\x05\0\0\0_callK\x01s\x86b",
        b"ctorch\nFloatStorage\n",
        b"ctorch\nFloatStorage\n)R",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01))tR",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
        STORAGE,
        b"X\x01\0\0\0xr\xff\xff\xff\x7f",
        b"h\x07",
        b"(K\x01tQ",
        STORAGE.replace(b"K\x06", b"J\xff\xff\xff\xff"),
        STORAGE.replace(b"FloatStorage", b"QuintStorage"),
    ],
    ids=lambda value: repr(value)[2:40],
)
def test_a_program_that_does_odd_things_is_refused(value):
    for content in with_program(program(value)):
        with pytest.raises((pickle.UnpicklingError, RuntimeError)):
            cp.load(io.BytesIO(content))


@pytest.mark.parametrize(
    "lying",
    [
        tensor(offset=1),
        tensor(offset=-1),
        tensor(shape=(3, 3)),
        tensor(strides=(-3, 1)),
        tensor(strides=(1000000, 1)),
        tensor(shape=(0, *[2**31 - 1] * 3), strides=(1,) * 4),
        tensor(shape=(2**31 - 1,) * 2, strides=(0, 0), storage=HALF_STORAGE),
        tensor(shape=(2,)),
        tensor(storage=STORAGE.replace(b"K\x06", b"J\xff\xff\xff\x7f")),
        tensor(storage=STORAGE.replace(b"K\x06", b"K\x05")),
        tensor(storage=STORAGE.replace(b"0X\x03", b"1X\x03")),
    ],
)
def test_a_tensor_that_reaches_outside_of_its_storage_is_refused(lying):
    for content in with_program(program(lying)):
        with pytest.raises(RuntimeError):
            cp.load(io.BytesIO(content))


def test_views_of_one_storage_share_it():
    both = (
        PROTO
        + ORDERED
        + b"("
        + STATE
        + TENSOR
        + b"X\x01\0\0\0t"
        + tensor(shape=(3, 2), strides=(1, 3))
        + b"u"
        + STOP
    )
    for content in with_program(both):
        read = cp.load(io.BytesIO(content))
        read["weight"][0, 1] = 9.0
        assert read["t"].tolist() == [[0.0, 3.0], [9.0, 4.0], [2.0, 5.0]]


def test_any_other_pickle_is_left_alone():
    for obj in ({"a": 1}, [1, 2], "text"):
        with pytest.raises(RuntimeError, match="none of PyTorch's"):
            cp.load(io.BytesIO(pickle.dumps(obj)))
    with pytest.raises(pickle.UnpicklingError, match="run code"):
        cp.load(io.BytesIO(pickle.dumps(io.BytesIO())))


def test_a_compiled_program_is_named_as_such():
    file = io.BytesIO(zip_file(program(TENSOR), {"0": bytes(24)}))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("archive/constants.pkl", b"")
    file.seek(0)
    with pytest.raises(RuntimeError, match="TorchScript"):
        cp.load(file)


def test_the_arguments_of_torch_load_are_understood(files):
    file = io.BytesIO(files["pt"])
    assert list(cp.load(file, map_location="cpu", weights_only=True)) == ["weight"]
    with pytest.raises(ValueError, match="never does"):
        cp.load(file, weights_only=False)
    with pytest.raises(RuntimeError, match="CPU only"):
        cp.load(file, map_location="cuda")
