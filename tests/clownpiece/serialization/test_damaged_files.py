"""Files that are cut short, damaged or lie get a clear error: no crash, no hang, no huge memory."""

from __future__ import annotations

import random
import struct
import zipfile

import numpy as np
import pytest
from support.files import (
    READABLE,
    entries_of,
    loaded,
    npy,
    safetensors_of,
    saved,
    small_file,
    with_header,
    zip_of,
)
from support.fuzz import damaged, peak_of_reading, read

import clownpiece as cp


@pytest.mark.parametrize("format", READABLE)
def test_every_cut_is_an_error_that_names_the_file(format, tmp_path):
    whole = small_file(format)
    path = tmp_path / "cut"
    for length in {*range(0, min(len(whole), 400), 7), *range(0, len(whole), 101), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(RuntimeError, match="cut"):
            cp.load(path)


@pytest.mark.parametrize("format", READABLE)
def test_damage_at_random_never_does_worse_than_a_clear_error(format):
    draw, whole = random.Random(0), small_file(format)
    could_be_read = sum(read(damaged(whole, draw)) for _ in range(2000))
    assert 0 < could_be_read < 1500


@pytest.mark.parametrize("format", READABLE)
def test_damage_at_random_never_takes_more_memory_than_some_copies_of_the_file(format):
    draw, whole = random.Random(1), small_file(format)
    assert peak_of_reading([damaged(whole, draw) for _ in range(300)]) < 100_000


# -- safetensors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        safetensors_of({"x": ("F32", [2**40], b"1234")}),
        safetensors_of({"x": ("F32", [2**62, 4], b"1234")}),
        safetensors_of({"x": ("F32", [2], b"1234")}),
        safetensors_of({"x": ("F32", [-1], b"1234")}),
        safetensors_of({"x": ("F32", [1], b"1234")}, body=b""),
        safetensors_of({"x": ("F32", [1], b"1234")}, body=b"12345678"),
        safetensors_of({"x": ("F99", [1], b"1234")}),
        struct.pack("<Q", 2**60) + b"{" + b" " * 20,
        struct.pack(">Q", 2) + b"{}" + b" " * 8,
        with_header(b"{not json!!}", bytes(8)),
        with_header(b"[" * 100_000),
        with_header(b'{"a":' * 100_000),
        with_header(b'{"x":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}', bytes(4)),
        with_header(b'{"x":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}', bytes(8)),
        with_header(
            b'{"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},'
            b'"y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
            bytes(6),
        ),
        with_header(
            b'{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},'
            b'"x":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}',
            bytes(6),
        ),
    ],
    ids=range(16),
)
def test_a_header_that_lies_is_refused_before_memory_is_taken(content):
    with pytest.raises(RuntimeError, match=r"no whole safetensors file|neither a safetensors"):
        loaded(content)
    assert peak_of_reading([content]) < 2_000_000


# -- npz ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry, told",
    [
        (npy(shape=f"({2**50},)"), "has 16 bytes"),
        (npy(shape="(3,)"), "has 16 bytes"),
        (npy(shape="(-2,)"), "cannot be understood"),
        (npy(shape=f"({'9' * 5000},)"), "damaged"),
        (npy(shape="(0, 99999999999999999999)", data=b""), "damaged"),
        (npy(shape="(" + "1," * 100 + "2)"), "damaged"),
        (npy(descr="'|O'"), "Python objects"),
        (npy(descr="[('a', '<f8')]"), "named fields"),
        (npy(descr="'<f8', 'x': __import__('os')"), "cannot be understood"),
        (npy(descr="'nonsense'"), "cannot be understood"),
        (npy(descr="'<, '"), "cannot be understood"),
        (npy(descr="'<f3'"), "damaged"),
        (npy(order="1"), "cannot be understood"),
        (npy(version=b"\x09\x00"), "no .npy header"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1), "header of 4,294,967,295 bytes"),
        (b"\x93NUMPY\x01\x00\xff\x00{", "cannot be understood"),
        (b"", "no .npy header"),
        (b"\x93NUMPY\x01", "no .npy header"),
    ],
    ids=range(18),
)
def test_an_npy_header_that_lies_is_refused_before_memory_is_taken(entry, told):
    content = zip_of({"x.npy": entry})
    with pytest.raises(RuntimeError, match=told):
        loaded(content)
    assert peak_of_reading([content]) < 2_000_000


def test_npy_headers_as_other_programs_spell_them_are_understood():
    for entry in (
        npy(descr="\n '<f8'", shape="( 2, )"),
        npy(shape="(2L,)"),
        npy(shape="(1, 2)", order="True"),
    ):
        assert loaded(zip_of({"x.npy": entry}))["x"].numel() == 2


def test_an_npz_with_python_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(RuntimeError, match="Python objects"):
        cp.load(tmp_path / "a.npz")


@pytest.mark.parametrize("strings", [b"[]", b"7", b'{"a": 1}', b"[" * 9999, b"\xff", b""])
def test_strings_that_are_none_are_damage(strings):
    with pytest.raises(RuntimeError):
        loaded(zip_of({"x.npy": npy(), "clownpiece.json": strings}))


# -- zip ----------------------------------------------------------------------------------------


def changed_in_table(content, offset, value):
    """The zip with a field of its first entry changed in its table of contents."""
    start = content.index(b"PK\x01\x02") + offset
    return content[:start] + value + content[start + len(value) :]


def test_a_zip_whose_table_of_contents_lies_is_refused():
    whole = zip_of({"x.npy": npy()})
    packed = zip_of({"x.npy": npy(data=bytes(16))}, zipfile.ZIP_DEFLATED)
    assert loaded(packed)["x"].tolist() == [0.0, 0.0]
    for content, told in (
        (changed_in_table(whole, 24, b"\xff\xff\xff\x7f"), "claims 2,147,483,647 bytes"),
        (changed_in_table(packed, 24, b"\xff\xff\xff\x7f"), "claims 2,147,483,647 bytes"),
        (changed_in_table(packed, 20, b"\xff\xff\xff\x7f"), "claim more than"),
        (changed_in_table(whole, 8, b"\x01\x00"), "is encrypted"),
        (changed_in_table(whole, 10, b"\x0c\x00"), "other than deflate"),
        (whole.replace(b"\0" * 16, b"\1" * 16), "CRC"),
    ):
        with pytest.raises(RuntimeError, match=told):
            loaded(content)
        assert peak_of_reading([content]) < 2_000_000


def test_two_entries_of_one_name_are_refused_for_programs_would_disagree():
    content = zip_of({"x.npy": npy(), "y.npy": npy()}).replace(b"y.npy", b"x.npy")
    with pytest.raises(RuntimeError, match=r"2 entries of the name 'x\.npy'"):
        loaded(content)


def test_entries_that_share_their_bytes_are_refused():
    """As in a zip bomb, where thousands of names lead to the same block."""
    content = zip_of({"x.npy": npy(), "y.npy": npy()})
    start = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", start + 1)
    for number in range(2, 40):
        entry = content[start:second].replace(b"x.npy", b"%05d" % number)
        content = content[:start] + entry + content[start:]
    end = content.index(b"PK\x05\x06")
    counts = struct.pack("<HHI", 40, 40, end - start)
    with pytest.raises(RuntimeError):
        loaded(content[: end + 8] + counts + content[end + 16 :])


def test_names_that_lead_elsewhere_stay_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    content = zip_of({"../up.npy": npy(), "/clownpiece-root.npy": npy(), "c:\\x.npy": npy()})
    assert len(loaded(content)) == 3
    assert list(tmp_path.iterdir()) == []
    assert list(entries_of(content)) == ["../up.npy", "/clownpiece-root.npy", "c:\\x.npy"]


# -- what the content is ------------------------------------------------------------------------


def test_a_structure_that_fits_no_tensor_is_damage():
    from safetensors.numpy import save

    structures = ['["x", "y"]', '{"tensor": "y"}', '{"set": []}', "nonsense", '{"dict": 7}']
    structures += ['{"tensor": []}', '{"dict": [[[], 1]]}', '{"tuple": 1, "a": 2}']
    structures += ['{"list": ' * 9999]
    for structure in structures:
        content = save({"x": np.ones(1)}, {"clownpiece.structure": structure})
        with pytest.raises(RuntimeError, match="does not describe its tensors"):
            loaded(content)


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(40), b"hello, world: no tensors here"])
def test_some_other_file_is_recognized_as_such(content):
    with pytest.raises(RuntimeError, match="neither a safetensors, an npz nor a PyTorch file"):
        loaded(content)


def test_a_zip_of_something_else_is_no_npz():
    with pytest.raises(RuntimeError, match=r"'word/document\.xml' is no \.npy"):
        loaded(zip_of({"word/document.xml": b"<w/>"}))
    assert saved({}, "npz") != b""
