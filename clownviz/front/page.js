// @ts-check
/**
 * The exported page: the explorer on data that stands in the page itself, without a kernel.
 */
import { openPictures } from "./ask.js";
import { mount } from "./explorer.js";
import { decode, unpack, unpacks } from "./packed.js";
import { createPageModel } from "./shim.js";
import { sortTables } from "./sort.js";

/**
 * Start the explorer of a page.
 *
 * @param {Document} page
 */
export async function start(page) {
  const data = page.getElementById("clownviz-data");
  const el = page.getElementById("clownviz-explorer");
  if (!data || !el || !unpacks) return;
  const carried = await unpack(decode((data.textContent ?? "").trim()));
  el.replaceChildren();
  mount({ model: createPageModel(carried), scene: carried.scene, el });
}

start(document);
sortTables(document);
openPictures(document);
