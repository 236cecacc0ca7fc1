/**
 * The key store of a running device: read anew at a signal, told of in the log.
 *
 * @module
 */

import { messageOf } from "../backends/error_message.ts";
import type { KeyStore } from "../device/keys/key_store.ts";
import type { KeyRule } from "../device/keys/key_use.ts";
import { changesInWords, KeyLog, ruleInWords } from "./key_log.ts";
import { openKeyStore } from "./key_options.ts";
import type { Log } from "./log.ts";
import type { ServeSettings } from "./parse_options.ts";
import type { SocketDevice } from "./socket_device.ts";

/** Nobody sends it by accident, and it does nothing to who does not listen. */
export const RELOAD_SIGNAL = "SIGURG";

/** Those that a guest of this process may use. */
function wantedKeys({ sockets, bySocket }: ServeSettings): Set<string> {
  const rules = sockets.flatMap(({ name }) => bySocket.get(name)!.keyRules);
  return new Set(rules.map(({ key }) => key));
}

export class KeyService {
  /** Absent where no keys are named. */
  readonly store: KeyStore | undefined;
  readonly #log: Log;
  readonly #logs: KeyLog[] = [];
  readonly #reload = () => this.#readAnew();

  /** @throws {UsageError} for sources and keys that cannot be used */
  constructor(settings: ServeSettings, log: Log) {
    const { keySources, backendOptions } = settings;
    this.#log = log;
    const wanted = wantedKeys(settings);
    const tokenOptions = backendOptions["pkcs11"] ?? {};
    this.store = openKeyStore(keySources, wanted, tokenOptions);
    if (!this.store) return;
    const names = this.store.names.join(", ") || "none";
    log("info", `keys that rules may name: ${names}`);
    Deno.addSignalListener(RELOAD_SIGNAL, this.#reload);
  }

  /** Tells what the guest of a socket may use, and what it uses from now on. */
  watch({ keys }: SocketDevice, rules: readonly KeyRule[], log: Log): void {
    if (!this.store || !keys) return;
    for (const rule of rules) log("info", ruleInWords(rule));
    this.#logs.push(new KeyLog(this.store, keys.counts, log));
  }

  /** Tells what has been counted so far. */
  tell(): void {
    for (const log of this.#logs) log.tellTotals();
  }

  #readAnew(): void {
    try {
      this.#log("info", changesInWords(this.store!.reload()));
    } catch (error) {
      const reason = messageOf(error);
      this.#log("error", `keys stay as they are: ${reason}`);
    }
  }

  /** Wipes all keys. */
  close(): void {
    for (const log of this.#logs) log.close();
    if (!this.store) return;
    Deno.removeSignalListener(RELOAD_SIGNAL, this.#reload);
    this.store.close();
  }
}
