// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { columns, lowerBound, nearest, Points, zoomed } from "../../clownviz/front/curves.js";
import { linearTicks, logTicks, usualSpan, valueRange } from "../../clownviz/front/curves.js";
import { cell, elided, level, normScale, RATIO_SCALE } from "../../clownviz/front/strip.js";
import { ABSENT, HEAD, isLoss, Training } from "../../clownviz/front/training.js";
import golden from "../clownviz/views/axes.json" with { type: "json" };

/**
 * @param {number[]} steps
 * @param {number[]} values
 * @param {number} [absent]
 */
function points(steps, values, absent) {
  const made = new Points(absent);
  steps.forEach((step, i) => made.push(step, values[i]));
  return made;
}

/**
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 */
function close(actual, expected) {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const room = 1e-9 * Math.max(1, Math.abs(expected[i]));
    assert.ok(Math.abs(actual[i] - expected[i]) <= room, `${actual[i]} is not ${expected[i]}`);
  }
}

test("ticks: the golden cases, the same as Python's", () => {
  for (const [low, high, wanted, ticks] of /** @type {any[]} */ (golden.linear)) {
    assert.deepEqual(linearTicks(low, high, wanted), ticks);
  }
  for (const [low, high, wanted, ticks] of /** @type {any[]} */ (golden.log)) {
    assert.deepEqual(logTicks(low, high, wanted), ticks);
  }
});

test("averages: the golden cases, the same as Python's", () => {
  for (const [span, steps, values, expected] of /** @type {any[]} */ (golden.smoothed)) {
    const curve = points(steps, values);
    close(curve.smoothed(span).slice(0, curve.count), expected);
  }
  for (const [first, last, span] of golden.span) assert.equal(usualSpan([first, last]), span);
});

test("ranges of values and of colours: the golden cases, the same as Python's", () => {
  for (const [[steps, values], log, expected] of /** @type {any[]} */ (golden.range)) {
    const curve = points(steps, values);
    close(valueRange([{ points: curve, values: curve.values }], [0, 10], log), expected);
  }
  for (const [, values, [low, high]] of /** @type {any[]} */ (golden.heat)) {
    const scale = normScale([points(values.map(Number), values, ABSENT)]);
    close([scale.low, scale.high], [low, high]);
  }
});

test("an average grows with its points and equals one made at once", () => {
  const grown = new Points();
  const values = Array.from({ length: 1000 }, (_, i) => Math.sin(i) + (i === 500 ? NaN : 0));
  values.forEach((value, i) => {
    grown.push(i, value);
    if (i % 97 === 0) grown.smoothed(20);
  });
  const once = points([...values.keys()], values);
  assert.deepEqual(grown.smoothed(20).slice(0, 1000), once.smoothed(20).slice(0, 1000));
  assert.ok(Number.isNaN(once.smoothed(20)[500]), "NaN is passed through");
  assert.ok(Number.isFinite(once.smoothed(20)[501]), "and not averaged");
  const flat = points([1, 2, 3], [7, 7, 7]);
  close(flat.smoothed(50).slice(0, 3), [7, 7, 7]);
});

test("points are thinned by half and keep the newest", () => {
  const even = points([1, 2, 3, 4], [10, 20, 30, 40]);
  even.thin();
  assert.deepEqual([...even.steps.slice(0, even.count)], [2, 4]);
  const odd = points([1, 2, 3], [10, 20, 30]);
  odd.thin();
  assert.deepEqual([...odd.values.slice(0, odd.count)], [10, 30]);
});

test("places are found by halving", () => {
  const steps = [1, 5, 5, 9];
  assert.deepEqual(
    [0, 1, 2, 5, 9, 10].map((s) => lowerBound(steps, 4, s)),
    [0, 0, 1, 1, 3, 4],
  );
  assert.deepEqual(
    [0, 3, 4, 8, 99].map((s) => nearest(steps, 4, s)),
    [0, 0, 1, 3, 3],
  );
  assert.equal(nearest([], 0, 3), -1);
});

test("columns lose no spike, draw little and mark what is not finite once", () => {
  const count = 10_000;
  const values = Array.from({ length: count }, () => 1);
  values[1234] = 99;
  values[5000] = values[5001] = NaN;
  const curve = points([...values.keys()], values);
  /** @type {number[]} */
  const highs = [];
  /** @type {number[]} */
  const odd = [];
  columns(
    curve,
    curve.values,
    [0, count - 1],
    100,
    (_column, _first, _low, high) => highs.push(high),
    (column) => odd.push(column),
  );
  assert.ok(highs.includes(99));
  assert.ok(highs.length <= 103, `${highs.length} columns for 100 pixels`);
  assert.equal(odd.length, 1);
});

test("absent values are neither drawn nor in the range", () => {
  const curve = points([1, 2, 3], [ABSENT, 4, 8], ABSENT);
  /** @type {number[]} */
  const drawn = [];
  columns(curve, curve.values, [1, 3], 500, (_c, first) => drawn.push(first), assert.fail);
  assert.deepEqual(drawn, [4, 8]);
  const range = valueRange([{ points: curve, values: curve.values }], [1, 3], true);
  assert.ok(range[0] > 3 && range[1] < 10);
});

test("zoom and pan stay within the whole", () => {
  assert.deepEqual(zoomed([0, 100], [0, 100], { factor: 0.5, at: 100 }), [50, 100]);
  assert.equal(zoomed([20, 80], [0, 100], { factor: 2 }), null, "everything is no range");
  assert.deepEqual(zoomed([20, 40], [0, 100], { by: -50 }), [0, 20]);
  assert.deepEqual(zoomed([20, 40], [0, 100], { by: 90 }), [80, 100]);
  assert.deepEqual(zoomed([5, 6], [0, 10], { factor: 0.1, at: 5 }), [5, 6], "never below a step");
});

test("a cell: the geometric mean, unless something is not finite or not there", () => {
  const row = points([1, 2, 3, 4, 5, 6], [1, 100, NaN, Infinity, 0, ABSENT], ABSENT);
  close([cell(row, 0, 2)], [10]);
  assert.ok(Number.isNaN(cell(row, 0, 4)));
  assert.equal(cell(row, 3, 5), Infinity);
  assert.equal(cell(row, 4, 6), 0);
  assert.equal(cell(row, 5, 6), ABSENT);
});

test("a usual update ratio has the middle of the colours", () => {
  assert.equal(level(RATIO_SCALE, 1e-3), 125);
  assert.equal(level(RATIO_SCALE, 1e-9), 0);
  assert.equal(level(RATIO_SCALE, 0), 0);
  assert.equal(level(RATIO_SCALE, 5), 250);
});

test("a long path keeps its end", () => {
  const measure = (/** @type {string} */ text) => text.length;
  assert.equal(elided("blocks.11.attn.proj", 10, measure), "…attn.proj");
  assert.equal(elided("fc1", 10, measure), "fc1");
  assert.equal(elided("fc1", 0, measure), "…");
});

const META = { key: "", title: "", layers: ["a", "b"], curves: ["loss", "acc"] };

/**
 * @param {{ number: number, replaces?: boolean, rows?: number[][], dots?: number[][] }} given
 */
function batch({ number, replaces = false, rows = [], dots = [] }) {
  const head = [number, Number(replaces), rows.length, 2, dots.length, number * 10];
  const numbers = new Float32Array([head, rows.flat(), dots.flat()].flat());
  // As in a message, the bytes stand somewhere in a larger buffer, not on a multiple of four.
  const bytes = new Uint8Array(numbers.byteLength + 3);
  bytes.set(new Uint8Array(numbers.buffer), 3);
  return new DataView(bytes.buffer, 3, numbers.byteLength);
}

test("batches add up", () => {
  const training = new Training();
  assert.ok(training.read(META, batch({ number: 1, rows: [[1, 2, ABSENT, 4, 5]] })));
  assert.ok(training.read(META, batch({ number: 2, rows: [[2, 3, 1, 4, 5]], dots: [[1, 2, 7]] })));
  assert.equal(training.gradients[0].last, 3);
  assert.deepEqual([...training.gradients[1].values.slice(0, 2)], [ABSENT, 1]);
  assert.equal(training.curve("acc").last, 7);
  assert.equal(training.steps, 20);
  assert.deepEqual(training.range, [1, 2]);
});

test("the same batch twice counts once, a gap is told, a whole record replaces all", () => {
  const training = new Training();
  const first = batch({ number: 1, dots: [[0, 1, 5]] });
  training.read(META, first);
  training.read(META, first);
  assert.equal(training.curve("loss").count, 1);
  assert.equal(training.read(META, batch({ number: 3, dots: [[0, 9, 1]] })), false);
  const dots = [1, 2, 3].map((step) => [0, step, step]);
  assert.ok(training.read(META, batch({ number: 4, replaces: true, dots })));
  assert.deepEqual([...training.curve("loss").steps.slice(0, 3)], [1, 2, 3]);
  assert.equal(training.curve("loss").count, 3);
});

test("nothing, or less than a head, is no batch", () => {
  const training = new Training();
  assert.ok(training.read(META, null));
  assert.ok(training.read(META, new DataView(new ArrayBuffer(4 * HEAD - 4))));
  assert.equal(training.steps, 0);
});

test("a long run stays bounded in the page", () => {
  const training = new Training();
  const dots = Array.from({ length: 200_000 }, (_, i) => [0, i, i]);
  training.read(META, batch({ number: 1, replaces: true, dots }));
  assert.equal(training.curve("loss").count, 100_000);
  assert.equal(training.curve("loss").last, 199_999);
});

test("losses are known by their name", () => {
  assert.deepEqual(["loss", "val_Loss", "lr"].map(isLoss), [true, true, false]);
});
