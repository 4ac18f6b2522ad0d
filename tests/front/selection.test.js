// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { SETTLE, Selection } from "../../clownviz/front/selection.js";
import { createShim } from "../../clownviz/front/shim.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, SETTLE + 1));

/** A model that writes down what is sent, and a selection that writes down where it has been. */
function start() {
  /** @type {string[]} */
  const sent = [];
  const model = createShim({ selection: "" });
  model.save_changes = () => sent.push(model.get("selection"));
  /** @type {string[]} */
  const been = [];
  const selection = new Selection(model, () => been.push(selection.path));
  return { model, selection, sent, been };
}

test("of choices in quick succession each is shown and the last is sent", async () => {
  const { selection, sent, been } = start();
  for (const path of ["a", "b", "c", "c"]) selection.choose(path);
  await settled();
  assert.deepEqual(been, ["a", "b", "c"]);
  assert.deepEqual(sent, ["c"]);
});

test("the echo of an earlier choice does not undo one that was not sent yet", async () => {
  const { model, selection, sent, been } = start();
  selection.choose("a");
  await settled();
  selection.choose("b");
  model.set("selection", "a");
  assert.equal(selection.path, "b");
  await settled();
  assert.deepEqual(sent, ["a", "b"]);
  assert.equal(been.at(-1), "b");
});

test("what others choose is followed once all is sent, and no longer at the end", async () => {
  const { model, selection, been } = start();
  selection.choose("a");
  await settled();
  model.set("selection", "elsewhere");
  assert.deepEqual(been, ["a", "elsewhere"]);
  selection.destroy();
  model.set("selection", "later");
  assert.deepEqual(been, ["a", "elsewhere"]);
});
