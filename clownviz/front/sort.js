// @ts-check
/**
 * Tables of summaries, sorted by a click on a header: the largest first, the smallest first, and
 * then again the tree that the table was.
 */

/** @typedef {"descending" | "ascending" | "none"} Direction */

/** @type {Record<Direction, Direction>} */
const NEXT = { none: "descending", descending: "ascending", ascending: "none" };

/**
 * What a further click on a header asks for.
 *
 * @param {string | null} direction what the column is sorted by now
 * @returns {Direction}
 */
export function next(direction) {
  return NEXT[/** @type {Direction} */ (direction)] ?? "descending";
}

/**
 * The order of rows by their keys; equal rows stay in order, and rows without a key stand last.
 *
 * @param {string[]} keys one for each row, in the order of the tree
 * @param {Direction} direction
 * @returns {number[]} which row comes first, second, …
 */
export function order(keys, direction) {
  const places = keys.map((_, at) => at);
  if (direction === "none") return places;
  const sign = direction === "descending" ? -1 : 1;
  const areNumbers = keys.every((key) => key === "" || Number.isFinite(Number(key)));
  return places.sort((a, b) => {
    if (keys[a] === "" || keys[b] === "") return Number(keys[a] === "") - Number(keys[b] === "");
    const difference = areNumbers
      ? Number(keys[a]) - Number(keys[b])
      : keys[a].localeCompare(keys[b], "en", { numeric: true });
    return sign * difference;
  });
}

/**
 * Let the headers of every summary in a document be clicked, or pressed with Enter or space.
 *
 * @param {ParentNode} root
 */
export function sortTables(root) {
  for (const table of root.querySelectorAll(".cv-rows table:not([data-sorts])")) {
    makeSortable(/** @type {HTMLTableElement} */ (table));
  }
}

/** @param {HTMLTableElement} table */
function makeSortable(table) {
  table.dataset.sorts = "";
  const body = table.tBodies[0];
  const place = (/** @type {HTMLTableRowElement} */ row) => Number(row.dataset.at);
  const rows = [...body.rows].sort((a, b) => place(a) - place(b));
  const headers = [...(table.tHead?.rows[0].cells ?? [])];
  headers.forEach((header, column) => {
    const sort = () => {
      const direction = next(header.getAttribute("aria-sort"));
      const keys = rows.map((row) => row.cells[column].dataset.key ?? row.cells[column].innerText);
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", direction);
      table.classList.toggle("cv-flat", direction !== "none");
      body.append(...order(keys, direction).map((at) => rows[at]));
    };
    header.tabIndex = 0;
    header.title = "sort by this column";
    header.addEventListener("click", sort);
    header.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      sort();
    });
  });
}
