// @ts-check
/**
 * The explorer: tree | detail | diagram of one model, with one selection for all three.
 *
 * It is given the scene, and sees only a widget model (or the page's shim) with the keys
 * `selection`, `detail` and `detail_bytes`; whoever owns the data answers a change of `selection`
 * with a new detail.
 *
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Scene} Scene
 * @typedef {import("./types.js").Detail} Detail
 * @typedef {import("./types.js").SceneModule} SceneModule
 */
import { createDetail } from "./detail.js";
import { createDiagram } from "./diagram.js";
import { choice, h } from "./dom.js";
import { keepKeys } from "./keys.js";
import { unpack, unpacks } from "./packed.js";
import { Selection } from "./selection.js";
import { hideStill } from "./still.js";
import { createTree } from "./tree.js";

const REMEMBERED = 24;

/**
 * The way from the model to a module: [path, name] of every step.
 *
 * @param {string} path
 * @param {Map<string, SceneModule>} modules
 * @returns {[string, string][]}
 */
export function trail(path, modules) {
  /** @type {[string, string][]} */
  const steps = [["", modules.get("")?.kind ?? "model"]];
  const parts = path === "" ? [] : path.split(".");
  let from = 0;
  for (let to = 1; to <= parts.length; to++) {
    const holder = parts.slice(0, to).join(".");
    // A module's own name may hold dots, so only paths that exist are steps.
    if (!modules.has(holder)) continue;
    steps.push([holder, parts.slice(from, to).join(".")]);
    from = to;
  }
  return steps;
}

/**
 * Put an explorer into `el`.
 *
 * @param {{ model: Model, scene: Scene, el: HTMLElement }} context
 * @returns {() => void} takes it out again
 */
export function mount({ model, scene, el }) {
  const explorer = new Explorer(model, scene);
  el.append(explorer.element);
  explorer.start();
  return () => explorer.destroy();
}

class Explorer {
  /**
   * @param {Model} model
   * @param {Scene} scene
   */
  constructor(model, scene) {
    this.model = model;
    this.scene = scene;
    this.modules = new Map(this.scene.modules.map((module) => [module.path, module]));
    /** @type {Map<string, { detail: Detail, bytes: DataView | null }>} */
    this.known = new Map();
    /** @type {{ key: string, unit: number } | null} */
    this.unit = null;
    this.selection = new Selection(model, () => this.follow());
    const onselect = (/** @type {string} */ path) => this.selection.choose(path);
    this.tree = createTree({ modules: this.scene.modules, onselect });
    this.diagram = createDiagram({ source: this.scene.diagram, onselect });
    this.detail = createDetail({
      ontip: (text, at) => this.tip(text, at),
      onunit: (key, unit) => this.showUnit(key, unit),
    });
    this.crumbs = h("nav", { class: "cv-crumbs", "aria-label": "Where you are" });
    this.tooltip = h("div", { class: "cv-tip", hidden: true, role: "status" });
    this.element = this.build();
    this.letKeysGo = keepKeys(this.element);
    this.followDetail = () => this.receive();
  }

  build() {
    const { scene } = this;
    const tabs = choice({
      label: "What is shown",
      choices: [
        { value: "detail", text: "Details" },
        { value: "diagram", text: "Diagram" },
      ],
      value: "detail",
      onchoose: (pane) => main.setAttribute("data-pane", pane),
    });
    tabs.element.classList.add("cv-tabs");
    const bar = h("div", { class: "cv-bar-top" }, this.crumbs, tabs.element);
    const main = h("div", { class: "cv-main", "data-pane": "detail" });
    main.append(bar, this.detail.element, this.diagram.element);
    const notes = [scene.error, ...(scene.notes ?? [])].filter(Boolean);
    return h(
      "div",
      {
        class: "clownviz cv-explorer",
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
      },
      h(
        "header",
        { class: "cv-top" },
        h("h2", {}, scene.title),
        h("span", { class: "cv-summary" }, scene.summary),
      ),
      ...notes.map((note) =>
        h("p", { class: note === scene.error ? "cv-error" : "cv-note", role: "note" }, note),
      ),
      h("div", { class: "cv-body" }, this.tree.element, main),
      this.tooltip,
    );
  }

  start() {
    this.model.on("change:detail", this.followDetail);
    this.receive();
    this.follow();
    this.tree.draw();
  }

  destroy() {
    this.letKeysGo();
    this.selection.destroy();
    this.model.off("change:detail", this.followDetail);
    this.tree.destroy();
    this.diagram.destroy();
    this.detail.destroy();
    this.element.remove();
  }

  /** The path of the module that is shown; the model itself where the selection is none. */
  get path() {
    return this.modules.has(this.selection.path) ? this.selection.path : "";
  }

  follow() {
    const { path } = this;
    this.unit = null;
    this.tree.select(path);
    this.diagram.select(path);
    this.drawCrumbs();
    this.tip(null, { x: 0, y: 0 });
    const module = this.modules.get(path);
    if (!module) return;
    const known = this.known.get(path);
    if (known) this.detail.show(module, known.detail, known.bytes);
    else this.detail.announce(module);
  }

  receive() {
    const detail = /** @type {Detail | null} */ (this.model.get("detail"));
    if (!detail || typeof detail.path !== "string" || this.known.has(detail.path)) return;
    const bytes = this.model.get("detail_bytes") ?? null;
    this.known.set(detail.path, { detail, bytes });
    const [oldest] = this.known.keys();
    if (this.known.size > REMEMBERED) this.known.delete(oldest);
    const module = this.modules.get(detail.path);
    if (module && detail.path === this.path) this.detail.show(module, detail, bytes);
  }

  /**
   * @param {string} key
   * @param {number | null} unit
   */
  showUnit(key, unit) {
    const before = this.unit;
    this.unit = unit === null ? null : { key, unit };
    this.detail.showUnit(key, unit);
    this.drawCrumbs();
    const card = this.detail.arrays.get(key)?.element;
    const left = unit === null && before ? `.cv-tile:nth-child(${before.unit + 1})` : null;
    const next = card?.querySelector(left ?? ".cv-picture");
    if (next instanceof HTMLElement) next.focus();
  }

  drawCrumbs() {
    const steps = trail(this.path, this.modules);
    const items = steps.map(([path, name]) => ({ name, go: () => this.selection.choose(path) }));
    if (this.unit) {
      const { key, unit } = this.unit;
      const facts = this.detail.arrays.get(key)?.facts;
      items[items.length - 1].go = () => this.showUnit(key, null);
      const map = facts?.index[0]?.[unit] ?? unit;
      items.push({ name: `${facts?.title ?? key}, map ${map}`, go: () => {} });
    }
    const last = items.length - 1;
    this.crumbs.replaceChildren(
      ...items.map(({ name, go }, i) =>
        i === last
          ? h("span", { class: "cv-crumb", "aria-current": "location" }, name)
          : h("button", { type: "button", class: "cv-crumb", onclick: go }, name),
      ),
    );
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const writing = event.target instanceof HTMLInputElement;
    if (event.key === "/" && !writing) {
      event.preventDefault();
      this.tree.focusSearch();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.back();
    }
  }

  /** One level up: from a unit to its maps, from a module to its holder. */
  back() {
    if (this.unit) {
      this.showUnit(this.unit.key, null);
      return;
    }
    const steps = trail(this.path, this.modules);
    if (steps.length > 1) this.selection.choose(steps[steps.length - 2][0]);
  }

  /**
   * @param {string | null} text
   * @param {{ x: number, y: number }} at in the window
   */
  tip(text, { x, y }) {
    const { tooltip } = this;
    tooltip.hidden = text === null;
    if (text === null) return;
    tooltip.textContent = text;
    const box = this.element.getBoundingClientRect();
    const room = box.width - tooltip.offsetWidth - 8;
    tooltip.style.left = `${Math.max(8, Math.min(x - box.left + 10, room))}px`;
    tooltip.style.top = `${Math.max(4, y - box.top - tooltip.offsetHeight - 6)}px`;
  }
}

export default {
  /** @param {import("@anywidget/types").RenderProps} context */
  async render({ model, el }) {
    if (!unpacks) return;
    const unmount = mount({ model, scene: await unpack(model.get("scene")), el });
    const showStill = hideStill(el);
    return () => {
      unmount();
      showStill();
    };
  },
};
