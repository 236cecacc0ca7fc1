/**
 * Reads what init.sh and the in-guest test program print.
 *
 * @module
 */

/** What one boot of the guest printed. */
export interface BootReport {
  readonly kernel: string;
  /** Each check's name, and why it failed or `undefined`. */
  readonly checks: ReadonlyMap<string, string | undefined>;
  readonly info: ReadonlyMap<string, string>;
  /** The tests that ran to their end. */
  readonly finishedTests: ReadonlySet<string>;
  /** The test that began last; the one that hangs, if one does. */
  readonly lastTest: string;
  /** Whether the guest came to its end. */
  readonly done: boolean;
}

interface BootInProgress extends BootReport {
  checks: Map<string, string | undefined>;
  info: Map<string, string>;
  finishedTests: Set<string>;
  lastTest: string;
  done: boolean;
}

/** Lines of the kernel's that no test may pass with. */
const COMPLAINT =
  /kernel panic|\bBUG\b|\bOops\b|\bWARNING\b|is not a head|hung task/i;

export class GuestConsole {
  readonly boots: BootReport[] = [];
  readonly complaints: string[] = [];
  readonly #tail: string[] = [];
  #boot: BootInProgress | undefined;

  /** Answers whether the guest is done and waits to hear what comes next. */
  read(line: string): boolean {
    this.#tail.push(line);
    if (this.#tail.length > 60) this.#tail.shift();
    if (COMPLAINT.test(line)) this.complaints.push(line);
    const [kind, name = "", ...rest] = line.split(" ");
    const text = rest.join(" ");
    if (kind === "GUEST" && name === "boot") this.#startBoot(text);
    else if (this.#boot !== undefined) {
      readInto(this.#boot, kind ?? "", name, text);
    }
    return kind === "GUEST" && name === "done";
  }

  get tail(): string {
    return this.#tail.join("\n");
  }

  #startBoot(kernel: string): void {
    this.#boot = {
      kernel,
      checks: new Map(),
      info: new Map(),
      finishedTests: new Set(),
      lastTest: "",
      done: false,
    };
    this.boots.push(this.#boot);
  }
}

function readInto(
  boot: BootInProgress,
  kind: string,
  name: string,
  text: string,
): void {
  if (kind === "CHECK") readCheck(boot.checks, name, text);
  else if (kind === "INFO") boot.info.set(name, text);
  else if (kind === "BEGIN") boot.lastTest = name;
  else if (kind === "END") boot.finishedTests.add(name);
  else if (kind === "GUEST" && name === "done") boot.done = true;
}

/** A check that fails once stays failed, and so does one whose line is damaged. */
function readCheck(
  checks: Map<string, string | undefined>,
  name: string,
  text: string,
): void {
  if (checks.get(name) !== undefined) return;
  checks.set(name, text === "ok" ? undefined : text.replace(/^FAIL /, ""));
}
