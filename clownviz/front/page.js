// @ts-check
/**
 * The exported page: the explorer on data that stands in the page itself, without a kernel.
 */
import { openPictures } from "./ask.js";
import { mount } from "./explorer.js";
import { createPageModel, unpack } from "./shim.js";
import { sortTables } from "./sort.js";

/**
 * Start the explorer of a page.
 *
 * @param {Document} page
 */
export async function start(page) {
  const data = page.getElementById("clownviz-data");
  const el = page.getElementById("clownviz-explorer");
  // An old browser that unpacks nothing keeps the still.
  if (!data || !el || !("DecompressionStream" in globalThis)) return;
  const model = createPageModel(await unpack(data.textContent ?? ""));
  el.replaceChildren();
  mount({ model, el });
}

start(document);
sortTables(document);
openPictures(document);
