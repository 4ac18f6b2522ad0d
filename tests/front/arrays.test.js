// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import * as arrays from "../../clownviz/front/arrays.js";
import * as geometry from "../../clownviz/front/geometry.js";
import { heights, zeroAt } from "../../clownviz/front/histogram.js";

/**
 * @param {Partial<import("../../clownviz/front/types.js").ArrayFacts>} changes
 * @returns {import("../../clownviz/front/types.js").ArrayFacts}
 */
function facts(changes = {}) {
  return {
    key: "output.0",
    title: "Output",
    call: 1,
    role: "activation",
    layout: "maps",
    shape: [2, 4, 4],
    full_shape: [8, 2, 4, 4],
    dtype: "float32",
    text: "",
    index: [null, null, null],
    cuts: [null, null, null],
    columns: null,
    prefix: [0],
    signed: true,
    lo: -4,
    hi: 3,
    limit: 2,
    model_limit: 5,
    limits: [1, 2],
    ranges: [2, 2],
    offset: 0,
    length: 32,
    stats: [],
    histogram: null,
    ...changes,
  };
}

test("each scale ends colours where it says", () => {
  assert.equal(arrays.limitOf(facts(), "unit", 0), 1);
  assert.equal(arrays.limitOf(facts(), "module", 0), 2);
  assert.equal(arrays.limitOf(facts(), "model", 0), 5);
});

test("a cell is named by its true index", () => {
  assert.equal(arrays.indexText(facts(), [1, 2, 3]), "[0, 1, 2, 3]");
  const cut = facts({ prefix: [], index: [null, [0, 1, 98, 99]], shape: [2, 4] });
  assert.equal(arrays.indexText(cut, [1, 2]), "[1, 98]");
});

test("a cell says no more digits than its code knows, and what is clipped", () => {
  assert.equal(arrays.cellText(facts(), 125, 0, 2), "≈ 0");
  assert.equal(arrays.cellText(facts(), 250, 0, 2), "≈ 2");
  assert.equal(arrays.cellText(facts(), 250, 0, 1), "≈ 2 (clipped)");
  assert.equal(arrays.cellText(facts(), 251, 0, 2), "< -2");
  assert.equal(arrays.cellText(facts(), 252, 0, 2), "> 2");
  assert.equal(arrays.cellText(facts(), 253, 0, 2), "NaN");
  assert.equal(arrays.cellText(facts(), 255, 0, 2), "-∞");
});

test("the legend hides nothing", () => {
  const none = { low: 0, high: 0, nan: 0, posinf: 0, neginf: 0 };
  assert.deepEqual(arrays.legendNotes(facts(), none, 4), []);
  const some = { low: 2, high: 1500, nan: 1, posinf: 1, neginf: 3 };
  assert.deepEqual(arrays.legendNotes(facts(), some, 2), [
    "1.5 k clipped +",
    "2 clipped −",
    "1 NaN ×",
    "1 ∞",
    "3 -∞",
    "data -4 … 3",
  ]);
});

test("bars are drawn from zero and end with the scale", () => {
  const shares = [0, 1, -1, 9, -9].map((value) => arrays.barShare(value, 2));
  assert.deepEqual(shares, [0, 0.5, -0.5, 1, -1]);
  assert.equal(arrays.barShare(NaN, 2), 0);
  assert.equal(arrays.barShare(Infinity, 2), 1);
});

test("only large pictures take the room of two", () => {
  assert.ok(!arrays.isWide(facts()));
  assert.ok(arrays.isWide(facts({ shape: [64, 4, 4] })));
  assert.ok(arrays.isWide(facts({ layout: "heatmap", shape: [4, 100] })));
  assert.ok(!arrays.isWide(facts({ layout: "vector", shape: [10] })));
});

test("cells are whole pixels and fit, unless one pixel is too much", () => {
  assert.equal(geometry.fitCell(100, 30, 1, 16), 3);
  assert.equal(geometry.fitCell(100, 3, 1, 16), 16);
  assert.equal(geometry.fitCell(100, 300, 1, 16), 1);
});

test("a pixel is found in the cell that was drawn there, and none in a cut's gap", () => {
  const [cell, cut, gap, count] = [5, 2, 6, 4];
  for (let place = 0; place < count; place++) {
    const start = geometry.startOf(place, cell, cut, gap);
    assert.equal(geometry.placeAt(start, count, cell, cut, gap), place);
    assert.equal(geometry.placeAt(start + cell - 1, count, cell, cut, gap), place);
  }
  assert.equal(geometry.placeAt(12, count, cell, cut, gap), null);
  assert.equal(geometry.placeAt(-1, count, cell, cut, gap), null);
  assert.equal(geometry.placeAt(26, count, cell, cut, gap), null);
  const size = geometry.sizeOf({ rows: 4, cols: 4, cell, cutRow: null, cutCol: cut, gap });
  assert.deepEqual(size, { width: 26, height: 20 });
});

test("an axis falls into pieces at its cut", () => {
  assert.deepEqual(geometry.pieces(4, null), [[0, 4]]);
  assert.deepEqual(geometry.pieces(4, 3), [
    [0, 3],
    [3, 1],
  ]);
});

test("a bin that is not empty is never invisible", () => {
  assert.deepEqual(heights([0, 1, 1000], 0.05), [0, 0.05, 1]);
  assert.deepEqual(heights([0, 0], 0.05), [0, 0]);
});

test("zero is drawn where it lies between the edges", () => {
  assert.equal(zeroAt([-1, 0, 3]), 0.25);
  assert.equal(zeroAt([0, 1]), null);
  assert.equal(zeroAt([1, 2]), null);
});
