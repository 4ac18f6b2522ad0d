// @ts-check
/**
 * One block of cells on a canvas: pixel-perfect, with signs on clipped cells, ×, ∞; a pointer or
 * the arrow keys ask a cell for its value.
 *
 * @typedef {import("./codes.js").Mark} Mark
 * @typedef {import("./geometry.js").Grid} Grid
 */
import { markOf, paint, palette } from "./codes.js";
import { pieces, placeAt, sizeOf, startOf } from "./geometry.js";
import { h } from "./dom.js";

/** Below this many device pixels a sign cannot be read, and the legend counts instead. */
const SMALLEST_SIGN = 7;

/**
 * @typedef {object} Block
 * @property {Uint8Array} cells
 * @property {number} range
 * @property {number} limit
 * @property {boolean} signed
 */

/**
 * Draw a block into a canvas of the grid's size.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Block} block
 * @param {Grid} grid in device pixels
 */
export function drawBlock(canvas, { cells, range, limit, signed }, grid) {
  const { rows, cols, cell, cutRow, cutCol, gap } = grid;
  const { width, height } = sizeOf(grid);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context || !rows || !cols) return;
  const colours = palette(range, limit, signed);
  const small = new OffscreenCanvas(cols, rows);
  small.getContext("2d")?.putImageData(new ImageData(paint(cells, colours), cols, rows), 0, 0);
  context.imageSmoothingEnabled = false;
  for (const [row, height_] of pieces(rows, cutRow)) {
    for (const [col, width_] of pieces(cols, cutCol)) {
      const [x, y] = [startOf(col, cell, cutCol, gap), startOf(row, cell, cutRow, gap)];
      context.drawImage(small, col, row, width_, height_, x, y, width_ * cell, height_ * cell);
    }
  }
  if (cell < SMALLEST_SIGN) return;
  cells.forEach((code, i) => {
    const mark = markOf(code, range, limit, signed);
    if (!mark) return;
    const x = startOf(i % cols, cell, cutCol, gap) + cell / 2;
    const y = startOf(Math.floor(i / cols), cell, cutRow, gap) + cell / 2;
    drawSign(context, mark, x, y, cell, inkOn(colours, code));
  });
}

/**
 * @param {Uint8ClampedArray} colours
 * @param {number} code
 */
function inkOn(colours, code) {
  const [r, g, b] = colours.subarray(code * 4, code * 4 + 3);
  return r * 0.3 + g * 0.6 + b * 0.1 > 150 ? "#000" : "#fff";
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Mark} mark
 * @param {number} x
 * @param {number} y
 * @param {number} cell
 * @param {string} ink
 */
function drawSign(context, mark, x, y, cell, ink) {
  const arm = Math.max(2, Math.round(cell * 0.22));
  context.strokeStyle = ink;
  context.lineWidth = Math.max(1, Math.round(cell / 9));
  context.beginPath();
  if (mark === "nan") {
    cross(context, x, y, arm, arm);
    cross(context, x, y, arm, -arm);
  } else if (mark === "posinf" || mark === "neginf") {
    const loop = arm * 0.75;
    context.ellipse(x - loop, y, loop, loop * 0.8, 0, 0, Math.PI * 2);
    context.moveTo(x + loop * 2, y);
    context.ellipse(x + loop, y, loop, loop * 0.8, 0, 0, Math.PI * 2);
  } else {
    cross(context, x, y, arm, 0);
    if (mark === "high") cross(context, x, y, 0, arm);
  }
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} dx
 * @param {number} dy
 */
function cross(context, x, y, dx, dy) {
  context.moveTo(x - dx, y - dy);
  context.lineTo(x + dx, y + dy);
}

/**
 * How many device pixels make a CSS pixel. Cells are whole in device pixels.
 */
export function density() {
  return globalThis.devicePixelRatio || 1;
}

/**
 * A block that can be asked: `onask(row, col, element)`, with nulls where the pointer leaves.
 *
 * @param {object} options
 * @param {Block} options.block
 * @param {Grid} options.grid in CSS pixels
 * @param {string} options.label
 * @param {(row: number | null, col: number | null, at: { x: number, y: number }) => void}
 *   options.onask
 */
export function createPicture({ block, grid, label, onask }) {
  const scale = density();
  /** @type {Grid} */
  const device = { ...grid, cell: Math.max(1, Math.round(grid.cell * scale)) };
  device.gap = Math.round(grid.gap * scale);
  const canvas = h("canvas", { class: "cv-cells", "aria-hidden": "true" });
  const size = sizeOf(device);
  const cursor = h("div", { class: "cv-cursor", hidden: true });
  const element = h(
    "div",
    { class: "cv-picture", tabindex: "0", role: "img", "aria-label": label },
    canvas,
    cursor,
  );
  for (const item of [canvas, element]) {
    item.style.width = `${size.width / scale}px`;
    item.style.height = `${size.height / scale}px`;
  }
  drawBlock(canvas, block, device);

  let row = 0;
  let col = 0;
  const move = () => {
    const { cell, cutCol, cutRow, gap } = device;
    const x = startOf(col, cell, cutCol, gap) / scale;
    const y = startOf(row, cell, cutRow, gap) / scale;
    cursor.hidden = false;
    Object.assign(cursor.style, { left: `${x}px`, top: `${y}px` });
    cursor.style.width = cursor.style.height = `${cell / scale}px`;
    const box = canvas.getBoundingClientRect();
    onask(row, col, { x: box.left + x + cell / scale, y: box.top + y });
  };
  const leave = () => {
    cursor.hidden = true;
    onask(null, null, { x: 0, y: 0 });
  };
  element.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    row = Math.max(0, Math.min(grid.rows - 1, row + step[0]));
    col = Math.max(0, Math.min(grid.cols - 1, col + step[1]));
    event.preventDefault();
    event.stopPropagation();
    move();
  });
  element.addEventListener("blur", leave);
  element.addEventListener("pointerleave", leave);
  element.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const { cell, cutCol, cutRow, gap } = device;
    const inCol = placeAt((event.clientX - box.left) * scale, grid.cols, cell, cutCol, gap);
    const inRow = placeAt((event.clientY - box.top) * scale, grid.rows, cell, cutRow, gap);
    if (inRow === null || inCol === null) return leave();
    [row, col] = [inRow, inCol];
    return move();
  });
  return element;
}

/** @type {Record<string, [number, number]>} */
const STEPS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
