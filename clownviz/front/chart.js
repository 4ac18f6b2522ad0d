// @ts-check
/**
 * A chart of curves over steps, on one canvas: linear or log, smoothed, with a cursor, pan and
 * zoom.
 */
import { Surface } from "./canvas.js";
import { columns, linearTicks, logTicks, nearest, usualSpan, valueRange } from "./curves.js";
import { h } from "./dom.js";
import { formatNumber } from "./look.js";
import { plotArea, Steering } from "./steer.js";

/** @typedef {import("./curves.js").Points} Points */
/** @typedef {import("./steer.js").Range} Range */
/** @typedef {import("./steer.js").View} View */

/**
 * @typedef {object} Curve
 * @property {string} name
 * @property {string} colour a name from look.json
 * @property {Points} points
 * @property {boolean} [faint] drawn thin, behind the others
 * @property {boolean} [hidden]
 */

const TOP = 10;
const BOTTOM = 22;

export class Chart {
  /**
   * @param {object} options
   * @param {string} options.label
   * @param {View} options.view
   * @param {() => Curve[]} options.curves
   * @param {number} [options.height]
   * @param {import("./steer.js").Area} [options.area]
   */
  constructor({ label, view, curves, height = 220, area = plotArea }) {
    this.area = area;
    this.view = view;
    this.curves = curves;
    this.log = false;
    /** @type {number | null} steps to average over; null is what suits the run */
    this.smoothing = null;
    this.boxed = true;
    /** @type {Range} */
    this.values = [0, 1];
    this.canvas = h("canvas", {
      class: "cv-chart-canvas",
      style: { height: `${height}px` },
      tabindex: 0,
      role: "img",
      "aria-label": label,
    });
    this.label = label;
    this.readout = h("div", { class: "cv-readout", "aria-hidden": "true" });
    this.element = h("div", { class: "cv-chart" }, this.canvas, this.readout);
    this.surface = new Surface(this.canvas, () => this.draw());
    this.steering = new Steering(this.canvas, view, area);
  }

  request() {
    this.surface.request();
  }

  dispose() {
    this.surface.dispose();
  }

  get range() {
    return this.view.range ?? this.view.whole;
  }

  /** @param {number} step */
  x(step) {
    const { left, right } = this.area(this.surface.width);
    const [from, to] = this.range;
    return left + ((step - from) / (to - from || 1)) * (right - left);
  }

  /** @param {number} value */
  y(value) {
    const [low, high] = this.values;
    const place = this.log
      ? Math.log(value / low) / Math.log(high / low)
      : (value - low) / (high - low || 1);
    return this.surface.height - BOTTOM - place * (this.surface.height - TOP - BOTTOM);
  }

  get span() {
    return this.smoothing ?? usualSpan(this.view.whole);
  }

  draw() {
    const { span } = this;
    const shown = this.curves()
      .filter((curve) => !curve.hidden && curve.points.count)
      .map((curve) => ({
        curve,
        points: curve.points,
        values: curve.points.smoothed(span),
      }));
    const raw = shown.map(({ points }) => ({ points, values: points.values }));
    this.values = valueRange([...raw, ...shown], this.range, this.log);
    this.drawAxes();
    const { context } = this.surface;
    const { left, right } = this.area(this.surface.width);
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left + 1, this.surface.height - BOTTOM + 1);
    context.clip();
    const behind = shown.filter(({ curve }) => curve.faint);
    const front = shown.filter(({ curve }) => !curve.faint);
    for (const { curve, values } of behind) this.drawCurve(curve, values, 1, 0.55);
    // What was measured stays to be seen behind its average.
    if (span) for (const { curve } of front) this.drawCurve(curve, curve.points.values, 1, 0.25);
    for (const { curve, values } of front) this.drawCurve(curve, values, 1.75, 1);
    context.restore();
    if (!shown.length) this.drawEmpty();
    this.drawCursor(shown);
    this.describe(front.length ? front : shown);
  }

  /**
   * @param {Curve} curve
   * @param {ArrayLike<number>} values
   * @param {number} width
   * @param {number} alpha
   */
  drawCurve(curve, values, width, alpha) {
    const { context } = this.surface;
    const { left, right } = this.area(this.surface.width);
    context.strokeStyle = context.fillStyle = this.surface.colour(curve.colour);
    context.globalAlpha = alpha;
    context.lineWidth = width;
    context.lineJoin = "round";
    context.beginPath();
    const floor = this.surface.height - BOTTOM;
    /** @param {number} value */
    const y = (value) => (this.log && value <= 0 ? floor : this.y(value));
    let drawn = 0;
    /** @type {[number, number]} */
    let only = [0, 0];
    columns(
      curve.points,
      values,
      this.range,
      right - left,
      (column, first, low, high, last) => {
        const x = left + column;
        if (drawn) context.lineTo(x, y(first));
        else context.moveTo(x, y(first));
        if (low !== high) {
          context.lineTo(x, y(low));
          context.lineTo(x, y(high));
          context.lineTo(x, y(last));
        }
        only = [x, y(last)];
        drawn += 1;
      },
      (column, value) => this.drawOdd(left + column, value),
    );
    context.stroke();
    if (drawn === 1) {
      context.beginPath();
      context.arc(only[0], only[1], 2.5, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  /**
   * NaN and infinities stand at the upper edge, as they do in every picture: × and ∞.
   * @param {number} x
   * @param {number} value
   */
  drawOdd(x, value) {
    const { context } = this.surface;
    const before = [context.fillStyle, context.globalAlpha];
    context.globalAlpha = 1;
    context.fillStyle = this.surface.colour(Number.isNaN(value) ? "nan" : "infinite");
    context.font = `bold ${this.surface.font(12)}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const floor = this.surface.height - BOTTOM - 6;
    context.fillText(Number.isNaN(value) ? "×" : "∞", x, value === -Infinity ? floor : TOP);
    [context.fillStyle, context.globalAlpha] = /** @type {[string, number]} */ (before);
  }

  drawAxes() {
    const { context, width, height } = this.surface;
    const { left, right } = this.area(width);
    const floor = height - BOTTOM;
    const wanted = Math.max(2, Math.round((floor - TOP) / 44));
    const [low, high] = this.values;
    const ticks = this.log ? logTicks(low, high, wanted) : linearTicks(low, high, wanted);
    context.font = this.surface.font();
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.lineWidth = 1;
    for (const tick of ticks) {
      const y = Math.round(this.y(tick)) + 0.5;
      context.strokeStyle = this.surface.colour("grid");
      line(context, left, y, right, y);
      context.fillStyle = this.surface.colour("muted");
      context.fillText(formatNumber(tick), left - 7, y);
    }
    this.drawSteps(floor, left, right);
  }

  /**
   * @param {number} floor
   * @param {number} left
   * @param {number} right
   */
  drawSteps(floor, left, right) {
    const { context } = this.surface;
    context.strokeStyle = this.surface.colour("border");
    line(context, left, floor + 0.5, right, floor + 0.5);
    context.fillStyle = this.surface.colour("muted");
    context.textBaseline = "top";
    const wanted = Math.max(2, Math.round((right - left) / 90));
    for (const tick of linearTicks(...this.range, wanted)) {
      if (!Number.isInteger(tick)) continue;
      const x = this.x(tick);
      context.textAlign = x > right - 14 ? "right" : "center";
      context.fillText(tick.toLocaleString("en"), Math.min(x, right), floor + 6);
    }
  }

  drawEmpty() {
    const { context, width, height } = this.surface;
    const { left } = this.area(width);
    context.fillStyle = this.surface.colour("muted");
    context.font = this.surface.font(12);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(
      this.empty ?? "nothing recorded yet",
      (left + width) / 2,
      (height - BOTTOM) / 2,
    );
  }

  /** @param {{ curve: Curve, values: ArrayLike<number> }[]} shown */
  drawCursor(shown) {
    const { cursor } = this.view;
    const { left, right } = this.area(this.surface.width);
    const x = cursor === null ? -1 : this.x(cursor);
    const visible = cursor !== null && x >= left - 0.5 && x <= right + 0.5 && shown.length > 0;
    this.readout.hidden = !visible || !this.boxed;
    if (!visible || cursor === null) return;
    const { context, height } = this.surface;
    context.strokeStyle = this.surface.colour("muted");
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    line(context, Math.round(x) + 0.5, TOP, Math.round(x) + 0.5, height - BOTTOM);
    context.setLineDash([]);
    const rows = rowsAt(cursor, shown);
    for (const { curve, height: mean } of rows) {
      if (!Number.isFinite(mean) || (this.log && mean <= 0)) continue;
      context.fillStyle = this.surface.colour(curve.colour);
      context.beginPath();
      context.arc(x, this.y(mean), 3, 0, 2 * Math.PI);
      context.fill();
    }
    if (this.boxed) this.showReadout(x, cursor, rows);
  }

  /**
   * @param {number} x
   * @param {number} step
   * @param {{ curve: Curve, value: number }[]} rows
   */
  showReadout(x, step, rows) {
    const lines = rows.map(({ curve, value }) =>
      h(
        "div",
        { class: "cv-readout-row" },
        h("span", { class: "cv-swatch", style: { background: this.surface.colour(curve.colour) } }),
        h("span", { class: "cv-readout-name" }, curve.name),
        h("span", { class: "cv-readout-value" }, formatNumber(value)),
      ),
    );
    const title = h("div", { class: "cv-readout-step" }, `step ${step.toLocaleString("en")}`);
    this.readout.replaceChildren(title, ...lines);
    const onLeft = x > this.surface.width / 2;
    this.readout.style.left = onLeft ? "" : `${x + 10}px`;
    this.readout.style.right = onLeft ? `${this.surface.width - x + 10}px` : "";
  }

  /** @param {{ curve: Curve }[]} shown */
  describe(shown) {
    const told = shown
      .slice(0, 6)
      .map(({ curve }) => `${curve.name} ${formatNumber(curve.points.last ?? NaN)}`);
    const [from, to] = this.range;
    const steps = `steps ${Math.round(from)} to ${Math.round(to)}`;
    const text = `${this.label}, ${steps}: ${told.join(", ") || "nothing"}`;
    if (this.canvas.getAttribute("aria-label") !== text)
      this.canvas.setAttribute("aria-label", text);
  }

  /** @type {string | undefined} */
  empty;
}

/**
 * What a read-out lists of the curves in front: the value that was measured, and where the
 * average stands.
 * @param {number} step
 * @param {{ curve: Curve, values: ArrayLike<number> }[]} shown
 */
function rowsAt(step, shown) {
  return shown
    .filter(({ curve }) => !curve.faint)
    .slice(0, 8)
    .map(({ curve, values }) => {
      const place = nearest(curve.points.steps, curve.points.count, step);
      return { curve, value: curve.points.values[place], height: values[place] };
    })
    .filter(({ curve, value }) => value !== curve.points.absent);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x0
 * @param {number} y0
 * @param {number} x1
 * @param {number} y1
 */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}
