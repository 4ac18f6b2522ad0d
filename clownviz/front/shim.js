// @ts-check
/**
 * The model of a page that has no kernel: the same five methods over plain data. A change of
 * `selection` is answered from the details that the page carries, as the kernel would.
 *
 * @typedef {import("./types.js").Model} Model
 * @typedef {import("./types.js").Detail} Detail
 * @typedef {import("./types.js").SceneModule} SceneModule
 */
import { decode } from "./packed.js";

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
 * The explorer's model, answered from embedded details.
 *
 * @param {object} embedded
 * @param {any} embedded.scene
 * @param {string} embedded.selection
 * @param {Record<string, { detail: Detail, bytes: string }>} embedded.details
 */
export function createPageModel({ scene, selection, details }) {
  const model = createShim({ selection, detail: null, detail_bytes: null });
  /** @type {Map<string, SceneModule>} */
  const modules = new Map((scene.modules ?? []).map((/** @type {SceneModule} */ m) => [m.path, m]));
  const answer = () => {
    const path = model.get("selection");
    const own = Object.hasOwn(details, path) ? details[path] : missing(path, modules.get(path));
    model.set("detail_bytes", decode(own.bytes));
    model.set("detail", own.detail);
  };
  model.on("change:selection", answer);
  answer();
  return model;
}

/**
 * The answer for a module of a large model whose arrays the page does not carry.
 * @param {string} path
 * @param {SceneModule} [module]
 */
function missing(path, module) {
  const notes = [
    "To stay small, this page does not carry the arrays of this module. With the model, " +
      `clownviz.explore(model, x, selection=${JSON.stringify(path)}) shows them.`,
  ];
  if (module?.like) notes.unshift(`It is built like ${module.like}.`);
  /** @type {[string, string][]} */
  const facts = [
    ["Input", module?.input ?? ""],
    ["Output", module?.output ?? ""],
    ["Parameters", module?.params ? module.params.toLocaleString("en") : ""],
    ["Calls", module && module.calls > 1 ? String(module.calls) : ""],
  ];
  /** @type {Detail} */
  const detail = {
    path,
    kind: module?.kind ?? "",
    code: module ? `${module.kind}(${module.extra ?? ""})` : "",
    facts: facts.filter(([, text]) => text),
    arrays: [],
    notes,
    ...(module?.error ? { error: module.error } : {}),
  };
  return { detail, bytes: "" };
}
