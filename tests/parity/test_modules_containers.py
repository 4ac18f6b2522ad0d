"""Lists and dicts of modules and of parameters, told to both libraries and compared."""

from __future__ import annotations

from collections import OrderedDict

import pytest

torch = pytest.importorskip("torch")

from support.stories import stories  # noqa: E402

story, test_both_tell_the_same = stories()


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
