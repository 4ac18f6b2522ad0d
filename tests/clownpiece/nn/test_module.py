"""The module system by itself: what it prints, says, keeps, and refuses."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import traceback

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import clownpiece
from clownpiece import nn


class SimpleNet(nn.Module):
    def __init__(self, input_size, hidden_size, output_size):
        super().__init__()
        self.layer1 = nn.Linear(input_size, hidden_size)
        self.activation = nn.ReLU()
        self.layer2 = nn.Linear(hidden_size, output_size)

    def forward(self, x):
        x = self.layer1(x)
        x = self.activation(x)
        return self.layer2(x)


def test_the_courses_example_prints_as_pytorch_prints_it(capsys):
    model = SimpleNet(input_size=784, hidden_size=128, output_size=10)
    print(model)
    print("\nNamed Parameters:")
    for name, param in model.named_parameters():
        print(f"{name}: {param.shape}")
    assert capsys.readouterr().out == (
        "SimpleNet(\n"
        "  (layer1): Linear(in_features=784, out_features=128, bias=True)\n"
        "  (activation): ReLU()\n"
        "  (layer2): Linear(in_features=128, out_features=10, bias=True)\n"
        ")\n"
        "\n"
        "Named Parameters:\n"
        "layer1.weight: clownpiece.Size([128, 784])\n"
        "layer1.bias: clownpiece.Size([128])\n"
        "layer2.weight: clownpiece.Size([10, 128])\n"
        "layer2.bias: clownpiece.Size([10])\n"
    )


def test_extra_repr_of_several_lines_is_indented():
    class Wordy(nn.Module):
        def extra_repr(self):
            return "first\nsecond"

    outer = nn.Sequential(Wordy())
    assert repr(outer) == "Sequential(\n  (0): Wordy(\n    first\n    second\n  )\n)"


# -- registration ---------------------------------------------------------------------------


def test_a_tree_of_ten_thousand_modules_is_walked_without_recursion():
    root = module = nn.Module()
    for _ in range(10_000):
        module.child = nn.Module()
        module = module.child
    assert sum(1 for _ in root.modules()) == 10_001
    assert next(iter(root.named_parameters()), None) is None


def test_a_module_that_holds_its_parent_is_walked_once():
    parent = nn.Module()
    parent.child = nn.Linear(1, 1)
    parent.child.parent = parent
    assert [name for name, _ in parent.named_modules()] == ["", "child"]
    assert len(list(parent.parameters())) == 2


def test_an_input_may_be_any_object():
    class Counting(nn.Module):
        def forward(self, words, *, times):
            return {"words": words * times}

    assert Counting()(["a"], times=2) == {"words": ["a", "a"]}


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=6))
def test_shared_modules_and_parameters_are_given_once(names):
    pool = {name: nn.Linear(1, 1) for name in "abcd"}
    model = nn.ModuleList([pool[name] for name in names])
    assert len(list(model.parameters())) == 2 * len(set(names))
    assert len(list(model.modules())) == 1 + len(set(names))
    assert len(model.state_dict()) == 2 * len(names)


def test_conversion_keeps_ties():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    model.double()
    assert model[1].weight is model[0].weight
    assert model[0].weight.dtype is clownpiece.float64


def test_a_cuda_device_is_refused_with_a_sentence():
    with pytest.raises(RuntimeError, match="on the CPU only"):
        nn.Linear(1, 1).to("cuda")
    with pytest.raises(RuntimeError, match="on the CPU only"):
        nn.Linear(1, 1, device="cuda")


# -- errors that say what to do -------------------------------------------------------------


def test_a_typo_is_answered_with_what_was_meant():
    model = SimpleNet(4, 3, 2)
    with pytest.raises(AttributeError) as caught:
        _ = model.layr1
    assert str(caught.value) == (
        "'SimpleNet' object has no attribute 'layr1'. Did you mean: 'layer1'?"
    )
    with pytest.raises(AttributeError, match=r"'Linear' object has no .*'wieght'.*'weight'\?"):
        _ = model.layer1.wieght
    with pytest.raises(AttributeError, match=r"'named_paramters'.*'named_parameters'\?"):
        model.named_paramters()
    with pytest.raises(AttributeError, match=r"no attribute 'zzz'$"):
        _ = model.zzz
    assert not hasattr(model, "layr1")
    assert getattr(model, "layr1", 3) == 3


def test_a_typo_error_survives_pickling():
    with pytest.raises(AttributeError) as caught:
        _ = SimpleNet(4, 3, 2).layr1
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_failing_property_shows_its_own_error():
    class Broken(nn.Module):
        @property
        def size(self):
            return self.weigth.shape

    with pytest.raises(AttributeError, match="'weigth'"):
        _ = Broken().size


def test_a_missing_super_init_is_named():
    class Early(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"Early.__init__ begin with super\(\).__init__\(\)"):
        Early()

    class Never(nn.Module):
        def __init__(self):
            self.size = 3

        def forward(self, x):
            return x

    with pytest.raises(AttributeError, match=r"begin with super\(\).__init__\(\)"):
        Never()(1)
    with pytest.raises(AttributeError, match=r"begin with super\(\).__init__\(\)"):
        list(Never().parameters())


def notes(error):
    return getattr(error, "__notes__", [])


def nested():
    return nn.Sequential(
        nn.Linear(4, 4),
        nn.ModuleDict({"inner": nn.Sequential(nn.ReLU(), nn.Linear(3, 2))})["inner"],
    )


def test_a_wrong_shape_names_the_modules_path_and_what_it_was_given():
    with pytest.raises(RuntimeError) as caught:
        nested()(clownpiece.zeros(5, 4))
    assert notes(caught.value) == ["in 1.1 (Linear): called with Tensor(5, 4) float32"]
    assert "in 1.1 (Linear)" in "".join(traceback.format_exception(caught.value))


def test_the_path_passes_through_containers_that_are_not_called():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.ModuleDict({"layer": nn.Linear(2, 3)})])

        def forward(self, x, scale=1.0):
            return self.blocks[0]["layer"](x)

    with pytest.raises(RuntimeError) as caught:
        nn.Sequential(Model())(clownpiece.zeros(5))
    assert notes(caught.value) == ["in 0.blocks.0.layer (Linear): called with Tensor(5,) float32"]


@pytest.mark.parametrize(
    "layer, shape, kind, said",
    [
        (nn.Linear(3, 2), (4, 3), RuntimeError, "linear: .*dtype.*float64.*float32.*convert"),
        (nn.BatchNorm1d(3), (4, 3), RuntimeError, "batch_norm: mixed dtype.*float64.*float32"),
        (nn.Conv1d(3, 2, 1), (4, 3, 5), RuntimeError, "conv1d: .*float64.*weight float32"),
        (nn.PReLU(), (4, 3), RuntimeError, "prelu: .*x is .*float64.*weight .*float32.*convert"),
        (nn.LSTM(3, 2), (4, 3), ValueError, "LSTM: input dtype .*float64.*weight dtype .*float32"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_wrong_dtype_inside_a_model_says_which_and_where(layer, shape, kind, said):
    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Identity(), layer))
    with pytest.raises(kind, match=said) as caught:
        model(clownpiece.zeros(*shape, dtype=clownpiece.float64))
    assert notes(caught.value)[0].startswith(f"in 1.1 ({type(layer).__name__}): called with Tensor")


def test_a_tuple_inside_a_model_is_refused_by_the_argument_that_it_was():
    model = nn.Sequential(nn.LSTM(3, 2), nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"linear\(\): argument 'input' .* not tuple") as caught:
        model(clownpiece.zeros(4, 3))
    assert notes(caught.value)[0].startswith("in 1 (Linear): called with (Tensor(4, 2) float32")


def test_a_module_alone_names_its_class():
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(2, 3)(clownpiece.zeros(1, 5))
    assert notes(caught.value) == ["in Linear: called with Tensor(1, 5) float32"]


def test_a_forward_of_ones_own_that_raises_is_named_once_with_other_notes_kept():
    class Failing(nn.Module):
        def forward(self, x, *, mode=None):
            error = ValueError("broken")
            error.add_note("mine")
            raise error

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = Failing()

        def forward(self, x):
            return self.part(x, mode="a" * 100)

    with pytest.raises(ValueError, match="broken") as caught:
        Outer()([1, (2.0, None)])
    said = notes(caught.value)
    assert said[0] == "mine"
    assert len(said) == 2
    assert said[1].startswith("in part (Failing): called with [1, (2.0, None)], mode='aaa")
    assert len(said[1]) < 120


def test_an_error_caught_inside_the_model_leaves_no_trace():
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Linear(2, 2)

        def forward(self, x):
            try:
                return self.part(x)
            except RuntimeError:
                return None

    assert Careful()(clownpiece.zeros(3)) is None


def test_the_note_of_a_pickled_error_does_not_carry_the_model():
    with pytest.raises(RuntimeError) as caught:
        nested()(clownpiece.zeros(5, 4))
    note = pickle.loads(pickle.dumps(caught.value)).__notes__[0]
    assert type(note) is str
    assert note.startswith("in 1.1")


# -- hooks ----------------------------------------------------------------------------------


def test_backward_hooks_by_their_old_name_are_those_of_the_module():
    model, seen = nn.Sequential(nn.Linear(2, 2), nn.ReLU()), []
    model.register_backward_hook(lambda m, grad_input, grad_output: seen.append(grad_output))
    model(clownpiece.ones(1, 2, requires_grad=True)).sum().backward()
    assert [[tuple(g.shape) for g in grads] for grads in seen] == [[(1, 2)]]


def test_hooks_survive_an_exception_and_leave_with_their_handle():
    model, calls = nn.Linear(2, 2), []
    with model.register_forward_hook(lambda *_: calls.append("after")):
        with pytest.raises(RuntimeError):
            model(clownpiece.zeros(5))
        model(clownpiece.zeros(2))
    model(clownpiece.zeros(2))
    assert calls == ["after"]
    assert not model._forward_hooks


def shout(module, args, output):
    return output + 100


def test_a_pickled_module_keeps_its_hooks_and_takes_new_ones():
    model = nn.Linear(1, 1)
    model.register_forward_hook(print)
    source = (
        "import pickle, sys; model = pickle.load(sys.stdin.buffer)\n"
        "import clownpiece\n"
        "handles = [model.register_forward_hook(lambda m, x, y: y + 1) for _ in range(50)]\n"
        "assert len(model._forward_hooks) == 51, len(model._forward_hooks)\n"
        "for handle in handles: handle.remove()\n"
        "assert len(model._forward_hooks) == 1\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], input=pickle.dumps(model), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_copy_keeps_hooks_apart():
    model = nn.Linear(1, 1)
    handle = model.register_forward_hook(shout)
    twin = copy.deepcopy(model)
    handle.remove()
    x = clownpiece.zeros(1)
    assert float(twin(x)) - float(model(x)) == pytest.approx(100)


def test_backward_hooks_may_be_set_after_the_forward_of_another_call():
    model, seen = nn.Linear(2, 1), []
    first = model(clownpiece.ones(1, 2, requires_grad=True))
    model.register_full_backward_hook(lambda m, i, o: seen.append(len(i)))
    first.sum().backward()
    assert seen == []
    model(clownpiece.ones(1, 2, requires_grad=True)).sum().backward()
    assert seen == [1]


# -- state ----------------------------------------------------------------------------------


def test_all_that_does_not_fit_is_said_in_one_message():
    model = SimpleNet(4, 3, 2)
    state = model.state_dict()
    state["layer1.weight"] = clownpiece.zeros(9, 9)
    state["layer2.bias"] = [1.0, 2.0]
    del state["layer1.bias"]
    state["layer3.weight"] = clownpiece.zeros(1)
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(state)
    said = str(caught.value)
    assert said.startswith("Error(s) in loading state_dict for SimpleNet:\n\t")
    assert 'Missing key(s) in state_dict: "layer1.bias".' in said
    assert 'Unexpected key(s) in state_dict: "layer3.weight".' in said
    assert (
        "size mismatch for layer1.weight: the state_dict has shape clownpiece.Size([9, 9]), "
        "the current model has clownpiece.Size([3, 4])." in said
    )
    assert "layer2.bias: expected a clownpiece Tensor, got list" in said
    assert said.count("\n\t") == 4


def test_the_dict_that_was_given_stays_as_it_was():
    class Renaming(nn.Linear):
        def _load_from_state_dict(self, state_dict, prefix, *rest):
            state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, *rest)

    state = {"w": clownpiece.ones(1, 2), "bias": clownpiece.zeros(1)}
    before = dict(state)
    Renaming(2, 1).load_state_dict(state)
    assert state == before


def test_loading_is_seen_by_what_autograd_saved():
    model = nn.Linear(2, 1)
    y = (model(clownpiece.ones(1, 2, requires_grad=True)) ** 2).sum()
    model.load_state_dict(nn.Linear(2, 1).state_dict())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_state_dict_shares_memory_and_asks_for_no_gradient():
    model = nn.Linear(2, 1)
    state = model.state_dict()
    assert not state["weight"].requires_grad
    state["weight"].fill_(7.0)
    assert np.all(model.weight.detach().numpy() == 7)


def test_dtypes_are_converted_while_loading():
    model = nn.Linear(2, 1)
    model.load_state_dict(nn.Linear(2, 1).double().state_dict())
    assert model.weight.dtype is clownpiece.float32


# -- parameters -----------------------------------------------------------------------------


def test_a_parameter_of_something_else_is_refused_with_a_way_out():
    with pytest.raises(TypeError, match=r"got ndarray, so make one first with clownpiece.tensor"):
        nn.Parameter(np.zeros(2))


def test_an_uninitialized_parameter_says_what_to_do():
    layer = nn.LazyLinear(2)
    with pytest.raises(RuntimeError, match="run its module once on an input"):
        _ = layer.weight.shape
    assert repr(layer.weight) == "<UninitializedParameter>"
    layer(clownpiece.zeros(1, 3))
    assert type(layer) is nn.Linear
    assert type(layer.weight) is nn.Parameter
