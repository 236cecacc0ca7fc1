import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault:
      "a long key of a service that is not offered is too long, not NOTSUPP",
    file: "device/wire/session_limits.ts",
    text: "if (!offers(limits, service)) return notOffered(service);",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault:
      "a chain's key of a MAC that is not offered is too long, not NOTSUPP",
    file: "device/wire/session_limits.ts",
    text:
      "if (!offers(limits, ServiceNumber.Mac)) return notOffered(ServiceNumber.Mac);",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault: "draft 9: op_type decides how a data request is parsed",
    file: "device/wire/draft9_data.ts",
    text: "operationOfSession(sessionService) ??",
    replacement: "operationOfSession(undefined) ??",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "draft 9: a status goes behind the end of a short request",
    file: "device/wire/draft9.ts",
    text: "statusAt + STATUS_BYTES <= availableBytes",
    replacement: "statusAt <= availableBytes",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "draft 9: half an op_type decides",
    file: "device/wire/draft9.ts",
    text: "DRAFT_9_OP_TYPE_AT + OP_TYPE_BYTES <= availableBytes",
    replacement: "DRAFT_9_OP_TYPE_AT < availableBytes",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "draft 9: a short data request is carried out",
    file: "device/wire/draft9_data.ts",
    text: "if (availableBytes < DRAFT_9_REQUEST_BYTES) return Status.Error;",
    replacement: "",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "draft 9: operations that a service does not have are carried out",
    file: "device/wire/draft9_data.ts",
    text: "!isDataOpcode(request.opcode) ||",
    replacement: "",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "draft 9: an undefined control opcode is no error",
    file: "device/wire/draft9.ts",
    text: "refused(true, Status.NotSupported, reason)",
    replacement: "refused(true, Status.Ok, reason)",
    tests: ["tests/standard/draft9_test.ts"],
  },
  {
    fault: "an AEAD writes its tag at the end of dst_data",
    file: "device/wire/data_layout.ts",
    text: "request.digestAt = sourceBytes;",
    replacement: "request.digestAt = destinationBytes - digestBytes;",
    tests: ["tests/standard/written_bytes_test.ts"],
  },
  {
    fault: "AKCIPHER has a fifth operation",
    file: "device/wire/opcodes.ts",
    text: "[2, 1, 1, 2, 4]",
    replacement: "[2, 1, 1, 2, 5]",
    tests: ["tests/standard/opcodes_test.ts"],
  },
  {
    fault: "a service is told by eight bits of the opcode",
    file: "device/wire/opcodes.ts",
    text: "return opcode >>> 8;",
    replacement: "return opcode >>> 8 & 0xff;",
    tests: ["tests/standard/opcodes_test.ts"],
  },
  {
    fault: "AKCIPHER sessions are created by operation 2, too",
    file: "device/wire/opcodes.ts",
    text: "opcode === createOpcode(service);",
    replacement: "(opcode & 0xfe) === 2;",
    tests: ["tests/standard/opcodes_test.ts"],
  },
  {
    fault: "a nested hash is taken for an authenticated one",
    file: "device/wire/session_parameters.ts",
    text: "hashMode !== HashMode.Auth)",
    replacement: "hashMode !== HashMode.Auth && hashMode !== HashMode.Nested)",
    tests: ["tests/standard/sessions_test.ts"],
  },
  {
    fault: "session mode reads the key length of a stateless cipher request",
    file: "device/wire/data_request.ts",
    text:
      "    if (!request.sessionMode) {\n      request.algorithm = view.getUint32(at, true);\n      request.keyBytes = view.getUint32(at + 4, true);\n      request.direction",
    replacement:
      "    {\n      request.algorithm = view.getUint32(at, true);\n      request.keyBytes = view.getUint32(at + 4, true);\n      request.direction",
    tests: ["tests/standard/unused_parts_test.ts"],
  },
];
