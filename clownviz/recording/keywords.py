"""What a model is called with by name, told apart from the options of the verb that calls it.

>>> from clownpiece import nn
>>> def verb(model, *inputs, depth=None, kwargs=None, **named):
...     return keywords(verb, inputs, kwargs, named, model)
>>> sorted(verb(nn.Linear(4, 3), depth=1, input="a tensor"))
['input']
>>> verb(nn.Linear(4, 3), dept=1)
Traceback (most recent call last):
TypeError: verb() got dept=…: it has depth, and Linear.forward() takes input; did you mean depth?
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Parameter, Signature
from typing import Any, NamedTuple

from .backend import described

__all__ = ["keywords"]


def keywords(
    verb: Callable[..., Any],
    inputs: Sequence[Any],
    kwargs: Mapping[str, Any] | None,
    named: Mapping[str, Any],
    *models: Any,
    options: Iterable[str] = (),
) -> dict[str, Any]:
    """What `verb` calls its model with by name: all of `kwargs`, and `named`.

    A name that is an option of the verb is that option; the model's argument of the same name
    goes into `kwargs`, which nobody but the model reads.

    Args:
        verb: whose call this is; its keyword-only parameters are its options.
        inputs: what the model is called with by place.
        kwargs: what the verb was given as `kwargs={…}`.
        named: what else the verb was given by name.
        models: what is called; a name has to suit one of them.
        options: options of the verb that are not in its signature.

    Raises:
        TypeError: `kwargs` is no dict; a name is given twice, or suits neither verb nor model;
            a model lacks an argument that the verb has taken for its option.
    """
    told = f"{verb.__name__}()"
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(
            f"{told} got {described(kwargs)} as kwargs: expected a dict of what the model is "
            "called with by name"
        )
    given = dict(kwargs or {})
    if twice := sorted(named.keys() & given.keys()):
        raise TypeError(
            f"{told} got {', '.join(twice)} twice, by name and in kwargs={{…}}: give it once"
        )
    parameters = inspect.signature(verb).parameters.values()
    own = [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY and p.name != "kwargs"]
    own += options
    forwards = [found for model in models if (found := _forward_of(model)) is not None]
    for name in named:
        if not any(forward.takes(name) for forward in forwards):
            raise TypeError(f"{told} got {name}=…: {_known(name, own, forwards, models)}")
    given |= named
    for forward in forwards if inputs or given else ():
        if taken := [name for name in forward.lacks(inputs, given) if name in own]:
            raise TypeError(
                f"{forward.name} needs {taken[0]}, and {taken[0]}=… is an option of {told} itself: "
                f"give the model its own in kwargs={{{taken[0]!r}: …}}"
            )
    return given


class _Forward(NamedTuple):
    """What a model, or a function, takes."""

    name: str
    signature: Signature

    @property
    def names(self) -> list[str]:
        kinds = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
        return [name for name, each in self.signature.parameters.items() if each.kind in kinds]

    def takes(self, name: str) -> bool:
        kinds = {each.kind for each in self.signature.parameters.values()}
        return name in self.names or Parameter.VAR_KEYWORD in kinds

    def lacks(self, inputs: Sequence[Any], given: Mapping[str, Any]) -> list[str]:
        """The arguments that a call needs and is not given."""
        try:
            bound = self.signature.bind_partial(*inputs, **given).arguments
        except TypeError:  # the call itself will say so
            return []
        missing = [self.signature.parameters[name] for name in self.names if name not in bound]
        return [each.name for each in missing if each.default is Parameter.empty]


def _forward_of(model: Any) -> _Forward | None:
    forward = getattr(model, "forward", model)
    if isinstance(model, type) or not callable(forward):
        return None
    try:
        signature = inspect.signature(forward)
    except ValueError:  # compiled: it says what it takes when it is called
        signature = inspect.signature(lambda *args, **kwargs: None)
    name = getattr(model, "__name__", type(model).__name__)
    return _Forward(f"{name}{'' if forward is model else '.forward'}()", signature)


def _known(
    name: str, own: Sequence[str], forwards: Sequence[_Forward], models: Sequence[Any]
) -> str:
    """What could have been given, and what was probably meant."""
    taken = [f"{forward.name} takes {', '.join(forward.names)}" for forward in forwards]
    told = ", ".join(dict.fromkeys(taken)) or f"{described(models[0])} is no model"
    known = [*own, *(each for forward in forwards for each in forward.names)]
    close = difflib.get_close_matches(name, known, 1)
    meant = f"; did you mean {close[0]}?" if close else ""
    return f"it has {', '.join(own)}, and {told}{meant}"
