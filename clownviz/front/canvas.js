// @ts-check
/**
 * A canvas that is sharp on every display, has the theme's colours and is drawn at most once a
 * frame.
 */
import { cssColour } from "./look.js";

export class Surface {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {(surface: Surface) => void} draw
   */
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    this.paint = draw;
    this.width = 0;
    this.height = 0;
    this.ratio = 1;
    this.frame = 0;
    /** @type {Map<string, string>} what the styles of the theme say */
    this.colours = new Map();
    this.resizes = new ResizeObserver(() => this.request());
    this.resizes.observe(canvas);
  }

  /** Draw before the next frame, however often this is called. */
  request() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || !clientHeight) return;
    this.fit(clientWidth, clientHeight);
    this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.context.clearRect(0, 0, this.width, this.height);
    this.paint(this);
  }

  /**
   * A canvas is emptied when its size is set, so it is set only when it has changed.
   * @param {number} width
   * @param {number} height
   */
  fit(width, height) {
    this.ratio = window.devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    const [wide, high] = [Math.round(width * this.ratio), Math.round(height * this.ratio)];
    if (this.canvas.width !== wide) this.canvas.width = wide;
    if (this.canvas.height !== high) this.canvas.height = high;
  }

  /**
   * A named colour as the theme has it now.
   * @param {string} name
   */
  colour(name) {
    let colour = this.colours.get(name);
    if (colour === undefined) {
      const property = cssColour(name).slice("var(".length, -1);
      colour = getComputedStyle(this.canvas).getPropertyValue(property).trim() || "gray";
      this.colours.set(name, colour);
    }
    return colour;
  }

  /** @param {number} [size] */
  font(size = 11) {
    let family = this.colours.get("font");
    if (family === undefined) {
      family = getComputedStyle(this.canvas).fontFamily;
      this.colours.set("font", family);
    }
    return `${size}px ${family}`;
  }

  /** The theme has changed. */
  forget() {
    this.colours.clear();
    this.request();
  }

  dispose() {
    cancelAnimationFrame(this.frame);
    this.resizes.disconnect();
  }
}

/**
 * Call back when the page's theme changes, by the reader or by the system.
 * @param {() => void} changed
 * @returns {() => void} stops it
 */
export function onTheme(changed) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const attributes = ["class", "data-theme", "data-jp-theme-light", "data-jp-theme-name"];
  const observer = new MutationObserver(changed);
  for (const root of [document.documentElement, document.body]) {
    observer.observe(root, { attributes: true, attributeFilter: attributes });
  }
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}
