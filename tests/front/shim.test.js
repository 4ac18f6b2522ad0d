// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { createPageModel, createShim } from "../../clownviz/front/shim.js";

test("a shim tells who listens, once a change, until they stop", () => {
  const model = createShim({ x: 1 });
  /** @type {any[]} */
  const heard = [];
  const hear = () => heard.push(model.get("x"));
  model.on("change:x", hear);
  model.set("x", 2);
  model.set("x", 2);
  model.off("change:x", hear);
  model.set("x", 3);
  assert.deepEqual(heard, [2]);
  model.on("change:x", hear);
  model.off();
  model.set("x", 4);
  assert.deepEqual(heard, [2]);
});

/** @param {string} path */
const detail = (path) => ({ path, kind: "", code: "", facts: [], arrays: [] });

test("a page answers a selection with its detail, bytes first", () => {
  const model = createPageModel({
    scene: {},
    selection: "a",
    details: {
      a: { detail: detail("a"), bytes: "AQ==" },
      b: { detail: detail("b"), bytes: "Ag==" },
    },
  });
  assert.equal(model.get("detail").path, "a");
  /** @type {any[]} */
  const seen = [];
  model.on("change:detail", () => {
    seen.push([model.get("detail").path, model.get("detail_bytes").getUint8(0)]);
  });
  model.set("selection", "b");
  assert.deepEqual(seen, [["b", 2]]);
});

test("a module that the page does not carry is answered too, even one called constructor", () => {
  const model = createPageModel({ scene: {}, selection: "constructor", details: {} });
  assert.equal(model.get("detail").path, "constructor");
  assert.match(model.get("detail").notes[0], /does not carry/);
});

test("of such a module the page knows what its tree knows", () => {
  const modules = [
    { path: "b.1", kind: "Linear", extra: "2, 3", input: "(4, 2)", output: "(4, 3)", params: 9000,
      calls: 1, like: "b.0" },
  ];
  const { facts, code, notes } = createPageModel({
    scene: { modules }, selection: "b.1", details: {},
  }).get("detail");
  assert.deepEqual(facts, [["Input", "(4, 2)"], ["Output", "(4, 3)"], ["Parameters", "9,000"]]);
  assert.equal(code, "Linear(2, 3)");
  assert.equal(notes[0], "It is built like b.0.");
  assert.match(notes[1], /clownviz\.explore\(model, x, selection="b\.1"\)/);
});
