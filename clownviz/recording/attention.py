r"""Attention weights, read off the operations: who looked at whom, whatever the model is called.

Two forms are known. A fused `scaled_dot_product_attention` forgets its weights, so they are
computed again from its inputs,

.. math:: \mathrm{softmax}(q k^T \tau + m)

and a softmax of a product that is multiplied with values is taken as it is. Both cost as much again
as the product of queries and keys, so they are kept only where arrays are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..look import LOOK
from .keep import Full, Keeper
from .tape import AttentionWeights, Operation, Tape

__all__ = [
    "MASKED",
    "AttentionWatcher",
    "OpEvent",
    "attention_weights",
    "decode_weights",
    "encode_weights",
]

_CODES = LOOK["codes"]
TOP: int = _CODES["top"]
MASKED: int = _CODES["low"]
NAN: int = _CODES["nan"]
MOST_CELLS = 2**22
"""Of longer texts the first positions are kept."""
MOST_IDS, MOST_WAITING = 4096, 16

# What may stand between a product of queries and keys and its softmax, and behind the softmax.
_SCORES_OPS = """
    add clamp clone contiguous div flatten float masked_fill mul reshape softcap squeeze sub to
    to_dtype tril true_divide type unflatten unsqueeze view where
"""
_WEIGHTS_OPS = "clone contiguous drop dropout masked_fill mul nan_to_num to to_dtype type"
_TURNS_OPS = """
    T chunk getitem mT permute select split split_with_sizes swapaxes swapdims t transpose
"""
_SCORES = frozenset(_SCORES_OPS.split())
_AFTER = frozenset(_WEIGHTS_OPS.split())
_TURNS = frozenset(_TURNS_OPS.split())
_PRODUCTS = frozenset({"matmul", "bmm", "einsum", "baddbmm"})
_WHOLE = frozenset({"scaled_dot_product_attention", "multi_head_attention_forward"})
_BEGINS = _PRODUCTS | _TURNS | _WHOLE
_BEFORE = _SCORES | {"softmax"}
_MULTI_HEAD_INPUTS = """
    query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v
    add_zero_attn
"""
_MULTI_HEAD = tuple(_MULTI_HEAD_INPUTS.split())


def encode_weights(weights: np.ndarray, masked: np.ndarray | None = None) -> np.ndarray:
    """Weights 0…1 as bytes, by their square roots: small weights matter in long texts.

    A weight of exactly 0 counts as masked: a softmax gives it to nothing else.

    >>> encode_weights(np.array([1.0, 0.25, 0.01, 0.0])).tolist()
    [250, 125, 25, 251]
    """
    with np.errstate(invalid="ignore"):
        codes = np.rint(np.sqrt(weights) * TOP)
    missing = np.isnan(codes)
    codes = np.where(missing, 0, codes).clip(0, TOP).astype(np.uint8)
    codes[(weights == 0) if masked is None else (weights == 0) | masked] = MASKED
    codes[missing] = NAN
    return codes


def decode_weights(codes: np.ndarray) -> np.ndarray:
    """The weights that bytes stand for, to within 0.004; 0 where masked.

    >>> decode_weights(np.array([250, 125, 251], np.uint8)).tolist()
    [1.0, 0.25, 0.0]
    """
    weights = np.square(codes.astype(np.float32) / TOP)
    weights[codes == MASKED] = 0
    weights[codes == NAN] = np.nan
    return weights


def attention_weights(
    query: np.ndarray,
    key: np.ndarray,
    mask: np.ndarray | None = None,
    *,
    is_causal: bool = False,
    scale: float | None = None,
    rows: int | None = None,
) -> np.ndarray:
    """The weights `(*, L, S)` that scaled dot-product attention gives, without dropout.

    Args:
        query: `(*, L, E)`.
        key: `(*, S, E)`.
        mask: broadcasts to `(*, L, S)`; bool, True where a query may see a key, or added.
        is_causal: query i sees keys 0 … i.
        scale: of the scores, 1 / √E by default.
        rows: only so many of the queries.
    """
    length, keys = query.shape[-2], key.shape[-2]
    rows = length if rows is None else min(rows, length)
    dtype = np.result_type(query.dtype, np.float32)
    scale = 1 / math.sqrt(max(1, query.shape[-1])) if scale is None else scale
    scores = (query[..., :rows, :].astype(dtype) * scale) @ np.swapaxes(key, -1, -2).astype(dtype)
    if mask is not None:
        mask = np.broadcast_to(mask, (*mask.shape[:-2], length, keys))[..., :rows, :]
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if is_causal:
        scores = np.where(np.tri(rows, keys, dtype=bool), scores, -np.inf)
    return _softmax(scores)


def _softmax(scores: np.ndarray) -> np.ndarray:
    """The softmax of each row; a row that may see nothing becomes zeros."""
    with np.errstate(invalid="ignore"):
        top = scores.max(-1, keepdims=True, initial=-np.inf)
        exponentials = np.exp(scores - np.where(np.isneginf(top), 0, top))
        total = exponentials.sum(-1, keepdims=True)
        return exponentials / np.where(total == 0, 1, total)


class OpEvent(NamedTuple):
    """The tensors and the parameters of an operation that has just run."""

    inputs: Sequence[Any]
    params: Mapping[str, Any]
    outputs: Sequence[Any]


class AttentionWatcher:
    """Told of the operations that it asks for, it writes the weights of attention on the tape.

    Args:
        array: the numbers of a tensor.
    """

    def __init__(self, tape: Tape, keeper: Keeper, array: Callable[[Any], np.ndarray]) -> None:
        self.tape = tape
        self.keeper = keeper
        self.array = array
        self.active = keeper.part is not None
        # Ids of Values: scores that may be on their way to a softmax; parameters that were turned
        # around for a product; weights on their way to a product, with what was seen of them.
        self._scores: set[int] = set()
        self._turned: set[int] = set()
        self._waiting: dict[int, tuple[int, tuple[int, ...], np.ndarray]] = {}

    def asks_for(self, name: str) -> bool:
        """Whether an operation of this name could be a step of attention now."""
        name = name.rstrip("_")
        return self.active and (
            name in _BEGINS
            or (bool(self._scores) and name in _BEFORE)
            or (bool(self._waiting) and name in _AFTER)
        )

    def see(self, operation: Operation, event: OpEvent) -> None:
        """An operation ran; it stands on the tape already."""
        if not self.active:
            return
        try:
            self._see(operation, event)
        except Exception as error:  # whatever goes wrong here, the model is not to blame
            self.active = False
            self.tape.notes.append(
                f"Attention weights are not on this tape from {operation.name} "
                f"({operation.index}) on: {type(error).__name__}: {error}"
            )

    def _see(self, operation: Operation, event: OpEvent) -> None:
        name = operation.name.rstrip("_")
        if name == "scaled_dot_product_attention":
            self._fused(operation, event)
        elif name == "multi_head_attention_forward":
            self._multi_head(operation, event)
        elif name in _PRODUCTS:
            self._product(operation, event)
        elif name == "softmax" and self._scores.intersection(operation.inputs):
            self._softmax(operation, event)
        elif name in _SCORES and self._scores.intersection(operation.inputs):
            self._scores.update(operation.outputs)
        elif name in _TURNS:
            if self._trained(operation.inputs[0]):
                self._turned.update(operation.outputs)
        elif name in _AFTER:
            for source in operation.inputs:
                if source in self._waiting:
                    self._waiting[operation.outputs[0]] = self._waiting[source]

    def _product(self, operation: Operation, event: OpEvent) -> None:
        for source in operation.inputs:
            found = self._waiting.pop(source, None)
            if found is not None:
                # A product with what was softmaxed: queries that gather values.
                self._waiting = {k: v for k, v in self._waiting.items() if v[0] != found[0]}
                self._keep(*found)
                return
        # A product with weights is a layer; one of two activations may be queries and keys.
        if len(operation.inputs) == 2 and not any(map(self._trained, operation.inputs)):
            if len(self._scores) > MOST_IDS:
                self._scores.clear()
            self._scores.update(operation.outputs)

    def _trained(self, value: int) -> bool:
        return value in self._turned or self.tape.values[value].origin.startswith("parameter:")

    def _softmax(self, operation: Operation, event: OpEvent) -> None:
        weights = event.outputs[0]
        seen = self.array(weights)
        if seen.ndim < 2 or not _is_last(event.params.get("dim", -1), seen.ndim):
            return
        shape = _four(seen.shape)
        parts = _first(seen.reshape(shape), self._examples(shape), _most_rows(shape))
        self._waiting[operation.outputs[0]] = (operation.index, shape, encode_weights(parts))
        self._scores.clear()
        while len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def _fused(self, operation: Operation, event: OpEvent) -> None:
        given = _arguments(event)
        query, key = self.array(given["query"]), self.array(given["key"])
        mask = given.get("attn_mask")
        if given.get("enable_gqa"):
            key = np.repeat(key, query.shape[-3] // key.shape[-3], -3)
        lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        size = (query.shape[-2], key.shape[-2])
        shape = _four((*lead, *size))
        kept = self._examples(shape)
        seen = None if mask is None else self.array(mask)
        if seen is not None:
            seen = _lead(seen, (*lead, *size), shape, kept)
        rows = _most_rows(shape)
        weights = attention_weights(
            _lead(query, (*lead, *query.shape[-2:]), shape, kept),
            _lead(key, (*lead, *key.shape[-2:]), shape, kept),
            seen,
            is_causal=bool(given.get("is_causal", False)),
            scale=given.get("scale"),
            rows=rows,
        )
        self._keep(operation.index, shape, encode_weights(_first(weights, kept, rows)))

    def _multi_head(self, operation: Operation, event: OpEvent) -> None:
        """A fused layer, projections and all: PyTorch's `F.multi_head_attention_forward`."""
        given = dict(zip(_MULTI_HEAD, event.inputs)) | dict(event.params)
        heads, mask = int(given["num_heads"]), given.get("attn_mask")
        query, key = (self._heads(given, name, heads) for name in ("query", "key"))
        keys = key.shape[-2]
        seen = None if mask is None else _added(self.array(mask), keys)
        if seen is not None and seen.ndim == 3:  # (N·H, L, S)
            seen = seen.reshape(-1, heads, *seen.shape[1:])
        padding = given.get("key_padding_mask")
        if padding is not None:
            padded = _added(self.array(padding), keys).reshape(-1, 1, 1, keys)
            seen = padded if seen is None else seen + padded
        shape = (*query.shape[:-1], keys)
        kept, rows = self._examples(shape), _most_rows(shape)
        if seen is not None:
            seen = np.broadcast_to(seen, shape)[:kept]
        weights = attention_weights(query[:kept], key[:kept], seen, rows=rows)
        self._keep(operation.index, shape, encode_weights(_first(weights, kept, rows)))

    def _heads(self, given: Mapping[str, Any], name: str, heads: int) -> np.ndarray:
        """Queries or keys after their projection, `(N, H, L, E / H)`."""
        x = self.array(given[name])
        x = x[:, None] if x.ndim == 2 else x
        size, place = x.shape[-1], ("query", "key").index(name)
        width = given["query"].shape[-1]
        weight, bias = given.get(f"{name[0]}_proj_weight"), given.get("in_proj_bias")
        part = slice(place * width, (place + 1) * width)
        matrix = self.array(given["in_proj_weight"])[part] if weight is None else self.array(weight)
        x = x.reshape(-1, size) @ matrix.T
        if bias is not None:
            x = x + self.array(bias)[part]
        x = x.reshape(*self.array(given[name]).shape[:1], -1, heads, width // heads)
        if name == "key" and given.get("bias_k") is not None:
            last = self.array(given["bias_k"]).reshape(1, 1, heads, -1)
            x = np.concatenate([x, np.broadcast_to(last, (1, *x.shape[1:]))])
        if name == "key" and given.get("add_zero_attn"):
            x = np.concatenate([x, np.zeros_like(x[:1])])
        return x.transpose(1, 2, 0, 3)

    def _examples(self, shape: tuple[int, ...]) -> int:
        """How many examples of the batch are kept."""
        if not isinstance(self.keeper.part, Full):
            return 1
        return max(1, min(shape[0], MOST_CELLS // max(1, math.prod(shape[1:]))))

    def _keep(self, operation: int, shape: tuple[int, ...], codes: np.ndarray) -> None:
        seen = AttentionWeights(operation, shape)
        self.tape.attention.append(seen)
        self.keeper.hold(seen, codes)


def _arguments(event: OpEvent) -> Mapping[str, Any]:
    """The arguments of a fused attention by name, however they were passed."""
    names = ("query", "key", "value", "attn_mask")
    return {**dict(zip(names, event.inputs)), **event.params}


def _added(mask: np.ndarray, keys: int) -> np.ndarray:
    """A mask as what is added to scores. True means here that a key may not be seen.

    Keys that the layer has appended may be seen by all.
    """
    added = np.where(mask, -np.inf, 0.0) if mask.dtype == bool else mask
    return np.pad(added, [(0, 0)] * (mask.ndim - 1) + [(0, keys - mask.shape[-1])])


def _is_last(dim: Any, ndim: int) -> bool:
    return isinstance(dim, int) and dim % ndim == ndim - 1


def _four(shape: tuple[int, ...]) -> tuple[int, ...]:
    """`(*, L, S)` as `(N, H, L, S)`: three dimensions are examples with one head."""
    lead = shape[:-2]
    heads = math.prod(lead[1:]) if len(lead) > 1 else 1
    return (lead[0] if lead else 1, heads, *shape[-2:])


def _lead(
    array: np.ndarray, whole: tuple[int, ...], shape: tuple[int, ...], examples: int
) -> np.ndarray:
    """The first examples of what is broadcast to `whole`, as `(n, H, …)`."""
    array = np.broadcast_to(array, whole)
    if len(whole) > 2:
        array = array[:examples]
    return array.reshape(-1, shape[1], *whole[-2:])


def _most_rows(shape: tuple[int, ...]) -> int:
    """How many positions of a text are kept, as many of both sides."""
    heads, length, keys = shape[1:]
    if heads * length * keys <= MOST_CELLS:
        return max(length, keys)
    return max(16, int(math.sqrt(MOST_CELLS / max(1, heads))))


def _first(weights: np.ndarray, examples: int, rows: int) -> np.ndarray:
    return weights[:examples, :, :rows, :rows]
