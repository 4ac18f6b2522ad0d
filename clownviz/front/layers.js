// @ts-check
/**
 * Gradient norms and update ratios by layer: all layers as curves, and below as rows of a heat
 * strip.
 */
import { Chart } from "./chart.js";
import { choice, h } from "./dom.js";
import { formatNumber, mapGradient } from "./look.js";
import { plotArea } from "./steer.js";
import { normScale, RATIO_SCALE, Strip } from "./strip.js";

/** @typedef {import("./steer.js").View} View */
/** @typedef {import("./chart.js").Curve} Curve */
/** @typedef {import("./training.js").Training} Training */
/** @typedef {"gradient" | "update"} Quantity */

// With more layers than colours, a layer has a colour only while it is selected.
const COLOURS = 8;

const TITLES = {
  gradient: "Gradient norm of each layer",
  update: "Update ‖Δw‖ / ‖w‖ of each layer",
};

export class LayerPanel {
  /**
   * @param {View} view
   * @param {Training} training
   */
  constructor(view, training) {
    this.training = training;
    /** @type {Quantity} */
    this.quantity = "gradient";
    /** @type {string | null} */
    this.selected = null;
    this.shown = 0;
    const area = (/** @type {number} */ width) =>
      plotArea(width, Math.min(190, Math.max(112, width * 0.3)));
    this.chart = new Chart({
      label: TITLES.gradient,
      view,
      area,
      curves: () => this.curves(),
    });
    this.chart.log = true;
    // The strip's rows say every value at the cursor; a box of them would hide the curves.
    this.chart.boxed = false;
    this.chart.empty = "no step yet";
    this.strip = new Strip({
      label: "Layers",
      view,
      area,
      rows: () => this.rows(),
      scale: () => this.scale(),
      selection: () => this.selected,
      onselect: (path) => this.select(path),
    });
    this.legend = h("div", { class: "cv-heat-legend" });
    const tabs = choice({
      label: "What is shown of each layer",
      choices: [
        { value: "gradient", text: "Gradient norm", hint: "‖gradient‖ before the step" },
        { value: "update", text: "Update ratio", hint: "‖update‖ / ‖weights‖ of the step" },
      ],
      value: this.quantity,
      onchoose: (quantity) => {
        this.quantity = /** @type {Quantity} */ (quantity);
        this.chart.label = TITLES[this.quantity];
        this.request();
      },
    });
    const scale = choice({
      label: "Scale of the layers",
      choices: [
        { value: "log", text: "Log" },
        { value: "linear", text: "Linear" },
      ],
      value: "log",
      onchoose: (value) => {
        this.chart.log = value === "log";
        this.chart.request();
      },
    });
    this.element = h(
      "section",
      { class: "cv-layers", "aria-label": "Layers" },
      h("div", { class: "cv-panel-top" }, h("h3", {}, "Layers"), tabs.element, scale.element),
      this.chart.element,
      this.strip.element,
      this.legend,
    );
  }

  get series() {
    return this.quantity === "gradient" ? this.training.gradients : this.training.updates;
  }

  /** @param {number} layer */
  colour(layer) {
    if (this.training.layers.length <= COLOURS) return `series.${layer}`;
    return this.training.layers[layer] === this.selected ? "accent" : "masked";
  }

  /** @param {number} layer */
  name(layer) {
    return this.training.layers[layer] || "(model)";
  }

  /** @returns {Curve[]} */
  curves() {
    const many = this.training.layers.length > COLOURS;
    return this.series.map((points, layer) => {
      const chosen = this.training.layers[layer] === this.selected;
      const faint = !chosen && (many || this.selected !== null);
      return { name: this.name(layer), colour: this.colour(layer), points, faint };
    });
  }

  rows() {
    return this.series.map((points, layer) => ({
      path: this.training.layers[layer],
      name: this.name(layer),
      colour: this.colour(layer),
      points,
    }));
  }

  scale() {
    return this.quantity === "gradient" ? normScale(this.training.gradients) : RATIO_SCALE;
  }

  /** @param {string} path chosen again, it is let go */
  select(path) {
    this.selected = this.selected === path ? null : path;
    this.request();
  }

  /** New steps, and perhaps new layers. */
  follow() {
    if (this.shown !== this.training.layers.length) {
      this.shown = this.training.layers.length;
      this.strip.resize();
    }
    this.request();
  }

  request() {
    this.chart.request();
    this.strip.request();
    this.drawLegend();
  }

  drawLegend() {
    const { map, low, high } = this.scale();
    const ends =
      this.quantity === "update"
        ? [`≤ ${formatNumber(low)}`, `≥ ${formatNumber(high)}`]
        : [formatNumber(low), formatNumber(high)];
    const note = this.quantity === "update" ? "log scale, pale: 0.001" : "log scale";
    const text = [...ends, note].join("|");
    if (this.legend.dataset.text === text) return;
    this.legend.dataset.text = text;
    this.legend.replaceChildren(
      h("span", {}, ends[0]),
      h("span", { class: "cv-heat-bar", style: { background: mapGradient(map) } }),
      h("span", {}, ends[1]),
      h("span", {}, note),
      h("span", { class: "cv-heat-key" }, h("i", { class: "cv-key-nan" }), "NaN"),
      h("span", { class: "cv-heat-key" }, h("i", { class: "cv-key-infinite" }), "∞"),
      h("span", { class: "cv-heat-key" }, h("i", { class: "cv-key-masked" }), "no gradient"),
    );
  }

  dispose() {
    this.chart.dispose();
    this.strip.dispose();
  }
}
