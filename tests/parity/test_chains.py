"""Random chains of views, told to both libraries: shapes, strides, refusals and gradients."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

pytest.importorskip("torch")

from support.chains import STEPS, arguments, chains
from support.stories import assert_told_alike, numbers

import clownpiece as cp


def steps_that_count(x):
    """The strides of dimensions that are walked along; where nothing is, libraries differ."""
    if not x.numel():
        return []
    return [step for step, size in zip(x.stride(), x.shape, strict=True) if size > 1]


def told(shape, chain):
    def tell(library, log):
        x = numbers(library, *shape, requires_grad=True)
        y = x
        for link in chain:
            given_ = arguments(link, tuple(y.shape))
            if given_ is None:
                continue
            z = log.attempt(lambda y=y, link=link, g=given_: STEPS[link.name].tensor(y, *g))
            y = y if z is None else z
            log(link.name, y, y.is_contiguous(), steps_that_count(y), y._is_view())
        weights = numbers(library, *y.shape)
        log(library.autograd.grad(y, x, weights))

    return tell


@settings(max_examples=150)
@given(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4), chains())
def test_both_tell_the_same_of_a_chain(shape, chain):
    assert_told_alike(told(shape, chain))


def test_windows_are_views_that_are_changed_in_place():
    def tell(library, log):
        x = numbers(library, 6, requires_grad=True)
        y = x * 1
        apart, overlapping = y.unfold(0, 2, 3), y.unfold(0, 3, 1)
        kept = overlapping * overlapping
        apart.mul_(3)
        log(y, overlapping, y._version, apart.is_contiguous())
        log.attempt(lambda: kept.sum().backward())
        (overlapping * overlapping).sum().backward()
        log(x.grad)

    assert_told_alike(tell)


def test_windows_that_overlap_are_not_changed_in_place():
    # PyTorch multiplies some elements once and some more often.
    with pytest.raises(RuntimeError, match="more than one element"):
        cp.ones(6).unfold(0, 3, 1).mul_(2)
