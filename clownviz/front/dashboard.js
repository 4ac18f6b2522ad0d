// @ts-check
/**
 * The dashboard of a training run: loss, other numbers, and gradient norms and update ratios by
 * layer.
 *
 * It sees a widget model (or a page's shim) with the keys `meta`, `batch`, `paused` and `status`;
 * clicks go out through `control.js`. Every canvas is made once and drawn again, so nothing
 * flickers.
 *
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./steer.js").View} View
 * @typedef {import("./training.js").Meta} Meta
 */
import { onTheme } from "./canvas.js";
import { Control } from "./control.js";
import { h } from "./dom.js";
import { Head } from "./head.js";
import { LayerPanel } from "./layers.js";
import { NumberPanel } from "./numbers.js";
import { hideStill } from "./still.js";
import { Training } from "./training.js";

/**
 * Put a dashboard into `el`.
 *
 * @param {{ model: Model, el: HTMLElement }} context
 * @returns {() => void} takes it out again
 */
export function mount({ model, el }) {
  const dashboard = new Dashboard(model);
  el.append(dashboard.element);
  dashboard.start();
  return () => dashboard.destroy();
}

class Dashboard {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.training = new Training();
    this.control = new Control(model, this.meta.key);
    /** @type {View} */
    this.view = { whole: [1, 2], range: null, cursor: null, changed: () => this.draw() };
    const { title } = this.meta;
    this.head = new Head(
      title,
      (wish) => this.control.send(wish),
      () => this.showAll(),
    );
    this.numbers = new NumberPanel(this.view, this.training, (span) => this.smooth(span));
    this.layers = new LayerPanel(this.view, this.training);
    this.charts = [this.numbers.loss, this.numbers.other, this.layers.chart];
    this.element = h(
      "div",
      {
        class: "clownviz cv-dashboard",
        role: "group",
        "aria-label": title,
        tabindex: -1,
        // JupyterLab's one-key commands must not act while a chart has the keys.
        "data-lm-suppress-shortcuts": "true",
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      },
      this.head.element,
      h("div", { class: "cv-dash-body" }, this.numbers.element, this.layers.element),
    );
    this.take = () => this.receive();
    this.tell = () => this.showStatus();
    this.forget = () => {};
  }

  /** @returns {Meta} */
  get meta() {
    return this.model.get("meta") ?? { key: "", title: "Training", layers: [], curves: [] };
  }

  start() {
    this.model.on("change:batch", this.take);
    this.model.on("change:status", this.tell);
    this.model.on("change:paused", this.tell);
    this.forget = onTheme(() => {
      for (const { surface } of [...this.charts, this.layers.strip]) surface.forget();
    });
    this.receive();
    this.showStatus();
  }

  destroy() {
    this.model.off("change:batch", this.take);
    this.model.off("change:status", this.tell);
    this.model.off("change:paused", this.tell);
    this.forget();
    this.control.dispose();
    this.numbers.dispose();
    this.layers.dispose();
    this.element.remove();
  }

  receive() {
    const whole = this.training.read(this.meta, this.model.get("batch"));
    if (!whole) this.model.send?.({ wish: "history" });
    this.view.whole = this.training.range;
    this.numbers.follow(this.meta.curves);
    this.layers.follow();
    this.head.showFacts(this.meta.curves, this.training);
    this.draw();
  }

  showStatus() {
    const status = this.model.get("status") ?? {};
    const paused = Boolean(this.model.get("paused"));
    this.element.dataset.state = paused ? "paused" : (status.state ?? "idle");
    this.head.show(status, paused);
    this.head.showFacts(this.meta.curves, this.training);
  }

  draw() {
    this.head.reset.hidden = this.view.range === null;
    this.numbers.request();
    this.layers.request();
  }

  /** @param {number | null} span */
  smooth(span) {
    for (const chart of this.charts) chart.smoothing = span;
    this.draw();
  }

  showAll() {
    this.view.range = null;
    this.draw();
    this.numbers.loss.canvas.focus();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    if (target instanceof HTMLButtonElement || target instanceof HTMLInputElement) return;
    event.preventDefault();
    event.stopPropagation();
    this.head.toggle();
  }
}

export default {
  /** @param {{ model: Model, el: HTMLElement }} context */
  render({ model, el }) {
    const unmount = mount({ model, el });
    const showStill = hideStill(el);
    return () => {
      unmount();
      showStill();
    };
  },
};
