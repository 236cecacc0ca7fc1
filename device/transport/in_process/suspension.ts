/**
 * Whether the driver has suspended the device (virtio 1.4 §3.4), and what waits
 * for the end of that.
 *
 * @module
 */

/** State of a device that its driver can suspend. */
export class Suspension {
  /** As the driver sees it while the device is suspended. */
  #config: Uint8Array<ArrayBuffer> | undefined;
  #asked = false;
  #configChanged = false;

  /** Nothing more is taken from queues: SUSPEND is asked for, or set. */
  get holds(): boolean {
    return this.#asked;
  }

  /** SUSPEND is set, and DRIVER_OK is not. */
  get complete(): boolean {
    return this.#config !== undefined;
  }

  /** The config space, which does not change meanwhile. */
  get config(): Uint8Array<ArrayBuffer> | undefined {
    return this.#config?.slice();
  }

  /** The driver has set SUSPEND. */
  ask(): void {
    this.#asked = true;
  }

  /** All buffers under way have been used. */
  finish(config: Uint8Array<ArrayBuffer>): void {
    this.#config = config;
  }

  /** Whether a config change is to be announced now; if not, it is kept. */
  announces(): boolean {
    if (!this.complete) return true;
    this.#configChanged = true;
    return false;
  }

  /** The device runs, or is reset; true: a config change has been kept. */
  end(): boolean {
    const changed = this.#configChanged;
    this.#config = undefined;
    this.#asked = false;
    this.#configChanged = false;
    return changed;
  }
}
