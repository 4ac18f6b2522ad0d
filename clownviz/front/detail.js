// @ts-check
/**
 * What is known of the chosen module: facts, code, arrays with one switch of scale for all of them.
 *
 * @typedef {import("./types.js").Detail} Detail
 * @typedef {import("./types.js").SceneModule} SceneModule
 * @typedef {import("./types.js").ScaleName} ScaleName
 */
import { createArray } from "./arrays.js";
import { choice, factList, h } from "./dom.js";
import { cssColour, knownFamily } from "./look.js";

const PATIENCE = 4000;

/** @type {{ value: ScaleName, text: string, hint: string }[]} */
const SCALES = [
  { value: "unit", text: "Unit", hint: "Each map has a colour scale of its own" },
  { value: "module", text: "Module", hint: "One colour scale for each tensor of this module" },
  { value: "model", text: "Model", hint: "One colour scale for all tensors of a role" },
];

/**
 * @param {object} options
 * @param {(text: string | null, at: { x: number, y: number }) => void} options.ontip
 * @param {(key: string, unit: number | null) => void} options.onunit
 */
export function createDetail({ ontip, onunit }) {
  return new DetailView(ontip, onunit);
}

class DetailView {
  /**
   * @param {(text: string | null, at: { x: number, y: number }) => void} ontip
   * @param {(key: string, unit: number | null) => void} onunit
   */
  constructor(ontip, onunit) {
    this.ontip = ontip;
    this.onunit = onunit;
    /** @type {ScaleName} */
    this.scale = "module";
    /** @type {Map<string, ReturnType<typeof createArray>>} */
    this.arrays = new Map();
    this.timer = 0;
    /** @type {HTMLElement | null} */
    this.cards = null;
    this.switch = choice({
      label: "Colour scale",
      choices: SCALES,
      value: this.scale,
      onchoose: (scale) => this.rescale(scale),
    });
    this.element = h("div", { class: "cv-detail", tabindex: "-1" });
  }

  destroy() {
    this.clear();
  }

  clear() {
    clearTimeout(this.timer);
    for (const card of this.arrays.values()) card.destroy();
    this.arrays.clear();
  }

  /** @param {ScaleName} scale */
  rescale(scale) {
    this.scale = scale;
    for (const card of this.arrays.values()) card.rescale(scale);
  }

  /**
   * The head of a module whose detail is still on its way.
   * @param {SceneModule} module
   */
  announce(module) {
    this.clear();
    const waiting = h("p", { class: "cv-none", role: "status" });
    this.replace(head(module), waiting);
    this.timer = window.setTimeout(() => {
      waiting.textContent = "The kernel has not answered. If it is gone, run the cell again.";
    }, PATIENCE);
  }

  /**
   * @param {SceneModule} module
   * @param {Detail} detail
   * @param {DataView | null} bytes
   */
  show(module, detail, bytes) {
    this.clear();
    const calls = callsOf(detail);
    const notes = [...(detail.notes ?? [])];
    const empty = !detail.arrays.length;
    if (empty && !notes.length) notes.push("No arrays were kept for this module.");
    this.cards = h("div", { class: "cv-arrays" });
    this.drawArrays(detail, bytes, calls[0] ?? null);
    const { error } = detail;
    this.replace(
      head(module),
      error ? h("p", { class: "cv-error", role: "alert" }, error) : "",
      factList("cv-facts", detail.facts),
      empty ? "" : this.scaleBar(calls, (call) => this.drawArrays(detail, bytes, call)),
      this.cards,
      ...notes.map((note) => h("p", { class: "cv-none" }, note)),
      detail.code ? codeOf(detail.code) : "",
    );
  }

  /** @param {...(Node | string)} parts */
  replace(...parts) {
    // What had the focus goes; without a home for it, keys would go to the page.
    const focused = this.element.contains(document.activeElement);
    this.element.replaceChildren(...parts);
    this.element.scrollTop = 0;
    if (focused) this.element.focus({ preventScroll: true });
  }

  /**
   * The arrays of one call, and those of no call, which are the weights.
   *
   * @param {Detail} detail
   * @param {DataView | null} bytes
   * @param {number | null} call
   */
  drawArrays(detail, bytes, call) {
    this.clear();
    const shown = detail.arrays.filter((facts) => facts.call === null || facts.call === call);
    for (const facts of shown) {
      const cells = cellsOf(bytes, facts.offset, facts.length);
      const { scale, ontip, onunit } = this;
      this.arrays.set(facts.key, createArray({ facts, cells, scale, ontip, onunit }));
    }
    this.cards?.replaceChildren(...[...this.arrays.values()].map((card) => card.element));
  }

  /**
   * @param {number[]} calls
   * @param {(call: number) => void} oncall
   */
  scaleBar(calls, oncall) {
    const choices = calls.map((call) => ({ value: String(call), text: String(call) }));
    const value = choices[0]?.value ?? "";
    const onchoose = (/** @type {string} */ call) => {
      this.onunit("", null);
      oncall(Number(call));
    };
    return h(
      "div",
      { class: "cv-scalebar" },
      calls.length > 1 ? label("Call") : null,
      calls.length > 1 ? choice({ label: "Call", choices, value, onchoose }).element : null,
      label("Colour scale"),
      this.switch.element,
    );
  }

  /**
   * @param {string} key
   * @param {number | null} unit
   */
  showUnit(key, unit) {
    for (const [own, card] of this.arrays) card.showUnit(own === key ? unit : null);
  }
}

/** @param {string} text */
function label(text) {
  return h("span", { class: "cv-label", "aria-hidden": "true" }, text);
}

/**
 * The calls that a detail has arrays of.
 * @param {Detail} detail
 */
export function callsOf(detail) {
  const calls = new Set(detail.arrays.map((facts) => facts.call));
  return [...calls].filter((call) => call !== null);
}

/**
 * @param {DataView | null} bytes
 * @param {number} offset
 * @param {number} length
 */
function cellsOf(bytes, offset, length) {
  if (!bytes) return new Uint8Array(0);
  return new Uint8Array(bytes.buffer, bytes.byteOffset + offset, length);
}

/** @param {SceneModule} module */
function head(module) {
  const family = knownFamily(module.family);
  return h(
    "header",
    {
      class: "cv-detail-head",
      style: {
        "--cv-family": cssColour(`family.${family}.text`),
        "--cv-family-fill": cssColour(`family.${family}.fill`),
      },
    },
    h("h3", {}, module.path || module.kind),
    h("span", { class: "cv-kind" }, module.kind),
    module.calls > 1 ? h("span", { class: "cv-badge" }, `called ×${module.calls}`) : null,
    module.tied.length
      ? h("span", { class: "cv-badge" }, `tied with ${module.tied.join(", ")}`)
      : null,
  );
}

/** @param {string} code */
function codeOf(code) {
  return h(
    "details",
    { class: "cv-code", open: code.split("\n").length <= 6 },
    h("summary", {}, "Code"),
    h("pre", {}, h("code", {}, code)),
  );
}
