"""What a module remembers, refuses and answers, told to both libraries and compared."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")

from support.stories import numbers, stories  # noqa: E402

story, test_both_tell_the_same = stories()


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
def what_to_understands(library, log):
    def dtype_after(*args, **kwargs):
        module = block(library).to(*args, **kwargs)
        log(str(module.first.weight.dtype).split(".")[1], module.training)
        tensor = library.zeros(2, dtype=library.float64)
        log(str(tensor.to(*args, **kwargs).dtype).split(".")[1])

    like, f64, f32 = library.zeros(1, dtype=library.float64), library.float64, library.float32
    for args in (
        *((), (None,), (f64,), (like,), ("cpu",), ("cpu", f64), ("cpu", f64, True), (None, f64)),
        *((f64, True), (like, True), (library.device("cpu"), None), (f64, f32), (f64, "cpu")),
        *(("cpu", "cpu"), (like, f64), (f64, True, False, True)),
    ):
        log.attempt(lambda args=args: dtype_after(*args))
    for kwargs in (
        *({"dtype": f64}, {"device": "cpu"}, {"device": "cpu", "dtype": f64}, {"dtype": None}),
        *({"non_blocking": True}, {"memory_format": None, "dtype": f64}, {"copy": True}),
        {"wanted": f64},
    ):
        log.attempt(lambda kwargs=kwargs: dtype_after(**kwargs))
    log.attempt(lambda: dtype_after(f64, dtype=f64))
    log.attempt(lambda: dtype_after(like, copy=True))
    log.attempt(lambda: log(block(library).to(tensor=like).first.weight.dtype == f64))
    log(block(library).type(like.type()).first.weight.dtype == f64)
    empty = block(library).to_empty(device="cpu")
    log([tuple(p.shape) for p in empty.parameters()], empty.first.weight.requires_grad)
    log.attempt(lambda: block(library).to_empty("cpu"))


@story
def flags_are_bools(library, log):
    module, tensor = block(library), library.zeros(2)
    for wanted in (1, "no", None):
        log.attempt(lambda wanted=wanted: module.requires_grad_(wanted))
        log.attempt(lambda wanted=wanted: tensor.requires_grad_(wanted))
        log.attempt(lambda wanted=wanted: setattr(tensor, "requires_grad", wanted))
        log(tensor.requires_grad)


@story
def state_dict_by_the_places_of_its_arguments(library, log):
    module = library.nn.BatchNorm1d(2)
    for args in ((), ({},), ({}, "net."), ({}, "net.", True), (None, "net."), ({}, "", False, 4)):
        log(args, module.state_dict(*args))
    log(module.state_dict({"before": 1}, keep_vars=True))


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
    log.attempt(lambda: plain.load_state_dict({**plain.state_dict(), "_extra_state.more": 3}))
    for strict in (True, False):
        findings = [], [], []
        plain._load_from_state_dict({"_extra_state": 3}, "", {}, strict, *findings)
        other._load_from_state_dict({}, "", {}, strict, *findings)
        log(findings)
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
def hooks_by_their_old_names(library, log):
    module = library.nn.Sequential(library.nn.Linear(2, 1))
    module._register_state_dict_hook(lambda m, state, prefix, _: {"only": prefix})
    module[0]._register_state_dict_hook(lambda m, state, prefix, _: log("child", prefix))
    log(module.state_dict())
    module[0]._register_load_state_dict_pre_hook(lambda state, *rest: log(sorted(state), *rest))
    module[0]._register_load_state_dict_pre_hook(lambda m, *rest: log(type(m).__name__), True)
    twin = pickle.loads(pickle.dumps(library.nn.Linear(2, 1)))
    module[0].load_state_dict(twin.state_dict())


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
    old = {key: value for key, value in module.__dict__.items() if "state_dict" not in key}
    back.__dict__.clear()
    log(back.__setstate__(old), list(back.state_dict()))
    back = pickle.loads(pickle.dumps(module))
    log(repr(back), back.training, back.tie is back[0], *parts(library.nn, back))
    x = numbers(library, 2, 2).to(library.float32)
    log(bool((back(x) == module(x)).all()) if "tie" not in repr(back) else "")


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
