// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import * as look from "../../clownviz/front/look.js";
import golden from "../clownviz/look/golden.json" with { type: "json" };

const formats = {
  number: look.formatNumber,
  count: look.formatCount,
  bytes: look.formatBytes,
  seconds: look.formatSeconds,
};

for (const [name, format] of Object.entries(formats)) {
  test(`${name}: the golden texts, the same as Python's`, () => {
    const cases = golden[/** @type {keyof typeof formats} */ (name)];
    for (const [value, text] of cases) {
      assert.equal(format(Number(value)), text, `${name} of ${value}`);
    }
  });
}

test("maps: the golden colours, the same as Python's", () => {
  for (const [name, size, index, rgb] of golden.map) {
    const table = look.mapTable(/** @type {look.MapName} */ (name), Number(size));
    const at = Number(index) * 3;
    assert.deepEqual([...table.slice(at, at + 3)], rgb, `${name} ${index}`);
  }
});

test("a family without a colour has the colour of other", () => {
  assert.equal(look.knownFamily("linear"), "linear");
  assert.equal(look.knownFamily("constructor"), "other");
});
