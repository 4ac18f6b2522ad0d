// @ts-check
/**
 * A training run as the page knows it: curves and layers, grown batch by batch.
 *
 * A batch is float32 numbers: six of a head — its number, 1 if it replaces all before it, rows,
 * layers, points, steps taken — then a row for every measured step (the step, a gradient norm a
 * layer, an update ratio a layer; −1 where there was no gradient), then points (which curve, the
 * step, the value).
 */
import { Points } from "./curves.js";

/**
 * @typedef {object} Meta
 * @property {string} key names this widget to its kernel
 * @property {string} title
 * @property {string[]} layers paths of the layers
 * @property {string[]} curves names of the curves
 */

export const HEAD = 6;
export const ABSENT = -1;
// Beyond this many numbers a page keeps every second row: memory stays bounded in long runs.
const MOST_NUMBERS = 3_000_000;

export class Training {
  constructor() {
    /** @type {Map<string, Points>} */
    this.curves = new Map();
    /** @type {string[]} */
    this.layers = [];
    /** @type {Points[]} */
    this.gradients = [];
    /** @type {Points[]} */
    this.updates = [];
    this.batch = 0;
    this.steps = 0;
  }

  /**
   * Take in a batch.
   * @param {Meta} meta
   * @param {DataView | null | undefined} bytes
   * @returns {boolean} false if batches before this one were missed
   */
  read(meta, bytes) {
    if (!bytes || bytes.byteLength < 4 * HEAD) return true;
    const numbers = floats(bytes);
    const [number, replaces, rows, layers, points, steps] = numbers;
    if (!replaces && number <= this.batch) return true;
    const whole = replaces === 1 || number === this.batch + 1;
    if (replaces || layers !== this.layers.length) this.start(meta.layers);
    this.batch = number;
    this.steps = steps;
    let at = HEAD;
    for (let row = 0; row < rows; row++, at += 1 + 2 * layers) {
      for (let layer = 0; layer < layers; layer++) {
        this.gradients[layer].push(numbers[at], numbers[at + 1 + layer]);
        this.updates[layer].push(numbers[at], numbers[at + 1 + layers + layer]);
      }
    }
    for (let point = 0; point < points; point++, at += 3) {
      this.curve(meta.curves[numbers[at]]).push(numbers[at + 1], numbers[at + 2]);
    }
    this.bound();
    return whole;
  }

  /** @param {string[]} layers */
  start(layers) {
    this.curves.forEach((points) => points.clear());
    this.layers = layers;
    this.gradients = layers.map(() => new Points(ABSENT));
    this.updates = layers.map(() => new Points(ABSENT));
  }

  /** @param {string} name */
  curve(name) {
    const known = this.curves.get(name);
    if (known) return known;
    const made = new Points();
    this.curves.set(name, made);
    return made;
  }

  bound() {
    const rows = this.gradients[0]?.count ?? 0;
    if (rows * 2 * this.layers.length > MOST_NUMBERS) {
      for (const points of [...this.gradients, ...this.updates]) points.thin();
    }
    for (const points of this.curves.values()) {
      if (points.count > MOST_NUMBERS / 20) points.thin();
    }
  }

  /**
   * The first and the last step that anything is known of.
   * @returns {[number, number]}
   */
  get range() {
    let low = Infinity;
    let high = -Infinity;
    for (const { steps, count } of [...this.curves.values(), ...this.gradients.slice(0, 1)]) {
      if (!count) continue;
      low = Math.min(low, steps[0]);
      high = Math.max(high, steps[count - 1]);
    }
    return low < high ? [low, high] : [1, Math.max(2, high)];
  }
}

/**
 * The numbers of a batch; its bytes may begin anywhere in their buffer.
 * @param {DataView} bytes
 */
function floats(bytes) {
  const { buffer, byteOffset, byteLength } = bytes;
  const length = Math.floor(byteLength / 4);
  if (byteOffset % 4 === 0) return new Float32Array(buffer, byteOffset, length);
  return new Float32Array(buffer.slice(byteOffset, byteOffset + 4 * length));
}

/** @param {string} name */
export function isLoss(name) {
  return /loss/i.test(name);
}
