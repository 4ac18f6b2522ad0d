// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { next, order } from "../../clownviz/front/sort.js";

test("a header goes from the largest to the smallest and back to the tree", () => {
  assert.deepEqual([null, "none", "descending", "ascending"].map(next), [
    "descending",
    "descending",
    "ascending",
    "none",
  ]);
});

test("numbers are sorted as numbers, and equal rows stay in order", () => {
  assert.deepEqual(order(["9", "10", "9", "2"], "descending"), [1, 0, 2, 3]);
  assert.deepEqual(order(["9", "10", "9", "2"], "ascending"), [3, 0, 2, 1]);
  assert.deepEqual(order(["9", "10", "9", "2"], "none"), [0, 1, 2, 3]);
});

test("names are sorted as people count", () => {
  assert.deepEqual(order(["blocks.10", "blocks.9", "a"], "ascending"), [2, 1, 0]);
});

test("a row without a number stands last, whichever way the others are sorted", () => {
  assert.deepEqual(order(["", "3", "5"], "descending"), [2, 1, 0]);
  assert.deepEqual(order(["", "3", "5"], "ascending"), [1, 2, 0]);
});
