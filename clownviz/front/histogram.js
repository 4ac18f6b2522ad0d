// @ts-check
/**
 * A histogram in the hue of its role. A bin that is not empty is never invisible.
 *
 * @typedef {import("./types.js").Histogram} Histogram
 * @typedef {import("./types.js").Role} Role
 */
import { h, svg } from "./dom.js";
import { cssColour, formatCount, formatNumber } from "./look.js";

const HEIGHT = 40;
const LEAST = 1.5;

/**
 * The height of every bar, 0…1, an empty bin 0 and every other at least `least`.
 *
 * @param {number[]} counts
 * @param {number} least
 */
export function heights(counts, least) {
  const most = Math.max(...counts, 0);
  return counts.map((count) => (count > 0 ? Math.max(least, count / most) : 0));
}

/**
 * Where zero lies between the edges, 0…1, or null where it lies outside.
 *
 * @param {number[]} edges
 */
export function zeroAt(edges) {
  const [low, high] = [edges[0], edges[edges.length - 1]];
  return low < 0 && high > 0 ? -low / (high - low) : null;
}

/**
 * @param {Histogram} histogram
 * @param {Role} role
 */
export function drawHistogram({ edges, counts }, role) {
  const bins = counts.length;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (!bins || !total) return h("p", { class: "cv-none" }, "no finite values to count");
  const bars = heights(counts, LEAST / HEIGHT).map((height, i) => {
    const range = `${formatNumber(edges[i])} … ${formatNumber(edges[i + 1])}`;
    return svg(
      "g",
      { class: "cv-bin" },
      // The whole column answers the pointer, so that low bars can be asked too.
      svg("rect", { x: i, y: 0, width: 1, height: HEIGHT, class: "cv-bin-hit" }),
      svg("rect", { x: i + 0.06, y: HEIGHT * (1 - height), width: 0.88, height: HEIGHT * height }),
      svg("title", {}, `${range}: ${formatCount(counts[i])} values`),
    );
  });
  const zero = zeroAt(edges);
  const line =
    zero === null
      ? null
      : svg("line", { x1: zero * bins, x2: zero * bins, y1: 0, y2: HEIGHT, class: "cv-zero" });
  const [low, high] = [edges[0], edges[bins]].map(formatNumber);
  const label = `Histogram of ${formatCount(total)} values from ${low} to ${high}`;
  const chart = svg(
    "svg",
    { viewBox: `0 0 ${bins} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
    svg("title", {}, label),
    line,
    ...bars,
  );
  return h(
    "figure",
    { class: "cv-histogram", style: { "--cv-mark": cssColour(`role.${role}.mark`) } },
    chart,
    h("figcaption", {}, h("span", {}, low), zeroLabel(zero), h("span", {}, high)),
  );
}

/** @param {number | null} zero */
function zeroLabel(zero) {
  // Close to an end the label would stand on the end's own.
  if (zero === null || zero < 0.15 || zero > 0.85) return null;
  return h("span", { class: "cv-zero-label", style: { left: `${zero * 100}%` } }, "0");
}
