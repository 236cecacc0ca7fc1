import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "the kick descriptor of a ring that ends stays open",
    file: "device/transport/vhost_user/rings.ts",
    text: "    ring.closeKick();\n",
    replacement: "    ring.kickFd = -1;\n",
    tests: ["device/transport/vhost_user/descriptors_test.ts"],
  },
  {
    fault: "the channel to the front-end stays open when another one comes",
    file: "device/transport/vhost_user/protocol.ts",
    text:
      "    this.#backendRequests?.close();\n    this.#backendRequests = new",
    replacement: "    this.#backendRequests = new",
    tests: ["device/transport/vhost_user/descriptors_test.ts"],
  },
  {
    fault: "O_NONBLOCK is set on the front-end's descriptors",
    file: "device/transport/vhost_user/ring_messages.ts",
    text:
      "return decodeRingDescriptor(view).hasDescriptor ? fds.shift()! : -1;",
    replacement:
      "if (fds[0] !== undefined) this.#libc.setNonBlocking(fds[0]);\n" +
      "    return decodeRingDescriptor(view).hasDescriptor ? fds.shift()! : -1;",
    tests: ["device/transport/vhost_user/descriptors_test.ts"],
  },
  {
    fault: "a call descriptor is closed while a thread uses it",
    file: "device/transport/vhost_user/guest.ts",
    text: "await this.#runners.get(ring.index)?.changeCall(fd)",
    replacement: "void this.#runners.get(ring.index)?.changeCall(fd)",
    tests: ["tests/hostile/waiting_test.ts"],
  },
  {
    fault: "a kick that somebody else has taken is the descriptor's last",
    file: "device/transport/vhost_user/queue_loop.ts",
    text: "return read > 0 || read === -EAGAIN;",
    replacement: "return read > 0;",
    tests: ["device/transport/vhost_user/descriptors_test.ts"],
  },
  {
    fault: "a queue thread waits for room in a call descriptor",
    file: "device/transport/vhost_user/queue_ring.ts",
    text: "signalWithRoom(this.#context.libc, this.#callFd)",
    replacement: "this.#context.libc.signal(this.#callFd)",
    tests: ["tests/hostile/waiting_test.ts"],
  },
  {
    fault: "the main thread waits while a socket lingers",
    file: "ffi/libc_foreign.ts",
    text:
      "  calls().symbols.setsockopt(fd, SOL_SOCKET, SO_LINGER, NO_LINGER, 8);\n",
    replacement: "",
    tests: ["tests/hostile/waiting_test.ts"],
  },
  {
    fault: "a suspended device is served when it is kicked",
    file: "device/transport/in_process/in_process.ts",
    text: "if (this.#suspension.holds) return;\n    this.#kicked",
    replacement: "this.#kicked",
    tests: ["tests/standard/suspend_test.ts"],
  },
  {
    fault: "SUSPEND shows while something is under way",
    file: "device/transport/in_process/in_process.ts",
    text: "const used = await this.#useAll();",
    replacement: "const used = await Promise.resolve(true);",
    tests: ["tests/standard/suspend_test.ts"],
  },
  {
    fault: "a config change is announced while the device is suspended",
    file: "device/transport/in_process/suspension.ts",
    text: "if (!this.complete) return true;",
    replacement: "if (!this.complete || this.#asked) return true;",
    tests: ["tests/standard/suspend_test.ts"],
  },
  {
    fault: "what became available before a suspension is not served after it",
    file: "device/transport/in_process/in_process.ts",
    text: "for (const index of this.#queues.keys()) this.kick(index);",
    replacement: "",
    tests: ["tests/standard/suspend_test.ts"],
  },
  {
    fault: "a session message that never came to its end keeps its key",
    file: "device/transport/vhost_user/connection.ts",
    text: "    this.#incoming.fill(0);\n",
    replacement: "",
    tests: ["tests/hostile/key_messages_test.ts"],
  },
  {
    fault:
      "in process a session goes to its thread by a copy that nobody wipes",
    file: "device/transport/in_process/in_process.ts",
    text: "description: copyDescription(session.description),",
    replacement: "description: structuredClone(session.description),",
    tests: ["tests/hostile/key_messages_test.ts"],
  },
  {
    fault: "a stop that comes in the midst of a burst is lost",
    file: "device/transport/vhost_user/queue_loop.ts",
    text: " else this.#postponed.push(command);",
    replacement: "",
    tests: ["tests/stress/stop_test.ts"],
  },
  {
    fault: "a ring stops without the operations that are under way",
    file: "device/transport/vhost_user/queue_ring.ts",
    text: "    if (this.#served) this.#drain(this.#served.queue);\n",
    replacement: "",
    tests: ["tests/stress/stop_test.ts"],
  },
  {
    fault: "a data ring does not go on when its memory is back",
    file: "device/transport/vhost_user/queue_ring.ts",
    text: "if (!this.#broken) this.#open(ranges);",
    replacement: "if (!this.#broken && this.alive) this.#open(ranges);",
    tests: ["device/transport/vhost_user/ring_changes_test.ts"],
  },
  {
    fault: "the control ring is no longer looked at after its memory was away",
    file: "device/transport/vhost_user/control_ring.ts",
    text: "if (!this.#broken) this.#lookLater();",
    replacement: "if (this.#served) this.#lookLater();",
    tests: ["device/transport/vhost_user/ring_changes_test.ts"],
  },
  {
    fault: "a ring that breaks forgets the operations that are under way",
    file: "device/transport/vhost_user/queue_ring.ts",
    text: "    this.#broken = true;\n    this.stop();",
    replacement: "    this.#broken = true;\n    this.#close();",
    tests: ["tests/hostile/waiting_test.ts"],
  },
  {
    fault: "a session message that is refused is not told",
    file: "device/transport/vhost_user/session_messages.ts",
    text: "sessions.refuse(request);",
    replacement: "",
    tests: ["tests/plugins/failures_told_test.ts"],
  },
  {
    fault: "kept sessions go to the next owner of the connection",
    file: "device/transport/vhost_user/rings.ts",
    text: "else device.sessions.clear(newestId);",
    replacement: "else device.sessions.driverReset(newestId);",
    tests: ["device/transport/vhost_user/kept_sessions_test.ts"],
  },
];
