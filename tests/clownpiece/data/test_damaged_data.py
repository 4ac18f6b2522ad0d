"""Pictures, tables and IDX files that are damaged or lie are refused with a sentence."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
import warnings

import numpy as np
import pytest
from PIL import Image
from support.fuzz import mutated

from clownpiece.utils.data import CSVDataset, read_idx, read_image, write_idx

PICTURES = ["png", "jpg", "gif", "bmp", "ppm"]
READERS = {
    "idx": read_idx,
    "gz": read_idx,
    "csv": CSVDataset,
    **dict.fromkeys(PICTURES, read_image),
}


@pytest.fixture(params=READERS)
def whole(request, tmp_path):
    """A file of a kind, and what reads it."""
    path = tmp_path / f"a.{request.param}"
    numbers = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    if request.param in PICTURES:
        Image.fromarray(numbers).save(path)
    elif request.param == "csv":
        path.write_text('a,b,c\n1,2,3\n4,"5",6\n7,8,9e3\n', encoding="utf-8")
    else:
        write_idx(path, numbers)
    return path, READERS[request.param]


def test_damage_at_random_never_does_worse_than_a_clear_error(whole):
    path, reader = whole
    content, draw = path.read_bytes(), random.Random(0)
    answers = []
    with warnings.catch_warnings():
        # Pillow warns of what it passes over.
        warnings.simplefilter("ignore")
        for _ in range(150):
            path.write_bytes(mutated(content, draw))
            answers.append(refusal(reader, path))
    refusals = [error for error in answers if error is not None]
    assert refusals
    assert {type(error) for error in refusals} == {ValueError}
    assert all(path.name in str(error) for error in refusals)


def refusal(reader, path):
    """The error with which a file is refused, or None."""
    try:
        reader(path)
    except Exception as error:
        return error
    return None


def test_a_table_that_is_no_text_says_after_which_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,2\n3,\xff\n")
    with pytest.raises(ValueError, match=r"a\.csv, after line \d: this is no table in UTF-8"):
        CSVDataset(path)


@pytest.mark.parametrize("name", ["a", "a.gz"])
def test_an_idx_header_that_lies_takes_no_memory(name, tmp_path):
    content = struct.pack(">BBBBII", 0, 0, 8, 2, 2**31, 2**31) + bytes(10)
    bomb = struct.pack(">BBBBI", 0, 0, 8, 1, 10) + bytes(50_000_000)
    for data in (content, bomb) if name == "a.gz" else (content,):
        path = tmp_path / name
        path.write_bytes(gzip.compress(data, 1) if name == "a.gz" else data)
        tracemalloc.start()
        try:
            with pytest.raises(ValueError, match=r"is (cut short|too long)"):
                read_idx(path)
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_a_picture_that_claims_to_be_enormous_is_refused(tmp_path):
    path = tmp_path / "a.bmp"
    Image.new("L", (2, 2)).save(path)
    content = path.read_bytes()
    path.write_bytes(content[:18] + struct.pack("<ii", 60_000, 60_000) + content[26:])
    with pytest.raises(ValueError, match=r"a\.bmp is no picture that can be read"):
        read_image(path)
