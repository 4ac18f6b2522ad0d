"""Nests of tensors: tuples, lists, dicts, dataclasses, named tuples, by position and by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from clownviz.recording.nested import Ref, leaf_objects, leaves, replace, short, text_of


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Output:
    logits: Any
    cache: Any = None


def refs(nest):
    return replace(nest, float, lambda x: Ref(int(x)))


def test_every_kind_of_nest_keeps_its_names():
    nest = (1.0, [2.0], {"k": Pair(3.0, "same")}, Output(4.0))
    assert refs(nest) == (
        Ref(1),
        [Ref(2)],
        {"k": {"left": Ref(3), "right": "'same'"}},
        {"logits": Ref(4), "cache": "None"},
    )
    assert list(leaves(refs(nest))) == [1, 2, 3, 4]


def test_a_nest_that_contains_itself_ends():
    nest: list = [1.0]
    nest.append(nest)
    assert list(leaves(refs(nest)))
    assert list(leaf_objects(nest, float)) == [1.0]


def test_what_is_no_tensor_becomes_a_short_stable_text():
    class Loud:
        def __repr__(self):
            raise RuntimeError

    assert short(Loud()) == "<Loud>"
    assert short("x" * 1000).endswith("…") and len(short("x" * 1000)) == 60
    assert short(slice(1, None)) == "slice(1, None, None)"


def test_a_line_names_inputs_only_where_there_are_several():
    def shape(ref):
        return f"s{int(ref)}"

    assert text_of({"x": Ref(1)}, shape) == "s1"
    assert text_of({"x": Ref(1), "scale": "0.5"}, shape) == "s1"
    assert text_of({"x": Ref(1), "mask": Ref(2)}, shape) == "x: s1, mask: s2"
    assert text_of((Ref(1), (Ref(2), Ref(3))), shape) == "s1, [s2, s3]"
    assert text_of([Ref(n) for n in range(9)], shape) == "s0, s1, s2, s3, … 5 more"
    assert text_of((), shape) == ""


def test_an_object_with_tensors_for_attributes_is_a_nest_too():
    class Output:
        def __init__(self):
            self.logits, self.loss, self.name = 1.5, [2.5], "out"

    assert replace(Output(), float, Ref) == {"logits": Ref(1), "loss": [Ref(2)], "name": "'out'"}
    assert sorted(leaf_objects((Output(), Output), float)) == [1.5, 2.5]
