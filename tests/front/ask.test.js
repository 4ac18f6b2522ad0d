// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { answer, codeOfPixel, valueOfCode } from "../../clownviz/front/ask.js";
import { mapTable } from "../../clownviz/front/look.js";

/** @type {import("../../clownviz/front/ask.js").Cells} */
const CELLS = {
  index: "[0, {r}, {c}]", rows: [0, 1], columns: [268, 1], limit: 2, signed: true,
};

test("every colour of a map gives its code back", () => {
  for (const signed of [true, false]) {
    const table = mapTable(signed ? "diverging" : "sequential", 251);
    for (let code = 0; code <= 250; code++) {
      const pixel = [...table.subarray(code * 3, code * 3 + 3), 255];
      assert.equal(codeOfPixel(pixel, signed), code);
    }
  }
});

test("what is no number has colours of its own", () => {
  assert.equal(codeOfPixel([0, 0, 0, 0], true), "masked");
  assert.equal(codeOfPixel([0xe0, 0, 0xe0, 255], true), 253);
  assert.equal(codeOfPixel([1, 2, 3, 255], true), null);
});

test("scales give values back", () => {
  const unsigned = { ...CELLS, signed: false };
  assert.equal(valueOfCode(250, CELLS), 2);
  assert.equal(valueOfCode(125, CELLS), 0);
  assert.equal(valueOfCode(125, unsigned), 1);
  assert.equal(valueOfCode(125, { ...unsigned, scale: "square" }), 0.5);
  const log = /** @type {const} */ ({ ...CELLS, scale: "log", low: 0.01, limit: 1 });
  assert.ok(Math.abs(valueOfCode(125, log) - 0.1) < 1e-12);
});

test("a cell says where it is and no more digits than its colour knows", () => {
  assert.equal(answer(CELLS, 3, 2, 125), "[0, 3, 270] ≈ 0");
  assert.equal(answer(CELLS, 0, 0, 126), "[0, 0, 268] ≈ 0.02");
  assert.equal(answer(CELLS, 0, 0, 250), "[0, 0, 268] ≥ 2");
  assert.equal(answer(CELLS, 0, 0, 0), "[0, 0, 268] ≤ -2");
  assert.equal(answer(CELLS, 0, 0, 254), "[0, 0, 268] ∞");
  assert.equal(answer(CELLS, 0, 0, "masked"), "[0, 0, 268] masked");
});

test("names stand behind their places, whatever is in them", () => {
  const names = ["{c}", "$&<b>"];
  const cells = { ...CELLS, index: "{r} → {c}", columns: /** @type {[number, number]} */ ([0, 1]) };
  const said = answer({ ...cells, row_names: names, column_names: names }, 0, 1, 125);
  assert.equal(said, "0 {c} → 1 $&<b> ≈ 0");
});
