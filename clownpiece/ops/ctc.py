"""Connectionist temporal classification (Graves et al. 2006).

The loss of a label sequence is the negative logarithm of the summed probability of all ways to
spread it over time, with repetitions and with blanks between: a sum over paths that one pass
through time adds up, state by state of the sequence "blank, label, blank, label, …, blank".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .composition import composition
from .indexing import getitem
from .joining import cat, stack
from .places import gather
from .reductions import logsumexp, mean, sum
from .samples import S, drawn
from .selection import keep
from .shape import reshape

__all__ = ["ctc_loss"]

# In place of −∞, so that no gradient becomes NaN: nothing can be less likely than this.
NEVER = -1e30


def _array(x: Any) -> np.ndarray:
    return np.asarray(getattr(x, "array", x))


def _ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    if log_probs.ndim not in (2, 3):
        raise RuntimeError(
            f"ctc_loss: log_probs must be (T, N, C) or (T, C); got {tuple(log_probs.shape)}"
        )
    batched = log_probs.ndim == 3
    if not batched:
        log_probs = reshape(log_probs, (log_probs.shape[0], 1, log_probs.shape[1]))
    steps, count, classes = log_probs.shape
    times = _array(input_lengths).reshape(-1)
    lengths = _array(target_lengths).reshape(-1)
    _check(times, lengths, steps, count, classes, blank)
    labels = _padded(_array(targets), lengths, blank)
    states = np.full((count, 2 * labels.shape[1] + 1), blank)
    states[:, 1::2] = labels
    last = _last_states(log_probs, states, times)
    ends = np.stack([2 * lengths, np.maximum(2 * lengths - 1, 0)], 1)
    # An empty target has one end, which must not count twice.
    twice = np.where((lengths == 0)[:, None] & [False, True], NEVER, 0.0)
    losses = -logsumexp(gather(last, 1, ends) + twice.astype(_array(last).dtype), 1)
    losses = _without_impossible(losses, zero_infinity)
    if reduction == "mean":
        return mean(losses / np.maximum(lengths, 1).astype(_array(losses).dtype))
    if reduction == "sum":
        return sum(losses)
    return losses if batched else reshape(losses, ())


def _check(
    times: np.ndarray, lengths: np.ndarray, steps: int, count: int, classes: int, blank: int
) -> None:
    if not 0 <= blank < classes:
        raise RuntimeError(
            f"ctc_loss: blank must be in label range 0 to {classes - 1}; got {blank}"
        )
    if len(times) != count or len(lengths) != count:
        raise RuntimeError(
            f"ctc_loss: input_lengths and target_lengths must be of size batch_size {count}; got "
            f"{len(times)} and {len(lengths)}"
        )
    if times.size and (times.max() > steps or times.min() < 0):
        raise RuntimeError(
            f"ctc_loss: Expected input_lengths to have value at most {steps}, but got {times.max()}"
        )


def _padded(targets: np.ndarray, lengths: np.ndarray, blank: int) -> np.ndarray:
    """Targets as `(N, S)`, also where they come one behind the other."""
    if targets.ndim == 2 and targets.shape[0] == len(lengths):
        if targets.shape[1] < lengths.max(initial=0):
            raise RuntimeError(
                f"ctc_loss: Expected tensor to have size at least {lengths.max()} at dimension 1, "
                f"but got size {tuple(targets.shape)} for argument targets"
            )
        return targets[:, : lengths.max(initial=0)]
    flat = targets.reshape(-1)
    if lengths.sum() > flat.size:
        raise RuntimeError(
            f"ctc_loss: the targets hold {flat.size} labels, fewer than the {lengths.sum()} that "
            "target_lengths count"
        )
    padded = np.full((len(lengths), lengths.max(initial=0)), blank)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = flat[: lengths.sum()]
    return padded


def _last_states(log_probs: Any, states: np.ndarray, times: np.ndarray) -> Any:
    """The log-probability of being in each state when a sequence's time is over: `(N, states)`."""
    steps, count = log_probs.shape[:2]
    dtype = _array(log_probs).dtype
    emitted = gather(log_probs, 2, np.broadcast_to(states, (steps, *states.shape)))
    width = states.shape[1]
    # A blank between two labels may be skipped unless they are the same label.
    skips = np.zeros(states.shape, bool)
    skips[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    barred = np.where(skips, 0, NEVER).astype(dtype)
    begin = np.where(np.arange(width) < 2, 0, NEVER).astype(dtype)
    alpha = getitem(emitted, 0) + begin
    never = np.full((count, 2), NEVER, dtype)
    for t in range(1, steps):
        before = cat([never, alpha], 1)
        ways = [
            alpha,
            getitem(before, (slice(None), slice(1, width + 1))),
            getitem(before, (slice(None), slice(0, width))) + barred,
        ]
        going = np.broadcast_to((t < times)[:, None], states.shape)
        moved = logsumexp(stack(ways, 0), 0) + getitem(emitted, t)
        alpha = keep(moved, going) + keep(alpha, ~going)
    return alpha


def _without_impossible(losses: Any, zero_infinity: bool) -> Any:
    """Targets that do not fit into their time have an infinite loss, or with the switch none."""
    impossible = _array(losses) > -NEVER / 2
    if not impossible.any():
        return losses
    value = 0.0 if zero_infinity else np.inf
    return keep(losses, ~impossible) + np.where(impossible, value, 0).astype(_array(losses).dtype)


def _log_probs(*shape: int) -> Any:
    def make(rng: np.random.Generator) -> np.ndarray:
        return np.log(rng.dirichlet(np.ones(shape[-1]), shape[:-1]))

    return drawn(shape, make)


ctc_loss = composition(
    "ctc_loss",
    _ctc_loss,
    inputs="log_probs targets input_lengths target_lengths",
    latex=r"-\ln \sum_{\pi \in B^{-1}(t)} \prod_\tau p_{\tau, \pi_\tau}",
    doc="""How unlikely label sequences are, however they are spread over time (Graves et al. 2006).

    Args:
        log_probs: log-probabilities `(T, N, C)` or `(T, C)`, as from `log_softmax`.
        targets: labels `(N, S)`, or all one behind the other.
        input_lengths: how many of the T steps count, for each sequence.
        target_lengths: how many labels it has.
        blank: the class that stands for none.
        reduction: "mean" divides each loss by its target's length first; "sum", or "none".
        zero_infinity: a target that is too long for its time counts nothing instead of inf.
    """,
    samples=[
        S(
            _log_probs(6, 2, 4),
            np.array([[1, 1, 3], [2, 3, 0]]),
            np.array([6, 5]),
            np.array([3, 2]),
        ),
        S(_log_probs(5, 4), np.array([1, 2]), np.array(5), np.array(2), reduction="sum"),
    ],
    # PyTorch's gradient is right only behind a log_softmax, so the parity test puts one there.
    torch="",
    expose="functional",
)
