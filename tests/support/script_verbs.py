"""The verbs of the scripts: every step that can happen to a tree of modules."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from contextlib import nullcontext
from typing import Any

from hypothesis import strategies as st

from .cast import KINDS, quarters, tensors_in, total
from .scripts import Stage, number, pick, verb

seed = st.integers(0, 4)
flag = st.booleans()
name = st.sampled_from(
    (*("a", "b", "c") * 5, "weight", "bias", "count", "cache", "0", "1", "training", "x.y", "")
)
path = st.sampled_from(
    (*("", "a", "b", "c", "a.b", "weight", "a.weight"), *("0", "0.weight", "1", "a.0"), "inner")
)


def one_of(*values: Any) -> st.SearchStrategy:
    return st.sampled_from(values)


# -- building the tree ----------------------------------------------------------------------


@verb(st.sampled_from(KINDS), seed, often=2)
def make(stage: Stage, kind: str, seed: int) -> None:
    stage.log(stage.make(kind, seed))


@verb(number, name, number, one_of("set", "add", "register", "submodule"), often=3)
def attach(stage: Stage, parent: int, name: str, child: int, way: str) -> None:
    """A child under a name; not where the tree would come to contain itself."""
    at, module = stage.module(parent), stage.module(child)
    if any(each is at for each in module.modules()):
        return
    if way == "set":
        setattr(at, name, module)
    elif way == "add":
        at.add_module(name, module)
    elif way == "register":
        at.register_module(name, module)
    else:
        at.set_submodule(name, module)


@verb(number, path, number, flag)
def set_submodule(stage: Stage, parent: int, path: str, child: int, strict: bool) -> None:
    at, module = stage.module(parent), stage.module(child)
    if not any(each is below for each in at.modules() for below in module.modules()):
        at.set_submodule(path, module, strict)


@verb(number, name, one_of("new", "tied", "none", "tensor", "computed", "number"), flag, number)
def set_parameter(
    stage: Stage, parent: int, name: str, what: str, register: bool, which: int
) -> None:
    library, at = stage.library, stage.module(parent)
    value = {
        "new": lambda: library.nn.Parameter(quarters(library, which, 2)),
        "tied": lambda: stage.parameter(which),
        "none": lambda: None,
        "tensor": lambda: quarters(library, which, 2),
        "computed": lambda: stage.parameter(which) * 2,
        "number": lambda: 3,
    }[what]()
    if register:
        at.register_parameter(name, value)
    else:
        setattr(at, name, value)


@verb(number, name, one_of("new", "shared", "none", "buffer", "brief buffer", "number"), flag, flag)
def set_buffer(
    stage: Stage, parent: int, name: str, what: str, register: bool, persistent: bool
) -> None:
    library, at = stage.library, stage.module(parent)
    tensor = quarters(library, 1, 2)
    value = {
        "new": lambda: tensor,
        "shared": lambda: stage.inputs[1],
        "none": lambda: None,
        "buffer": lambda: library.nn.Buffer(tensor),
        "brief buffer": lambda: library.nn.Buffer(tensor, persistent=False),
        "number": lambda: 3,
    }[what]()
    if register:
        at.register_buffer(name, value, persistent)
    else:
        setattr(at, name, value)


@verb(number, name, one_of("delete", "none"))
def drop(stage: Stage, parent: int, name: str, way: str) -> None:
    at = stage.module(parent)
    if way == "delete":
        delattr(at, name)
    else:
        setattr(at, name, None)


@verb(number, name, one_of("get", "has", "dir", "in __dict__"))
def look(stage: Stage, module: int, name: str, way: str) -> None:
    at = stage.module(module)
    if way == "get":
        stage.log(getattr(at, name))
    elif way == "has":
        stage.log(hasattr(at, name))
    elif way == "in __dict__":
        stage.log(name in at.__dict__)
    elif "" not in {*at._modules, *at.__dict__}:  # PyTorch cannot list what has no name.
        stage.log(name in dir(at))


@verb(number, path, one_of("submodule", "parameter", "buffer"))
def find(stage: Stage, module: int, path: str, what: str) -> None:
    stage.log(getattr(stage.module(module), f"get_{what}")(path))


@verb(number, one_of("parameters", "buffers", "modules"), one_of("", "net"), flag, flag)
def walk(
    stage: Stage, module: int, what: str, prefix: str, remove_duplicate: bool, recurse: bool
) -> None:
    at, options = stage.module(module), {"prefix": prefix, "remove_duplicate": remove_duplicate}
    if what != "modules":
        options["recurse"] = recurse
    stage.log(list(getattr(at, f"named_{what}")(**options)))
    stage.log(list(at.named_children()), list(at.children()), len(list(at.modules())))


@verb(number)
def show(stage: Stage, module: int) -> None:
    stage.show(stage.module(module))


# -- containers -----------------------------------------------------------------------------

LIST_VERBS = (
    *("append", "insert", "extend", "pop", "pop some", "delete", "delete some", "set", "get"),
    *("get some", "add", "add to", "times", "times itself", "length", "reversed", "clear"),
)
DICT_VERBS = (
    *("set", "get", "delete", "pop", "update", "update pairs", "clear", "contains", "keys"),
    *("items", "setdefault", "popitem", "copy", "fromkeys", "or", "or itself", "get or"),
    "reversed",
)


def container_of(stage: Stage, which: int, *kinds: str) -> Any:
    """One of the containers of these kinds; one that is made for this if there is none."""
    classes = {"".join(kind.title().split()) for kind in kinds}
    found = [module for module in stage.modules if type(module).__name__ in classes]
    return pick(found, which) if found else stage.make(pick(list(kinds), which), which)


def member(stage: Stage, container: Any, which: int) -> Any:
    """What may be put into a container: a tensor, or a module that does not contain it."""
    if "Parameter" in type(container).__name__:
        return pick([stage.parameter, lambda w: quarters(stage.library, w, 2)], which)(which)
    free = [m for m in stage.modules if not any(each is container for each in m.modules())]
    return pick(free, which)


@verb(one_of(*LIST_VERBS), number, st.integers(-3, 3), number)
def change_list(stage: Stage, what: str, container: int, at: int, which: int) -> None:
    """One of the things that can be done to a Sequential, ModuleList or ParameterList."""
    these = container_of(stage, container, "module list", "sequential", "parameter list")
    if list(these._modules) != [str(i) for i in range(len(these._modules))]:
        return  # PyTorch counts on the names being numbers, in some of these and not in others.
    new = member(stage, these, which) if what in ("append", "insert", "extend", "set") else None
    if what == "insert" and type(these).__name__ == "ModuleList":
        at = min(abs(at), len(these))
    slice_ = slice(min(at, 0) or None, at + 2, 1 + which % 2)

    def delete(index: Any) -> None:
        del these[index]

    def grow_by_itself() -> Any:
        grown = these
        grown += type(these)(*these) if type(these).__name__ == "Sequential" else list(these)
        return grown

    def grow_times() -> Any:
        grown = these
        grown *= 2
        return grown

    stage.log(
        {
            "append": lambda: these.append(new),
            "insert": lambda: these.insert(at, new),
            "extend": lambda: these.extend([new, new]),
            "pop": lambda: these.pop(at),
            "pop some": lambda: these.pop(slice_),
            "delete": lambda: delete(at),
            "delete some": lambda: delete(slice_),
            "set": lambda: these.__setitem__(at, new),
            "get": lambda: these[at],
            "get some": lambda: repr(these[slice_]),
            "add": lambda: repr(these + these),
            "add to": grow_by_itself,
            "times": lambda: repr(these * at),
            "times itself": grow_times,
            "length": lambda: (len(these), list(these)),
            "reversed": lambda: list(reversed(these)),
            "clear": lambda: these.clear(),
        }[what]()
    )


@verb(one_of(*DICT_VERBS), number, one_of("a", "b", "c", "weight", "x.y", "pop"), number)
def change_dict(stage: Stage, what: str, container: int, key: str, which: int) -> None:
    """One of the things that can be done to a ModuleDict or ParameterDict."""
    these = container_of(stage, container, "module dict", "parameter dict")
    needs_new = ("set", "update", "update pairs", "setdefault", "fromkeys", "or", "or itself")
    new = member(stage, these, which) if what in needs_new else None
    if type(these).__name__ == "ParameterDict":
        key = key[0]  # A name that it takes: PyTorch's keeps the key of what it then refuses.
        if any((cue.kind, cue.doing) == ("parameter", "fail") for cue in stage.cues):
            return
        if key not in these and hasattr(these, key):
            return  # PyTorch's takes every attribute for one of its own.

    def delete() -> None:
        del these[key]

    def join() -> Any:
        joined = these
        joined |= {key: new}
        return joined

    stage.log(
        {
            "set": lambda: these.__setitem__(key, new),
            "get": lambda: these[key],
            "delete": delete,
            "pop": lambda: these.pop(key),
            "update": lambda: these.update({"z": new, key: new}),
            "update pairs": lambda: these.update([("z", new), (key, new)]),
            "clear": lambda: these.clear(),
            "contains": lambda: (key in these, len(these)),
            "keys": lambda: list(these.keys()),
            "items": lambda: [*these.items(), *these.values(), *these],
            "setdefault": lambda: these.setdefault(key, new),
            "popitem": lambda: these.popitem(),
            "copy": lambda: repr(these.copy()),
            "fromkeys": lambda: repr(these.fromkeys(["b", key], new)),
            "or": lambda: repr(these | {key: new}),
            "or itself": join,
            "reversed": lambda: list(reversed(these)),
            "get or": lambda: these.get(key, "nothing"),
        }[what]()
    )


# -- hooks ----------------------------------------------------------------------------------

passive = (*("watch",) * 6, *("change",) * 5, "fail", "mistake")
doings = st.sampled_from((*passive, "leave", "fetch", "dismiss"))
passive = st.sampled_from(passive)


@verb(number, doings, flag, flag, often=4)
def hook_forward_pre(stage: Stage, m: int, doing: str, prepend: bool, with_kwargs: bool) -> None:
    options = {"prepend": prepend, "with_kwargs": with_kwargs}
    stage.cue("forward pre", doing, stage.module(m), **options).register()


@verb(number, doings, flag, flag, flag, often=4)
def hook_forward(
    stage: Stage, m: int, doing: str, prepend: bool, with_kwargs: bool, always: bool
) -> None:
    if always and doing in ("leave", "fetch", "dismiss"):
        doing = "watch"
    options = {"prepend": prepend, "with_kwargs": with_kwargs, "always_call": always}
    stage.cue("forward", doing, stage.module(m), **options).register()


@verb(number, one_of("backward pre", "backward"), doings, flag, often=5)
def hook_backward(stage: Stage, m: int, kind: str, doing: str, prepend: bool) -> None:
    stage.cue(kind, doing, stage.module(m), prepend=prepend).register()


@verb(one_of("forward pre", "forward", "backward pre", "backward"), doings, flag)
def hook_all(stage: Stage, kind: str, doing: str, always: bool) -> None:
    options = {"always_call": True} if kind == "forward" and always else {}
    if options and doing in ("leave", "fetch", "dismiss"):
        doing = "watch"
    stage.cue(kind, doing, None, **options).register()


@verb(one_of("parameter", "buffer", "module"), one_of("watch", "change", "fail"))
def hook_registration(stage: Stage, kind: str, doing: str) -> None:
    stage.cue(kind, doing, None).register()


@verb(number, one_of("state pre", "state post", "load pre", "load post"), passive, often=2)
def hook_state(stage: Stage, m: int, kind: str, doing: str) -> None:
    stage.cue(kind, doing, stage.module(m)).register()


@verb(number, one_of("tensor", "accumulated"), doings, often=3)
def hook_tensor(stage: Stage, which: int, kind: str, doing: str) -> None:
    stage.cue(kind, doing, stage.tensor(which)).register()


@verb(number)
def unhook(stage: Stage, which: int) -> None:
    if stage.handles:
        pick(stage.handles, which)[0].remove()


# -- running --------------------------------------------------------------------------------


feed = one_of("leaf", "leaf", "other leaf", "constant", *("fresh",) * 3, "earlier", "misfit")
manner = one_of(*("alone",) * 6, "with another", "keyword", "scale", "nested", "nothing")
mode = one_of(*("grad",) * 8, "no_grad", "inference_mode")


@verb(number, feed, manner, mode, often=10)
def call(stage: Stage, m: int, feed: str, how: str, under: str) -> None:
    library, module = stage.library, stage.module(m)
    if type(module).__name__ in ("Headless", "ModuleDict", "ModuleList", "ParameterDict"):
        how = "alone"  # What PyTorch calls instead of a forward has a signature of its own.
    leaf, constant, other_leaf, misfit = stage.inputs
    earlier = next(filter(None, map(tensors_in, reversed(stage.results))), [leaf])
    x = {"leaf": leaf, "other leaf": other_leaf, "constant": constant, "misfit": misfit}.get(feed)
    if x is None:
        # Behind hooks of a module all of its outputs are used, as in loss_of.
        hooked = any(cue.kind.startswith("backward") for cue in stage.cues)
        x = leaf * 2 if feed == "fresh" else total(earlier) if hooked else earlier[-1]
    if x.is_inference():
        # PyTorch changes it in place before it says that this is refused.
        stage.results.clear()
    with nullcontext() if under == "grad" else getattr(library, under)():
        result = {
            "alone": lambda: module(x),
            "with another": lambda: module(x, constant),
            "keyword": lambda: module(x=x),
            "scale": lambda: module(x, scale=other_leaf),
            "nested": lambda: module((x, {"more": [x, 1]})),
            "nothing": lambda: module(),
        }[how]()
    stage.log(result, result is x)
    stage.results.append(result)


def _more_behind_hooks(stage: Stage) -> bool:
    """Whether hooks may lie behind the hooks of a module's outputs."""
    kinds = ("backward pre", "backward", "tensor", "accumulated")
    hooked = {id(cue.target) for cue in stage.cues if cue.kind in kinds}
    copied = sum(bool(m._backward_hooks or m._backward_pre_hooks) for m in stage.modules)
    return len(hooked) > 1 or id(None) in hooked or copied > 1


def loss_of(stage: Stage, which: int, parts: int) -> Any:
    """The sum over some of the tensors of a result, each with a weight of its own.

    If nothing that was computed so far has a gradient, a module is called first.
    """
    if not any(t.requires_grad for t in tensors_in(stage.results)):
        call(stage, which, "fresh", "alone", "grad")
    results = [r for r in stage.results if any(t.requires_grad for t in tensors_in(r))]
    found = [t for t in tensors_in(pick(results[::-1], which)) if t.requires_grad]
    chosen = [t for i, t in enumerate(found) if parts >> i & 1] or found[:1]
    if _more_behind_hooks(stage):
        chosen = found
    loss = (chosen[0] * 2).sum()
    for at, each in enumerate(chosen[1:]):
        loss = loss + (each * (at + 3)).sum()
    return loss


@verb(number, st.integers(0, 7), one_of(True, True, False), often=8)
def backward(stage: Stage, result: int, parts: int, retain: bool) -> None:
    loss = loss_of(stage, result, parts)
    leaves = [*stage.inputs, *(p for m in stage.modules for p in m.parameters(recurse=False))]
    try:
        loss.backward(retain_graph=retain)
        stage.log([leaf.grad for leaf in leaves])
    except Exception:
        # How far a walk comes before its error depends on what else each node has to do.
        for leaf in leaves:
            leaf.grad = None
        raise


@verb(number, st.integers(0, 7), number, flag, one_of(True, True, False), often=3)
def grad(
    stage: Stage, result: int, parts: int, which: int, create_graph: bool, lenient: bool
) -> None:
    loss = loss_of(stage, result, parts)
    wanted = [stage.inputs[0], stage.tensor(which)]
    if lenient:
        wanted = [tensor for tensor in wanted if tensor.requires_grad]
    kinds = {type(module).__name__ for module in stage.modules}
    if stage.frozen or kinds & {"ReLU", "BatchNorm1d", "LayerNorm", "MaxPool1d"}:
        create_graph = False
    found = stage.library.autograd.grad(
        loss, wanted, create_graph=create_graph, allow_unused=lenient
    )
    stage.log(found)
    steep = [(each * each).sum() for each in found if each is not None and each.requires_grad]
    if create_graph and steep:
        stage.log(stage.library.autograd.grad(steep[0], wanted, allow_unused=True))


@verb(number, one_of("early", "late", False, False))
def breaks(stage: Stage, m: int, when: Any) -> None:
    stage.module(m).broken = when


@verb(number, one_of("add_", "mul_", "zero_", "data"), flag)
def change_in_place(stage: Stage, which: int, how: str, quietly: bool) -> None:
    tensor = stage.tensor(which)
    if how == "data" or tensor.is_inference():
        stage.results.clear()
    with stage.library.no_grad() if quietly else nullcontext():
        if how == "data":
            tensor.data = tensor.data * 2
        elif how == "zero_":
            tensor.zero_()
        else:
            getattr(tensor, how)(2)


@verb(number)
def descend(stage: Stage, m: int) -> None:
    """One step down the gradients, as an optimizer makes it."""
    with stage.library.no_grad():
        for parameter in stage.module(m).parameters():
            if parameter.grad is not None:
                parameter -= parameter.grad / 4


# -- doing something to all of it -----------------------------------------------------------


@verb(number, one_of(True, False, "eval", 1))
def train(stage: Stage, m: int, mode: Any) -> None:
    module = stage.module(m)
    stage.log(module.eval() if mode == "eval" else module.train(mode))


@verb(number, flag)
def require_grad(stage: Stage, m: int, wanted: bool) -> None:
    stage.frozen = True
    stage.log(stage.module(m).requires_grad_(wanted))


@verb(number, flag)
def freeze(stage: Stage, which: int, wanted: bool) -> None:
    stage.frozen = True
    stage.tensor(which).requires_grad_(wanted)


@verb(number, flag)
def zero_grad(stage: Stage, m: int, set_to_none: bool) -> None:
    stage.log(stage.module(m).zero_grad(set_to_none=set_to_none))


@verb(number, one_of("float", "double", "cpu", "to", "to like", "to integers", "type", "to device"))
def convert(stage: Stage, m: int, how: str) -> None:
    library, module = stage.library, stage.module(m)
    stage.results.clear()
    kept = list(module.parameters())
    result = {
        "float": lambda: module.float(),
        "double": lambda: module.double(),
        "cpu": lambda: module.cpu(),
        "to": lambda: module.to(library.float32),
        "to like": lambda: module.to(stage.inputs[0]),
        "to integers": lambda: module.to(library.int64),
        "to device": lambda: module.to("cpu", library.float64),
        "type": lambda: module.type(library.float64),
    }[how]()
    stage.log(result, [a is b for a, b in zip(kept, module.parameters())])


@verb(number, one_of("log", "fill", "fail"))
def apply(stage: Stage, m: int, what: str) -> None:
    def each(module: Any) -> None:
        stage.log("applied", module)
        if what == "fail":
            raise KeyError("apply")
        if what == "fill" and hasattr(getattr(module, "weight", None), "detach"):
            stage.library.nn.init.constant_(module.weight, 0.5)

    stage.log(stage.module(m).apply(each))


@verb(number, one_of("deepcopy", "pickle", "copy"), often=2)
def double(stage: Stage, m: int, how: str) -> None:
    """Another module of the same kind, which has the hooks too."""
    module = stage.module(m)
    if how == "copy":
        # It shares the tables with the first; that they are the same is all there is to see.
        twin = copy.copy(module)
        stage.log(repr(twin), twin._parameters is module._parameters)
        return
    twin = copy.deepcopy(module) if how == "deepcopy" else pickle.loads(pickle.dumps(module))
    stage.show(stage.enter(twin))


# -- state ----------------------------------------------------------------------------------


@verb(number, one_of("", "", "net."), flag, flag, often=3)
def save(stage: Stage, m: int, prefix: str, keep_vars: bool, into_another: bool) -> None:
    options: dict[str, Any] = {"prefix": prefix, "keep_vars": keep_vars}
    if into_another:
        options["destination"] = OrderedDict(before=quarters(stage.library, 1, 1))
    state = stage.module(m).state_dict(**options)
    metadata = getattr(state, "_metadata", {})
    stage.log(dict(state), {key: dict(value) for key, value in metadata.items()})
    stage.states.append(state)


EDITS = (
    *("delete", "add", "add below", "reshape", "scalar", "not a tensor", "rename", "float"),
    "extra",
)


@verb(number, number, one_of(*EDITS), often=2)
def edit(stage: Stage, which: int, key: int, how: str) -> None:
    """Change a saved state as people do, by mistake or not."""
    if not stage.states:
        stage.states.append(stage.module(which).state_dict())
    library, state = stage.library, pick(stage.states[::-1], which)
    at = pick(list(state), key)
    value = state[at]
    if how == "delete":
        del state[at]
    elif how == "rename":
        state["module." + at] = state.pop(at)
    elif how == "float":
        state[at] = value.float() if hasattr(value, "float") else value
    else:
        new_key = {"add": "more", "add below": "a.more", "extra": "_extra_state"}.get(how, at)
        state[new_key] = {
            "reshape": lambda: quarters(library, 1, 3, 1),
            "scalar": lambda: library.tensor([2.0]),
            "not a tensor": lambda: [1.0, 2.0],
        }.get(how, lambda: quarters(library, 2, 2))()


@verb(number, number, flag, flag, often=3)
def load(stage: Stage, m: int, which: int, strict: bool, assign: bool) -> None:
    module = stage.module(m)
    state = copy.copy(pick(stage.states[::-1] or [module.state_dict()], which))
    if hasattr(state, "_metadata"):
        state._metadata = copy.deepcopy(state._metadata)
    keys = list(state)
    result = module.load_state_dict(state, strict=strict, assign=assign)
    stage.log(str(result).replace("_Inc", "Inc"), list(state) == keys)
    stage.log([getattr(module, key, None) is value for key, value in state.items() if key in keys])
    stage.show(module)


@verb(number, number, flag)
def hand_over(stage: Stage, giver: int, taker: int, strict: bool) -> None:
    """The state of one module into another."""
    state = stage.module(giver).state_dict()
    result = stage.module(taker).load_state_dict(state, strict=strict)
    stage.log(result.missing_keys, result.unexpected_keys)
    stage.show(stage.module(taker))
