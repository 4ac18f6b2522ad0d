"""What a module remembers, refuses and answers, told to both libraries and compared."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")

from support.stories import assert_told_alike, numbers  # noqa: E402

STORIES = []


def story(tell):
    STORIES.append(pytest.param(tell, id=tell.__name__))
    return tell


@pytest.mark.parametrize("tell", STORIES)
def test_both_tell_the_same(tell):
    assert_told_alike(tell)


def parts(nn, module):
    return (
        [name for name, _ in module.named_parameters()],
        [name for name, _ in module.named_buffers()],
        [name for name, _ in module.named_modules()],
        [name for name, _ in module.named_children()],
        list(module.state_dict()),
    )


def block(library):
    """A module with everything: parameters, buffers of both kinds, children, ties, gaps."""
    nn = library.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(library.ones(2))
            self.register_buffer("mean", library.zeros(3))
            self.register_buffer("cache", library.zeros(1), persistent=False)
            self.register_parameter("nothing", None)
            self.first = nn.Linear(2, 2)
            self.second = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
            self.again = self.first
            self.second[0].weight = self.first.weight
            self.missing = None
            self.add_module("gap", None)

    return Block()


@story
def what_is_iterated(library, log):
    module = block(library)
    log(*parts(library.nn, module))
    log([n for n, _ in module.named_parameters(remove_duplicate=False)])
    log([n for n, _ in module.named_modules(remove_duplicate=False)])
    log([n for n, _ in module.named_parameters(prefix="net", recurse=False)])
    log([n for n, _ in module.named_buffers(prefix="net")])
    log([n for n, _ in module.named_modules(prefix="net")])
    log(len(list(module.parameters())), len(list(module.buffers())), len(list(module.modules())))
    log(repr(module))


@story
def assigning_moves_a_name_between_the_tables(library, log):
    nn = library.nn
    module = nn.Module()
    for value in (
        3,
        nn.Parameter(library.zeros(1)),
        nn.Linear(1, 1),
        nn.Buffer(library.zeros(2)),
        nn.Parameter(library.zeros(2)),
        None,
        nn.Identity(),
        None,
    ):
        log.attempt(lambda value=value: setattr(module, "name", value))
        log(*parts(nn, module), "name" in module.__dict__)


@story
def assigning_what_does_not_fit(library, log):
    nn = library.nn
    module = block(library)
    log.attempt(lambda: setattr(module, "scale", library.zeros(2)))
    log.attempt(lambda: setattr(module, "scale", 3))
    log.attempt(lambda: setattr(module, "first", 3))
    log.attempt(lambda: setattr(module, "mean", 3))
    log.attempt(lambda: setattr(module, "mean", library.ones(4)))
    log.attempt(lambda: setattr(module, "first", nn.Parameter(library.zeros(1))))
    log(*parts(nn, module))
    module.plain = library.zeros(1)
    log("plain" in module._buffers)


@story
def registering_what_does_not_fit(library, log):
    nn = library.nn
    module = block(library)
    weight = nn.Parameter(library.zeros(1))
    for name in ("forward", "mean", "first", "training", "a.b", "", 3):
        log.attempt(lambda name=name: module.register_parameter(name, weight))
        log.attempt(lambda name=name: module.register_buffer(name, library.zeros(1)))
        log.attempt(lambda name=name: module.add_module(name, nn.Identity()))
    log.attempt(lambda: module.register_parameter("w", library.zeros(1)))
    log.attempt(lambda: module.register_parameter("w", weight * 2))
    log.attempt(lambda: module.register_buffer("w", 3))
    log.attempt(lambda: module.add_module("w", 3))
    log(*parts(nn, module))


@story
def before_init_was_called(library, log):
    nn = library.nn

    class Early(nn.Module):
        def __init__(self, action):
            action(self)

    log.attempt(lambda: Early(lambda m: setattr(m, "a", nn.Linear(1, 1))))
    log.attempt(lambda: Early(lambda m: setattr(m, "a", nn.Parameter(library.zeros(1)))))
    log.attempt(lambda: Early(lambda m: setattr(m, "a", nn.Buffer(library.zeros(1)))))
    log.attempt(lambda: Early(lambda m: m.register_buffer("a", library.zeros(1))))
    log.attempt(lambda: Early(lambda m: m.register_parameter("a", None)))
    log.attempt(lambda: Early(lambda m: m.anything))
    log.attempt(lambda: Early(lambda m: None)(1))
    early = Early(lambda m: setattr(m, "number", 3))
    log(early.number)


@story
def arguments_of_init(library, log):
    nn = library.nn
    log.attempt(lambda: nn.Module(3))
    log.attempt(lambda: nn.Module(a=3))

    class Other:
        def __init__(self, value):
            self.value = value

    class Both(nn.Module, Other):
        call_super_init = True

    log(Both(3).value)


@story
def deleting_attributes(library, log):
    module = block(library)
    module.number = 3
    for name in ("scale", "mean", "cache", "first", "number", "nothing"):
        delattr(module, name)
        log(name, hasattr(module, name), *parts(library.nn, module))
    log.attempt(lambda: delattr(module, "scale"))
    module.register_buffer("cache", library.zeros(1))
    log(*parts(library.nn, module))


@story
def what_dir_shows(library, log):
    module = block(library)
    names = ("scale", "mean", "first", "second", "training", "forward", "0")
    log([name in dir(module) for name in names])
    log([name in dir(module.second) for name in ("0", "append")])


@story
def getting_by_path(library, log):
    module = block(library)
    for path in ("", "first", "second.0", "second.5", "second.0.weight", "nope.0", "gap", "mean"):
        found = log.attempt(lambda path=path: module.get_submodule(path))
        log(path, type(found).__name__)
    for path in (
        "scale",
        "second.0.weight",
        "second.nope",
        "mean",
        "nothing",
        "first",
        "no.weight",
    ):
        log(path, log.attempt(lambda path=path: module.get_parameter(path)) is not None)
    for path in ("mean", "cache", "scale", "nope", "first", "first.mean"):
        log(path, log.attempt(lambda path=path: module.get_buffer(path)) is not None)


@story
def setting_by_path(library, log):
    nn = library.nn
    module = block(library)
    log.attempt(lambda: module.set_submodule("second.0", nn.Identity()))
    log.attempt(lambda: module.set_submodule("second.new", nn.Identity()))
    log.attempt(lambda: module.set_submodule("second.newer", nn.Identity(), strict=True))
    log.attempt(lambda: module.set_submodule("", nn.Identity()))
    log.attempt(lambda: module.set_submodule("nope.0", nn.Identity()))
    log.attempt(lambda: module.set_submodule("scale", nn.Identity()))
    log.attempt(lambda: module.set_submodule("first", 3))
    log(*parts(nn, module))


@story
def apply_goes_from_the_leaves_up(library, log):
    module = block(library)
    returned = module.apply(lambda m: log(type(m).__name__))
    log(returned is module)


@story
def methods_return_the_module(library, log):
    module = block(library)
    for name in ("train", "eval", "float", "double", "requires_grad_", "cpu"):
        log(name, getattr(module, name)() is module, module.training)
    log(module.to(library.float64) is module, module.zero_grad())
    log.attempt(lambda: module.train("yes"))
    log.attempt(lambda: module.train(1))


@story
def modes_reach_all_children(library, log):
    module = block(library)
    module.second.eval()
    log([m.training for m in module.modules()])
    log([m.training for m in module.eval().modules()])
    log([m.training for m in module.train().modules()])


@story
def converting_keeps_the_objects(library, log):
    module = block(library)
    module.register_buffer("count", library.tensor(3))
    weight = module.first.weight
    weight.grad = library.ones(2, 2)
    module.double()
    log(module.first.weight is weight, module.second[0].weight is weight)
    log([str(p.dtype).split(".")[1] for p in module.parameters()])
    log([str(b.dtype).split(".")[1] for b in module.buffers()])
    log(str(weight.grad.dtype).split(".")[1], weight.requires_grad, weight.is_leaf)
    log.attempt(lambda: module.to(library.int64))
    log.attempt(lambda: module.to("nowhere"))
    module.to(library.zeros(1))
    log(str(weight.dtype).split(".")[1])
    module.to("cpu")
    module.type(library.float64)
    log(str(module.count.dtype).split(".")[1])


@story
def gradients_are_forgotten(library, log):
    module = library.nn.Linear(2, 1)
    module(library.ones(1, 2)).sum().backward()
    log(module.weight.grad)
    kept = module.weight.grad
    module.zero_grad(set_to_none=False)
    log(module.weight.grad, module.weight.grad is kept)
    module.zero_grad()
    log(module.weight.grad is None)
    module.requires_grad_(False)
    log([p.requires_grad for p in module.parameters()])


@story
def forward_is_missing(library, log):
    log.attempt(lambda: library.nn.Module()(1))

    class Empty(library.nn.Module):
        pass

    log.attempt(lambda: Empty()(1))


@story
def state_dict_keeps_what_was_asked(library, log):
    module = block(library)
    state = module.state_dict()
    log(list(state), [v.requires_grad for v in state.values()])
    log([v.requires_grad for v in module.state_dict(keep_vars=True).values()])
    log(list(module.state_dict(prefix="net.")))
    mine = OrderedDict(before=1)
    log(list(module.state_dict(destination=mine)), mine["before"])
    log({name: dict(value) for name, value in state._metadata.items()})
    state["scale"][0] = 7.0
    log(module.scale)


@story
def loading_what_fits(library, log):
    module, other = block(library), block(library)
    with library.no_grad():
        other.scale += 5
    state = other.state_dict()
    before = dict(state)
    weight = module.scale
    log(str(module.load_state_dict(state)).replace("_Inc", "Inc"))
    log(module.scale is weight, module.scale, state == before or list(state) == list(before))


@story
def loading_what_does_not_fit(library, log):
    module = block(library)
    state = module.state_dict()
    state["scale"] = library.zeros(7)
    del state["mean"]
    state["first.more"] = library.zeros(1)
    state["unknown"] = library.zeros(1)
    state["third.weight"] = library.zeros(1)
    state["first.bias"] = 3
    log.attempt(lambda: module.load_state_dict(state))
    log.attempt(lambda: module.load_state_dict(state, strict=False))
    state["scale"], state["first.bias"] = library.ones(2) * 4, library.ones(2) * 4
    keys = module.load_state_dict(state, strict=False)
    log(keys.missing_keys, keys.unexpected_keys, module.scale, module.first.bias)
    log.attempt(lambda: module.load_state_dict(3))
    log.attempt(lambda: module.load_state_dict([("scale", library.zeros(2))]))


@story
def what_fits_is_loaded_in_spite_of_errors(library, log):
    module = library.nn.Linear(2, 1)
    state = {"weight": library.ones(1, 2) * 9, "bias": library.zeros(5)}
    log.attempt(lambda: module.load_state_dict(state))
    log(module.weight)


@story
def loading_by_assignment(library, log):
    module = library.nn.BatchNorm1d(2)
    module.weight.requires_grad_(False)
    given = {
        "weight": library.ones(2) * 3,
        "bias": library.nn.Parameter(library.ones(2) * 4),
        "running_mean": library.ones(2) * 5,
        "running_var": library.ones(2) * 6,
        "num_batches_tracked": library.tensor(7),
    }
    module.load_state_dict(given, assign=True)
    log(type(module.weight).__name__, module.weight.requires_grad, module.weight)
    log(module.bias is given["bias"], module.running_mean is given["running_mean"])
    log([n for n, _ in module.named_parameters()], [n for n, _ in module.named_buffers()])


@story
def a_scalar_takes_a_vector_of_one(library, log):
    module = library.nn.Module()
    module.scale = library.nn.Parameter(library.tensor(2.0))
    module.load_state_dict({"scale": library.tensor([5.0])})
    log(module.scale)


@story
def extra_state_goes_along(library, log):
    class Counting(library.nn.Module):
        def __init__(self):
            super().__init__()
            self.count = 0
            self.child = library.nn.Linear(1, 1)

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            log("set", state)
            self.count = state["count"]

    module, other = Counting(), Counting()
    module.count = 3
    state = module.state_dict()
    log(list(state), state["_extra_state"])
    log(str(other.load_state_dict(state)), other.count)
    del state["_extra_state"]
    log.attempt(lambda: other.load_state_dict(state))
    plain = library.nn.Linear(1, 1)
    log.attempt(lambda: plain.load_state_dict({**plain.state_dict(), "_extra_state": 3}))
    log.attempt(plain.get_extra_state)
    log.attempt(lambda: plain.set_extra_state(3))


@story
def modules_that_save_in_their_own_way(library, log):
    class Own(library.nn.Module):
        _version = 3

        def __init__(self):
            super().__init__()
            self.weight = library.nn.Parameter(library.ones(1))

        def _save_to_state_dict(self, destination, prefix, keep_vars):
            destination[prefix + "w"] = self.weight.detach()

        def _load_from_state_dict(self, state_dict, prefix, metadata, strict, missing, *rest):
            log("load", prefix, metadata, strict, sorted(state_dict))
            state_dict[prefix + "weight"] = state_dict.pop(prefix + "w")
            super()._load_from_state_dict(state_dict, prefix, metadata, strict, missing, *rest)

    module = library.nn.Sequential(Own(), Own())
    state = module.state_dict()
    log(list(state))
    log(str(module.load_state_dict(state)), list(state))


@story
def old_state_of_batch_norm_has_no_count(library, log):
    module = library.nn.BatchNorm1d(2)
    state = OrderedDict(module.state_dict())
    del state["num_batches_tracked"]
    log(str(module.load_state_dict(state)))
    state = module.state_dict()
    del state["num_batches_tracked"]
    log.attempt(lambda: module.load_state_dict(state))


@story
def copies_share_nothing(library, log):
    module = block(library)
    module.scale.grad = library.ones(2)
    twin = copy.deepcopy(module)
    log(twin.again is twin.first, twin.second[0].weight is twin.first.weight, twin.scale.grad)
    with library.no_grad():
        twin.scale += 1
    log(module.scale, twin.scale, *parts(library.nn, twin))


@story
def pickles_come_back(library, log):
    module = library.nn.Sequential(library.nn.Linear(2, 3), library.nn.BatchNorm1d(3))
    module.add_module("tie", module[0])
    module.eval()
    back = pickle.loads(pickle.dumps(module))
    log(repr(back), back.training, back.tie is back[0], *parts(library.nn, back))
    x = numbers(library, 2, 2).to(library.float32)
    log(bool((back(x) == module(x)).all()) if "tie" not in repr(back) else "")


@story
def sequential_as_a_list(library, log):
    nn = library.nn
    layers = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 3), nn.Tanh())
    log(len(layers), repr(layers[1]), repr(layers[-1]), repr(layers[1:3]), repr(layers[::2]))
    log.attempt(lambda: layers[4])
    log.attempt(lambda: layers[-5])
    layers[1] = nn.Sigmoid()
    del layers[0]
    log(repr(layers))
    layers.append(nn.Identity())
    layers.insert(1, nn.Flatten())
    layers.extend(nn.Sequential(nn.ELU()))
    log(repr(layers), repr(layers.pop(0)), repr(layers.pop(-1)), repr(layers))
    log(repr(layers + nn.Sequential(nn.CELU())), repr(layers * 2), repr(2 * layers))
    del layers[1:]
    log(repr(layers))
    log.attempt(lambda: layers + [nn.ReLU()])
    log.attempt(lambda: layers * 0)
    log.attempt(lambda: layers * 1.5)
    log.attempt(lambda: layers.insert(9, nn.ReLU()))
    log.attempt(lambda: layers.append(3))
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.ELU()))
    log(repr(named), repr(named.b), repr(named[1:]), [type(m).__name__ for m in named])
    del named[1]
    log(repr(named))


@story
def module_list_as_a_list(library, log):
    nn = library.nn
    layers = nn.ModuleList([nn.Linear(1, 1) for _ in range(3)])
    layers.append(nn.ReLU()).extend([nn.ReLU(), nn.Tanh()])
    log(repr(layers), len(layers), list(layers.state_dict()))
    layers += [nn.ModuleList([nn.Linear(1, 2), nn.Linear(1, 2)]) for _ in range(2)]
    log(repr(layers), repr(layers[2:4]), repr(layers[-1]))
    layers.insert(0, nn.ELU())
    layers[1] = nn.SELU()
    del layers[2]
    del layers[3:]
    log(repr(layers), repr(layers.pop(0)), repr(layers), repr(layers + [nn.ReLU()]))
    log.attempt(lambda: layers[9])
    log.attempt(lambda: layers["0"])
    log.attempt(lambda: layers.extend(3))
    log.attempt(lambda: layers(1))
    log(repr(nn.ModuleList()), repr(nn.ModuleList([nn.ReLU()])), [type(m).__name__ for m in layers])


@story
def module_dict_as_a_dict(library, log):
    nn = library.nn
    layers = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Linear(1, 1)})
    layers["c"] = nn.Tanh()
    layers.update([("d", nn.ELU()), ("b", nn.SELU())])
    layers.update(nn.ModuleDict({"e": nn.CELU()}))
    log(repr(layers), list(layers), list(layers.keys()), len(layers), "a" in layers, "z" in layers)
    log([type(m).__name__ for m in layers.values()], [n for n, _ in layers.items()])
    log(repr(layers.pop("a")), list(layers))
    del layers["c"]
    log.attempt(lambda: layers["zzz"])
    log.attempt(lambda: layers.update(3))
    log.attempt(lambda: layers.update([("a", nn.ReLU(), 3)]))
    log.attempt(lambda: layers.__setitem__("keys", nn.ReLU()))
    log.attempt(lambda: layers.__setitem__(3, nn.ReLU()))
    log.attempt(lambda: layers.__setitem__("x", 3))
    layers.clear()
    log(repr(layers))


@story
def parameter_list_as_a_list(library, log):
    nn = library.nn
    values = nn.ParameterList([nn.Parameter(library.zeros(2, 3)), library.ones(2)])
    values.append(library.zeros(1)).extend([nn.Parameter(library.ones(1)), 5])
    values += ["text"]
    log(len(values), [type(v).__name__ for v in values], list(values.state_dict()))
    values[0] = nn.Parameter(library.ones(4))
    log(values[0], len(values[1:3]), type(values[1:3]).__name__, values[-1], values[-2])
    log.attempt(lambda: values[9])
    log.attempt(lambda: values.extend(3))
    log.attempt(lambda: values(1))
    log(repr(nn.ParameterList()), [n for n, _ in values.named_parameters()])


@story
def parameter_dict_as_a_dict(library, log):
    nn = library.nn
    values = nn.ParameterDict({"b": library.zeros(2), "a": nn.Parameter(library.ones(1))})
    values["n"] = 5
    values.update({"c": library.zeros(3)})
    values |= {"d": library.zeros(1)}
    log(list(values), len(values), "a" in values, list(values.state_dict()), values["n"])
    log(list((values | {"z": library.zeros(1)}).keys()), list(reversed(values)))
    log(values.get("a"), values.get("x"), values.get("x", 3), values.setdefault("a"))
    log(values.pop("b"), values.popitem()[0], list(values.copy()))
    del values["c"]
    log([n for n, _ in values.items()], [type(v).__name__ for v in values.values()])
    log.attempt(lambda: values["b"])
    log.attempt(lambda: values(1))
    values.clear()
    log(repr(values))
    log.attempt(lambda: values.__setitem__(3, library.zeros(1)))


@story
def parameters_as_tensors(library, log):
    nn = library.nn
    data = library.ones(2)
    weight = nn.Parameter(data)
    log(weight.requires_grad, weight.is_leaf, isinstance(weight, library.Tensor))
    data[0] = 5.0
    log(weight)
    log(nn.Parameter(data, requires_grad=False).requires_grad)
    log(type(weight * 2).__name__, type(weight.detach()).__name__, type(weight.data).__name__)
    log(nn.Parameter(data * 2).is_leaf, tuple(nn.Parameter().shape))
    log.attempt(lambda: nn.Parameter(library.tensor([1, 2])))
    weight.sum().backward()
    twin = copy.deepcopy(weight)
    log(type(twin).__name__, twin.requires_grad, twin.grad, twin)
    log(repr(nn.Parameter(library.zeros(2))), repr(nn.Buffer(library.zeros(2))))


@story
def lazy_modules_find_their_shapes(library, log):
    nn = library.nn
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2))
    log(repr(model), model[0].has_uninitialized_params())
    log.attempt(lambda: model[0].weight.shape)
    model(library.ones(2, 3, 4, 4))
    log(repr(model), [tuple(p.shape) for p in model.parameters()])
    log(list(model.state_dict()), len(model[0]._forward_pre_hooks))


@story
def lazy_modules_load_shapes(library, log):
    nn = library.nn
    full, lazy = nn.Linear(3, 2), nn.LazyLinear(2)
    log(str(lazy.load_state_dict(full.state_dict())), type(lazy.weight).__name__)
    lazy(library.ones(1, 3))
    log(repr(lazy), bool((lazy.weight == full.weight).all()))
    twin = copy.deepcopy(nn.LazyLinear(2))
    twin(library.ones(1, 5))
    log(repr(twin))


@story
def gradients_are_clipped(library, log):
    utils = library.nn.utils
    a, b = (library.nn.Parameter(numbers(library, 3)) for _ in range(2))
    for norm_type in (2.0, 1.0, float("inf")):
        for limit in (0.5, 100.0):
            a.grad = library.tensor([3.0, -4.0, 0.5], dtype=library.float64)
            log(utils.clip_grad_norm_([a, b], limit, norm_type), a.grad)
    utils.clip_grad_value_([a, b], 0.01)
    log(a.grad, utils.clip_grad_norm_(a, 1.0), utils.get_total_norm([a.detach(), b.detach()]))
    a.grad = library.tensor([float("inf"), 1.0, 1.0], dtype=library.float64)
    log.attempt(lambda: utils.clip_grad_norm_([a], 1.0, error_if_nonfinite=True))


@story
def parameters_as_one_vector(library, log):
    utils = library.nn.utils
    a = library.nn.Parameter(numbers(library, 2, 2))
    b = library.nn.Parameter(numbers(library, 3))
    vector = utils.parameters_to_vector([a, b])
    log(vector, vector.requires_grad)
    utils.vector_to_parameters(library.ones(7), [a, b])
    log(a, b)
    log.attempt(lambda: utils.vector_to_parameters([1.0], [a]))


@story
def weights_in_length_and_direction(library, log):
    nn = library.nn
    for dim in (0, 1, -1, None):
        layer = nn.Linear(3, 2).double()
        with library.no_grad():
            layer.weight.copy_(numbers(library, 2, 3))
            layer.bias.copy_(numbers(library, 2))
        same = nn.utils.parametrizations.weight_norm(layer, dim=dim)
        log(same is layer, repr(layer), *parts(nn, layer), layer.weight)
        log([tuple(p.shape) for p in layer.parameters()])
        layer(numbers(library, 4, 3)).sum().backward()
        log([p.grad for p in layer.parameters()])
        with library.no_grad():
            layer.parametrizations.weight.original0.mul_(2)
        log(layer.weight)
        layer.weight = numbers(library, 2, 3)
        log(layer.weight, list(layer.parameters()))
        nn.utils.parametrize.remove_parametrizations(layer, "weight")
        log(repr(layer), *parts(nn, layer), layer.weight, layer.weight.requires_grad)
    log.attempt(lambda: nn.utils.parametrizations.weight_norm(layer, "nothing"))


@story
def weights_of_spectral_norm_one(library, log):
    nn = library.nn
    layer = nn.Conv2d(2, 3, 2).double()
    with library.no_grad():
        layer.weight.copy_(numbers(library, 3, 2, 2, 2))
        layer.bias.copy_(numbers(library, 3))
    nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=200)
    log(repr(layer), *parts(nn, layer))
    log(nn.utils.parametrize.is_parametrized(layer, "weight"), layer.weight)
    (layer(numbers(library, 1, 2, 4, 4)) ** 2).sum().backward()
    log(layer.parametrizations.weight.original.grad)
    twin = copy.deepcopy(layer).eval()
    log(twin.weight, str(twin.load_state_dict(layer.state_dict())))
    log.attempt(lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(1, 1), "weight", 0))


@story
def parametrizations_in_a_row(library, log):
    nn = library.nn

    class Times(nn.Module):
        def __init__(self, by):
            super().__init__()
            self.by = by

        def forward(self, x):
            return x * self.by

    class Cut(nn.Module):
        def forward(self, x):
            return x[:1]

    register = nn.utils.parametrize.register_parametrization
    layer = nn.Linear(2, 2).double()
    with library.no_grad():
        layer.weight.copy_(numbers(library, 2, 2))
    register(register(layer, "weight", Times(2.0)), "weight", Times(5.0))
    log(layer.weight, repr(layer), nn.utils.parametrize.is_parametrized(layer))
    log.attempt(lambda: setattr(layer, "weight", numbers(library, 2, 2)))
    nn.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    log(layer.weight, type(layer).__name__)
    log.attempt(lambda: register(layer, "bias", Cut()))
    log(type(layer).__name__, list(layer.state_dict()))
    log.attempt(lambda: nn.utils.parametrize.remove_parametrizations(layer, "weight"))
