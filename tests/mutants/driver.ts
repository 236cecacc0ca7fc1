import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [{
  fault: "a session message that the driver has sent keeps its key",
  file: "driver/vhost_user/connection.ts",
  text: "      message.fill(0);\n",
  replacement: "",
  tests: ["tests/hostile/key_messages_test.ts"],
}, {
  fault: "console.log of a driver's session shows all that it has",
  file: "driver/session.ts",
  text: "    showInstead(this, () => ({\n      ...withoutKeys",
  replacement: "    (() => ({\n      ...withoutKeys",
  tests: ["driver/inspect_test.ts"],
}, {
  fault: "a request that waits for memory takes its bytes when it has some",
  file: "driver/request_runner.ts",
  text: "const bytes = copyInput(input);",
  replacement: "const bytes = input;",
  tests: ["driver/own_bytes_test.ts"],
}, {
  fault: "a session has the caller's key, not a copy",
  file: "driver/keys/secret_key.ts",
  text: "if (key instanceof Uint8Array) return copyKey(key);",
  replacement: "if (key instanceof Uint8Array) return key;",
  tests: ["driver/own_bytes_test.ts"],
}, {
  fault: "a counter does not carry from piece to piece of a stream",
  file: "driver/cipher_stream.ts",
  text: "carry = Math.floor(carry / 256);",
  replacement: "carry = 0;",
  tests: ["driver/streams_test.ts"],
}, {
  fault: "what is too large for the device is sent to it",
  file: "driver/request_rules.ts",
  text: "if (sizeBytes <= this.#maxSizeBytes) return;",
  replacement: "if (sizeBytes > 0) return;",
  tests: ["driver/arguments_test.ts"],
}, {
  fault: "a key within PKCS#8 may be another than it says",
  file: "driver/keys/asymmetric_key.ts",
  text: "inner.algorithm === algorithm && inner.keyType === keyType &&",
  replacement: "inner.algorithm === algorithm &&",
  tests: ["driver/keys"],
}, {
  fault: "a link takes answers to what it has not asked",
  file: "driver/vhost_user/connection.ts",
  text: "request !== awaited?.request || ",
  replacement: "awaited === undefined || ",
  tests: ["driver/vhost_user_front_end_test.ts"],
}, {
  fault: "a slot gives its memory back while the device writes there",
  file: "driver/burst.ts",
  text: "    if (this.inFlight) return;\n",
  replacement: "",
  tests: ["driver/burst_test.ts"],
}, {
  fault: "a closed session keeps its key",
  file: "driver/session.ts",
  text: "    wipeKeys(this.description);\n",
  replacement: "",
  tests: ["tests/hostile/key_messages_test.ts"],
}, {
  fault: "the available index may be seen after the look at the device's wish",
  file: "driver/rings/split_driver_queue.ts",
  text: "Atomics.store(this.#available, SPLIT_INDEX, after);",
  replacement: "this.#available[SPLIT_INDEX] = after;",
  tests: ["tests/memory_order"],
}];
