"""Scripts: stories that Hypothesis writes, as lists of steps, and shortens when they fail.

A script is data: `[("make", "linear", 2), ("call", 0, ...), ...]`. `play` acts it out with one
library on a `Stage`, which keeps what the steps have made; a step names things by number, modulo
how many there are, so that every list of steps can be played. The steps themselves, the verbs,
are in `script_verbs.py`; who plays is in `cast.py`.

Left out on purpose, because PyTorch's behaviour there is an accident of its implementation:

- hooks of state_dict, load_state_dict and registration, and always-called hooks during an error,
  which change their own table (PyTorch's dict says "mutated during iteration");
- removing a hook with keywords from within another hook before it is called (PyTorch then calls
  it, without the keywords), and global always-called hooks with keywords (called without them);
- loading twice from one dict, first with `assign=True` (PyTorch leaves a mark in its metadata);
- hooks behind the hooks of a module of whose outputs only some are used (PyTorch calls them with
  None, or with zeros, where nothing arrives);
- what a post-accumulate hook returns (PyTorch says it is ignored, and checks its shape);
- going back through a graph after the `data` of one of its leaves was replaced, as conversions do
  too (PyTorch computes with the new values, unless it had saved a view);
- gradients of gradients through ReLU, whose formula in PyTorch ends in a gradient of zeros where
  there is none, and through normalizations and pooling, whose gradient in PyTorch is one operation,
  which comes from everything that it is called with;
- gradients of gradients with what was frozen since (PyTorch leaves that out of the new graph);
- what a ParameterDict refuses, whose key PyTorch's keeps;
- inserting into a ModuleList before a negative index or far behind its end (it is left with gaps);
- modules that contain themselves, which end in Python's recursion limit in both;
- complex numbers, other devices, half precision, random layers: no common numbers to compare.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from hypothesis import strategies as st

import clownpiece

from .cast import KINDS, make, quarters, tensors_in
from .stories import Log

Step = tuple[Any, ...]
Script = list[Step]

VERBS: dict[str, tuple[Callable[..., None], tuple[st.SearchStrategy, ...], int]] = {}

number = st.sampled_from((0, 0, 0, 1, 1, 2, 3, 4, 5))
"""Which of the things there are, modulo how many; often the first, so that steps meet."""


def verb(
    *arguments: st.SearchStrategy, often: int = 1
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function of (stage, *arguments) a step that scripts contain that often."""

    def enter(function: Callable[..., None]) -> Callable[..., None]:
        VERBS[function.__name__] = (function, arguments, often)
        return function

    return enter


def scripts() -> st.SearchStrategy[Script]:
    """Scripts that begin with a small tree, and then anything may happen."""
    kinds, seeds = st.sampled_from(KINDS), st.integers(0, 4)
    made = st.lists(st.tuples(st.just("make"), kinds, seeds), min_size=1, max_size=5)
    joined = st.lists(_step("attach"), max_size=5)
    lots = [name for name, (*_, often) in VERBS.items() for _ in range(often)]
    # Several lists, because Hypothesis likes to draw short ones.
    acts = [st.lists(st.sampled_from(lots).flatmap(_step), max_size=9) for _ in range(4)]
    return st.tuples(made, joined, *acts).map(lambda acts: [step for act in acts for step in act])


def _step(name: str) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(name), *VERBS[name][1])


def play(script: Script, library: Any, log: Log) -> None:
    """Act out a script with one library."""
    with Stage(library, log) as stage:
        for name, *arguments in script:
            log("step", name)
            log.attempt(partial(VERBS[name][0], stage, *arguments))
        log("curtain")
        for module in stage.modules:
            log.attempt(partial(stage.show, module))
        for tensor in stage.inputs:
            log(tensor, tensor.grad)


class Stage:
    """What one performance has made so far.

    Attributes:
        modules: all modules, in order of appearance; `m0`, `m1`… in the log.
        inputs: tensors to call modules with; the first and third require gradients.
        results: what calls have returned.
        handles: of all hooks, with whether another hook may remove them.
        states: state_dicts that were taken.
        frozen: whether a step has said of something whether it requires a gradient.
    """

    now: Stage
    """The stage that is played on, which a hook that was pickled returns to."""

    def __init__(self, library: Any, log: Log) -> None:
        self.library, self.log = library, log
        self.modules: list[Any] = []
        self.inputs = [quarters(library, 2, 2, 2), quarters(library, 4, 2, 2)]
        self.inputs += [quarters(library, 1, 2, 2), quarters(library, 3, 2, 3)]
        for tensor in self.inputs[::2]:
            tensor.requires_grad_()
        self.results: list[Any] = []
        self.handles: list[tuple[Any, bool]] = []
        self.states: list[Any] = []
        self.cues: list[Cue] = []
        self.frozen = False
        self._at_the_end = ExitStack()

    def __enter__(self) -> Stage:
        Stage.now = self
        return self

    def __exit__(self, *error: object) -> None:
        self._at_the_end.close()

    # -- who is there -----------------------------------------------------------------------

    def enter(self, module: Any) -> Any:
        """A module that appears, with all below it that is new."""
        for each in module.modules():
            if not any(each is known for known in self.modules):
                self.log.names[id(each)] = f"m{len(self.modules)}"
                self.modules.append(each)
        return module

    def make(self, kind: str, seed: int) -> Any:
        return self.enter(make(self.library, kind, seed))

    def module(self, which: int) -> Any:
        return pick(self.modules, which)

    def parameter(self, which: int) -> Any:
        """One of all parameters there are, as different modules know them."""
        return pick([p for m in self.modules for p in m.parameters(recurse=False)], which)

    def tensor(self, which: int) -> Any:
        """An input, a parameter, or a part of a result."""
        parameters = [p for m in self.modules for p in m.parameters(recurse=False)]
        return pick([*self.inputs, *tensors_in(self.results[-2:]), *parameters], which)

    # -- what hangs on them -----------------------------------------------------------------

    def cue(self, kind: str, doing: str, target: Any, **options: Any) -> Cue:
        made = Cue(self, kind, doing, target, options)
        self.cues.append(made)
        return made

    def keep(self, handle: Any, removable: bool = True) -> Any:
        """A handle, to be removed at the end if no step does it."""
        self.handles.append((handle, removable))
        self._at_the_end.callback(handle.remove)
        return handle

    def show(self, module: Any) -> None:
        """Log all that can be seen of a module."""
        log = self.log
        log(module, repr(module), module.training)
        for name, parameter in module.named_parameters(remove_duplicate=False):
            log(name, parameter, parameter.grad)
        for name, buffer in module.named_buffers(remove_duplicate=False):
            log(name, buffer)
        log([(name, each) for name, each in module.named_modules(remove_duplicate=False)])


def pick(things: list[Any], which: int) -> Any:
    if not things:
        raise IndexError("there is none yet")
    return things[which % len(things)]


class Cue:
    """A hook of a script: it tells the log what it was given, and then does something."""

    def __init__(
        self, stage: Stage, kind: str, doing: str, target: Any, options: dict[str, Any]
    ) -> None:
        self.stage, self.kind, self.doing = stage, kind, doing
        self.target, self.options = target, options
        self.number = len(stage.cues)
        self.handle: Any = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Cue:
        return self

    def __reduce__(self) -> Any:
        return _cue, (self.number,)

    def __call__(self, *given: Any) -> Any:
        seen = given
        if self.kind in ("parameter", "buffer"):
            # Its values may not have been set yet.
            seen = (*given[:2], given[2] is None)
        elif self.kind == "load pre":
            # Each library has words of its own for the errors so far.
            seen = (*given[:-1], len(given[-1]))
        self.stage.log(f"cue {self.number}: {self.kind}", *seen)
        return getattr(self, self.doing)(*given)

    def watch(self, *given: Any) -> None:
        pass

    def fail(self, *given: Any) -> None:
        raise KeyError(f"cue {self.number}")

    def leave(self, *given: Any) -> None:
        self.handle.remove()

    def fetch(self, *given: Any) -> None:
        """Have another hook of the same kind, which only watches."""
        again = self.stage.cue(self.kind, "watch", self.target, **self.options)
        again.register()

    def dismiss(self, *given: Any) -> None:
        """Remove the first hook that may be removed."""
        for handle, removable in self.stage.handles:
            if removable:
                handle.remove()
                return

    def change(self, *given: Any) -> Any:
        return CHANGES[self.kind](self.stage, *given)

    def mistake(self, *given: Any) -> Any:
        return MISTAKES[self.kind](self.stage, *given)

    def register(self) -> None:
        """Register with what `target` is: a module, a tensor, or (None) all modules."""
        target = self.target if self.target is not None else all_modules(self.stage.library)
        name = HOOKS[self.kind][self.target is None]
        removable = not (self.options.get("with_kwargs") or self.options.get("always_call"))
        self.handle = self.stage.keep(getattr(target, name)(self, **self.options), removable)


def _cue(number: int) -> Cue:
    return Stage.now.cues[number]


def all_modules(library: Any) -> Any:
    """Where a library keeps the functions that register hooks for all modules."""
    return library.nn if library is clownpiece else library.nn.modules.module


HOOKS = {
    "forward pre": ("register_forward_pre_hook", "register_module_forward_pre_hook"),
    "forward": ("register_forward_hook", "register_module_forward_hook"),
    "backward pre": ("register_full_backward_pre_hook", "register_module_full_backward_pre_hook"),
    "backward": ("register_full_backward_hook", "register_module_full_backward_hook"),
    "tensor": ("register_hook", None),
    "accumulated": ("register_post_accumulate_grad_hook", None),
    "parameter": (None, "register_module_parameter_registration_hook"),
    "buffer": (None, "register_module_buffer_registration_hook"),
    "module": (None, "register_module_module_registration_hook"),
    "state pre": ("register_state_dict_pre_hook", None),
    "state post": ("register_state_dict_post_hook", None),
    "load pre": ("register_load_state_dict_pre_hook", None),
    "load post": ("register_load_state_dict_post_hook", None),
}
"""How a kind of hook is registered: with one module or tensor, and for all modules."""


def doubled(value: Any) -> Any:
    """The same nest, with tensors of twice the size."""
    if isinstance(value, dict):
        return {key: doubled(each) for key, each in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make(map(doubled, value))
    if isinstance(value, (tuple, list)):
        return type(value)(map(doubled, value))
    return value * 2 if hasattr(value, "requires_grad") else value


def _doubled_arguments(stage: Stage, module: Any, args: Any, kwargs: Any = None) -> Any:
    if kwargs is not None:
        return doubled(args), doubled(kwargs)
    return doubled(args) if len(args) != 1 else doubled(args[0])


def _doubled_buffer(stage: Stage, module: Any, name: str, value: Any) -> Any:
    # Not an inference tensor, which PyTorch changes in place before it says that this is refused.
    with stage.library.inference_mode(False):
        return None if value is None else value * 2


def _without_gradient(stage: Stage, parameter: Any) -> None:
    parameter.grad = None


def _key_added(stage: Stage, module: Any, state: Any, prefix: str, metadata: Any) -> None:
    state[prefix + "added"] = quarters(stage.library, 1, 2)
    metadata["cue"] = "was here"


def _key_renamed(stage: Stage, module: Any, state: Any, prefix: str, *rest: Any) -> None:
    own = [key for key in state if key.startswith(prefix)]
    if own:
        state[prefix + "renamed"] = state.pop(own[0])


def _keys_forgiven(stage: Stage, module: Any, keys: Any) -> None:
    keys.missing_keys.clear()
    del keys.unexpected_keys[1:]


CHANGES: dict[str, Callable[..., Any]] = {
    "forward pre": _doubled_arguments,
    "forward": lambda stage, *given: doubled(given[-1]),
    "backward pre": lambda stage, module, grads: doubled(grads),
    "backward": lambda stage, module, grads, _: doubled(grads),
    "tensor": lambda stage, grad: grad * 2,
    "accumulated": _without_gradient,
    "parameter": lambda stage, module, name, value: stage.library.nn.Parameter(value.detach() * 2),
    "buffer": _doubled_buffer,
    "module": lambda stage, module, name, value: stage.make("identity", 0),
    "state pre": lambda stage, *given: None,
    "state post": _key_added,
    "load pre": _key_renamed,
    "load post": _keys_forgiven,
}
"""What a hook of a kind does that changes what it was given."""

MISTAKES: dict[str, Callable[..., Any]] = {
    "forward pre": lambda stage, *given: (3, 4, 5),
    "forward": lambda stage, *given: "no tensor",
    "backward pre": lambda stage, module, grads: (*grads, None),
    "backward": lambda stage, module, grads, _: (*grads, None),
    "tensor": lambda stage, grad: grad.sum(),
    "accumulated": lambda stage, parameter: None,
    "state pre": lambda stage, *given: 3,
    "state post": lambda stage, *given: 3,
    "load pre": lambda stage, *given: 3,
    "load post": lambda stage, *given: 3,
}
"""What a hook of a kind may return by mistake."""
