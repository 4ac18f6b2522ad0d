// @ts-check
/**
 * Pictures that answer: pointing at a cell, or walking there by arrow keys, says which it is and
 * what it holds.
 *
 * A view's `<img>` is an SVG whose `<image>`s hold one pixel a cell, in colours of which no two
 * codes share one. So the number is read from the picture itself, and stands nowhere twice.
 *
 * @typedef {object} Cells what an `<image>` says of its cells
 * @property {string} index how a cell is written, with {r} and {c}
 * @property {[number, number]} rows the first row's place, and the step to the next
 * @property {[number, number]} columns
 * @property {number} limit the value of the last colour
 * @property {number} [low] the value of the first colour on a logarithmic scale
 * @property {"linear" | "square" | "log"} [scale]
 * @property {boolean} signed whether the colours are those of the diverging map
 * @property {string} [unit] what follows the number
 * @property {boolean} [numbered] whether names stand behind numbers, or for them
 * @property {string[]} [row_names]
 * @property {string[]} [column_names]
 */
import { codes, formatNumber, mapTable, rgb, themes } from "./look.js";

const TOP = codes.top;
const MASKED = "masked";

/**
 * The number that a colour stands for.
 *
 * @param {number} code
 * @param {Cells} cells
 */
export function valueOfCode(code, { limit, low = 0, scale = "linear", signed }) {
  const share = code / TOP;
  if (scale === "square") return share * share * limit;
  if (scale === "log") return low * (limit / low) ** share;
  return (signed ? 2 * share - 1 : share) * limit;
}

/**
 * What a pixel says: its code, `masked`, or null for a colour that is no cell's.
 *
 * @param {Uint8ClampedArray | number[]} pixel RGBA
 * @param {boolean} signed
 * @returns {number | "masked" | null}
 */
export function codeOfPixel(pixel, signed) {
  if (pixel[3] === 0) return MASKED;
  return coloursOf(signed).get((pixel[0] << 16) | (pixel[1] << 8) | pixel[2]) ?? null;
}

/** @type {Map<boolean, Map<number, number>>} */
const known = new Map();

/** @param {boolean} signed */
function coloursOf(signed) {
  const found = known.get(signed);
  if (found) return found;
  const table = mapTable(signed ? "diverging" : "sequential", TOP + 1);
  /** @type {Map<number, number>} */
  const colours = new Map();
  /** @param {number} code */
  const colour = (code) =>
    (table[code * 3] << 16) | (table[code * 3 + 1] << 8) | table[code * 3 + 2];
  for (let code = 0; code <= TOP; code++) colours.set(colour(code), code);
  colours.set(colour(TOP) ^ 1, codes.posinf);
  colours.set(colour(0) ^ 1, codes.neginf);
  const [r, g, b] = rgb(themes.light.nan);
  colours.set((r << 16) | (g << 8) | b, codes.nan);
  known.set(signed, colours);
  return colours;
}

/**
 * What a cell says when it is asked.
 *
 * @param {Cells} cells
 * @param {number} row within the image
 * @param {number} column
 * @param {number | "masked" | null} code
 */
export function answer(cells, row, column, code) {
  const [r, c] = [place(cells.rows, row), place(cells.columns, column)];
  const index = cells.index.replace(/\{[rc]\}/g, (mark) =>
    mark === "{r}" ? named(r, cells, cells.row_names) : named(c, cells, cells.column_names),
  );
  return `${index} ${textOf(cells, code)}${cells.unit ? ` ${cells.unit}` : ""}`;
}

/**
 * A place with its name, if it has one.
 *
 * @param {number} at
 * @param {Cells} cells
 * @param {string[] | undefined} names
 */
function named(at, { numbered = true }, names) {
  if (names?.[at] === undefined) return String(at);
  return numbered ? `${at} ${names[at]}` : names[at];
}

/**
 * @param {[number, number]} axis
 * @param {number} at
 */
function place([first, step], at) {
  return first + step * at;
}

/**
 * @param {Cells} cells
 * @param {number | "masked" | null} code
 */
function textOf(cells, code) {
  if (code === MASKED || code === null) return "masked";
  if (code === codes.nan) return "NaN";
  if (code === codes.posinf) return "∞";
  if (code === codes.neginf) return "-∞";
  const value = valueOfCode(code, cells);
  const below = cells.signed || cells.scale === "log";
  const ends = code === TOP ? "≥" : code === 0 && below ? "≤" : "≈";
  return `${ends} ${formatNumber(rounded(value, code, cells))}`;
}

/**
 * A value without the digits that its colour cannot know.
 *
 * @param {number} value
 * @param {number} code
 * @param {Cells} cells
 */
function rounded(value, code, cells) {
  const near = valueOfCode(code < TOP ? code + 1 : code - 1, cells);
  const step = Math.abs(near - value);
  if (code === 0 || code === TOP || !(step > 0)) return value;
  const unit = 10 ** Math.floor(Math.log10(step));
  return Math.round(value / unit) * unit;
}

/**
 * Replace the picture of an `<img>` by the SVG itself, and let its cells answer.
 *
 * @param {HTMLImageElement} img
 */
export function open(img) {
  img.classList.remove("cv-asks");
  const text = textOfSource(img.src);
  const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (svg.localName !== "svg") return;
  const holder = document.createElement("div");
  holder.className = "clownviz cv-asked";
  holder.style.cssText = "position:relative;max-width:100%;display:inline-block;line-height:0";
  svg.setAttribute("style", "max-width:100%;height:auto");
  holder.append(document.importNode(svg, true));
  img.replaceWith(holder);
  listen(holder);
}

/** @param {string} source "data:image/svg+xml;base64,…" or percent-encoded */
function textOfSource(source) {
  const comma = source.indexOf(",");
  const data = source.slice(comma + 1);
  if (!source.slice(0, comma).endsWith(";base64")) return decodeURIComponent(data);
  return new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
}

/**
 * @param {HTMLElement} holder
 */
function listen(holder) {
  const tip = document.createElement("div");
  tip.setAttribute("role", "status");
  tip.style.cssText = TIP;
  holder.append(tip);
  /** @type {Map<SVGImageElement, Promise<Pixels | null>>} */
  const read = new Map();
  /** @type {{ image: SVGImageElement, row: number, column: number } | null} */
  let at = null;

  /** @param {SVGImageElement} image */
  const pixelsOf = (image) => {
    const known = read.get(image) ?? readPixels(image);
    read.set(image, known);
    return known;
  };

  /**
   * @param {SVGImageElement} image
   * @param {number} row
   * @param {number} column
   */
  const say = async (image, row, column) => {
    at = { image, row, column };
    const pixels = await pixelsOf(image);
    if (!pixels || at.image !== image || at.row !== row || at.column !== column) return;
    /** @type {Cells} */
    const cells = { ...namesOf(image), ...JSON.parse(image.dataset.cells ?? "{}") };
    const start = (row * pixels.columns + column) * 4;
    const code = codeOfPixel(pixels.data.subarray(start, start + 4), cells.signed);
    tip.textContent = answer(cells, row, column, code);
    tip.style.display = "block";
    const [box, outer] = [image.getBoundingClientRect(), holder.getBoundingClientRect()];
    const x = box.left - outer.left + ((column + 1) / pixels.columns) * box.width;
    const y = box.top - outer.top + ((row + 1) / pixels.rows) * box.height;
    tip.style.left = `${Math.max(0, Math.min(x + 8, outer.width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 8}px`;
  };

  holder.addEventListener("pointermove", async (event) => {
    const image = imageAt(event.target);
    const pixels = image && (await pixelsOf(image));
    if (!image || !pixels) return hide();
    const box = image.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * pixels.columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * pixels.rows);
    return say(image, within(row, pixels.rows), within(column, pixels.columns));
  });
  const hide = () => {
    at = null;
    tip.style.display = "none";
  };
  holder.addEventListener("pointerleave", hide);
  holder.addEventListener("focusout", hide);
  holder.addEventListener("keydown", async (event) => {
    const step = STEPS[event.key];
    const image = imageAt(event.target);
    const pixels = image && (await pixelsOf(image));
    if (!step || !image || !pixels || event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = at?.image === image ? [at.row + step[0], at.column + step[1]] : [0, 0];
    say(image, within(row, pixels.rows), within(column, pixels.columns));
  });
  for (const image of holder.querySelectorAll("image[data-cells]")) {
    image.setAttribute("tabindex", "0");
  }
}

/** @typedef {{ data: Uint8ClampedArray, rows: number, columns: number }} Pixels */

/**
 * @param {SVGImageElement} image
 * @returns {Promise<Pixels | null>}
 */
async function readPixels(image) {
  const picture = new Image();
  picture.src = image.getAttribute("href") ?? "";
  try {
    await picture.decode();
  } catch {
    return null;
  }
  const { naturalWidth: columns, naturalHeight: rows } = picture;
  const context = new OffscreenCanvas(columns, rows).getContext("2d");
  if (!context) return null;
  context.drawImage(picture, 0, 0);
  return { data: context.getImageData(0, 0, columns, rows).data, rows, columns };
}

/**
 * The names of rows and columns, where many images share them.
 *
 * @param {SVGImageElement} image
 */
function namesOf(image) {
  const holder = image.closest("[data-names]");
  return JSON.parse(holder?.getAttribute("data-names") ?? "{}");
}

/** @param {EventTarget | null} target */
function imageAt(target) {
  return target instanceof SVGImageElement && target.dataset.cells ? target : null;
}

/**
 * @param {number} at
 * @param {number} count
 */
function within(at, count) {
  return Math.max(0, Math.min(count - 1, at));
}

/** @type {Record<string, [number, number]>} */
const STEPS = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

const TIP =
  "display:none;position:absolute;z-index:9;pointer-events:none;padding:3px 7px;" +
  "border-radius:4px;white-space:nowrap;font:12px/1.4 var(--cv-font-code, monospace);" +
  "background:var(--cv-text, #1f2328);color:var(--cv-background, #fff)";

/**
 * Open every picture of a page that can answer.
 *
 * @param {Document} page
 */
export function openPictures(page) {
  for (const img of page.querySelectorAll("img.cv-asks")) {
    if (img instanceof HTMLImageElement) open(img);
  }
}
