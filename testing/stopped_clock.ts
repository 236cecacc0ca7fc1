/**
 * A clock that a test has in its hands.
 *
 * @module
 */

/**
 * `performance.now()` of this thread stands still from here to the disposal, but
 * where the test lets time pass: what the device does after a while, and not before,
 * is then seen on a machine of any speed. Timers go on as ever.
 */
export class StoppedClock implements Disposable {
  #nowMs = performance.now();

  constructor() {
    Object.defineProperty(performance, "now", {
      configurable: true,
      value: () => this.#nowMs,
    });
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }

  [Symbol.dispose](): void {
    Reflect.deleteProperty(performance, "now");
  }
}
