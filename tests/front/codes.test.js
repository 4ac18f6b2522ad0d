// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { countMarks, markOf, paint, palette, valueOf } from "../../clownviz/front/codes.js";

const NAN = 253;

test("a code gives its value back, zero exactly", () => {
  assert.equal(valueOf(125, 3, true), 0);
  assert.equal(valueOf(0, 3, true), -3);
  assert.equal(valueOf(250, 3, true), 3);
  assert.equal(valueOf(0, 3, false), 0);
  assert.equal(valueOf(250, 3, false), 3);
  assert.ok(Number.isNaN(valueOf(NAN, 3, true)));
  assert.equal(valueOf(254, 3, true), Infinity);
  assert.equal(valueOf(255, 3, true), -Infinity);
});

test("cells beyond the limit are marked, those at the limit are not", () => {
  assert.equal(markOf(250, 2, 2, true), null);
  assert.equal(markOf(250, 2, 1, true), "high");
  assert.equal(markOf(0, 2, 1, true), "low");
  assert.equal(markOf(0, 2, 1, false), null);
  assert.equal(markOf(251, 2, 9, true), "low");
  assert.equal(markOf(252, 2, 9, true), "high");
  assert.equal(markOf(NAN, 2, 1, true), "nan");
});

test("zero has the same neutral on every signed scale", () => {
  for (const limit of [0, 0.5, 1, 40]) {
    const colours = palette(1, limit, true);
    assert.deepEqual([...colours.slice(125 * 4, 126 * 4)], [243, 243, 243, 255]);
  }
});

test("a smaller limit makes the same code darker until it is clipped", () => {
  const lightness = [4, 2, 1].map((limit) => palette(1, limit, false)[250 * 4 + 1]);
  assert.ok(lightness[0] > lightness[1] && lightness[1] > lightness[2]);
});

test("painting writes one opaque pixel a cell, NaN in magenta", () => {
  const pixels = paint(new Uint8Array([0, 250, NAN]), palette(1, 1, false));
  assert.equal(pixels.length, 12);
  assert.deepEqual([...pixels.slice(8)], [224, 0, 224, 255]);
  assert.deepEqual([pixels[3], pixels[7]], [255, 255]);
});

test("marks are counted by kind", () => {
  const cells = new Uint8Array([0, 125, 250, 252, NAN, NAN, 255]);
  assert.deepEqual(countMarks(cells, 2, 1, true), {
    low: 1,
    high: 2,
    nan: 2,
    posinf: 0,
    neginf: 1,
  });
});
