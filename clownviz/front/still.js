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
  const output = el.closest(".jp-OutputArea, .output_area, .output, .cell-output");
  const stills = [...(output?.querySelectorAll("img.clownviz-still") ?? [])];
  const before = stills.filter(
    (still) => still.compareDocumentPosition(el) & Node.DOCUMENT_POSITION_FOLLOWING,
  );
  const still = before[before.length - 1];
  if (!still) return () => {};
  const whole = /** @type {HTMLElement} */ (still.closest(".jp-OutputArea-child") ?? still);
  whole.hidden = true;
  whole.style.display = "none";
  return () => {
    whole.hidden = false;
    whole.style.display = "";
  };
}
