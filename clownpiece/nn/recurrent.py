"""Recurrent networks: a state that each step of a sequence changes."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..creation import empty, zeros
from ..ops.joining import cat, stack
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell"]

State = Any
"""The hidden state: a tensor, or for an LSTM the pair (h, c)."""


def rnn_step(mode: str, gates_x: Any, state: State, weight_hh: Any, bias_hh: Any) -> State:
    """The state after one step; `gates_x` is W_ih x + b_ih, which needs no state.

    RNN: h' = tanh(W_ih x + W_hh h), or relu.
    """
    if mode == "LSTM":
        return _lstm_step(gates_x, state, weight_hh, bias_hh)
    gates_h = F.linear(state, weight_hh, bias_hh)
    if mode == "GRU":
        return _gru_step(gates_x, gates_h, state)
    return (F.relu if mode == "RNN_RELU" else F.tanh)(gates_x + gates_h)


def _lstm_step(gates_x: Any, state: State, weight_hh: Any, bias_hh: Any) -> State:
    """i, f, o = σ(…), g = tanh(…);  c' = f·c + i·g,  h' = o·tanh(c')."""
    h, c = state
    i, f, g, o = (gates_x + F.linear(h, weight_hh, bias_hh)).chunk(4, dim=-1)
    c = F.sigmoid(f) * c + F.sigmoid(i) * F.tanh(g)
    return F.sigmoid(o) * F.tanh(c), c


def _gru_step(gates_x: Any, gates_h: Any, h: Any) -> Any:
    """r, z = σ(…), n = tanh(xₙ + r·hₙ);  h' = n + z·(h - n)."""
    x_r, x_z, x_n = gates_x.chunk(3, dim=-1)
    h_r, h_z, h_n = gates_h.chunk(3, dim=-1)
    n = F.tanh(x_n + F.sigmoid(x_r + h_r) * h_n)
    return n + F.sigmoid(x_z + h_z) * (h - n)


GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}


class RNNBase(Module):
    """What RNN, LSTM and GRU share: layers, directions, their weights, and the walk over time.

    The weights of layer k are `weight_ih_l{k}` (gates·H, input), `weight_hh_l{k}` (gates·H, H),
    `bias_ih_l{k}` and `bias_hh_l{k}` (gates·H,), with `_reverse` for the other direction.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._check_arguments(dropout)
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                for name, shape in self._shapes(layer).items():
                    value = Parameter(empty(shape, device=device, dtype=dtype))
                    self.register_parameter(f"{name}{suffix}", value)
        self.reset_parameters()

    def _check_arguments(self, dropout: Any) -> None:
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                f"element being zeroed; got {dropout!r}"
            )
        if dropout and self.num_layers == 1:
            warnings.warn(
                "dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                "num_layers=1",
                stacklevel=4,
            )
        for name in ("hidden_size", "num_layers"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be greater than zero; got {getattr(self, name)}")
        if not 0 <= self.proj_size < self.hidden_size:
            raise ValueError(
                "proj_size has to be at least 0 and smaller than hidden_size; "
                f"got {self.proj_size} and {self.hidden_size}"
            )

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"] if self.bidirectional else [f"_l{layer}"]

    def _shapes(self, layer: int) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the parameters of one direction of a layer."""
        out = self.proj_size or self.hidden_size
        gates = GATES[self.mode] * self.hidden_size
        inputs = self.input_size if layer == 0 else out * (2 if self.bidirectional else 1)
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (gates, inputs),
            "weight_hh": (gates, out),
        }
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        return shapes

    def reset_parameters(self) -> None:
        """Draw all weights again from U(-1/√H, 1/√H)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: it is about a GPU's memory, and called by code written for PyTorch."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each direction of each layer."""
        return [
            [getattr(self, f"{name}{suffix}") for name in self._shapes(layer)]
            for layer in range(self.num_layers)
            for suffix in self._suffixes(layer)
        ]

    def forward(self, input: Any, hx: State = None) -> tuple[Tensor, State]:
        """Run over a sequence.

        Args:
            input: (L, N, input_size), or (N, L, input_size) with batch_first, or
                (L, input_size).
            hx: the first state, (layers · directions, N, H); zeros unless given.

        Returns:
            The last layer's h of every step, (L, N, directions · H), and the last state of each.
        """
        single = input.ndim == 2
        self._check_input(input)
        if single:
            input = input.unsqueeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        states = self._first_states(input, hx, single)
        finals: list[State] = []
        for layer in range(self.num_layers):
            runs = [
                self._run(input, states[len(finals) + at], suffix)
                for at, suffix in enumerate(self._suffixes(layer))
            ]
            finals += [final for _, final in runs]
            outputs = [output for output, _ in runs]
            input = cat(outputs, dim=-1) if self.bidirectional else outputs[0]
            if self.dropout and self.training and layer < self.num_layers - 1:
                input = F.dropout(input, self.dropout)
        if single:
            input = input.squeeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        return input, self._last_states(finals, single)

    def _check_input(self, input: Tensor) -> None:
        if input.ndim not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, "
                f"got {input.shape[-1]}"
            )
        weight: Tensor = self.weight_ih_l0
        if input.dtype != weight.dtype:
            raise ValueError(
                f"{type(self).__name__}: input dtype ({input.dtype}) does not match weight dtype "
                f"({weight.dtype}); convert the input, input.to({weight.dtype}), or the module, "
                f".to({input.dtype})"
            )

    def _first_states(self, input: Tensor, hx: State, single: bool) -> list[State]:
        """One state for each direction of each layer, (N, H)."""
        count = self.num_layers * (2 if self.bidirectional else 1)
        batch = input.shape[1]
        sizes = [self.proj_size or self.hidden_size]
        if self.mode == "LSTM":
            sizes.append(self.hidden_size)
        if hx is None:
            parts = [zeros(count, batch, size, dtype=input.dtype) for size in sizes]
        else:
            parts = list(hx) if self.mode == "LSTM" else [hx]
            expected = [(count, size) if single else (count, batch, size) for size in sizes]
            for part, shape in zip(parts, expected):
                if tuple(part.shape) != shape:
                    raise RuntimeError(
                        f"Expected hidden state of size {shape}, got {tuple(part.shape)}"
                    )
            if single:
                parts = [part.unsqueeze(1) for part in parts]
        if self.mode == "LSTM":
            return list(zip(*(part.unbind(0) for part in parts)))
        return list(parts[0].unbind(0))

    def _last_states(self, finals: list[State], single: bool) -> State:
        def joined(parts: Any) -> Any:
            return stack([part.squeeze(0) if single else part for part in parts], dim=0)

        if self.mode == "LSTM":
            return tuple(joined(parts) for parts in zip(*finals))
        return joined(finals)

    def _run(self, input: Any, state: State, suffix: str) -> tuple[Any, State]:
        """One direction of one layer over the whole sequence."""
        bias_ih = getattr(self, f"bias_ih{suffix}") if self.bias else None
        bias_hh = getattr(self, f"bias_hh{suffix}") if self.bias else None
        weight_hh = getattr(self, f"weight_hh{suffix}")
        project = getattr(self, f"weight_hr{suffix}") if self.proj_size else None
        # What comes from the input is one product for all steps.
        steps = list(F.linear(input, getattr(self, f"weight_ih{suffix}"), bias_ih).unbind(0))
        backwards = suffix.endswith("_reverse")
        outputs = []
        for gates_x in reversed(steps) if backwards else steps:
            state = rnn_step(self.mode, gates_x, state, weight_hh, bias_hh)
            if project is not None:
                state = F.linear(state[0], project), state[1]
            outputs.append(state[0] if self.mode == "LSTM" else state)
        return stack(outputs[::-1] if backwards else outputs, dim=0), state

    def extra_repr(self) -> str:
        facts = [f"{self.input_size}, {self.hidden_size}"]
        if self.proj_size:
            facts.append(f"proj_size={self.proj_size}")
        if self.num_layers != 1:
            facts.append(f"num_layers={self.num_layers}")
        if not self.bias:
            facts.append("bias=False")
        if self.batch_first:
            facts.append("batch_first=True")
        if self.dropout:
            facts.append(f"dropout={self.dropout}")
        if self.bidirectional:
            facts.append("bidirectional=True")
        return ", ".join(facts)


class RNN(RNNBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh): Elman, *Finding structure in time*, 1990.

    Args:
        input_size: features of each step.
        hidden_size: H, features of the state.
        num_layers: layers, each of which reads the states of the one below.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: (N, L, features) instead of (L, N, features).
        dropout: between layers, while training.
        bidirectional: also run from the end; both outputs stand side by side.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        mode = _rnn_mode(nonlinearity)
        super().__init__(mode, input_size, hidden_size, num_layers, *args, **kwargs)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory: a cell state that gates write, keep and read.

    i, f, o = σ(W x + U h + b), g = tanh(W x + U h + b); c' = f·c + i·g; h' = o·tanh(c').

    Hochreiter and Schmidhuber, *Long short-term memory*, 1997.

    Arguments as in `RNN`, and `proj_size`: project h to fewer features.

    >>> import clownpiece
    >>> output, (h, c) = LSTM(3, 4, num_layers=2)(clownpiece.zeros(5, 1, 3))
    >>> output.shape, h.shape, c.shape
    (clownpiece.Size([5, 1, 4]), clownpiece.Size([2, 1, 4]), clownpiece.Size([2, 1, 4]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent unit: r, z = σ(W x + U h + b); n = tanh(W x + b + r·(U h + b));
    h' = (1 - z)·n + z·h.

    Cho et al., *Learning phrase representations using RNN encoder-decoder*, 2014.

    Arguments as in `RNN`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("proj_size"):
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


def _rnn_mode(nonlinearity: str) -> str:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'.")
    return f"RNN_{nonlinearity.upper()}"


# -- one step at a time ---------------------------------------------------------------------


class _Cell(Module):
    mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = GATES[self.mode] * hidden_size
        shapes = {"weight_ih": (gates, input_size), "weight_hh": (gates, hidden_size)}
        for name, shape in shapes.items():
            self.register_parameter(name, Parameter(empty(shape, device=device, dtype=dtype)))
        for name in ("bias_ih", "bias_hh"):
            value = Parameter(empty(gates, device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights again from U(-1/√H, 1/√H)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, input: Any, hx: State = None) -> State:
        """The next state of (N, input_size) or (input_size,); `hx` is zeros unless given."""
        if input.ndim not in (1, 2):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 1D or 2D, got {input.ndim}D instead"
            )
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {input.shape[-1]} "
                f"expected {self.input_size}"
            )
        if hx is None:
            nothing = zeros(*input.shape[:-1], self.hidden_size, dtype=input.dtype)
            hx = (nothing, nothing) if self.mode == "LSTM" else nothing
        gates_x = F.linear(input, self.weight_ih, self.bias_ih)
        return rnn_step(self.mode, gates_x, hx, self.weight_hh, self.bias_hh)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of an `RNN`: h' = tanh(W_ih x + b_ih + W_hh h + b_hh)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self.__dict__["mode"] = _rnn_mode(nonlinearity)
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        relu = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + relu


class LSTMCell(_Cell):
    """One step of an `LSTM`: from (h, c) to (h', c')."""

    mode = "LSTM"


class GRUCell(_Cell):
    """One step of a `GRU`."""

    mode = "GRU"
