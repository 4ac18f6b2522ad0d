// @ts-check
/**
 * Where cells lie, in device pixels: whole numbers only, so that cells are square and crisp.
 */

export const GAP = 6;

/**
 * @typedef {object} Grid a picture's cells
 * @property {number} rows
 * @property {number} cols
 * @property {number} cell pixels a cell, an integer
 * @property {number | null} cutRow the row before which rows are left out
 * @property {number | null} cutCol
 * @property {number} gap pixels of such a cut
 */

/**
 * The largest whole cell that fits, between `least` and `most`.
 *
 * @param {number} room
 * @param {number} count
 * @param {number} least
 * @param {number} most
 */
export function fitCell(room, count, least, most) {
  return Math.max(least, Math.min(most, Math.floor(room / Math.max(1, count))));
}

/** @param {Grid} grid */
export function sizeOf({ rows, cols, cell, cutRow, cutCol, gap }) {
  return {
    width: cols * cell + (cutCol === null ? 0 : gap),
    height: rows * cell + (cutRow === null ? 0 : gap),
  };
}

/**
 * The pixel at which a place starts.
 *
 * @param {number} place
 * @param {number} cell
 * @param {number | null} cut
 * @param {number} gap
 */
export function startOf(place, cell, cut, gap) {
  return place * cell + (cut !== null && place >= cut ? gap : 0);
}

/**
 * The place that holds a pixel, or null outside and in the gap.
 *
 * @param {number} pixel
 * @param {number} count
 * @param {number} cell
 * @param {number | null} cut
 * @param {number} gap
 */
export function placeAt(pixel, count, cell, cut, gap) {
  const edge = cut === null ? Infinity : cut * cell;
  if (pixel < 0 || (pixel >= edge && pixel < edge + gap)) return null;
  const place = Math.floor((pixel < edge ? pixel : pixel - gap) / cell);
  return place < count ? place : null;
}

/**
 * The pieces of an axis between cuts: [first place, how many].
 *
 * @param {number} count
 * @param {number | null} cut
 * @returns {[number, number][]}
 */
export function pieces(count, cut) {
  if (cut === null || cut <= 0 || cut >= count) return [[0, count]];
  return [
    [0, cut],
    [cut, count - cut],
  ];
}

/**
 * The tile of one of `count` maps: few maps are large, many are small.
 *
 * @param {number} count
 * @param {number} width pixels there are
 */
export function tileTarget(count, width) {
  if (count === 1) return Math.min(width, 196);
  if (count <= 4) return Math.min(width / 2 - GAP, 128);
  if (count <= 18) return 84;
  return count <= 36 ? 64 : 48;
}
