// @ts-check
/**
 * The model of a page that has no kernel: the same five methods over plain data. A change of
 * `selection` is answered from the details that the page carries, as the kernel would.
 *
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Detail} Detail
 */

/**
 * A model over a plain object.
 *
 * @param {Record<string, any>} state
 * @returns {Model}
 */
export function createShim(state) {
  const values = { ...state };
  /** @type {Map<string, Set<(...args: any[]) => void>>} */
  const listeners = new Map();
  /** @type {Model} */
  const model = {
    get: (key) => values[key],
    set: (key, value) => {
      if (values[key] === value) return;
      values[key] = value;
      for (const event of [`change:${key}`, "change"]) {
        for (const callback of [...(listeners.get(event) ?? [])]) callback(model, value);
      }
    },
    on: (event, callback) => {
      const known = listeners.get(event) ?? new Set();
      listeners.set(event, known.add(callback));
    },
    off: (event, callback) => {
      if (!event) listeners.clear();
      else if (callback) listeners.get(event)?.delete(callback);
      else listeners.delete(event);
    },
    save_changes: () => {},
    send: () => {},
  };
  return model;
}

/**
 * The bytes of a base64 text.
 * @param {string} text
 */
export function decode(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new DataView(bytes.buffer);
}

/**
 * The explorer's model, answered from embedded details.
 *
 * @param {object} embedded
 * @param {any} embedded.scene
 * @param {string} embedded.selection
 * @param {Record<string, { detail: Detail, bytes: string }>} embedded.details
 */
export function createPageModel({ scene, selection, details }) {
  const model = createShim({ scene, selection, detail: null, detail_bytes: null });
  const answer = () => {
    const path = model.get("selection");
    const own = Object.hasOwn(details, path) ? details[path] : missing(path);
    model.set("detail_bytes", decode(own.bytes));
    model.set("detail", own.detail);
  };
  model.on("change:selection", answer);
  answer();
  return model;
}

/**
 * The answer for a module of a large model whose detail the page does not carry.
 * @param {string} path
 */
function missing(path) {
  const notes = ["This page does not carry the arrays of this module."];
  /** @type {Detail} */
  const detail = { path, kind: "", code: "", facts: [], arrays: [], notes };
  return { detail, bytes: "" };
}
