// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { nearestShown, opening, pathOf, zoomed } from "../../clownviz/front/diagram.js";
import { trail } from "../../clownviz/front/explorer.js";

test("a group's id gives the path, whatever stands in it", () => {
  assert.equal(pathOf("node:"), "");
  assert.equal(pathOf("node:block.0"), "block.0");
  assert.equal(pathOf("node:node:x"), "node:x");
  assert.equal(pathOf("node@2:relu"), "relu");
  assert.equal(pathOf("clust1"), null);
});

test("a module that the diagram hides is shown by its nearest holder", () => {
  const has = (/** @type {string} */ path) => ["", "a", "a.b"].includes(path);
  assert.equal(nearestShown("a.b.c.d", has), "a.b");
  assert.equal(nearestShown("x.y", has), "");
  assert.equal(nearestShown("x", () => false), null);
});

const WHOLE = { x: 0, y: 0, width: 100, height: 50 };

test("zooming keeps the point under the pointer where it is", () => {
  const about = { x: 30, y: 10 };
  const frame = zoomed(WHOLE, WHOLE, 2, about);
  assert.deepEqual([frame.width, frame.height], [50, 25]);
  assert.equal((about.x - frame.x) / frame.width, about.x / WHOLE.width);
  assert.equal((about.y - frame.y) / frame.height, about.y / WHOLE.height);
});

test("zooming ends at eight times, and at the whole picture", () => {
  const centre = { x: 50, y: 25 };
  assert.equal(zoomed(WHOLE, WHOLE, 100, centre).width, 100 / 8);
  assert.equal(zoomed(WHOLE, WHOLE, 0.1, centre).width, 100);
});

test("a picture that can be read opens whole, a larger one about what is chosen", () => {
  const room = { width: 200, height: 200 };
  assert.equal(opening(WHOLE, WHOLE, room), WHOLE);
  const wide = { x: 0, y: 0, width: 4000, height: 50 };
  const frame = opening(wide, { x: 1990, y: 0, width: 20, height: 20 }, room);
  assert.equal(frame.x + frame.width / 2, 2000);
  assert.ok(frame.width < 400);
  assert.equal(frame.y + frame.height / 2, 25);
  const last = opening(wide, { x: 3980, y: 0, width: 20, height: 20 }, room);
  assert.equal(last.x + last.width, 4000);
});

test("the trail has a step for every module on the way, and only for modules", () => {
  const module = (/** @type {string} */ path, /** @type {string} */ kind) =>
    /** @type {[string, any]} */ ([path, { path, kind }]);
  const modules = new Map([module("", "Net"), module("a", "A"), module("a.b.c", "C")]);
  assert.deepEqual(trail("a.b.c", modules), [
    ["", "Net"],
    ["a", "a"],
    ["a.b.c", "b.c"],
  ]);
  assert.deepEqual(trail("", modules), [["", "Net"]]);
});
