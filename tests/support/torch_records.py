"""PyTorch's side of an op record: its function, called with the record's samples."""

from __future__ import annotations

import functools
import inspect
import warnings

import numpy as np
import pytest
from support.records import Case, arrays_of, leaves

import clownpiece
from clownpiece.ops import Op
from clownpiece.ops.samples import S

torch = pytest.importorskip("torch")


def has_counterpart(record: Op) -> bool:
    """An exposed record is PyTorch's unless it says `torch=""`; an internal one may be."""
    return bool(record.torch) or (record.torch is None and bool(record.expose))


def counterpart(record: Op):
    """PyTorch's function for a record."""
    names = (record.torch or record.name).split(".")
    if record.torch is None and "functional" in record.expose:
        names = ["nn", "functional", *names]
    if record.torch is None and record.expose == ("method",):
        names = ["Tensor", *names]
    return functools.reduce(getattr, names, torch)


def as_torch(value):
    if isinstance(value, clownpiece.Tensor):
        value = value.array
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, clownpiece.dtype):
        return getattr(torch, value.name)
    return value


def nested(function, value):
    """`function` on the leaves, tuples and slices kept as what they are."""
    if isinstance(value, tuple):
        return tuple(nested(function, each) for each in value)
    if isinstance(value, list):
        return [nested(function, each) for each in value]
    return function(value)


# Calls that PyTorch takes only in another spelling.
RESPELLED = {
    "getitem": lambda x, index: x[index],
    "dsplit": lambda x, indices_or_sections: torch.dsplit(x, indices_or_sections),
    "hsplit": lambda x, indices_or_sections: torch.hsplit(x, indices_or_sections),
    "vsplit": lambda x, indices_or_sections: torch.vsplit(x, indices_or_sections),
    "tensor_split": lambda x, indices_or_sections, dim=0: torch.tensor_split(
        x, indices_or_sections, dim
    ),
}


def call_torch(case: Case, inputs):
    """PyTorch's function with the sample; what it says of its own future is not heard."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "index_reduce.* is in beta")
        return _call(case, inputs)


def _call(case: Case, inputs):
    """The call: inputs by their names where PyTorch knows those."""
    record = case.record
    function = RESPELLED.get(record.name) or counterpart(record)
    params = {name: nested(as_torch, value) for name, value in case.sample.params.items()}
    case = case._replace(sample=S(*case.sample.inputs, **params))
    try:
        names = inspect.signature(function).parameters
    except ValueError:
        names = {}
    rest = record.inputs[1:]
    if rest and len(inputs) <= len(record.inputs) and set(rest) <= set(names):
        named = dict.fromkeys(rest) | dict(zip(rest, inputs[1:]))
        for name, value in named.items():
            if value is not None or names[name].default is inspect.Parameter.empty:
                params[name] = value
        return function(inputs[0], **params)
    while inputs[-1] is None:
        inputs = inputs[:-1]
    return case(inputs, function)


def torch_leaves(result):
    found = []
    for each in leaves(tuple(result) if isinstance(result, (tuple, list)) else result):
        found.append(each if isinstance(each, torch.Tensor) else torch.as_tensor(each))
    return found


def answer(function, *args):
    """What came out, or the exception."""
    try:
        with warnings.catch_warnings():
            # PyTorch warns of no degrees of freedom; the answer is the same NaN.
            warnings.filterwarnings("ignore", "(var|std).*degrees of freedom is <= 0")
            return function(*args)
    except Exception as error:
        return error


def assert_same_answer(mine, theirs):
    assert not isinstance(mine, Exception), f"PyTorch gives {theirs}, we {mine!r}"
    for got, correct in zip(arrays_of(mine), torch_leaves(theirs), strict=True):
        assert got.shape == tuple(correct.shape)
        assert got.dtype == correct.numpy().dtype
        np.testing.assert_allclose(got, correct.numpy(), rtol=1e-5, atol=1e-6)
