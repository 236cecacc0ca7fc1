import type { Mutant } from "./mutant.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    fault:
      "a long key of a service that is not offered is too long, not NOTSUPP",
    file: "device/wire/session_parameters.ts",
    text: "if (!offers(limits, service)) return notOffered(service);",
    replacement: "",
    tests: ["tests/standard/withheld_test.ts"],
  },
  {
    fault:
      "a chain's key of a MAC that is not offered is too long, not NOTSUPP",
    file: "device/wire/session_parameters.ts",
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
];
