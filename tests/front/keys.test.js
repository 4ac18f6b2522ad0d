// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { isPlain } from "../../clownviz/front/keys.js";

const NONE = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };

test("letters, arrows and signs are ours; commands of the notebook stay its own", () => {
  for (const key of ["a", "ArrowDown", "/", "Enter"]) assert.ok(isPlain({ ...NONE, key }));
  assert.ok(isPlain({ ...NONE, key: "*", shiftKey: true }));
  assert.ok(!isPlain({ ...NONE, key: "s", ctrlKey: true }));
  assert.ok(!isPlain({ ...NONE, key: "s", metaKey: true }));
  assert.ok(!isPlain({ ...NONE, key: "Enter", shiftKey: true }));
});
