// @ts-check
/**
 * The arithmetic of a chart, without a pixel: growing points, smoothing, ticks, what falls into a
 * column.
 */

/** Steps and values of one curve, growing; appending never copies more than it has to. */
export class Points {
  /** @param {number} [absent] a value that says "nothing here" and is never drawn */
  constructor(absent) {
    this.absent = absent;
    this.count = 0;
    this.steps = new Float64Array(256);
    this.values = new Float64Array(256);
    // How far the moving average has come.
    this.state = { span: 0, count: 0, average: 0, share: 0, step: 0 };
    this.smooth = new Float64Array(0);
  }

  /**
   * @param {number} step
   * @param {number} value
   */
  push(step, value) {
    if (this.count === this.steps.length) {
      this.steps = grown(this.steps);
      this.values = grown(this.values);
    }
    this.steps[this.count] = step;
    this.values[this.count] = value;
    this.count += 1;
  }

  clear() {
    this.count = 0;
    this.state.count = 0;
  }

  /** Keep every second point, the newest among them. */
  thin() {
    const odd = (this.count - 1) % 2;
    const kept = (this.count + 1) >> 1;
    for (let i = 0; i < kept; i++) {
      this.steps[i] = this.steps[2 * i + odd];
      this.values[i] = this.values[2 * i + odd];
    }
    this.count = kept;
    this.state.count = 0;
  }

  /** The newest value, or undefined before there is one. */
  get last() {
    return this.count ? this.values[this.count - 1] : undefined;
  }

  /**
   * The values as a moving average over about `span` steps; 0 gives the values themselves. It
   * decays by steps and not by points, so a curve with a point in a hundred steps is hardly
   * changed. Dividing by the share of weights seen makes it right from the first point on (Kingma
   * & Ba 2015, §3). What is not finite is passed through and not averaged. Only new points are
   * computed.
   * @param {number} span
   */
  smoothed(span) {
    if (!span) return this.values;
    const { state } = this;
    if (state.span !== span || state.count > this.count) Object.assign(state, { span, count: 0 });
    if (state.count === 0) Object.assign(state, { average: 0, share: 0, step: this.steps[0] - 1 });
    if (this.smooth.length < this.values.length) {
      const wider = new Float64Array(this.values.length);
      wider.set(this.smooth);
      this.smooth = wider;
    }
    for (let i = state.count; i < this.count; i++) {
      const value = this.values[i];
      if (Number.isFinite(value) && value !== this.absent) {
        const kept = Math.exp((state.step - this.steps[i]) / span);
        state.average = kept * state.average + (1 - kept) * value;
        state.share = kept * state.share + (1 - kept);
        state.step = this.steps[i];
        this.smooth[i] = state.average / state.share;
      } else {
        this.smooth[i] = value;
      }
    }
    state.count = this.count;
    return this.smooth;
  }
}

/** Averages over so many steps can be chosen. */
export const SPANS = [0, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/**
 * The average that suits a run: over at most a fiftieth of its steps, so that it hardly lags.
 * @param {[number, number]} whole
 */
export function usualSpan([first, last]) {
  return Math.max(...SPANS.filter((span) => span === 0 || span * 50 <= last - first));
}

/** @param {Float64Array} array */
function grown(array) {
  const wider = new Float64Array(array.length * 2);
  wider.set(array);
  return wider;
}

/**
 * The first place among `count` rising numbers that is not below `value`.
 * @param {ArrayLike<number>} rising
 * @param {number} count
 * @param {number} value
 */
export function lowerBound(rising, count, value) {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The place whose number is nearest to `value`; -1 if there is none.
 * @param {ArrayLike<number>} rising
 * @param {number} count
 * @param {number} value
 */
export function nearest(rising, count, value) {
  if (count === 0) return -1;
  const above = lowerBound(rising, count, value);
  if (above === 0) return 0;
  if (above === count) return count - 1;
  return value - rising[above - 1] <= rising[above] - value ? above - 1 : above;
}

/**
 * Round numbers from `low` to `high`, about `wanted` of them, at steps of 1, 2 or 5 times a power
 * of ten.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted
 */
export function linearTicks(low, high, wanted) {
  const span = high - low;
  if (!(span > 0) || !Number.isFinite(span)) return [low];
  const rough = span / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.999) ?? 10);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    // Through the shortest text, 0.30000000000000004 becomes 0.3 again.
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/**
 * Powers of ten from `low` to `high`, fewer where they would crowd; 1, 2, 5 where there are
 * hardly any.
 * @param {number} low
 * @param {number} high
 * @param {number} wanted
 */
export function logTicks(low, high, wanted) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const decades = last - first + 1;
  if (decades < 2) return fineLogTicks(low, high);
  const stride = Math.ceil(decades / Math.max(2, wanted));
  const ticks = [];
  for (let power = Math.ceil(first / stride) * stride; power <= last; power += stride) {
    ticks.push(Number(`1e${power}`));
  }
  return ticks;
}

/**
 * @param {number} low
 * @param {number} high
 */
function fineLogTicks(low, high) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) {
      const tick = Number(`${factor}e${power}`);
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks.length > 1 ? ticks : linearTicks(low, high, 4);
}

/**
 * The range of the y axis: all finite values with a little room; on a log axis only positive ones.
 * @param {{ points: Points, values: ArrayLike<number> }[]} curves
 * @param {[number, number]} range of steps
 * @param {boolean} log
 * @returns {[number, number]}
 */
export function valueRange(curves, [from, to], log) {
  let low = Infinity;
  let high = -Infinity;
  for (const { points, values } of curves) {
    const end = lowerBound(points.steps, points.count, to + 1e-9);
    for (let i = lowerBound(points.steps, points.count, from); i < end; i++) {
      const value = values[i];
      if (!Number.isFinite(value) || value === points.absent || (log && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  return log ? roomyLog(low, high) : roomy(low, high);
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
function roomy(low, high) {
  const room = (high - low || Math.abs(high) || 1) * 0.05;
  // An axis that nearly reaches zero goes to it; one of positive numbers does not pass it.
  const floor = low >= 0 && low - room < (high - low) * 0.1 ? 0 : low - room;
  return [floor, high + room];
}

/**
 * @param {number} low
 * @param {number} high
 * @returns {[number, number]}
 */
function roomyLog(low, high) {
  const room = Math.max((high / low) ** 0.05, 1.15);
  return [low / room, high * room];
}

/**
 * What a curve shows in each pixel column: first, lowest, highest and last value there, so that
 * no spike is lost and no more than four points a column are drawn (Jugel et al. 2014, "M4").
 * @param {Points} points
 * @param {ArrayLike<number>} values
 * @param {[number, number]} range of steps
 * @param {number} width in pixels
 * @param {(column: number, first: number, low: number, high: number, last: number) => void} draw
 * @param {(column: number, value: number) => void} odd gets what is not finite, once a column
 */
export function columns(points, values, [from, to], width, draw, odd) {
  // One point beyond each end, so that the line leaves the picture where it should.
  const begin = Math.max(0, lowerBound(points.steps, points.count, from) - 1);
  const end = Math.min(points.count, lowerBound(points.steps, points.count, to + 1e-9) + 1);
  const scale = to > from ? width / (to - from) : 0;
  let column = NaN;
  let oddColumn = NaN;
  let [first, low, high, last] = [NaN, NaN, NaN, NaN];
  for (let i = begin; i < end; i++) {
    const value = values[i];
    if (value === points.absent) continue;
    const x = (points.steps[i] - from) * scale;
    const here = i === begin || i === end - 1 ? x : Math.floor(x) + 0.5;
    if (!Number.isFinite(value)) {
      if (Math.floor(x) !== oddColumn) odd(here, value);
      oddColumn = Math.floor(x);
      continue;
    }
    if (here !== column) {
      if (!Number.isNaN(column)) draw(column, first, low, high, last);
      column = here;
      first = low = high = last = value;
      continue;
    }
    if (value < low) low = value;
    if (value > high) high = value;
    last = value;
  }
  if (!Number.isNaN(column)) draw(column, first, low, high, last);
}

/**
 * A range moved or stretched about a place, kept within the whole and not shorter than one step.
 * @param {[number, number]} range
 * @param {[number, number]} whole
 * @param {{ factor?: number, at?: number, by?: number }} change
 * @returns {[number, number] | null} null means the whole
 */
export function zoomed([from, to], whole, { factor = 1, at = (from + to) / 2, by = 0 }) {
  const span = Math.min(Math.max((to - from) * factor, 1), whole[1] - whole[0]);
  if (factor > 1 && span >= whole[1] - whole[0]) return null;
  const start = at - ((at - from) / (to - from || 1)) * span + by;
  const low = Math.min(Math.max(start, whole[0]), whole[1] - span);
  return [low, low + span];
}
