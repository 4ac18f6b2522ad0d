"""Files that PyTorch writes are read here, and files written here are read by PyTorch."""

from __future__ import annotations

import io
import pickle
import random
from collections import Counter, OrderedDict

import numpy as np
import pytest
from support.fuzz import damaged, peak_of_reading, read

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


class Net(torch.nn.Module):
    """What models have: tied weights, statistics, a buffer of integers."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(5, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.head = torch.nn.Linear(4, 5, bias=False)
        self.head.weight = self.embedding.weight
        self.register_buffer("seen", torch.arange(3))


def checkpoint():
    """A checkpoint as people save them."""
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, amsgrad=True)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 3, 3])
    for _ in range(3):
        model.head(model.norm(model.embedding(torch.arange(5)))).sum().backward()
        optimizer.step()
        schedule.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
        "epoch": 3,
        "best": float("inf"),
        "history": [{"loss": 0.5, "accuracy": 0.25}],
        "config": {"name": "net", "sizes": (4, 5), "tied": True, "notes": None},
        "rng": torch.get_rng_state(),
    }


def compared(ours, theirs):
    """Equal in every tensor, key and number."""
    if isinstance(theirs, torch.Tensor):
        equal(ours, theirs)
        assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            compared(ours[key], theirs[key])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for pair in zip(ours, theirs):
            compared(*pair)
    else:
        assert ours == theirs


@both_formats
def test_a_whole_checkpoint_as_people_save_it(legacy):
    compared(cp.load(written(checkpoint(), legacy)), checkpoint())


@both_formats
def test_damage_to_a_whole_checkpoint_never_does_worse_than_a_clear_error(legacy):
    whole, draw = written(checkpoint(), legacy).getvalue(), random.Random(0)
    could_be_read = sum(read(damaged(whole, draw)) for _ in range(150))
    assert 0 < could_be_read < 150
    assert peak_of_reading([damaged(whole, draw) for _ in range(30)]) < 20 * len(whole) + 100_000


@both_formats
def test_tied_parameters_share_their_memory(legacy):
    read = cp.load(written(Net().state_dict(), legacy))
    read["head.weight"].fill_(7.0)
    assert (read["embedding.weight"] == 7.0).all()


@both_formats
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_views_of_a_half_precision_storage_share_what_they_became(legacy, dtype):
    base = torch.arange(12.0).reshape(3, 4).to(dtype)
    read = cp.load(written([base, base.T, base[1:, ::2]], legacy))
    for ours, theirs in zip(read, [base, base.T, base[1:, ::2]]):
        equal(ours, theirs.float())
    read[0].zero_()
    assert not read[1].any()


@both_formats
def test_attributes_of_tensors_are_left_out(legacy):
    parameter, tensor = torch.nn.Parameter(torch.ones(2)), torch.zeros(2)
    parameter.is_norm = tensor.is_norm = True
    for obj in (parameter, tensor):
        equal(cp.load(written(obj, legacy)), obj)


@both_formats
def test_counters_and_nested_ordered_dicts_become_dicts(legacy):
    saved = OrderedDict(inner=OrderedDict(a=torch.ones(1)), counts=Counter([2, 3, 3]))
    read = cp.load(written(saved, legacy))
    assert type(read["inner"]) is dict
    assert read["counts"] == {2: 1, 3: 2}


@both_formats
@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(2).to(torch.float8_e4m3fn),
        torch.zeros(2, dtype=torch.uint16),
        torch.zeros(2, dtype=torch.complex64),
        torch.eye(2).to_sparse(),
    ],
    ids=["float8", "uint16", "complex", "sparse"],
)
def test_tensors_that_cannot_be_held_are_named_with_what_to_do(legacy, tensor):
    with pytest.raises(RuntimeError, match="which clownpiece cannot hold; save"):
        cp.load(written({"x": tensor}, legacy))


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


TENSORS = {
    "scalar": np.array(7),
    "empty": np.zeros((0, 3), np.float32),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "steps": np.arange(10, dtype=np.int32)[::3],
}


def test_pytorch_reads_our_safetensors_of_every_type_and_layout(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file

    state = {name: cp.from_numpy(array) for name, array in TENSORS.items()}
    state |= {name: cp.randint(0, 2, (2, 2)).to(getattr(cp, name)) for name in DTYPES}
    path = tmp_path / "a.safetensors"
    cp.save(state, path, metadata={"made": "here"})
    theirs = load_file(path)
    assert sorted(theirs) == sorted(state)
    compared(state, {name: theirs[name] for name in state})
    with safe_open(path, framework="pt") as file:
        assert file.metadata()["made"] == "here"


def test_we_read_pytorchs_safetensors_of_every_type(tmp_path):
    from safetensors.torch import save_file

    state = {name: torch.randint(0, 2, (2, 3)).to(getattr(torch, name)) for name in DTYPES}
    state |= {"scalar": torch.tensor(1.5), "empty": torch.zeros(0, 2)}
    save_file(state, tmp_path / "a.safetensors", {"made": "there"})
    ours = cp.load(tmp_path / "a.safetensors")
    compared({name: ours[name] for name in state}, state)
    for dtype in (torch.float16, torch.bfloat16):
        save_file({"x": torch.randn(50).to(dtype)}, tmp_path / "half.safetensors")
        from safetensors.torch import load_file

        equal(
            cp.load(tmp_path / "half.safetensors")["x"],
            load_file(tmp_path / "half.safetensors")["x"].float(),
        )


@both_formats
def test_a_models_state_goes_here_and_back(legacy, tmp_path):
    """PyTorch's file into our model, our file into PyTorch's: values, dtypes, tied weights."""
    from safetensors.torch import load_file

    class Ours(cp.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = cp.nn.Embedding(5, 4)
            self.norm = cp.nn.BatchNorm1d(4)
            self.head = cp.nn.Linear(4, 5, bias=False)
            self.head.weight = self.embedding.weight
            self.register_buffer("seen", cp.arange(3))

    state = checkpoint()["model"]
    model, back = Ours(), Net()
    model.load_state_dict(cp.load(written(state, legacy)))
    compared(dict(model.state_dict()), dict(state))
    cp.save(model.state_dict(), tmp_path / "a.safetensors")
    back.load_state_dict(load_file(tmp_path / "a.safetensors"))
    for name, tensor in back.state_dict().items():
        assert torch.equal(tensor, state[name])
