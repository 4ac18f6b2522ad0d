"""Tapes made by hand: what a model's run would have written, without a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from clownviz.recording.families import family_of
from clownviz.recording.nested import Ref
from clownviz.recording.tape import Call, ModuleInfo, Operation, ParameterInfo, Tape, Value


class TapeMaker:
    """Writes a tape event by event.

    >>> made = TapeMaker("Net")
    >>> made.module("fc", "Linear", weight=(3, 2))
    >>> x = made.tensor(5, 2)
    >>> with made.call("", x=x) as net:
    ...     with made.call("fc", x=x) as fc:
    ...         fc.returns(made.op("linear", x, shape=(5, 3)))
    ...     net.returns(fc.output)
    >>> [call.label for call in made.tape.calls]
    ['Net', 'fc']
    """

    def __init__(self, kind: str = "Net") -> None:
        self.tape = Tape(model=kind)
        self.clock = 0
        self.stack: list[Call] = []
        self.parameter_ids: dict[Any, int] = {}
        self.tape.modules[""] = ModuleInfo("", "", kind, "container")

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def module(
        self, path: str, kind: str, *, tied: dict[str, str] | None = None, **parameters: Any
    ) -> None:
        """A module with parameters of these shapes; `tied` names the tensor that one is."""
        parent, _, name = path.rpartition(".")
        infos = []
        for parameter, shape in parameters.items():
            key = (tied or {}).get(parameter, f"{path}.{parameter}")
            number = self.parameter_ids.setdefault(key, len(self.parameter_ids))
            count = 1
            for size in shape:
                count *= size
            infos.append(
                ParameterInfo(f"{path}.{parameter}", shape, "float32", 4 * count, True, number)
            )
        self.tape.modules[path] = ModuleInfo(
            path, name, kind, family_of([kind], False), parameters=tuple(infos)
        )
        above = self.tape.modules[parent]
        above.children = (*above.children, path)
        above.family = family_of([above.kind], True)

    def tensor(self, *shape: int, origin: str = "") -> Ref:
        """A tensor from outside."""
        size = 4
        for each in shape:
            size *= each
        value = Value(len(self.tape.values), shape, "float32", size, origin=origin)
        self.tape.values.append(value)
        return Ref(value.id)

    def op(
        self, name: str, *inputs: Ref, shape: Sequence[int] | None = None, site: int | None = None,
        flops: int = 0, **params: str
    ) -> Ref:
        """An operation in the running call, and what it returned."""
        shape = self.tape.values[inputs[0]].shape if shape is None else tuple(shape)
        output = self.tensor(*shape)
        self.tape.operations.append(
            Operation(
                len(self.tape.operations),
                name,
                call=self.stack[-1].index if self.stack else None,
                inputs=tuple(map(int, inputs)),
                outputs=(int(output),),
                params=params,
                flops=flops,
                site=site,
                at=self.tick(),
            )
        )
        return output

    @contextmanager
    def call(self, path: str, error: str | None = None, **inputs: Any) -> Iterator[Running]:
        """A call of a module."""
        number = 1 + sum(call.path == path for call in self.tape.calls)
        call = Call(
            len(self.tape.calls),
            path,
            number,
            self.tape.modules[path].kind,
            parent=self.stack[-1].index if self.stack else None,
            inputs=inputs,
            began=self.tick(),
        )
        self.tape.calls.append(call)
        self.stack.append(call)
        running = Running(call)
        yield running
        self.stack.pop()
        call.outputs, call.error = running.output, error
        call.ended = self.tick()

    def layer(self, path: str, x: Ref, *shape: int, flops: int = 0) -> Ref:
        """A call of a module that runs one operation."""
        with self.call(path, x=x) as running:
            running.returns(self.op("linear", x, shape=shape or None, flops=flops))
        return running.output


class Running:
    """A call that has not returned yet."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.output: Any = ()

    def returns(self, output: Any) -> None:
        self.output = output
