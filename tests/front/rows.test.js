// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { ancestors, lead, nest, openToFit, search, seen, walk } from "../../clownviz/front/rows.js";

/**
 * A scene's list of modules from "path Kind" lines; the depth is that of the path.
 * @param {string[]} lines
 * @param {Record<string, number>} [runs]
 * @returns {import("../../clownviz/front/types.js").SceneModule[]}
 */
function scene(lines, runs = {}) {
  return lines.map((line) => {
    const [path, kind] = line.split(" ");
    const parts = path === "." ? [] : path.split(".");
    return {
      path: parts.join("."),
      name: parts[parts.length - 1] ?? "",
      kind,
      family: "other",
      depth: parts.length,
      params: 0,
      input: "",
      output: "",
      calls: 1,
      tied: [],
      repeat: runs[path] ? { count: runs[path], first: [path] } : null,
    };
  });
}

const LENET = [
  ". LeNet",
  "features Sequential",
  "features.0 Conv2d",
  "features.1 ReLU",
  "fc Linear",
];

/** @param {import("../../clownviz/front/rows.js").Row[]} rows */
const keys = (rows) => rows.map((row) => row.key);

test("a flat list becomes a tree with levels and places", () => {
  const roots = nest(scene(LENET));
  assert.deepEqual(keys(walk(roots)), ["", "features", "features.0", "features.1", "fc"]);
  const [, features, , relu, fc] = walk(roots);
  assert.deepEqual([features.level, relu.level, relu.place, fc.place], [2, 3, 2, 2]);
  assert.deepEqual(keys(ancestors(relu)), ["", "features"]);
});

test("alike siblings are folded into one run, and the others stay", () => {
  const blocks = [0, 1, 2].flatMap((i) => [`b.${i} Block`, `b.${i}.fc Linear`]);
  const modules = scene([". GPT", "b ModuleList", ...blocks, "head Linear"], { "b.0": 3 });
  const roots = nest(modules);
  const [list, head] = roots[0].children;
  assert.deepEqual(keys(list.children), ["run:b.0"]);
  const [run] = list.children;
  assert.equal(`${run.name} | ${run.kind}`, "0 … 2 | 3 × Block");
  assert.deepEqual(keys(run.children), ["b.0", "b.1", "b.2"]);
  assert.deepEqual([run.level, run.children[0].level, head.key], [3, 4, "head"]);
});

test("a group of siblings that repeats is one run too", () => {
  const modules = scene([". Net", "0 Linear", "1 ReLU", "2 Linear", "3 ReLU", "4 Linear"]);
  modules[1].repeat = { count: 2, first: ["0", "1"] };
  const [run, last] = nest(modules)[0].children;
  assert.equal(`${run.name} | ${run.kind}`, "0 … 3 | 2 × (Linear, ReLU)");
  assert.deepEqual([keys(run.children), last.key], [["0", "1", "2", "3"], "4"]);
});

test("a tree opens as far as it fits, but runs stay folded", () => {
  const blocks = Array.from({ length: 6 }, (_, i) => [`${i} Block`, `${i}.fc Linear`]).flat();
  const roots = nest(scene([". Net", ...blocks], { 0: 6 }));
  assert.deepEqual(keys(walk(roots, (row) => openToFit(roots, 40).has(row.key))), ["", "run:0"]);
  const wide = nest(scene(LENET));
  assert.deepEqual(keys(walk(wide, (r) => openToFit(wide, 40).has(r.key))).length, 5);
  assert.deepEqual(keys(walk(wide, (r) => openToFit(wide, 3).has(r.key))), ["", "features", "fc"]);
});

test("search keeps what matches and what leads to it; every word counts", () => {
  const roots = nest(scene(LENET));
  const { rows, matches } = search(roots, "features conv");
  assert.deepEqual(keys(rows), ["", "features", "features.0"]);
  assert.deepEqual(keys([...matches]), ["features.0"]);
  assert.deepEqual(search(roots, "nothing").rows, []);
});

test("keys lead where a tree's keys lead everywhere", () => {
  const roots = nest(scene(LENET));
  const rows = walk(roots);
  const [root, features, conv, relu, fc] = rows;
  const open = () => true;
  assert.equal(lead("ArrowDown", rows, root, open, 3)?.to, features);
  assert.equal(lead("ArrowUp", rows, root, open, 3)?.to, root);
  assert.equal(lead("End", rows, root, open, 3)?.to, fc);
  assert.equal(lead("Home", rows, fc, open, 3)?.to, root);
  assert.equal(lead("PageDown", rows, root, open, 3)?.to, relu);
  assert.equal(lead("PageUp", rows, relu, open, 3)?.to, root);
  assert.equal(lead("ArrowRight", rows, features, () => false, 3)?.open, features);
  assert.equal(lead("ArrowRight", rows, features, open, 3)?.to, conv);
  assert.equal(lead("ArrowRight", rows, conv, open, 3), null);
  assert.equal(lead("ArrowLeft", rows, features, open, 3)?.close, features);
  assert.equal(lead("ArrowLeft", rows, conv, open, 3)?.to, features);
  assert.equal(lead("*", rows, features, open, 3)?.level, features);
  assert.equal(lead("x", rows, features, open, 3), null);
});

test("a very deep and a very long tree need no recursion", () => {
  const deep = Array.from({ length: 12_000 }, (_, i) => ({
    ...scene([". Deep"])[0],
    path: `${i}`,
    depth: i,
  }));
  assert.equal(walk(nest(deep)).length, 12_000);
});

test("only the rows that are seen are drawn", () => {
  assert.deepEqual(seen(0, 260, 26, 10_000), { first: 0, last: 18 });
  assert.deepEqual(seen(26_000, 260, 26, 10_000), { first: 992, last: 1018 });
  assert.deepEqual(seen(500, 260, 26, 3), { first: 3, last: 3 });
});
