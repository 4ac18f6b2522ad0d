// @ts-check
/**
 * The numbers that were logged: losses in one chart, below it one of the others by choice.
 */
import { Chart } from "./chart.js";
import { SPANS } from "./curves.js";
import { choice, h } from "./dom.js";
import { plotArea } from "./steer.js";
import { isLoss } from "./training.js";

/** @typedef {import("./steer.js").View} View */
/** @typedef {import("./chart.js").Curve} Curve */
/** @typedef {import("./training.js").Training} Training */

export class NumberPanel {
  /**
   * @param {View} view
   * @param {Training} training
   * @param {(span: number | null) => void} smooth tells every chart how much to average
   */
  constructor(view, training, smooth) {
    this.training = training;
    /** @type {string[]} */
    this.names = [];
    /** @type {string[]} the names that are in the legend or among the choices */
    this.shown = [];
    /** @type {Set<string>} */
    this.hidden = new Set();
    this.chosen = "";
    this.loss = new Chart({
      label: "Loss",
      view,
      area: (width) => plotArea(width),
      curves: () => this.curves(this.names.filter(isLoss)),
    });
    this.loss.empty = "no loss yet: dash.log(loss=loss) in the loop draws it";
    this.other = new Chart({
      label: "Other numbers",
      view,
      height: 120,
      area: (width) => plotArea(width),
      curves: () => this.curves(this.chosen ? [this.chosen] : []),
    });
    this.legend = h("div", { class: "cv-legend", role: "group", "aria-label": "Curves" });
    this.tabs = h("div", { class: "cv-metrics" });
    this.others = h("div", { class: "cv-other", hidden: true }, this.tabs, this.other.element);
    this.element = h(
      "section",
      { class: "cv-numbers", "aria-label": "Loss" },
      h("div", { class: "cv-panel-top" }, h("h3", {}, "Loss"), this.scale(), slider(smooth)),
      this.legend,
      this.loss.element,
      this.others,
    );
  }

  scale() {
    return choice({
      label: "Scale of the loss",
      choices: [
        { value: "linear", text: "Linear" },
        { value: "log", text: "Log" },
      ],
      value: "linear",
      onchoose: (value) => {
        this.loss.log = value === "log";
        this.loss.request();
      },
    }).element;
  }

  /**
   * Whether a curve is worth a chart; a learning rate that stays as it is stands in the head.
   * @param {string} name
   */
  changes(name) {
    const { values, count } = this.training.curve(name);
    return values.subarray(1, count).some((value) => value !== values[0]);
  }

  /**
   * The number of a curve's colour: losses come first and learning rates last, as in the still.
   * @param {string} name
   */
  rank(name) {
    const place = (/** @type {string} */ each) => (isLoss(each) ? 0 : isRate(each) ? 2 : 1);
    const order = [...this.names].sort((a, b) => place(a) - place(b));
    return order.indexOf(name) % 8;
  }

  /**
   * @param {string[]} names
   * @returns {Curve[]}
   */
  curves(names) {
    return names.map((name) => ({
      name,
      colour: `series.${this.rank(name)}`,
      points: this.training.curve(name),
      hidden: this.hidden.has(name),
    }));
  }

  /**
   * Legend and choice are made again only when a name is new.
   * @param {string[]} names
   */
  follow(names) {
    this.names = names;
    const shown = names.filter((name) => !isRate(name) || this.changes(name));
    if (shown.length === this.shown.length && shown.every((name, i) => name === this.shown[i])) {
      return;
    }
    this.shown = shown;
    const losses = shown.filter(isLoss);
    const others = shown.filter((name) => !isLoss(name));
    this.legend.hidden = losses.length < 2;
    this.legend.replaceChildren(...losses.map((name) => this.legendItem(name)));
    this.others.hidden = others.length === 0;
    // Learning rates are always there, so they stand back for what the person logs.
    const logged = others.find((name) => !isRate(name));
    if (!others.includes(this.chosen) || (isRate(this.chosen) && logged)) {
      this.chosen = logged ?? others[0] ?? "";
    }
    this.other.label = this.chosen;
    const tabs = choice({
      label: "Number shown",
      choices: others.map((name) => ({ value: name, text: name })),
      value: this.chosen,
      onchoose: (name) => {
        this.chosen = this.other.label = name;
        this.other.request();
      },
    });
    this.tabs.replaceChildren(tabs.element);
  }

  /** @param {string} name */
  legendItem(name) {
    const colour = `var(--cv-series-${this.rank(name)})`;
    const swatch = h("span", { class: "cv-swatch", style: { background: colour } });
    const button = h(
      "button",
      { type: "button", class: "cv-legend-item", "aria-pressed": "true" },
      swatch,
      name,
    );
    button.addEventListener("click", () => {
      if (!this.hidden.delete(name)) this.hidden.add(name);
      button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
      this.loss.request();
    });
    return button;
  }

  request() {
    this.loss.request();
    this.other.request();
  }

  dispose() {
    this.loss.dispose();
    this.other.dispose();
  }
}

/** @param {string} name */
function isRate(name) {
  return /^lr\b/.test(name);
}

/**
 * The slider's first place leaves the average to the chart.
 * @param {(span: number | null) => void} smooth
 */
function slider(smooth) {
  const places = [null, ...SPANS];
  const told = h("output", {}, "auto");
  const input = h("input", {
    type: "range",
    min: 0,
    max: places.length - 1,
    value: 0,
    "aria-label": "Smoothing",
    "aria-valuetext": "auto",
  });
  input.addEventListener("input", () => {
    const span = places[Number(input.value)];
    told.textContent = span === null ? "auto" : span ? `${span} steps` : "off";
    input.setAttribute("aria-valuetext", told.textContent);
    smooth(span);
  });
  return h("label", { class: "cv-smoothing" }, "Smooth", input, told);
}
