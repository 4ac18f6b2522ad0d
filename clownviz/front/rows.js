// @ts-check
/**
 * The rows of the tree as data: nesting, folded runs, which rows show, search, where keys lead.
 * Nothing here knows the page, so all of it is tested without one.
 *
 * @typedef {import("./types.js").SceneModule} SceneModule
 *
 * @typedef {object} Row
 * @property {string} key unique; a module's path, or that of a run after "run:"
 * @property {SceneModule | null} module null for a run
 * @property {string} name
 * @property {string} kind
 * @property {number} level 1 for the model
 * @property {Row | null} parent
 * @property {Row[]} children
 * @property {number} place among its siblings, from 1
 */

/**
 * Nest the flat list of a scene. Siblings that are built alike become children of a run, which is
 * one row: "6 × Block".
 *
 * @param {SceneModule[]} modules parents before children
 * @returns {Row[]} the roots, normally one
 */
export function nest(modules) {
  /** @type {Row} */
  const top = row("", null, "", "", 0, null);
  const open = [top];
  for (const module of modules) {
    open.length = module.depth + 1;
    const parent = open[module.depth] ?? top;
    const own = row(module.path, module, module.name, module.kind, 0, parent);
    parent.children.push(own);
    open.push(own);
  }
  fold(top);
  number(top);
  return top.children.map((child) => Object.assign(child, { parent: null }));
}

/**
 * @param {string} key
 * @param {SceneModule | null} module
 * @param {string} name
 * @param {string} kind
 * @param {number} level
 * @param {Row | null} parent
 * @returns {Row}
 */
function row(key, module, name, kind, level, parent) {
  return { key, module, name, kind, level, parent, children: [], place: 1 };
}

/** @param {Row} top */
function fold(top) {
  const queue = [top];
  for (let parent = queue.pop(); parent; parent = queue.pop()) {
    /** @type {Row[]} */
    const folded = [];
    for (let i = 0; i < parent.children.length; ) {
      const first = parent.children[i];
      const run = first.module?.repeat;
      const length = run ? run.count * run.first.length : 1;
      const members = parent.children.slice(i, i + length);
      folded.push(run ? asRun(run, members, parent) : first);
      queue.push(...members);
      i += members.length;
    }
    parent.children = folded;
  }
}

/**
 * @param {import("./types.js").Repeat} repeat
 * @param {Row[]} members
 * @param {Row} parent
 */
function asRun(repeat, members, parent) {
  const last = members[members.length - 1];
  const name = `${members[0].name} … ${last.name}`;
  const kinds = members.slice(0, repeat.first.length).map((member) => member.kind);
  const group = kinds.length > 1 ? `(${kinds.join(", ")})` : kinds[0];
  const run = row(`run:${members[0].key}`, null, name, `${repeat.count} × ${group}`, 0, parent);
  run.children = members;
  for (const member of members) member.parent = run;
  return run;
}

/** @param {Row} top */
function number(top) {
  const queue = [top];
  for (let parent = queue.pop(); parent; parent = queue.pop()) {
    parent.children.forEach((child, i) => {
      child.level = /** @type {Row} */ (parent).level + 1;
      child.place = i + 1;
    });
    queue.push(...parent.children);
  }
}

/**
 * Every row below these, in the order in which they are read.
 *
 * @param {Row[]} roots
 * @param {(row: Row) => boolean} [enter] whether to go on below a row
 * @returns {Row[]}
 */
export function walk(roots, enter = () => true) {
  /** @type {Row[]} */
  const rows = [];
  const stack = [...roots].reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    rows.push(next);
    if (enter(next)) for (let i = next.children.length; i--; ) stack.push(next.children[i]);
  }
  return rows;
}

/**
 * Open level after level while everything still fits; runs stay folded.
 *
 * @param {Row[]} roots
 * @param {number} room how many rows fit
 * @returns {Set<string>} keys of the open rows
 */
export function openToFit(roots, room) {
  const open = new Set(roots.map((root) => root.key));
  let level = roots;
  let shown = roots.length;
  while (level.length) {
    const next = level.filter((r) => r.module || roots.includes(r)).flatMap((r) => r.children);
    shown += next.length;
    if (shown > room && level !== roots) break;
    for (const parent of level) if (parent.module) open.add(parent.key);
    level = next;
  }
  return open;
}

/**
 * @param {Row} row
 * @returns {Row[]} the rows that hold it, the outermost first
 */
export function ancestors(row) {
  const found = [];
  for (let parent = row.parent; parent; parent = parent.parent) found.unshift(parent);
  return found;
}

/**
 * The rows that a search keeps: those that match, and what leads to them.
 *
 * @param {Row[]} roots
 * @param {string} query
 * @returns {{ rows: Row[], matches: Set<Row> }}
 */
export function search(roots, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const all = walk(roots);
  const matches = new Set(
    all.filter((r) => {
      const text = `${r.module?.path ?? r.name} ${r.kind}`.toLowerCase();
      return r.module && words.every((word) => text.includes(word));
    }),
  );
  const kept = new Set(matches);
  for (const match of matches) {
    for (let up = match.parent; up && !kept.has(up); up = up.parent) kept.add(up);
  }
  return { rows: all.filter((r) => kept.has(r)), matches };
}

/**
 * Where a key leads from a row, as in every tree of the desktop.
 *
 * @param {string} key as in KeyboardEvent.key
 * @param {Row[]} rows those that show
 * @param {Row} from
 * @param {(row: Row) => boolean} isOpen
 * @param {number} page how many rows a page has
 * @returns {{ to?: Row, open?: Row, close?: Row, level?: Row } | null}
 */
export function lead(key, rows, from, isOpen, page) {
  const at = rows.indexOf(from);
  /** @param {number} place */
  const to = (place) => ({ to: rows[Math.max(0, Math.min(rows.length - 1, place))] });
  switch (key) {
    case "ArrowDown":
      return to(at + 1);
    case "ArrowUp":
      return to(at - 1);
    case "Home":
      return to(0);
    case "End":
      return to(rows.length - 1);
    case "PageDown":
      return to(at + page);
    case "PageUp":
      return to(at - page);
    case "ArrowRight":
      if (!from.children.length) return null;
      return isOpen(from) ? to(at + 1) : { open: from };
    case "ArrowLeft":
      if (from.children.length && isOpen(from)) return { close: from };
      return from.parent ? { to: from.parent } : null;
    case "*":
      return { level: from };
    default:
      return null;
  }
}

/**
 * Which rows of a long list are drawn: what is seen, and a few more on each side.
 *
 * @param {number} scrolled
 * @param {number} height of what is seen
 * @param {number} rowHeight
 * @param {number} count
 * @param {number} [spare]
 */
export function seen(scrolled, height, rowHeight, count, spare = 8) {
  const first = Math.max(0, Math.floor(scrolled / rowHeight) - spare);
  const last = Math.min(count, Math.ceil((scrolled + height) / rowHeight) + spare);
  return { first: Math.min(first, last), last };
}
