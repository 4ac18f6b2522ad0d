// @ts-check
/**
 * Array codes, one byte a cell, and what they look like.
 *
 * Codes 0…250 run over the range of a cell's map: from zero for non-negative data, about zero
 * (125) for signed data. The codes above say what a number cannot: clipped, NaN, ±Inf.
 */
import { codes, mapTable, rgb, themes } from "./look.js";

const TOP = codes.top;
const STEPS = TOP + 1;

/** @typedef {"low" | "high" | "nan" | "posinf" | "neginf"} Mark */

/** @type {Map<string, Uint8ClampedArray>} */
const tables = new Map();

/** @param {boolean} signed */
function tableOf(signed) {
  const name = signed ? "diverging" : "sequential";
  const known = tables.get(name);
  if (known) return known;
  const table = mapTable(name, STEPS);
  tables.set(name, table);
  return table;
}

/**
 * The number that a code stands for; a clipped one gives the end of the range.
 *
 * @param {number} code
 * @param {number} range the magnitude of the last code
 * @param {boolean} signed
 */
export function valueOf(code, range, signed) {
  if (code === codes.nan) return NaN;
  if (code === codes.posinf) return Infinity;
  if (code === codes.neginf) return -Infinity;
  if (code === codes.low) return signed ? -range : 0;
  if (code === codes.high) return range;
  return signed ? ((code - TOP / 2) / (TOP / 2)) * range : (code / TOP) * range;
}

/**
 * Which sign a cell carries over its colour, if any, where colours end at `limit`.
 *
 * @param {number} code
 * @param {number} range
 * @param {number} limit
 * @param {boolean} signed
 * @returns {Mark | null}
 */
export function markOf(code, range, limit, signed) {
  if (code === codes.nan) return "nan";
  if (code === codes.posinf) return "posinf";
  if (code === codes.neginf) return "neginf";
  if (code === codes.low) return "low";
  if (code === codes.high) return "high";
  const value = valueOf(code, range, signed);
  // A value within half a step of the limit may well lie below it.
  const beyond = Math.abs(value) > limit + range / TOP / 2;
  if (!beyond) return null;
  return value < 0 ? "low" : "high";
}

/**
 * RGBA of every code, 256 × 4 bytes, where the code's range is `range` and colours end at `limit`.
 *
 * @param {number} range
 * @param {number} limit
 * @param {boolean} signed
 */
export function palette(range, limit, signed) {
  const table = tableOf(signed);
  const colours = new Uint8ClampedArray(256 * 4).fill(255);
  for (let code = 0; code <= TOP; code++) {
    copy(table, stepOf(valueOf(code, range, signed), limit, signed), colours, code);
  }
  for (const code of [codes.low, codes.neginf]) copy(table, 0, colours, code);
  for (const code of [codes.high, codes.posinf]) copy(table, TOP, colours, code);
  colours.set(rgb(themes.light.nan), codes.nan * 4);
  return colours;
}

/**
 * @param {number} value
 * @param {number} limit
 * @param {boolean} signed
 */
function stepOf(value, limit, signed) {
  const share = limit > 0 ? Math.max(-1, Math.min(1, value / limit)) : Math.sign(value);
  return Math.round(signed ? (share + 1) * (TOP / 2) : share * TOP);
}

/**
 * @param {Uint8ClampedArray} table
 * @param {number} step
 * @param {Uint8ClampedArray} colours
 * @param {number} code
 */
function copy(table, step, colours, code) {
  colours.set(table.subarray(step * 3, step * 3 + 3), code * 4);
}

/**
 * The pixels of a block of codes.
 *
 * @param {Uint8Array} cells
 * @param {Uint8ClampedArray} colours from `palette`
 */
export function paint(cells, colours) {
  const pixels = new Uint8ClampedArray(cells.length * 4);
  const from = new Uint32Array(colours.buffer, colours.byteOffset, 256);
  const to = new Uint32Array(pixels.buffer);
  for (let i = 0; i < cells.length; i++) to[i] = from[cells[i]];
  return pixels;
}

/**
 * How many cells carry each mark.
 *
 * @param {Uint8Array} cells
 * @param {number} range
 * @param {number} limit
 * @param {boolean} signed
 */
export function countMarks(cells, range, limit, signed) {
  const each = new Uint32Array(256);
  for (const code of cells) each[code] += 1;
  const marks = { low: 0, high: 0, nan: 0, posinf: 0, neginf: 0 };
  each.forEach((count, code) => {
    const mark = count ? markOf(code, range, limit, signed) : null;
    if (mark) marks[mark] += count;
  });
  return marks;
}
