// @ts-check
/**
 * The way of a click into a kernel whose main thread is busy with a loop.
 *
 * A widget's own comm is heard only between cells. A comm that the page opens is heard at once
 * where the kernel has threads for it (ipykernel 7), and says so by its answer. Where it does not
 * answer, an interrupt is caught by the kernel between two steps; and while nothing runs, the
 * widget's own comm works.
 */

/** @typedef {"pause" | "resume" | "step"} Wish */

const TARGET = "clownviz.control";

export class Control {
  /**
   * @param {import("./types.js").Model & { widget_manager?: any }} model
   * @param {string} key
   */
  constructor(model, key) {
    this.model = model;
    this.heard = false;
    /** @type {any} */
    this.comm = null;
    this.open(key);
  }

  /** @param {string} key */
  open(key) {
    const kernel = this.kernel;
    if (!kernel?.createComm) return;
    try {
      this.comm = kernel.createComm(TARGET);
      this.comm.onMsg = () => {
        this.heard = true;
      };
      this.comm.onClose = () => {
        this.heard = false;
      };
      this.comm.open({ key });
    } catch {
      // The kernel has gone, or this front end's comms are of another kind: other ways remain.
      this.comm = null;
    }
  }

  get kernel() {
    return this.model.widget_manager?.kernel;
  }

  /** @param {Wish} wish */
  send(wish) {
    if (this.comm && this.heard) {
      this.comm.send({ wish });
      return;
    }
    const busy = this.kernel?.status === "busy";
    if (busy && this.model.get("status")?.interruptible && this.kernel?.interrupt) {
      this.kernel.interrupt();
      return;
    }
    this.model.send?.({ wish });
  }

  dispose() {
    try {
      this.comm?.close();
    } catch {
      // Closing tells a kernel that may no longer be there.
    }
  }
}
