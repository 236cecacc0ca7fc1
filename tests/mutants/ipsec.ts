import type { Mutant } from "./mutant.ts";

const STANDARD = "tests/standard/ipsec_test.ts";
const HEADERS = "tests/standard/ipsec_headers_test.ts";
const ADMINISTRATION = "tests/standard/administration_test.ts";
const HOSTILE = "tests/hostile/ipsec_packets_test.ts";
const STATE = "device/ipsec/association_state_test.ts";
const THREADS = "tests/ipsec/vhost_user_test.ts";
const KEPT = "device/transport/vhost_user/kept_associations_test.ts";
const RESTART = "tests/restart/kept_ipsec_test.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a wrong ICV of a MAC passes",
    file: "device/ipsec/inbound.ts",
    text:
      'if (suite.kind !== "aead" && !packet.icvIsRight()) return Status.BadMessage;',
    replacement: "",
    tests: [STANDARD],
  },
  {
    fault: "a replay passes that came while its first was looked at",
    file: "device/ipsec/association_state.ts",
    text: "if (!this.#mark(number)) return false;",
    replacement: "this.#mark(number);",
    tests: [STATE],
  },
  {
    fault: "a forged packet moves the window",
    file: "device/ipsec/inbound.ts",
    text: "if (!state.mayBeNew(packet.sequence)) return Status.Error;",
    replacement: "if (!state.accept(packet.sequence)) return Status.Error;",
    tests: [HOSTILE],
  },
  {
    fault: "sequence numbers begin anew when they have ended",
    file: "device/ipsec/association_state.ts",
    text: "return number <= this.#last ? number : NO_SEQUENCE;",
    replacement: "return number;",
    tests: [STATE],
  },
  {
    fault: "a nonce comes twice",
    file: "device/ipsec/iv_source.ts",
    text: "Atomics.add(this.#counter, 0, 1n)",
    replacement: "Atomics.load(this.#counter, 0)",
    tests: [STANDARD],
  },
  {
    fault: "padding is not looked at",
    file: "device/ipsec/inbound.ts",
    text: "if (bytes[payloadEnd + i] !== i + 1) return -1;",
    replacement: "",
    tests: [HOSTILE],
  },
  {
    fault: "a result goes beyond its room",
    file: "device/ipsec/inbound.ts",
    text: "if (resultBytes > packet.resultLimitBytes) return Status.Error;",
    replacement: "",
    tests: [HOSTILE],
  },
  {
    fault: "a fragment of an ESP packet is decapsulated",
    file: "device/ipsec/inbound.ts",
    text: "header.isFragment || !findEsp(packet)",
    replacement: "!findEsp(packet)",
    tests: [HOSTILE],
  },
  {
    fault: "an extension header leads out of the packet",
    file: "device/ipsec/ip_header.ts",
    text: "if (at + lengthBytes > this.end) return isOptions;",
    replacement: "",
    tests: [HOSTILE],
  },
  {
    fault: "congestion is dropped with the outer header",
    file: "device/ipsec/inbound.ts",
    text: "return !association.carriesEcn || ",
    replacement: "return true || ",
    tests: [HEADERS],
  },
  {
    fault: "commands may be sent that LIST_USE has not named",
    file: "device/administration.ts",
    text: "!list.includes(opcode) && !isAgain",
    replacement: "false",
    tests: [ADMINISTRATION],
  },
  {
    fault:
      "a list that leaves its own command out is refused when it is asked again",
    file: "device/administration.ts",
    text: "origin === listOrigin;",
    replacement: "false;",
    tests: [KEPT],
  },
  {
    fault: "each thread counts an association's packets for itself",
    file: "device/transport/vhost_user/seat_associations.ts",
    text: "const words = openWords(place);",
    replacement: "const words = openWords(place).slice();",
    tests: [THREADS],
  },
  {
    fault: "each thread has a counter of IVs of its own",
    file: "device/transport/vhost_user/seat_associations.ts",
    text: "this.ivCounter = openWords(ivCounter);",
    replacement: "this.ivCounter = openWords(ivCounter).slice();",
    tests: [THREADS],
  },
  {
    fault: "the administration queue is served for who did not ask for it",
    file: "device/transport/vhost_user/queue_runners.ts",
    text: "index > dataQueueCount && index !== adminQueueIndex",
    replacement: "false",
    tests: [THREADS],
  },
  {
    fault: "a new driver has the associations of the one before",
    file: "device/transport/vhost_user/driver_changes.ts",
    text: "    device.resetAdministration();\n",
    replacement: "",
    tests: [THREADS],
  },
  {
    fault: "a packet that was under way is sent twice",
    file: "device/data_queue.ts",
    text: "if (requests.burstOf(slot) !== requests.burst) return false;",
    replacement: "",
    tests: [RESTART],
  },
  {
    fault: "sequence numbers of the process before are forgotten",
    file: "device/transport/vhost_user/kept_associations.ts",
    text: "const stored = store.#stored(entry);",
    replacement:
      "const stored = { ...store.#stored(entry), ...threadAssociation(300) };",
    tests: [KEPT],
  },
  {
    fault: "what an object was before stays in memory that is kept",
    file: "device/state/association_log.ts",
    text: "    this.#object(entry, kind).fill(0);\n",
    replacement: "",
    tests: ["device/state/association_log_test.ts"],
  },
  {
    fault: "of two entries of an association the older is taken",
    file: "device/state/association_log.ts",
    text: "other.number < read.number ? other : read",
    replacement: "other.number < read.number ? read : other",
    tests: ["device/state/association_log_test.ts"],
  },
  {
    fault: "an association may be more than its driver said it uses",
    file: "device/ipsec/association.ts",
    text: "(fields.options & ~capability.options) !== 0",
    replacement: "(fields.options & ~0x7f) !== 0",
    tests: [ADMINISTRATION],
  },
  {
    fault: "the packet behind a hard limit is processed",
    file: "device/ipsec/esp_packet.ts",
    text: "limit > 0 && count >= limit",
    replacement: "limit > 0 && count > limit",
    tests: [STANDARD],
  },
  {
    fault: "an association's key stays when it is destroyed",
    file: "device/security_associations.ts",
    text: "    object.fill(0);\n    association.salt.fill(0);",
    replacement: "    association.salt.fill(0);",
    tests: [HOSTILE],
  },
  {
    fault: "an association's key stays when it is set anew",
    file: "device/security_associations.ts",
    text: "held.object.fill(0);",
    replacement: "",
    tests: ["tests/hostile/key_messages_test.ts"],
  },
];
