// @ts-check
/**
 * The way of a click into a kernel whose main thread is busy with a loop.
 *
 * A widget's own comm is heard only between cells. A comm that the page opens is heard at once
 * where the kernel has threads for it (ipykernel 7), and says so by its answer. Where it does
 * not answer, an interrupt is caught by the kernel between two steps; and while nothing runs,
 * the widget's own comm works.
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
    this.disposed = false;
    /** @type {any} */
    this.comm = null;
    // A kernel that has gone, or a front end whose comms are of another kind: other ways remain.
    this.open(key).catch(() => {});
  }

  get kernel() {
    return this.model.widget_manager?.kernel;
  }

  /** @param {string} key */
  async open(key) {
    const { kernel } = this;
    if (!kernel?.createComm) return;
    const comm = kernel.createComm(TARGET);
    this.comm = comm;
    comm.onMsg = () => {
      this.heard = true;
    };
    comm.onClose = () => {
      this.heard = false;
    };
    await kernel.info;
    // Opened before its thread is there, it would be heard by the main thread for ever.
    if (kernel.supportsSubshells) await comm.subshellStarted;
    if (!this.disposed) comm.open({ key });
  }

  /** Whether clicks can only interrupt: then there is no single step. */
  get interrupts() {
    return (
      !this.heard && Boolean(this.model.get("status")?.interruptible && this.kernel?.interrupt)
    );
  }

  /** @param {Wish} wish */
  send(wish) {
    if (this.comm && this.heard) this.comm.send({ wish });
    else if (!this.interrupts) this.model.send?.({ wish });
    else if (wish !== "step") this.kernel.interrupt();
  }

  dispose() {
    this.disposed = true;
    try {
      this.comm?.close();
    } catch {
      // Closing tells a kernel that may no longer be there.
    }
  }
}
