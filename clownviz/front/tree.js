// @ts-check
/**
 * The tree of modules. Only the rows that are seen are in the page, so 10,000 scroll smoothly; the
 * focus stays on the tree itself and `aria-activedescendant` says which row it means.
 *
 * @typedef {import("./types.js").SceneModule} SceneModule
 * @typedef {import("./rows.js").Row} Row
 */
import { h } from "./dom.js";
import { cssColour, formatCount, knownFamily } from "./look.js";
import { ancestors, lead, nest, openToFit, search, seen, walk } from "./rows.js";

export const ROW_HEIGHT = 26;
const ROOM = 40;

let trees = 0;

/**
 * @param {object} options
 * @param {SceneModule[]} options.modules
 * @param {(path: string) => void} options.onselect
 */
export function createTree({ modules, onselect }) {
  return new Tree(modules, onselect);
}

class Tree {
  /**
   * @param {SceneModule[]} modules
   * @param {(path: string) => void} onselect
   */
  constructor(modules, onselect) {
    this.id = `cv-tree-${++trees}`;
    this.onselect = onselect;
    this.roots = nest(modules);
    this.all = walk(this.roots);
    this.byPath = new Map(this.all.map((row) => [row.key, row]));
    this.open = openToFit(this.roots, ROOM);
    /** @type {Row | null} */
    this.active = this.roots[0] ?? null;
    this.query = "";
    /** @type {Set<Row>} */
    this.matches = new Set();
    /** @type {Map<Row, HTMLElement>} */
    this.drawn = new Map();
    this.rows = this.visible();
    this.build();
  }

  build() {
    this.field = h("input", {
      type: "search",
      class: "cv-search",
      placeholder: "Search modules",
      "aria-label": "Search modules",
      "aria-keyshortcuts": "/",
      oninput: () => this.find(this.field?.value ?? ""),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.searchKey(event),
    });
    this.hint = h("kbd", { class: "cv-key", "aria-hidden": "true" }, "/");
    this.status = h("div", { class: "cv-tree-status", role: "status" });
    this.sheet = h("div", { class: "cv-tree-sheet", role: "presentation" });
    this.box = h(
      "div",
      {
        class: "cv-tree",
        role: "tree",
        tabindex: "0",
        "aria-label": "Modules",
        onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
        onclick: (/** @type {MouseEvent} */ event) => this.click(event),
        onscroll: () => this.draw(),
      },
      this.sheet,
    );
    const bar = h("div", { class: "cv-searchbar" }, this.field, this.hint);
    this.element = h("nav", { class: "cv-side", "aria-label": "Module tree" });
    this.element.append(bar, this.box, this.status);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.box);
    this.draw();
  }

  destroy() {
    this.watcher?.disconnect();
  }

  /** @returns {Row[]} */
  visible() {
    if (!this.query) return walk(this.roots, (row) => this.open.has(row.key));
    const found = search(this.roots, this.query);
    this.matches = found.matches;
    return found.rows;
  }

  /** @param {Row} row */
  isOpen(row) {
    return this.query !== "" || this.open.has(row.key);
  }

  refresh() {
    this.rows = this.visible();
    this.draw(true);
  }

  /** @param {string} query */
  find(query) {
    this.query = query.trim();
    this.matches = new Set();
    // What was found may lie in closed rows, where it would be lost with the search.
    if (!this.query && this.active) this.openAbove(this.active);
    this.rows = this.visible();
    if (this.status) {
      const count = this.matches.size;
      const noun = count === 1 ? "module" : "modules";
      this.status.textContent = this.query ? `${count || "No"} ${noun} found` : "";
    }
    if (this.box) this.box.scrollTop = 0;
    this.draw(true);
    if (!this.query) this.reveal();
  }

  /** @param {KeyboardEvent} event */
  searchKey(event) {
    if (event.key === "Escape" && this.field) {
      event.stopPropagation();
      this.field.value = "";
      this.find("");
      this.box?.focus();
    } else if (event.key === "Enter" || event.key === "ArrowDown") {
      const first = this.rows.find((row) => this.matches.has(row)) ?? this.rows[0];
      event.preventDefault();
      if (first) this.go(first);
      this.box?.focus();
    } else {
      return;
    }
    event.preventDefault();
  }

  focusSearch() {
    this.field?.focus();
    this.field?.select();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.active) return;
    if (event.key === "Enter" || event.key === " ") {
      this.toggle(this.active);
      event.preventDefault();
      return;
    }
    const page = Math.max(1, Math.floor((this.box?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
    const result = lead(event.key, this.rows, this.active, (row) => this.isOpen(row), page);
    if (!result) return;
    event.preventDefault();
    event.stopPropagation();
    if (result.to) this.go(result.to);
    if (result.open) this.toggle(result.open, true);
    if (result.close) this.toggle(result.close, false);
    if (result.level) this.openLevel(result.level);
  }

  /** @param {MouseEvent} event */
  click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const element = /** @type {HTMLElement | null} */ (target.closest("[data-at]"));
    const row = element ? this.rows[Number(element.dataset.at)] : undefined;
    if (!row) return;
    if (target.closest(".cv-twist") || !row.module) this.toggle(row);
    this.go(row);
  }

  /**
   * @param {Row} row
   * @param {boolean} [open]
   */
  toggle(row, open = !this.open.has(row.key)) {
    if (!row.children.length) return;
    if (open) this.open.add(row.key);
    else this.open.delete(row.key);
    this.refresh();
  }

  /** @param {Row} row */
  openLevel(row) {
    for (const sibling of row.parent?.children ?? this.roots) this.open.add(sibling.key);
    this.refresh();
  }

  /** @param {Row} row */
  go(row) {
    this.active = row;
    this.draw(true);
    this.reveal();
    if (row.module) this.onselect(row.module.path);
  }

  /**
   * Follow a selection made elsewhere.
   * @param {string} path
   */
  select(path) {
    const row = this.byPath.get(path);
    if (!row || row === this.active) return;
    this.active = row;
    this.openAbove(row);
    this.refresh();
    this.reveal();
  }

  /** @param {Row} row */
  openAbove(row) {
    for (const holder of ancestors(row)) this.open.add(holder.key);
  }

  /** Bring the active row into view, without moving more than is needed. */
  reveal() {
    const at = this.active ? this.rows.indexOf(this.active) : -1;
    if (at < 0 || !this.box) return;
    const top = at * ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.box;
    if (top < scrollTop) this.box.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight) {
      this.box.scrollTop = top + ROW_HEIGHT - clientHeight;
    }
    this.draw();
  }

  /** @param {boolean} [anew] draw the rows that are there again, not only those that came in */
  draw(anew = false) {
    const { box, sheet } = this;
    if (!box || !sheet) return;
    const height = box.clientHeight || ROOM * ROW_HEIGHT;
    const { first, last } = seen(box.scrollTop, height, ROW_HEIGHT, this.rows.length);
    sheet.style.height = `${this.rows.length * ROW_HEIGHT}px`;
    const wanted = new Set(this.rows.slice(first, last));
    for (const [row, element] of this.drawn) {
      if (anew || !wanted.has(row)) {
        element.remove();
        this.drawn.delete(row);
      }
    }
    for (let at = first; at < last; at++) {
      const row = this.rows[at];
      if (!this.drawn.has(row)) this.drawn.set(row, this.drawRow(row, at));
    }
    // In reading order, which is what a screen reader follows.
    const elements = [...wanted].map((row) => /** @type {HTMLElement} */ (this.drawn.get(row)));
    if (elements.some((element) => !element.isConnected)) sheet.replaceChildren(...elements);
    const shown = this.active && this.drawn.get(this.active);
    if (shown) box.setAttribute("aria-activedescendant", shown.id);
    else box.removeAttribute("aria-activedescendant");
  }

  /**
   * @param {Row} row
   * @param {number} at
   */
  drawRow(row, at) {
    const { module, children } = row;
    const sign = children.length ? "›" : "";
    const twist = h("span", { class: "cv-twist", "aria-hidden": "true" }, sign);
    const name = module?.path === "" ? row.kind : row.name;
    return h(
      "div",
      {
        id: `${this.id}-${at}`,
        class: classes(row, this.matches),
        role: "treeitem",
        "data-at": at,
        "aria-level": row.level,
        "aria-posinset": row.place,
        "aria-setsize": (row.parent?.children ?? this.roots).length,
        "aria-expanded": children.length ? String(this.isOpen(row)) : null,
        "aria-selected": String(row === this.active),
        "aria-label": spoken(row),
        title: module?.path || row.kind,
        style: {
          top: `${at * ROW_HEIGHT}px`,
          "--cv-level": row.level - 1,
          "--cv-family": cssColour(`family.${knownFamily(module?.family ?? "container")}.text`),
        },
      },
      twist,
      h("span", { class: "cv-dot", "aria-hidden": "true" }),
      h(
        "span",
        { class: "cv-row-label" },
        h("span", { class: "cv-row-name" }, name),
        module?.path === "" ? null : h("span", { class: "cv-row-kind" }, row.kind),
      ),
      ...badges(module),
      h("span", { class: "cv-row-shape" }, module?.output),
      h("span", { class: "cv-row-params" }, module ? paramsOf(module) : null),
    );
  }
}

/**
 * @param {Row} row
 * @param {Set<Row>} matches
 */
function classes(row, matches) {
  const names = ["cv-row"];
  if (matches.has(row)) names.push("cv-match");
  if (!row.module) names.push("cv-run");
  if (row.module?.error) names.push("cv-failed");
  return names.join(" ");
}

/** @param {SceneModule | null} module */
function badges(module) {
  if (!module) return [];
  const { calls, tied, error } = module;
  return [
    calls > 1 && h("span", { class: "cv-badge", title: `called ${calls} times` }, `×${calls}`),
    tied.length > 0 &&
      h("span", { class: "cv-badge", title: `shares a parameter with ${tied.join(", ")}` }, "tied"),
    error && h("span", { class: "cv-badge cv-badge-error", title: error }, "failed"),
  ];
}

/** @param {SceneModule} module */
function paramsOf(module) {
  return module.params ? formatCount(module.params) : "–";
}

/** @param {Row} row */
function spoken({ name, kind, module }) {
  if (!module) return `${name}, ${kind}`;
  const parts = [module.path === "" ? kind : `${name}, ${kind}`];
  if (module.output) parts.push(`output ${module.output}`);
  if (module.params) parts.push(`${formatCount(module.params)} parameters`);
  if (module.calls > 1) parts.push(`called ${module.calls} times`);
  if (module.tied.length) parts.push(`tied to ${module.tied.join(", ")}`);
  if (module.error) parts.push("failed");
  return parts.join(", ");
}
