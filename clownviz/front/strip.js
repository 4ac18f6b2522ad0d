// @ts-check
/**
 * A heat strip: one row a layer, steps from left to right, colour for a norm or a ratio on a log
 * scale.
 */
import { Surface } from "./canvas.js";
import { lowerBound, nearest } from "./curves.js";
import { h } from "./dom.js";
import { formatNumber, mapTable, rgb } from "./look.js";
import { Steering } from "./steer.js";

/** @typedef {import("./curves.js").Points} Points */
/** @typedef {import("./steer.js").View} View */

const ROW = 20;
const MOST_HEIGHT = 320;
const LEVELS = 251;

/**
 * @typedef {object} Row
 * @property {string} path
 * @property {string} name what is written
 * @property {string} colour of its curve
 * @property {Points} points
 */

/**
 * @callback Painter colours the pixel at `at` for the points from `begin` to `end`
 * @param {Uint8ClampedArray} data
 * @param {number} at
 * @param {Points} points
 * @param {number} begin
 * @param {number} end
 */

/** @typedef {{ map: "sequential" | "diverging", low: number, high: number }} HeatScale */

/**
 * The scale of gradient norms: all that is there, but at most eight powers of ten below the
 * largest.
 * @param {Points[]} all
 * @returns {HeatScale}
 */
export function normScale(all) {
  let low = Infinity;
  let high = 0;
  for (const { values, count } of all) {
    for (let i = 0; i < count; i++) {
      const value = values[i];
      if (!(value > 0) || value === Infinity) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!high) return { map: "sequential", low: 0.1, high: 1 };
  return { map: "sequential", low: Math.max(Math.min(low, high / 10), high * 1e-8), high };
}

/** Update ratios have a usual size: 1e-3 is neutral, a hundred times less or more is the end. */
export const RATIO_SCALE = /** @type {HeatScale} */ ({ map: "diverging", low: 1e-5, high: 1e-1 });

/**
 * What one cell shows for the points from `begin` to `end`: the geometric mean, but NaN or ∞ if
 * any is.
 * @param {Points} points
 * @param {number} begin
 * @param {number} end
 * @returns {number} `points.absent` where no point has a value
 */
export function cell(points, begin, end) {
  let sum = 0;
  let count = 0;
  let zeros = 0;
  let infinite = false;
  for (let i = begin; i < end; i++) {
    const value = points.values[i];
    if (Number.isNaN(value)) return NaN;
    if (value === Infinity) infinite = true;
    else if (value > 0) sum += Math.log(value);
    if (value > 0) count += 1;
    else if (value === 0) zeros += 1;
  }
  if (infinite) return Infinity;
  if (count) return Math.exp(sum / count);
  return zeros ? 0 : (points.absent ?? 0);
}

/**
 * Where a value stands on a scale: 0…LEVELS-1.
 * @param {HeatScale} scale
 * @param {number} value
 */
export function level({ low, high }, value) {
  const place = Math.log(value / low) / Math.log(high / low);
  return Math.round(Math.min(Math.max(place, 0), 1) * (LEVELS - 1));
}

export class Strip {
  /**
   * @param {object} options
   * @param {string} options.label
   * @param {View} options.view
   * @param {() => Row[]} options.rows
   * @param {() => HeatScale} options.scale
   * @param {import("./steer.js").Area} options.area
   * @param {() => string | null} options.selection
   * @param {(path: string) => void} options.onselect
   */
  constructor({ label, view, rows, scale, area, selection, onselect }) {
    this.view = view;
    this.rows = rows;
    this.scale = scale;
    this.area = area;
    this.selection = selection;
    this.onselect = onselect;
    this.pixels = document.createElement("canvas");
    this.canvas = h("canvas", { class: "cv-strip-canvas" });
    this.option = h("div", { class: "cv-hidden", role: "option", "aria-selected": "true" });
    this.option.id = `cv-strip-${Math.random().toString(36).slice(2)}`;
    this.space = h("div", { class: "cv-strip-space" }, this.canvas);
    this.element = h(
      "div",
      { class: "cv-strip", role: "listbox", tabindex: 0, "aria-label": label },
      this.space,
      this.option,
    );
    this.surface = new Surface(this.canvas, () => this.draw());
    this.element.addEventListener("scroll", () => this.request());
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.steering = new Steering(this.canvas, view, area);
  }

  /** The number of rows has changed. */
  resize() {
    const total = this.rows().length * ROW;
    this.space.style.height = `${total}px`;
    this.canvas.style.height = `${Math.min(total, MOST_HEIGHT)}px`;
    this.request();
  }

  request() {
    this.surface.request();
  }

  dispose() {
    this.surface.dispose();
  }

  draw() {
    const rows = this.rows();
    const top = this.element.scrollTop;
    const first = Math.floor(top / ROW);
    const visible = rows.slice(first, Math.ceil((top + this.surface.height) / ROW));
    const { left, right } = this.area(this.surface.width);
    if (visible.length && visible[0].points.count) this.drawCells(visible, first * ROW - top);
    visible.forEach((row, i) => this.drawLabel(row, (first + i) * ROW - top, right));
    this.drawCursor(left, right);
    this.tell(rows);
  }

  /**
   * @param {Row[]} rows
   * @param {number} offset
   */
  drawCells(rows, offset) {
    const { context, width } = this.surface;
    const { left, right } = this.area(width);
    const columns = Math.max(1, Math.round(right - left));
    const { pixels } = this;
    if (pixels.width !== columns) pixels.width = columns;
    if (pixels.height !== rows.length) pixels.height = rows.length;
    const brush = /** @type {CanvasRenderingContext2D} */ (pixels.getContext("2d"));
    const image = brush.createImageData(columns, rows.length);
    const paint = this.painter();
    const bounds = this.bounds(rows[0].points, columns);
    rows.forEach((row, r) => {
      for (let c = 0; c < columns; c++) {
        const begin = bounds[2 * c];
        const end = bounds[2 * c + 1];
        if (end > begin) paint(image.data, 4 * (r * columns + c), row.points, begin, end);
      }
    });
    brush.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(pixels, left, offset, columns, rows.length * ROW);
    context.fillStyle = this.surface.colour("background");
    for (let r = 0; r <= rows.length; r++) {
      context.fillRect(left, offset + r * ROW - 1, columns, 2);
    }
  }

  /**
   * For each pixel column the points it stands for: those that fall into it, or the last one
   * before it.
   * @param {Points} points
   * @param {number} columns
   */
  bounds({ steps, count }, columns) {
    const [from, to] = this.view.range ?? this.view.whole;
    const bounds = new Int32Array(2 * columns);
    const stride = (to - from) / columns;
    let begin = lowerBound(steps, count, from);
    for (let c = 0; c < columns; c++) {
      const end = lowerBound(steps, count, from + (c + 1) * stride);
      const before = Math.max(0, end - 1);
      bounds[2 * c] = end > begin ? begin : before;
      bounds[2 * c + 1] = Math.max(end, before + (count ? 1 : 0));
      begin = Math.max(begin, end);
    }
    return bounds;
  }

  /** @returns {Painter} */
  painter() {
    const scale = this.scale();
    const table = mapTable(scale.map, LEVELS);
    const nan = this.bytes("nan");
    const infinite = this.bytes("infinite");
    const masked = this.bytes("masked");
    return (data, at, points, begin, end) => {
      const value = cell(points, begin, end);
      const odd = Number.isNaN(value) ? nan : value === Infinity ? infinite : null;
      const colour = odd ?? (value === points.absent ? masked : null);
      const from = colour ? 0 : 3 * level(scale, value);
      const source = colour ?? table;
      for (let i = 0; i < 3; i++) data[at + i] = source[from + i];
      data[at + 3] = 255;
    };
  }

  /** @param {string} name */
  bytes(name) {
    const colour = this.surface.colour(name);
    return colour.startsWith("#") ? rgb(colour) : [128, 128, 128];
  }

  /**
   * @param {Row} row
   * @param {number} y
   * @param {number} right
   */
  drawLabel(row, y, right) {
    const { context, width } = this.surface;
    const chosen = row.path === this.selection();
    if (chosen) {
      context.fillStyle = this.surface.colour("selection");
      context.fillRect(right + 2, y + 1, width - right - 2, ROW - 2);
      context.strokeStyle = this.surface.colour("accent");
      context.lineWidth = 1.5;
      context.strokeRect(
        this.area(width).left - 0.75,
        y + 0.75,
        width - this.area(width).left,
        ROW - 1.5,
      );
    }
    const middle = y + ROW / 2;
    const keyed = row.colour !== "masked";
    const x = right + (keyed ? 21 : 8);
    context.fillStyle = this.surface.colour(row.colour);
    if (keyed) context.fillRect(right + 8, middle - 4, 8, 8);
    context.textBaseline = "middle";
    context.font = this.surface.font();
    const value = this.valueOf(row.points);
    context.textAlign = "right";
    context.fillStyle = this.surface.colour("muted");
    context.fillText(value, width - 4, middle);
    const room = width - 10 - context.measureText(value).width - x;
    context.textAlign = "left";
    context.fillStyle = this.surface.colour("text");
    if (chosen) context.font = `bold ${this.surface.font()}`;
    context.fillText(
      elided(row.name, room, (text) => context.measureText(text).width),
      x,
      middle,
    );
  }

  /**
   * The value at the cursor, else the newest.
   * @param {Points} points
   */
  valueOf(points) {
    const { cursor } = this.view;
    const at = cursor === null ? points.count - 1 : nearest(points.steps, points.count, cursor);
    if (at < 0 || points.values[at] === points.absent) return "–";
    return formatNumber(points.values[at]);
  }

  /**
   * @param {number} left
   * @param {number} right
   */
  drawCursor(left, right) {
    const { cursor, range, whole } = this.view;
    if (cursor === null) return;
    const [from, to] = range ?? whole;
    const x = Math.round(left + ((cursor - from) / (to - from || 1)) * (right - left)) + 0.5;
    if (x < left || x > right + 1) return;
    const { context, height } = this.surface;
    context.strokeStyle = this.surface.colour("text");
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {MouseEvent} event */
  click(event) {
    // The end of a drag over steps is not a choice of a layer.
    if (this.steering.dragged) return;
    const y = event.clientY - this.canvas.getBoundingClientRect().top + this.element.scrollTop;
    const row = this.rows()[Math.floor(y / ROW)];
    if (row) this.onselect(row.path);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const rows = this.rows();
    const at = rows.findIndex((row) => row.path === this.selection());
    /** @type {Record<string, number>} */
    const targets = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const to = Math.min(Math.max(target, 0), rows.length - 1);
    if (!rows[to]) return;
    const { scrollTop, clientHeight } = this.element;
    if (to * ROW < scrollTop) this.element.scrollTop = to * ROW;
    if ((to + 1) * ROW > scrollTop + clientHeight)
      this.element.scrollTop = (to + 1) * ROW - clientHeight;
    this.onselect(rows[to].path);
  }

  /** @param {Row[]} rows */
  tell(rows) {
    const at = rows.findIndex((row) => row.path === this.selection());
    if (at < 0) {
      this.element.removeAttribute("aria-activedescendant");
      this.option.textContent = "";
      return;
    }
    const text = `${rows[at].name} ${this.valueOf(rows[at].points)}`;
    if (this.option.textContent !== text) this.option.textContent = text;
    this.option.setAttribute("aria-posinset", String(at + 1));
    this.option.setAttribute("aria-setsize", String(rows.length));
    this.element.setAttribute("aria-activedescendant", this.option.id);
  }
}

/**
 * A text cut at its left to fit: the end of a path says more than its beginning.
 * @param {string} text
 * @param {number} room
 * @param {(text: string) => number} measure
 */
export function elided(text, room, measure) {
  if (measure(text) <= room) return text;
  let [low, high] = [0, text.length];
  while (low < high) {
    const cut = (low + high) >> 1;
    if (measure(`…${text.slice(cut)}`) <= room) high = cut;
    else low = cut + 1;
  }
  return `…${text.slice(low)}`;
}
