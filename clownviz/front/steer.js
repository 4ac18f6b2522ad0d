// @ts-check
/**
 * Moving through steps: what all pictures over the same steps share, and pointer and keys on each.
 */
import { zoomed } from "./curves.js";
import { h } from "./dom.js";

/** @typedef {[number, number]} Range */
/** @typedef {(width: number) => { left: number, right: number }} Area */

/**
 * @typedef {object} View what all charts over the same steps share
 * @property {Range} whole
 * @property {Range | null} range null follows the whole
 * @property {number | null} cursor a step
 * @property {() => void} changed
 */

const LEFT = 52;
const RIGHT = 12;
const SHORTEST_DRAG = 4;

/**
 * The part of a canvas over which steps run. What stands in one column has the same `gutter` at
 * its right, so that the same step stands in one line.
 * @param {number} width
 * @param {number} [gutter]
 */
export function plotArea(width, gutter = RIGHT) {
  return { left: LEFT, right: Math.max(LEFT + 1, width - gutter) };
}

/**
 * Pointer and keys on a canvas that shows steps from left to right: move for the cursor, drag to
 * choose a range, Shift-drag to pan, Ctrl-wheel to zoom, double click for everything; keys ← and →
 * move the cursor (with Shift the range), + and - zoom, 0 shows everything.
 */
export class Steering {
  /**
   * @param {HTMLElement} canvas
   * @param {View} view
   * @param {Area} area
   */
  constructor(canvas, view, area) {
    this.canvas = canvas;
    this.view = view;
    this.area = area;
    /** @type {{ x: number, step: number, pans: boolean } | null} */
    this.drag = null;
    this.dragged = false;
    this.brush = h("div", { class: "cv-brush" });
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerdown", (event) => this.grab(event));
    canvas.addEventListener("pointerup", (event) => this.drop(event));
    canvas.addEventListener("pointercancel", () => this.letGo());
    canvas.addEventListener("pointerleave", () => this.point(null));
    canvas.addEventListener("blur", () => this.point(null));
    canvas.addEventListener("dblclick", () => this.show(null));
    canvas.addEventListener("wheel", (event) => this.roll(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  get range() {
    return this.view.range ?? this.view.whole;
  }

  /** @param {number} clientX */
  stepAt(clientX) {
    const box = this.canvas.getBoundingClientRect();
    const { left, right } = this.area(box.width);
    const [from, to] = this.range;
    const place = Math.min(Math.max((clientX - box.left - left) / (right - left), 0), 1);
    return from + place * (to - from);
  }

  /** @param {number | null} step */
  point(step) {
    const whole = step === null ? null : Math.round(step);
    if (whole === this.view.cursor) return;
    this.view.cursor = whole;
    this.view.changed();
  }

  /** @param {Range | null} range */
  show(range) {
    this.view.range = range;
    this.view.changed();
  }

  /** @param {{ factor?: number, at?: number, by?: number }} change */
  zoom(change) {
    this.show(zoomed(this.range, this.view.whole, change));
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.drag?.pans) {
      this.zoom({ by: this.drag.step - this.stepAt(event.clientX) });
      return;
    }
    this.point(this.stepAt(event.clientX));
    if (this.drag) this.drawBrush(this.drag.x, event.clientX);
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    const { clientX: x, shiftKey: pans } = event;
    this.drag = { x, step: this.stepAt(x), pans };
  }

  /** @param {PointerEvent} event */
  drop(event) {
    const { drag } = this;
    this.letGo();
    this.dragged = drag !== null && Math.abs(event.clientX - drag.x) >= SHORTEST_DRAG;
    if (!drag || drag.pans || !this.dragged) return;
    const [from, to] = [drag.step, this.stepAt(event.clientX)].sort((a, b) => a - b);
    if (to - from >= 1) this.show([from, to]);
  }

  letGo() {
    this.drag = null;
    this.brush.remove();
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  drawBrush(from, to) {
    const frame = this.canvas.getBoundingClientRect();
    const { left, right } = this.area(frame.width);
    const ends = [from, to].map((x) => Math.min(Math.max(x - frame.left, left), right));
    this.brush.style.left = `${this.canvas.offsetLeft + Math.min(...ends)}px`;
    this.brush.style.width = `${Math.abs(ends[1] - ends[0])}px`;
    this.canvas.after(this.brush);
  }

  /**
   * Without Ctrl or ⌘ the wheel scrolls the notebook, as everywhere.
   * @param {WheelEvent} event
   */
  roll(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom({ factor: event.deltaY > 0 ? 1.25 : 0.8, at: this.stepAt(event.clientX) });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [from, to] = this.range;
    const at = this.view.cursor ?? to;
    const stride = Math.max(1, Math.round((to - from) / 100));
    const pan = event.shiftKey ? (to - from) / 4 : 0;
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowLeft: () => (pan ? this.zoom({ by: -pan }) : this.point(Math.max(at - stride, from))),
      ArrowRight: () => (pan ? this.zoom({ by: pan }) : this.point(Math.min(at + stride, to))),
      "+": () => this.zoom({ factor: 0.5, at }),
      "=": () => this.zoom({ factor: 0.5, at }),
      "-": () => this.zoom({ factor: 2, at }),
      0: () => this.show(null),
    };
    const action = keys[event.key];
    if (!action) return;
    action();
    event.preventDefault();
    event.stopPropagation();
  }
}
