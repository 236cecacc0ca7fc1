/**
 * The commands of the main thread as a queue thread takes them.
 *
 * @module
 */

import { receiveMessageOnPort } from "node:worker_threads";
import { WakeWord } from "../../thread_wake.ts";
import type { Command } from "./thread_messages.ts";

type NodePort = Parameters<typeof receiveMessageOnPort>[0];

/** Commands in their order. */
export class ThreadCommands {
  readonly #port: NodePort;
  readonly #words: Int32Array;
  /** Those met while only announcements were wanted. */
  #postponed: Command[] = [];
  #received = 0;

  constructor(port: MessagePort, words: Int32Array) {
    this.#port = port as unknown as NodePort;
    this.#words = words;
  }

  /** Whether there is something to take. */
  get haveCome(): boolean {
    return this.#postponed.length > 0 || this.#haveBeenSent;
  }

  /** They are counted after they are sent: the port has what the count tells of. */
  get #haveBeenSent(): boolean {
    const sent = Atomics.load(this.#words, WakeWord.CommandsSent);
    return ((sent - this.#received) | 0) > 0;
  }

  /** The next command, where some have come. */
  next(): Command {
    return this.#postponed.shift() ?? this.#receive();
  }

  #receive(): Command {
    this.#received = (this.#received + 1) | 0;
    return receiveMessageOnPort(this.#port)!.message as Command;
  }

  /**
   * A guest may name a session or an association that was opened, or destroyed, after
   * a burst of it began. It heard of that from the main thread, which had counted its command
   * before: the count, loaded after the chains were popped, shows it. `carryOut`
   * says whether it has done a command; the others wait, since the burst under
   * way needs the rest as it is.
   */
  takeSome(carryOut: (command: Command) => boolean): void {
    if (!this.#haveBeenSent) return;
    while (this.#haveBeenSent) this.#postponed.push(this.#receive());
    this.#postponed = this.#postponed.filter((command) => !carryOut(command));
  }
}
