// @ts-check
/**
 * The diagram: an SVG made by Graphviz, in which modules can be chosen, with zoom and pan.
 * What is not a picture (scripts, links, foreign elements, listeners) is dropped first.
 */
import { button, h } from "./dom.js";

// A module that is drawn at several places has the ids node:<path>, node@2:<path>, …
const ID = /^node(?:@\d+)?:([^]*)$/;
const SVG = "http://www.w3.org/2000/svg";
const MOST_ZOOM = 8;
/** Below this many pixels a unit the picture's text cannot be read. */
const READABLE = 0.9;

/** @typedef {{ x: number, y: number, width: number, height: number }} Frame */

/**
 * The path a group of the SVG stands for, or null.
 * @param {string} id
 */
export function pathOf(id) {
  return ID.exec(id)?.[1] ?? null;
}

/**
 * The nearest holder of a path that the diagram shows: "a.b.c" → "a.b" → "a" → "".
 *
 * @param {string} path
 * @param {(path: string) => boolean} has
 * @returns {string | null}
 */
export function nearestShown(path, has) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf(".")))) {
    if (has(at)) return at;
    if (at === "") return null;
  }
}

/**
 * The frame in which a picture opens: all of it where that can be read, else the part about a box.
 *
 * @param {Frame} whole
 * @param {Frame} box what must be seen
 * @param {{ width: number, height: number }} room in pixels
 * @returns {Frame}
 */
export function opening(whole, box, room) {
  const fitting = Math.min(room.width / whole.width, room.height / whole.height);
  if (fitting >= READABLE) return whole;
  const [width, height] = [room.width / READABLE, room.height / READABLE];
  return {
    x: centred(whole.x, whole.width, box.x + box.width / 2, width),
    y: centred(whole.y, whole.height, box.y + box.height / 2, height),
    width,
    height,
  };
}

/**
 * Where a window on an axis begins that is centred on a point, but does not leave the axis.
 *
 * @param {number} start
 * @param {number} length
 * @param {number} centre
 * @param {number} size
 */
function centred(start, length, centre, size) {
  if (size >= length) return start + (length - size) / 2;
  return Math.max(start, Math.min(start + length - size, centre - size / 2));
}

/**
 * A frame zoomed about a point of the picture, kept between the whole picture and `MOST_ZOOM`.
 *
 * @param {Frame} frame
 * @param {Frame} whole
 * @param {number} factor above 1 shows less
 * @param {{ x: number, y: number }} about
 * @returns {Frame}
 */
export function zoomed(frame, whole, factor, about) {
  const wanted = Math.min(Math.max(whole.width / frame.width, 0.2) * factor, MOST_ZOOM);
  const scale = whole.width / Math.max(1, wanted) / frame.width;
  return {
    x: about.x - (about.x - frame.x) * scale,
    y: about.y - (about.y - frame.y) * scale,
    width: frame.width * scale,
    height: frame.height * scale,
  };
}

const KEPT = new Set(
  (
    "svg g path polygon polyline ellipse circle rect line text tspan title desc defs " +
    "linearGradient stop clipPath"
  ).split(" "),
);

/**
 * Parse SVG text and keep only what can be drawn.
 *
 * @param {string} source
 * @returns {SVGSVGElement | null}
 */
export function parseSvg(source) {
  const parsed = new DOMParser().parseFromString(source, "image/svg+xml");
  const root = parsed.documentElement;
  if (root.namespaceURI !== SVG || root.localName !== "svg") return null;
  clean(root);
  return /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.importNode(root, true)));
}

/** @param {Element} root */
function clean(root) {
  for (const element of [...root.querySelectorAll("*")]) {
    // Graphviz wraps a node with a tooltip into a link that leads nowhere.
    if (element.localName === "a") element.replaceWith(...element.childNodes);
    else if (element.namespaceURI !== SVG || !KEPT.has(element.localName)) element.remove();
  }
  for (const element of [root, ...root.querySelectorAll("*")]) {
    for (const { name } of [...element.attributes]) {
      if (/^on|href$/i.test(name)) element.removeAttribute(name);
    }
  }
}

/**
 * @param {object} options
 * @param {string | null} options.source
 * @param {(path: string) => void} options.onselect
 */
export function createDiagram({ source, onselect }) {
  return new Diagram(source, onselect);
}

class Diagram {
  /**
   * @param {string | null} source
   * @param {(path: string) => void} onselect
   */
  constructor(source, onselect) {
    this.onselect = onselect;
    /** @type {Map<string, Element[]>} */
    this.nodes = new Map();
    this.selected = "";
    this.picture = source ? parseSvg(source) : null;
    /** Whether a person has moved the picture; from then on it stays where it was put. */
    this.moved = false;
    this.view = h("div", { class: "cv-diagram-view", tabindex: "0", role: "group" });
    this.view.setAttribute("aria-label", "Diagram; plus and minus zoom, arrows move, 0 fits");
    this.element = h("section", { class: "cv-diagram", "aria-label": "Diagram" });
    if (this.picture) this.build(this.picture);
    else this.element.append(h("p", { class: "cv-none" }, "There is no diagram of this model."));
  }

  /** @param {SVGSVGElement} picture */
  build(picture) {
    const box = (picture.getAttribute("viewBox") ?? "0 0 100 100").split(/[\s,]+/).map(Number);
    this.whole = { x: box[0], y: box[1], width: box[2], height: box[3] };
    this.frame = this.whole;
    for (const name of ["width", "height"]) picture.removeAttribute(name);
    picture.setAttribute("role", "presentation");
    for (const group of [...picture.querySelectorAll("[id]")]) {
      const path = pathOf(group.id);
      // Ids are global to the page, where a second diagram of the model may be.
      group.removeAttribute("id");
      if (path === null) continue;
      this.nodes.set(path, [...(this.nodes.get(path) ?? []), group]);
      group.classList.add("cv-node");
    }
    this.paths = new Map(
      [...this.nodes].flatMap(([path, groups]) => groups.map((group) => [group, path])),
    );
    this.view.append(picture);
    const tools = h(
      "div",
      { class: "cv-diagram-tools" },
      button("+", "Zoom in", () => this.zoom(1.4)),
      button("−", "Zoom out", () => this.zoom(1 / 1.4)),
      button("Fit", "Show the whole diagram", () => this.fit()),
    );
    this.element.append(this.view, tools);
    this.listen();
    this.watcher = new ResizeObserver(() => this.reveal());
    this.watcher.observe(this.view);
  }

  destroy() {
    this.watcher?.disconnect();
  }

  listen() {
    const { view } = this;
    /** @type {{ x: number, y: number, frame: Frame, moved: boolean } | null} */
    let drag = null;
    view.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.frame) return;
      drag = { x: event.clientX, y: event.clientY, frame: this.frame, moved: false };
    });
    view.addEventListener("pointermove", (event) => {
      if (!drag || !(event.buttons & 1)) return;
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      if (!drag.moved) view.setPointerCapture(event.pointerId);
      drag.moved = true;
      this.moved = true;
      const scale = this.unitsPerPixel();
      this.show({ ...drag.frame, x: drag.frame.x - dx * scale, y: drag.frame.y - dy * scale });
    });
    view.addEventListener("click", (event) => {
      const moved = drag?.moved;
      drag = null;
      if (!moved) this.choose(/** @type {Element} */ (event.target));
    });
    view.addEventListener(
      "wheel",
      (event) => {
        // A plain wheel scrolls the page; with Ctrl, or by pinching, it zooms.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoom(Math.exp(-event.deltaY / 200), event);
      },
      { passive: false },
    );
    view.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {Element} target */
  choose(target) {
    const group = target.closest(".cv-node");
    const path = group ? this.paths?.get(group) : undefined;
    if (path !== undefined) this.onselect(path);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.frame) return;
    const step = this.frame.width / 8;
    /** @type {Record<string, () => void>} */
    const actions = {
      "+": () => this.zoom(1.4),
      "=": () => this.zoom(1.4),
      "-": () => this.zoom(1 / 1.4),
      0: () => this.fit(),
      ArrowLeft: () => this.pan(-step, 0),
      ArrowRight: () => this.pan(step, 0),
      ArrowUp: () => this.pan(0, -step),
      ArrowDown: () => this.pan(0, step),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  unitsPerPixel() {
    const box = this.picture?.getBoundingClientRect();
    if (!box || !this.frame) return 1;
    return Math.max(this.frame.width / box.width, this.frame.height / box.height);
  }

  /**
   * @param {number} factor
   * @param {{ clientX: number, clientY: number }} [at]
   */
  zoom(factor, at) {
    const { frame, whole } = this;
    if (!frame || !whole) return;
    const about = { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 };
    const matrix = at && this.picture?.getScreenCTM()?.inverse();
    if (at && matrix) {
      Object.assign(about, point(new DOMPoint(at.clientX, at.clientY).matrixTransform(matrix)));
    }
    this.moved = true;
    this.show(zoomed(frame, whole, factor, about));
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.moved = true;
    if (this.frame) this.show({ ...this.frame, x: this.frame.x + dx, y: this.frame.y + dy });
  }

  fit() {
    this.moved = true;
    if (this.whole) this.show(this.whole);
  }

  /** @param {Frame} frame */
  show(frame) {
    this.frame = frame;
    const { x, y, width, height } = frame;
    this.picture?.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  }

  /** @param {string} path */
  select(path) {
    for (const group of this.nodes.get(this.selected) ?? []) group.classList.remove("cv-selected");
    const shown = nearestShown(path, (at) => this.nodes.has(at));
    if (shown === null) return;
    this.selected = shown;
    for (const group of this.nodes.get(shown) ?? []) group.classList.add("cv-selected");
    // A person who zoomed in follows the selection; one who sees it is left alone.
    if (!this.sees(shown)) this.moved = false;
    this.reveal();
  }

  /**
   * The box of a module, in units of the picture.
   * @param {string} path
   * @returns {Frame | null}
   */
  boxOf(path) {
    const group = /** @type {SVGGraphicsElement | undefined} */ (this.nodes.get(path)?.[0]);
    const outer = /** @type {SVGGraphicsElement | null | undefined} */ (
      this.picture?.querySelector("g")
    );
    const matrix = outer?.transform.baseVal.consolidate()?.matrix;
    if (!group || !matrix || !this.view.clientWidth) return null;
    const { x, y, width, height } = group.getBBox();
    const corner = new DOMPoint(x, y).matrixTransform(matrix);
    return { x: corner.x, y: corner.y, width: width * matrix.a, height: height * matrix.d };
  }

  /** @param {string} path */
  sees(path) {
    const box = this.boxOf(path);
    const frame = this.frame;
    if (!box || !frame) return true;
    const [x, y] = [box.x + box.width / 2 - frame.x, box.y + box.height / 2 - frame.y];
    return x > 0 && y > 0 && x < frame.width && y < frame.height;
  }

  /** Unless a person has moved the picture, show the selected module at a size to be read. */
  reveal() {
    const box = this.boxOf(this.selected);
    if (this.moved || !box || !this.whole) return;
    const room = { width: this.view.clientWidth, height: this.view.clientHeight };
    this.show(opening(this.whole, box, room));
  }
}

/** @param {DOMPoint} from */
function point({ x, y }) {
  return { x, y };
}
