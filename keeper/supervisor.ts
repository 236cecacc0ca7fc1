/**
 * A small parent for where there is no systemd: it keeps descriptors for the
 * process under it, and starts that again when it ends. It opens no backend, maps
 * no guest memory and reads no message of a front-end.
 *
 * @module
 */

import { type Libc, nativeBuffer } from "../ffi/libc.ts";
import { bindDatagram } from "../ffi/libc_datagram.ts";
import {
  type ProcessEnd,
  processEnd,
  type ProcessSignal,
  signalProcess,
  spawnProcess,
} from "../ffi/libc_process.ts";
import { SocketMessages } from "../ffi/libc_socket.ts";
import { Reactor } from "../ffi/reactor.ts";
import { DescriptorStore } from "./descriptor_store.ts";
import { type Notification, parseNotification } from "./notification.ts";

/** The longest message that systemd takes (NOTIFY_BUFFER_MAX). */
const MESSAGE_BYTES = 4096;
/** Before a start after an end, doubled at each that follows soon. */
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5000;
/** A process that has served as long does not fail at its start. */
const SETTLED_MS = 500;
/** Anybody may send some; what is left is heard in the next turn. */
const MESSAGES_PER_TURN = 64;
const MESSAGES_AT_END = 4096;
/** What the process does first, which is given variables and its command. */
const BEGIN = 'exec env -u WATCHDOG_PID -u WATCHDOG_USEC "LISTEN_PID=$$" "$@"';
/** How long a process may take to end when it is told to. */
const STOP_MS = 10_000;

/** What is supervised, and how. */
export interface SupervisorOptions {
  readonly libc: Libc;
  /** Program with its arguments. */
  readonly command: readonly string[];
  /** With this code a process has told by itself what is to be mended. */
  readonly toldCode?: number;
  /** A process from which nothing is heard for as long is started anew; 0: never. */
  readonly watchdogMs: number;
  log(level: "info" | "warn" | "error", line: string): void;
}

/** Keeps one process running. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #libc: Libc;
  readonly #kept: DescriptorStore;
  readonly #messages: SocketMessages;
  readonly #buffer = nativeBuffer(MESSAGE_BYTES);
  readonly #reactor: Reactor;
  readonly #notifyFd: number;
  readonly #notifyName: string;
  #pid = 0;
  #startedAt = 0;
  /** Whether a process has ever said that it is ready. */
  #everReady = false;
  #waitMs = FIRST_WAIT_MS;
  /** Whether the process is to end for good, or to make room for another. */
  #ending = false;
  #replacing = false;
  #stopTimer: ReturnType<typeof setTimeout> | undefined;
  #watchdogTimer: ReturnType<typeof setTimeout> | undefined;
  #endWait = () => {};

  /** @throws {Error} where the system has no descriptors left */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#libc = options.libc;
    this.#kept = new DescriptorStore(options.libc);
    this.#messages = new SocketMessages(options.libc);
    const bound = bindDatagram(options.libc);
    if (typeof bound === "number") {
      throw new Error(`Cannot supervise: ${this.#libc.describe(bound)}`);
    }
    this.#notifyFd = bound.fd;
    this.#notifyName = bound.name;
    this.#reactor = Reactor.open(options.libc);
    this.#reactor.watch(bound.fd, () => this.#hear());
  }

  /**
   * Runs the process until it ends by itself with 0, is ended by `stop`, or ends
   * by itself before it has ever been ready. Returns the exit code to pass on.
   */
  async run(): Promise<number> {
    try {
      for (;;) {
        const end = await this.#runOnce();
        const code = this.#codeToPassOn(end);
        if (code !== undefined) return code;
        await this.#wait();
        if (this.#ending) return 0;
      }
    } finally {
      this.#reactor.unwatch(this.#notifyFd);
      await this.#reactor.close();
      this.#libc.close(this.#notifyFd);
      this.#kept.close();
    }
  }

  /** Ends the process, and gives up what is kept for it. */
  stop(): void {
    this.#ending = true;
    this.#endWait();
    this.#askToEnd();
  }

  /** Has another take over from the process, with all that is kept. */
  replace(): void {
    if (this.#pid === 0 || this.#replacing) return;
    this.#replacing = true;
    this.#askToEnd();
  }

  /** Passes a signal on. */
  signal(signal: ProcessSignal): void {
    if (this.#pid !== 0) signalProcess(this.#pid, signal);
  }

  async #runOnce(): Promise<ProcessEnd> {
    const { command, watchdogMs } = this.#options;
    this.#kept.forgetDead();
    const kept = this.#kept.all;
    // The process must find its own number there; the shell becomes it.
    const pid = spawnProcess(this.#libc, {
      program: "/bin/sh",
      words: [
        ...["-c", BEGIN, "sh"],
        `NOTIFY_SOCKET=${this.#notifyName}`,
        `LISTEN_FDS=${kept.length}`,
        `LISTEN_FDNAMES=${kept.map(({ name }) => name).join(":")}`,
        ...(watchdogMs > 0 ? [`WATCHDOG_USEC=${watchdogMs * 1000}`] : []),
        ...command,
      ],
      fds: kept.map(({ fd }) => fd),
    });
    if (pid < 0) {
      this.#say("error", `cannot start: ${this.#libc.describe(pid)}`);
      return { code: 1, signal: 0 };
    }
    this.#pid = pid;
    this.#startedAt = performance.now();
    if (this.#ending) this.#askToEnd();
    const end = await processEnd(pid);
    // What it said before its end still counts.
    this.#hear(MESSAGES_AT_END);
    this.#pid = 0;
    clearTimeout(this.#stopTimer);
    clearTimeout(this.#watchdogTimer);
    return end;
  }

  #codeToPassOn(end: ProcessEnd): number | undefined {
    if (this.#ending) return end.code ?? 0;
    if (this.#replacing) {
      this.#replacing = false;
      this.#waitMs = 0;
      return undefined;
    }
    if (end.code === 0) return 0;
    const how = end.code === undefined
      ? `by signal ${end.signal}`
      : `with exit code ${end.code}`;
    // What it says by itself before it has ever served is a mistake to be mended.
    if (!this.#everReady && end.code !== undefined) {
      if (end.code !== this.#options.toldCode) {
        this.#say("error", `ended ${how} before it was ready`);
      }
      return end.code;
    }
    if (performance.now() - this.#startedAt >= SETTLED_MS) {
      this.#waitMs = FIRST_WAIT_MS;
    }
    this.#say("warn", `ended ${how}; starts again in ${this.#waitMs} ms`);
    return undefined;
  }

  #wait(): Promise<void> {
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(
      Math.max(2 * waitMs, FIRST_WAIT_MS),
      LONGEST_WAIT_MS,
    );
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #askToEnd(): void {
    if (this.#pid === 0) return;
    const pid = this.#pid;
    signalProcess(pid, "SIGTERM");
    clearTimeout(this.#stopTimer);
    this.#stopTimer = setTimeout(() => {
      this.#say("warn", `did not end within ${STOP_MS / 1000} s; is killed`);
      signalProcess(pid, "SIGKILL");
    }, STOP_MS);
  }

  /** Takes all messages that have come; anybody could have sent them. */
  #hear(most = MESSAGES_PER_TURN): void {
    for (let i = 0; i < most; i++) {
      const fds: number[] = [];
      const received = this.#messages.receive(
        this.#notifyFd,
        this.#buffer,
        fds,
      );
      if (received < 0) return;
      // 0 is a process of another namespace.
      if (this.#pid !== 0 && this.#messages.senderPid === this.#pid) {
        const text = new TextDecoder().decode(
          this.#buffer.subarray(0, received),
        );
        this.#obey(parseNotification(text), fds);
      } else for (const fd of fds) this.#libc.close(fd);
    }
  }

  #obey(told: Notification, fds: readonly number[]): void {
    if (told.ready || told.watchdog) this.#watch();
    if (told.ready) this.#everReady = true;
    const { name } = told;
    if (told.storeRemove && name !== undefined) this.#kept.forget(name);
    for (const fd of fds) {
      if (!told.store || name === undefined) this.#libc.close(fd);
      else if (!this.#kept.keep(name, fd)) {
        this.#say("warn", `no room to keep ${name}`);
      }
    }
  }

  #watch(): void {
    const { watchdogMs } = this.#options;
    clearTimeout(this.#watchdogTimer);
    if (watchdogMs === 0) return;
    const pid = this.#pid;
    this.#watchdogTimer = setTimeout(() => {
      this.#say("warn", `said nothing for ${watchdogMs} ms; is killed`);
      signalProcess(pid, "SIGKILL");
    }, watchdogMs);
  }

  #say(level: "info" | "warn" | "error", line: string): void {
    this.#options.log(level, `supervise: the device ${line}`);
  }
}
