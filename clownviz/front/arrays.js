// @ts-check
/**
 * A tensor as a card: its picture (maps, heatmap or bars), a legend that always states the range,
 * its statistics and histogram. Choosing a map shows it alone, large.
 *
 * @typedef {import("./types.js").ArrayFacts} ArrayFacts
 * @typedef {import("./types.js").ScaleName} ScaleName
 * @typedef {import("./picture.js").Block} Block
 */
import { countMarks, markOf, palette, valueOf } from "./codes.js";
import { button, factList, h } from "./dom.js";
import { GAP, fitCell, tileTarget } from "./geometry.js";
import { drawHistogram } from "./histogram.js";
import { cssColour, formatCount, formatNumber, mapGradient } from "./look.js";
import { createPicture, density, drawBlock } from "./picture.js";

const HEATMAP_HEIGHT = 420;
const UNIT_SIZE = 300;
const BAR_HEIGHT = 76;
const MOST_LABELS = 32;
const LABEL_WIDTH = 20;

/**
 * Where colours end for one map under a scale.
 *
 * @param {ArrayFacts} facts
 * @param {ScaleName} scale
 * @param {number} unit
 */
export function limitOf(facts, scale, unit) {
  if (scale === "unit") return facts.limits[unit] ?? facts.limit;
  return scale === "model" ? facts.model_limit : facts.limit;
}

/**
 * The true index of a cell, as NumPy would be asked for it.
 *
 * @param {ArrayFacts} facts
 * @param {number[]} places one an axis of the picture
 */
export function indexText(facts, places) {
  const own = places.map((place, axis) => facts.index[axis]?.[place] ?? place);
  return `[${[...facts.prefix, ...own].join(", ")}]`;
}

/**
 * What a cell says when it is asked.
 *
 * @param {ArrayFacts} facts
 * @param {number} code
 * @param {number} unit
 * @param {number} limit
 */
export function cellText(facts, code, unit, limit) {
  const range = facts.ranges[unit];
  const value = valueOf(code, range, facts.signed);
  if (!Number.isFinite(value)) return formatNumber(value);
  const mark = markOf(code, range, limit, facts.signed);
  if (code > 250) return `${mark === "low" ? "<" : ">"} ${formatNumber(value)}`;
  return `≈ ${formatNumber(roundTo(value, range / 250))}${mark ? " (clipped)" : ""}`;
}

/**
 * A value without the digits that its code cannot know.
 *
 * @param {number} value
 * @param {number} step
 */
function roundTo(value, step) {
  if (!(step > 0)) return value;
  const unit = 10 ** Math.floor(Math.log10(step));
  return Math.round(value / unit) * unit;
}

/**
 * The sentences under a colour bar: what the colours do not show.
 *
 * @param {ArrayFacts} facts
 * @param {ReturnType<typeof countMarks>} marks
 * @param {number} limit
 */
export function legendNotes(facts, marks, limit) {
  const notes = [];
  if (marks.high) notes.push(`${formatCount(marks.high)} clipped +`);
  if (marks.low) notes.push(`${formatCount(marks.low)} clipped −`);
  if (marks.nan) notes.push(`${formatCount(marks.nan)} NaN ×`);
  if (marks.posinf) notes.push(`${formatCount(marks.posinf)} ∞`);
  if (marks.neginf) notes.push(`${formatCount(marks.neginf)} -∞`);
  const beyond = Math.max(Math.abs(facts.lo), Math.abs(facts.hi)) > limit * 1.001;
  if (beyond) notes.push(`data ${formatNumber(facts.lo)} … ${formatNumber(facts.hi)}`);
  return notes;
}

/**
 * @param {object} options
 * @param {ArrayFacts} options.facts
 * @param {Uint8Array} options.cells
 * @param {ScaleName} options.scale
 * @param {(text: string | null, at: { x: number, y: number }) => void} options.ontip
 * @param {(key: string, unit: number | null) => void} options.onunit
 */
export function createArray({ facts, cells, scale, ontip, onunit }) {
  return new ArrayCard(facts, cells, scale, ontip, onunit);
}

class ArrayCard {
  /**
   * @param {ArrayFacts} facts
   * @param {Uint8Array} cells
   * @param {ScaleName} scale
   * @param {(text: string | null, at: { x: number, y: number }) => void} ontip
   * @param {(key: string, unit: number | null) => void} onunit
   */
  constructor(facts, cells, scale, ontip, onunit) {
    this.facts = facts;
    this.cells = cells;
    this.scale = scale;
    this.ontip = ontip;
    this.onunit = onunit;
    /** @type {number | null} */
    this.unit = null;
    this.width = 0;
    this.stage = h("div", { class: "cv-stage" });
    this.legend = h("div", { class: "cv-legend" });
    this.element = h(
      "section",
      {
        class: `cv-array${isWide(facts) ? " cv-wide" : ""}`,
        "aria-label": `${facts.title}, ${facts.role}`,
        style: {
          "--cv-mark": cssColour(`role.${facts.role}.mark`),
          "--cv-ink": cssColour(`role.${facts.role}.text`),
          "--cv-fill": cssColour(`role.${facts.role}.fill`),
        },
      },
      this.head(),
      this.stage,
      this.legend,
      facts.stats.length ? factList("cv-stats", facts.stats) : null,
      facts.histogram && drawHistogram(facts.histogram, facts.role),
    );
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this.stage);
  }

  destroy() {
    this.watcher.disconnect();
  }

  head() {
    const { title, role, full_shape, dtype, text } = this.facts;
    const shape = `(${full_shape.join(", ")}${full_shape.length === 1 ? "," : ""})`;
    return h(
      "header",
      { class: "cv-array-head" },
      h("h4", {}, title),
      title.includes(role) ? null : h("span", { class: "cv-role" }, role),
      h(
        "span",
        { class: "cv-shape" },
        h("span", { class: "cv-mono" }, `${shape} ${dtype}`),
        ...text.split(", ").map((part) => h("span", {}, part)),
      ),
    );
  }

  /** Draw again where the room has changed. */
  fit() {
    const width = Math.floor(this.stage.clientWidth);
    if (!width || width === this.width) return;
    this.width = width;
    this.draw();
  }

  /** @param {ScaleName} scale */
  rescale(scale) {
    this.scale = scale;
    this.draw();
  }

  /** @param {number | null} unit */
  showUnit(unit) {
    this.unit = unit;
    this.draw();
  }

  draw() {
    if (!this.width) return;
    const { layout, shape } = this.facts;
    this.ontip(null, { x: 0, y: 0 });
    if (layout === "none") this.stage.replaceChildren(none("Its values were not kept."));
    else if (shape.some((size) => size === 0)) {
      this.stage.replaceChildren(none("No values: one of its sizes is 0."));
    }
    else if (layout === "vector") this.stage.replaceChildren(this.bars());
    else if (layout === "heatmap") this.stage.replaceChildren(this.heatmap());
    else if (this.unit === null) this.stage.replaceChildren(this.maps());
    else this.stage.replaceChildren(this.single(this.unit));
    this.legend.replaceChildren(...(this.cells.length ? this.legendParts() : []));
  }

  /**
   * @param {number} unit
   * @returns {Block}
   */
  block(unit) {
    const { facts } = this;
    const size = facts.layout === "maps" ? facts.shape[1] * facts.shape[2] : this.cells.length;
    return {
      cells: this.cells.subarray(unit * size, (unit + 1) * size),
      range: facts.ranges[unit],
      limit: limitOf(facts, this.scale, unit),
      signed: facts.signed,
    };
  }

  /**
   * @param {number} rows
   * @param {number} cols
   * @param {number} cell
   * @param {number} axis the axis of the rows
   */
  grid(rows, cols, cell, axis) {
    const { cuts } = this.facts;
    return { rows, cols, cell, gap: GAP, cutRow: cuts[axis], cutCol: cuts[axis + 1] };
  }

  maps() {
    const [count, rows, cols] = this.facts.shape;
    const cell = fitCell(tileTarget(count, this.width), Math.max(rows, cols), 1, 16);
    const device = Math.max(1, Math.round(cell * density()));
    const tiles = Array.from({ length: count }, (_, unit) => {
      const canvas = h("canvas", { "aria-hidden": "true", class: "cv-cells" });
      const grid = { ...this.grid(rows, cols, device, 1), gap: GAP };
      drawBlock(canvas, this.block(unit), grid);
      canvas.style.width = `${canvas.width / density()}px`;
      canvas.style.height = `${canvas.height / density()}px`;
      const index = indexText({ ...this.facts, prefix: [] }, [unit]);
      const [name] = index.slice(1, -1).split(",");
      return h(
        "button",
        {
          type: "button",
          class: unit === this.facts.cuts[0] ? "cv-tile cv-after-cut" : "cv-tile",
          tabindex: unit === 0 ? "0" : "-1",
          "aria-label": `map ${name}, scale up to ${this.limitText(unit)}`,
          onclick: () => this.onunit(this.facts.key, unit),
        },
        canvas,
        count > 1 ? h("span", { class: "cv-tile-name", "aria-hidden": "true" }, name) : null,
      );
    });
    const { columns } = this.facts;
    const aligned = columns && columns * (cols * cell + GAP) <= this.width;
    const board = h(
      "div",
      {
        class: "cv-tiles",
        role: "group",
        "aria-label": `${this.facts.title}, ${count} maps; arrows move, Enter shows one`,
        style: aligned ? { "--cv-columns": columns } : {},
      },
      ...tiles,
    );
    board.classList.toggle("cv-aligned", Boolean(aligned));
    board.addEventListener("keydown", (event) => rove(event, tiles));
    return board;
  }

  /** @param {number} unit */
  limitText(unit) {
    return formatNumber(limitOf(this.facts, this.scale, unit));
  }

  heatmap() {
    const [rows, cols] = this.facts.shape;
    const room = this.width - (this.facts.cuts[1] === null ? 0 : GAP);
    const cell = Math.min(fitCell(room, cols, 1, 18), fitCell(HEATMAP_HEIGHT, rows, 2, 18));
    return this.picture(0, this.grid(rows, cols, cell, 0), []);
  }

  /** @param {number} unit */
  single(unit) {
    const [count, rows, cols] = this.facts.shape;
    const room = Math.min(UNIT_SIZE, this.width);
    const cell = fitCell(room, Math.max(rows, cols), 1, 40);
    /** @param {number} to */
    const step = (to) => this.onunit(this.facts.key, (to + count) % count);
    const bar = h(
      "div",
      { class: "cv-unit-bar" },
      button("All maps", null, () => this.onunit(this.facts.key, null)),
      h("span", {}, `map ${this.facts.index[0]?.[unit] ?? unit}`),
      button("‹", "Previous map", () => step(unit - 1)),
      button("›", "Next map", () => step(unit + 1)),
    );
    const picture = this.picture(unit, this.grid(rows, cols, cell, 1), [unit]);
    return h("div", { class: "cv-unit" }, bar, picture);
  }

  /**
   * @param {number} unit
   * @param {import("./geometry.js").Grid} grid
   * @param {number[]} before places on the axes before the rows
   */
  picture(unit, grid, before) {
    const block = this.block(unit);
    const label = `${this.facts.title}, ${grid.rows} rows, ${grid.cols} columns; arrows read cells`;
    return createPicture({
      block,
      grid,
      label,
      onask: (row, col, at) => {
        if (row === null || col === null) return this.ontip(null, at);
        const code = block.cells[row * grid.cols + col];
        const index = indexText(this.facts, [...before, row, col]);
        return this.ontip(`${index} ${cellText(this.facts, code, unit, block.limit)}`, at);
      },
    });
  }

  /** A vector as bars from zero, each in the colour of its value. */
  bars() {
    const { facts, cells } = this;
    const limit = limitOf(facts, this.scale, 0);
    const colours = palette(facts.ranges[0], limit, facts.signed);
    const every = Math.ceil((LABEL_WIDTH * cells.length) / this.width);
    const bars = Array.from(cells, (code, i) => {
      const value = valueOf(code, facts.ranges[0], facts.signed);
      const share = barShare(value, limit);
      const [r, g, b] = colours.subarray(code * 4, code * 4 + 3);
      const text = `${indexText(facts, [i])} ${cellText(facts, code, 0, limit)}`;
      const mark = markOf(code, facts.ranges[0], limit, facts.signed);
      const bar = h(
        "div",
        { class: i === facts.cuts[0] ? "cv-bar-slot cv-after-cut" : "cv-bar-slot" },
        h("div", {
          class: `cv-bar${share < 0 ? " cv-below" : ""}`,
          style: { "--cv-share": Math.abs(share), background: `rgb(${r}, ${g}, ${b})` },
        }),
        mark ? h("span", { class: "cv-bar-sign" }, SIGNS[mark]) : null,
        cells.length <= MOST_LABELS && i % every === 0
          ? h("span", { class: "cv-bar-name" }, facts.index[0]?.[i] ?? i)
          : null,
      );
      bar.addEventListener("pointerenter", () => {
        const box = bar.getBoundingClientRect();
        this.ontip(text, { x: box.right, y: box.top });
      });
      return bar;
    });
    const board = h(
      "div",
      {
        class: facts.signed ? "cv-bars cv-signed" : "cv-bars",
        role: "img",
        "aria-label": `${facts.title}: ${cells.length} values as bars`,
        style: { "--cv-bar-height": `${BAR_HEIGHT}px` },
        onpointerleave: () => this.ontip(null, { x: 0, y: 0 }),
      },
      ...bars,
    );
    return board;
  }

  legendParts() {
    const { facts } = this;
    const units = facts.layout === "maps" && this.unit === null ? facts.shape[0] : 1;
    const first = this.unit ?? 0;
    const marks = { low: 0, high: 0, nan: 0, posinf: 0, neginf: 0 };
    for (let unit = first; unit < first + units; unit++) {
      const block = this.block(unit);
      const own = countMarks(block.cells, block.range, block.limit, block.signed);
      for (const key of MARKS) marks[key] += own[key];
    }
    const own = this.scale === "unit" && units > 1;
    const limit = limitOf(facts, own ? "module" : this.scale, first);
    const high = own ? "own max" : formatNumber(limit);
    const low = facts.signed ? (own ? "own min" : formatNumber(-limit)) : "0";
    const notes = legendNotes(facts, marks, limit);
    if (own) {
      const ends = [Math.min(...facts.limits), Math.max(...facts.limits)].map(formatNumber);
      notes.unshift(`each map ends at its own limit, ${ends[0]} … ${ends[1]}`);
    }
    const name = facts.signed ? "diverging" : "sequential";
    const bar = h("span", { class: "cv-legend-bar", style: { background: mapGradient(name) } });
    return [
      h("span", { class: "cv-legend-scale" }, h("span", {}, low), bar, h("span", {}, high)),
      ...notes.map((note) => h("span", { class: "cv-legend-note" }, note)),
    ];
  }
}

/**
 * Whether a picture wants the room of two cards.
 * @param {ArrayFacts} facts
 */
export function isWide({ layout, shape }) {
  if (layout === "maps") return shape[0] > 24;
  return layout === "heatmap" ? shape[1] > 64 : shape[0] > 64;
}

const MARKS = /** @type {const} */ (["low", "high", "nan", "posinf", "neginf"]);
const SIGNS = { low: "−", high: "+", nan: "×", posinf: "∞", neginf: "∞" };

/**
 * The length of a bar, −1…1; NaN has none.
 *
 * @param {number} value
 * @param {number} limit
 */
export function barShare(value, limit) {
  if (Number.isNaN(value)) return 0;
  if (!(limit > 0)) return Math.sign(value);
  return Math.max(-1, Math.min(1, value / limit));
}

/** @param {string} why */
function none(why) {
  return h("p", { class: "cv-none" }, why);
}

/**
 * Arrows move among tiles, which are one stop of Tab.
 *
 * @param {KeyboardEvent} event
 * @param {HTMLElement[]} tiles
 */
function rove(event, tiles) {
  const from = tiles.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (from < 0) return;
  const top = tiles[from].offsetTop;
  const perRow = Math.max(1, tiles.filter((tile) => tile.offsetTop === tiles[0].offsetTop).length);
  /** @type {Record<string, number>} */
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perRow, ArrowUp: -perRow };
  const step = steps[event.key];
  if (!step || top < 0) return;
  event.preventDefault();
  event.stopPropagation();
  const to = Math.max(0, Math.min(tiles.length - 1, from + step));
  tiles[from].tabIndex = -1;
  tiles[to].tabIndex = 0;
  tiles[to].focus();
}
