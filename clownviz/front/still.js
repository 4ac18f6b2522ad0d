// @ts-check
/**
 * A view is shown twice: as a still picture that outlives the kernel, then as a widget. While the
 * widget is live the picture is one too many.
 */

/**
 * Hide the still that belongs to a live view: the last one before it in the same output.
 *
 * @param {HTMLElement} el the widget's element
 * @returns {() => void} shows the still again
 */
export function hideStill(el) {
  /** @type {HTMLElement | null} */
  let hidden = null;
  const hide = () => {
    if (!el.isConnected) return;
    watcher.disconnect();
    hidden = find(el);
    if (hidden) hidden.style.display = "none";
  };
  // A widget is made before it is put into the page; only there it has a size.
  const watcher = new ResizeObserver(hide);
  watcher.observe(el);
  return () => {
    watcher.disconnect();
    if (hidden) hidden.style.display = "";
  };
}

/**
 * @param {HTMLElement} el
 * @returns {HTMLElement | null}
 */
function find(el) {
  const output = el.closest(".jp-OutputArea, .output_area, .output, .cell-output");
  const before = [...(output?.querySelectorAll("img.clownviz-still") ?? [])].filter(
    (still) => still.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  const still = before[before.length - 1];
  // The whole output, or an empty row would stay.
  return still?.closest(".jp-OutputArea-child") ?? /** @type {HTMLElement} */ (still) ?? null;
}
