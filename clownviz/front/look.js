// @ts-check
/**
 * The page's half of clownviz.look: the same numbers and colours from the same JSON.
 * tests/clownviz/look/golden.json holds the cases on which both halves must agree.
 */
import look from "../look/look.json" with { type: "json" };

const { digits, fixed, counts, bytes, seconds } = look.numbers;

/** @typedef {"diverging" | "sequential"} MapName */

/**
 * A measured number with three significant digits.
 * @param {number} value
 */
export function formatNumber(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  if (value === 0) return "0";
  const rounded = Number(value.toPrecision(digits));
  const magnitude = Math.abs(rounded);
  if (magnitude >= fixed[0] && magnitude < fixed[1]) return String(rounded);
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}

/**
 * A count with an SI suffix: "1.23 M".
 * @param {number} count
 */
export function formatCount(count) {
  return withUnit(count, 1000, counts);
}

/**
 * A number of bytes with an IEC suffix: "4.7 MiB".
 * @param {number} count
 */
export function formatBytes(count) {
  return withUnit(count, 1024, bytes);
}

/**
 * @param {number} count
 * @param {number} base
 * @param {string[]} units
 * @returns {string}
 */
function withUnit(count, base, units) {
  if (count < 0) return "-" + withUnit(-count, base, units);
  if (count < base) return `${short(count)} ${units[0]}`.trimEnd();
  let value = count / base;
  let power = 1;
  while (power + 1 < units.length && short(value) >= base) {
    value /= base;
    power += 1;
  }
  return `${short(value)} ${units[power]}`;
}

/**
 * Three significant digits, but never fewer digits than stand before the point.
 * @param {number} value
 */
function short(value) {
  return value >= 10 ** digits ? Math.round(value) : Number(value.toPrecision(digits));
}

/**
 * A duration with the unit that keeps it above one.
 * @param {number} duration
 */
export function formatSeconds(duration) {
  if (duration === 0) return `0 ${seconds[0][1]}`;
  const fits = seconds.find(([factor]) => Math.abs(duration) >= Number(factor));
  const [factor, unit] = fits ?? seconds[seconds.length - 1];
  return `${formatNumber(duration / Number(factor))} ${unit}`;
}

/**
 * A map's colours at even steps, three bytes each.
 * @param {MapName} name
 * @param {number} size
 */
export function mapTable(name, size) {
  const stops = look.maps[name].map(rgb);
  const table = new Uint8ClampedArray(size * 3);
  for (let i = 0; i < size; i++) {
    const place = (i / (size - 1)) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    for (let c = 0; c < 3; c++) {
      const slope = stops[low + 1][c] - stops[low][c];
      table[i * 3 + c] = Math.floor(stops[low][c] + slope * (place - low) + 0.5);
    }
  }
  return table;
}

/**
 * A map as a CSS gradient, for a legend's bar.
 * @param {MapName} name
 */
export function mapGradient(name) {
  return `linear-gradient(to right, ${look.maps[name].join(", ")})`;
}

/**
 * @param {string} colour "#rrggbb"
 * @returns {[number, number, number]}
 */
export function rgb(colour) {
  const value = parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/**
 * A named colour that follows the theme: `cssColour("role.weight.mark")`.
 * @param {string} name
 */
export function cssColour(name) {
  return `var(--cv-${name.replaceAll(".", "-")})`;
}

/**
 * The family whose colour a module has: its own, or "other" if that has none.
 * @param {string} family
 */
export function knownFamily(family) {
  return Object.hasOwn(look.families, family) ? family : "other";
}

export const themes = look.themes;
export const codes = look.codes;
