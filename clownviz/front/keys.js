// @ts-check
/**
 * Keys that are ours. JupyterLab listens on the document before any element hears of a key, and
 * takes "a", "d" or an arrow for a command on the cell, unless the focused element itself says
 * otherwise. So it says so, but only for plain keys: Ctrl+S and Shift+Enter stay JupyterLab's.
 */

const SAYS = "data-lm-suppress-shortcuts";

/**
 * Whether a key is meant for what has the focus.
 *
 * @param {{ key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean }}
 *   event
 */
export function isPlain({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  return !ctrlKey && !metaKey && !altKey && !(shiftKey && key === "Enter");
}

/**
 * Keep plain keys inside an element.
 *
 * @param {HTMLElement} root
 * @returns {() => void} lets them go again
 */
export function keepKeys(root) {
  /** @param {KeyboardEvent} event */
  const mark = (event) => {
    const target = event.target;
    if (!(target instanceof Element) || !root.contains(target)) return;
    if (isPlain(event)) target.setAttribute(SAYS, "true");
    else target.removeAttribute(SAYS);
  };
  // The window hears of a key even before the document.
  window.addEventListener("keydown", mark, { capture: true });
  return () => window.removeEventListener("keydown", mark, { capture: true });
}
