// @ts-check
/**
 * What is selected, shared with whoever else holds the model: the kernel, or another view.
 *
 * @typedef {import("./types.js").Model} Model
 */

/** Milliseconds. Walking the tree with a key held down asks for the last module only. */
export const SETTLE = 40;

export class Selection {
  /**
   * @param {Model} model its key `selection` is the path
   * @param {() => void} onchange called when it changed, here or elsewhere
   */
  constructor(model, onchange) {
    this.model = model;
    this.onchange = onchange;
    /** @type {string | null} */
    this.unsent = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.hear = () => this.follow();
    model.on("change:selection", this.hear);
  }

  destroy() {
    clearTimeout(this.timer);
    this.model.off("change:selection", this.hear);
  }

  /** @returns {string} */
  get path() {
    return this.model.get("selection");
  }

  /** @param {string} path */
  choose(path) {
    if (path === this.path) return;
    this.unsent = path;
    this.model.set("selection", path);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), SETTLE);
  }

  send() {
    this.unsent = null;
    this.model.save_changes();
  }

  follow() {
    // The kernel echoes each choice; what was chosen since, and waits to be sent, is newer.
    if (this.unsent !== null && this.unsent !== this.path) this.model.set("selection", this.unsent);
    else this.onchange();
  }
}
