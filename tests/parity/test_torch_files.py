"""Files that PyTorch writes are read here, and files written here are read by PyTorch."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import clownpiece as cp  # noqa: E402


def written(obj, legacy):
    file = io.BytesIO()
    torch.save(obj, file, _use_new_zipfile_serialization=not legacy)
    file.seek(0)
    return file


def equal(ours, theirs):
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_array_equal(ours.numpy(), theirs.detach().numpy())


both_formats = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
DTYPES = ["float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]


@both_formats
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
def test_every_type_and_shape(legacy, dtype, shape):
    tensor = torch.randint(0, 2, shape).to(getattr(torch, dtype))
    read = cp.load(written({"x": tensor}, legacy))["x"]
    equal(read, tensor)
    assert read.dtype.name == dtype


@both_formats
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_read_exactly(legacy, dtype):
    tensor = torch.randn(100).to(dtype)
    equal(cp.load(written(tensor, legacy)), tensor.float())


@both_formats
def test_the_state_of_a_model_and_its_optimizer(legacy):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(model.parameters(), amsgrad=True)
    model(torch.randn(5, 3)).sum().backward()
    optimizer.step()
    saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    read = cp.load(written(saved, legacy))
    assert read["epoch"] == 3
    assert list(read["model"]) == list(model.state_dict())
    for name, tensor in model.state_dict().items():
        equal(read["model"][name], tensor)
    params = [cp.tensor(p.detach().numpy(), requires_grad=True) for p in model.parameters()]
    resumed = cp.optim.Adam(params)
    resumed.load_state_dict(read["optimizer"])
    assert resumed.param_groups[0]["amsgrad"] is True
    equal(resumed.state[params[0]]["exp_avg"], optimizer.state[model[0].weight]["exp_avg"])


@both_formats
def test_views_strides_and_parameters(legacy):
    base = torch.arange(12.0).reshape(3, 4)
    saved = [base, base.T, base[1:, ::2], base[:1].expand(5, 4), torch.nn.Parameter(base[0])]
    for ours, theirs in zip(cp.load(written(saved, legacy)), saved):
        equal(ours, theirs)


@both_formats
def test_shared_memory_stays_shared(legacy):
    weight = torch.zeros(3)
    read = cp.load(written({"a": weight, "b": weight}, legacy))
    read["a"].fill_(1.0)
    assert read["b"].tolist() == [1.0, 1.0, 1.0]


@both_formats
def test_containers_and_numbers(legacy):
    saved = OrderedDict(a=[1, 2.5, None, True, "text"], b=(1, (2,)), c={3: "x"}, d=torch.Size([2]))
    assert cp.load(written(saved, legacy)) == {**saved, "d": (2,)}


@both_formats
@pytest.mark.parametrize(
    "obj", [torch.nn.Linear(1, 1), np.arange(3), {1, 2}, torch.float32, slice(1)], ids=repr
)
def test_what_is_no_tensor_number_or_container_is_refused(legacy, obj):
    with pytest.raises(pickle.UnpicklingError, match=r"runs? (no )?code"):
        cp.load(written({"x": obj}, legacy))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_compiled_program_is_refused():
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), file)
    file.seek(0)
    with pytest.raises(RuntimeError, match="TorchScript"):
        cp.load(file)


def test_pytorch_reads_our_safetensors(tmp_path):
    from safetensors.torch import load_file

    state = {"weight": cp.randn(3, 4), "count": cp.tensor(7), "mask": cp.tensor([True, False])}
    cp.save(state, tmp_path / "a.safetensors")
    read = load_file(tmp_path / "a.safetensors")
    for name, tensor in state.items():
        equal(tensor, read[name])
