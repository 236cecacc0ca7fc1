import type { Mutant } from "./mutant.ts";

/** The life of a vhost-user front-end. */
export const MUTANTS: readonly Mutant[] = [
  {
    fault: "a ring that goes on outweighs one that tells of a new driver",
    file: "device/transport/vhost_user/driver_life.ts",
    text: '    if (evidence.includes("new")) return "new";\n',
    replacement: "",
    tests: ["device/transport/vhost_user/driver_life_test.ts"],
  },
  {
    fault: "a ring at its start counts as the old driver's",
    file: "device/transport/vhost_user/driver_life.ts",
    text: '? undefined : "same";',
    replacement: '? "same" : "same";',
    tests: [
      "device/transport/vhost_user/driver_life_test.ts",
      "device/transport/vhost_user/driver_changes_test.ts",
    ],
  },
  {
    fault: "the addresses of a ring do not tell whose it is",
    file: "device/transport/vhost_user/driver_life.ts",
    text: "  before.descriptorAddress === plan.descriptorAddress &&\n",
    replacement: "",
    tests: ["device/transport/vhost_user/driver_life_test.ts"],
  },
  {
    fault: "a new driver's rings leave the old sessions",
    file: "device/transport/vhost_user/driver_changes.ts",
    text:
      '    else this.initialises("rings start as those of a new driver");\n',
    replacement: "",
    tests: ["device/transport/vhost_user/driver_changes_test.ts"],
  },
  {
    fault: "features of a new driver leave the old sessions",
    file: "device/transport/vhost_user/protocol.ts",
    text:
      '      rings.drivers.initialises("the driver has chosen other features");\n',
    replacement: "",
    tests: ["device/transport/vhost_user/driver_changes_test.ts"],
  },
  {
    fault: "the status of a new driver leaves the old sessions",
    file: "device/transport/vhost_user/protocol.ts",
    text:
      '      rings.drivers.initialises("the driver has begun its initialisation");\n',
    replacement: "",
    tests: ["device/transport/vhost_user/driver_changes_test.ts"],
  },
  {
    fault: "a ring never waits for what another tells",
    file: "device/transport/vhost_user/driver_life.ts",
    text: 'return mayTell ? "later" : "new";',
    replacement: 'return "new";',
    tests: [
      "device/transport/vhost_user/driver_life_test.ts",
      "device/transport/vhost_user/driver_changes_test.ts",
    ],
  },
  {
    fault: "a new owner finds the memory of the one before",
    file: "device/transport/vhost_user/guest.ts",
    text: "    this.memory.clear();\n    await",
    replacement: "    await",
    tests: ["device/transport/vhost_user/driver_changes_test.ts"],
  },
  {
    fault: "SET_OWNER always drops everything",
    file: "device/transport/vhost_user/guest.ts",
    text: "    if (!this.rings.used && isNew) return;\n",
    replacement: "",
    tests: ["device/transport/vhost_user/driver_changes_test.ts"],
  },
  {
    fault: "SET_FEATURES without bit 30 enables nothing",
    file: "device/transport/vhost_user/protocol.ts",
    text: "    for (const ring of state.rings) ring.enabled = true;\n",
    replacement: "",
    tests: ["device/transport/vhost_user/ring_states_test.ts"],
  },
  {
    fault: "features change under running rings",
    file: "device/transport/vhost_user/protocol.ts",
    text: "      if (rings.running) {",
    replacement: "      if (false) {",
    tests: ["device/transport/vhost_user/ring_states_test.ts"],
  },
  {
    fault: "rings run before DRIVER_OK",
    file: "device/transport/vhost_user/front_end_state.ts",
    text: "return !tellsDriverOk || (status & STATUS_DRIVER_OK) !== 0;",
    replacement: "return !tellsDriverOk || status >= 0;",
    tests: ["device/transport/vhost_user/ring_states_test.ts"],
  },
  {
    fault: "rings are not looked at when DRIVER_OK comes",
    file: "device/transport/vhost_user/protocol.ts",
    text: "    rings.lookAtAll();\n",
    replacement: "",
    tests: ["device/transport/vhost_user/ring_states_test.ts"],
  },
  {
    fault: "cryptodev mode has a control ring",
    file: "device/transport/vhost_user/front_end_state.ts",
    text: "rings.length : dataQueueCount;",
    replacement: "rings.length : rings.length;",
    tests: ["device/transport/vhost_user/ring_states_test.ts"],
  },
  {
    fault: "a config change is sent to a front-end that has stopped all rings",
    file: "device/transport/vhost_user/protocol.ts",
    text: "!this.#configChanged || this.#guest.suspended",
    replacement: "!this.#configChanged",
    tests: ["device/transport/vhost_user/ring_states_test.ts"],
  },
  {
    fault:
      "a packed ring with a 16-bit base starts with the used wrap counter 0",
    file: "device/transport/vhost_user/ring_base.ts",
    text: "if (base === 0 || base === PACKED_START_16_BITS)",
    replacement: "if (base === 0)",
    tests: ["device/transport/vhost_user/ring_base_test.ts"],
  },
  {
    fault: "a packed ring resumes with descriptors under way",
    file: "device/transport/vhost_user/ring_base.ts",
    text: "return available === used\n",
    replacement: "return available >= 0\n",
    tests: ["device/transport/vhost_user/ring_base_test.ts"],
  },
  {
    fault: "a message is carried out without its protocol feature",
    file: "device/transport/vhost_user/message_handlers.ts",
    text: "(negotiated & feature) === 0n",
    replacement: "(negotiated & feature) < 0n",
    tests: ["device/transport/vhost_user/violations_test.ts"],
  },
];
