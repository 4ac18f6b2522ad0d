// @ts-check
/**
 * The dashboard's head: what trains, how far it is, and the buttons that pause it.
 */
import { h } from "./dom.js";
import { formatNumber } from "./look.js";
import { isLoss } from "./training.js";

/** @typedef {import("./control.js").Wish} Wish */

/**
 * @typedef {object} Status
 * @property {"idle" | "running" | "paused" | "stopped"} state
 * @property {string} text what a screen reader says when the state changes
 * @property {number} step
 * @property {number} rate steps a second, 0 if unknown
 * @property {boolean} live whether there is anything to pause
 * @property {boolean} interruptible whether an interrupt is caught between two steps
 * @property {string[]} events what was not finite, a sentence each
 */

/** @type {Status} */
const IDLE = {
  state: "idle",
  text: "waiting for the first step",
  step: 0,
  rate: 0,
  live: false,
  interruptible: false,
  events: [],
};

const ASKED = { pause: "pausing…", resume: "resuming…", step: "one step…" };

export class Head {
  /**
   * @param {string} title
   * @param {(wish: Wish) => void} send
   * @param {() => void} showAll
   */
  constructor(title, send, showAll) {
    this.send = send;
    this.status = IDLE;
    this.paused = false;
    const ask = (/** @type {Wish} */ wish) => () => this.ask(wish);
    this.pause = h("button", { type: "button", class: "cv-pause", onclick: () => this.toggle() });
    this.one = h("button", { type: "button", class: "cv-step", onclick: ask("step") }, "Step");
    this.one.title = "Take one step, then pause";
    this.facts = h("span", { class: "cv-dash-facts" });
    this.state = h("span", { class: "cv-dash-state", role: "status" });
    this.reset = h("button", { type: "button", class: "cv-reset", onclick: showAll }, "All steps");
    this.reset.hidden = true;
    this.events = h("ul", { class: "cv-dash-events", "aria-label": "Not finite" });
    this.element = h(
      "header",
      { class: "cv-dash-head" },
      h(
        "div",
        { class: "cv-dash-top" },
        h("div", { class: "cv-dash-buttons" }, this.pause, this.one),
        h("h2", {}, title),
        this.facts,
        this.reset,
        this.state,
      ),
      this.events,
    );
  }

  /**
   * @param {Partial<Status>} status
   * @param {boolean} paused
   */
  show(status, paused) {
    this.status = { ...IDLE, ...status };
    this.paused = paused;
    const label = paused ? "Resume" : "Pause";
    this.pause.textContent = label;
    this.pause.setAttribute("aria-label", `${label} the training`);
    this.pause.title = `${label} the loop at its next step (Space)`;
    this.pause.disabled = this.one.disabled = !this.status.live;
    this.say(this.status.text);
    const { events } = this.status;
    this.events.hidden = events.length === 0;
    if (this.events.childElementCount !== events.length) {
      this.events.replaceChildren(...events.map((text) => h("li", {}, text)));
    }
  }

  /**
   * A live region speaks whenever its text is set, so it is set only when it changes.
   * @param {string} text
   */
  say(text) {
    if (this.state.textContent !== text) this.state.textContent = text;
  }

  /**
   * @param {string[]} names of all curves
   * @param {import("./training.js").Training} training
   */
  showFacts(names, training) {
    const { step, rate } = this.status;
    const parts = [`step ${Math.max(step, training.steps).toLocaleString("en")}`];
    const told = [...names.filter(isLoss), ...names.filter((name) => name === "lr")];
    for (const name of told.slice(0, 4)) {
      const { last } = training.curve(name);
      if (last !== undefined) parts.push(`${name} ${formatNumber(last)}`);
    }
    if (rate > 0) parts.push(`${formatNumber(rate)} steps/s`);
    this.facts.textContent = parts.join(" · ");
  }

  toggle() {
    this.ask(this.paused ? "resume" : "pause");
  }

  /** @param {Wish} wish */
  ask(wish) {
    if (!this.status.live) return;
    this.say(ASKED[wish]);
    this.send(wish);
  }
}
