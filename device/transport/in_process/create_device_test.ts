import { match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  BUILT_IN_BACKENDS,
  createDevice,
  type DeviceOptions,
  Driver,
} from "../../../mod.ts";
import { deviceOfHere } from "../../../testing/caller.ts";

const any = (options: object): DeviceOptions => options as DeviceOptions;

const FORMS = `${BUILT_IN_BACKENDS.join(", ")}, a path such as ` +
  "./my_backend.ts, a URL, or npm:PACKAGE";

Deno.test("options that a device cannot have are named, with what was expected", async () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ backends: [] }, `backends is empty, expected ${FORMS}`],
    [
      { backends: ["noble", "opnessl"] },
      `backends[1] is "opnessl", expected ${FORMS}; did you mean "openssl"?`,
    ],
    [
      { backends: ["noble", "noble"] },
      'backends is a list with "noble" twice, expected backends with ' +
      "different names",
    ],
    [
      { rules: ["cipher.aes-cbc=openssl"] },
      'rules[0] is "cipher.aes-cbc=openssl", expected a backend out of noble',
    ],
    [
      { rules: ["hash=noble", "cipher.aes-cbc=nobel"] },
      'rules[1] is "cipher.aes-cbc=nobel", expected a backend out of noble; ' +
      'did you mean "noble"?',
    ],
    [
      { rules: ["cipher.aes-cbc>noble"] },
      'rules[0] is "cipher.aes-cbc>noble", expected ' +
      "SERVICE[.ALGORITHM][/KEYBITS][<BYTES or >=BYTES]=BACKEND, for example " +
      "cipher.aes-cbc<2048=noble",
    ],
    [
      { fallback: "unsuported" },
      'fallback is "unsuported", expected never or unsupported or failure; did ' +
      'you mean "unsupported"?',
    ],
    [
      { layout: "draft9" },
      'layout is "draft9", expected virtio or draft-9; did you mean "draft-9"?',
    ],
    [
      { maxSizeBytes: -1 },
      "maxSizeBytes is -1, expected a whole number from 4096 to 268435456",
    ],
    [
      { maxSessions: 0 },
      "maxSessions is 0, expected a whole number from 1 to 1000000",
    ],
    [
      { dataQueues: 1.5 },
      "dataQueues is 1.5, expected a whole number from 1 to 64",
    ],
    [
      { memoryBytes: -(1 << 20) },
      "memoryBytes is -1048576, expected a whole number from 65536 to " +
      "2147483647",
    ],
    [
      { maxSessions: "10" },
      'maxSessions is "10", expected a whole number from 1 to 1000000',
    ],
  ];
  for (const [options, expected] of cases) {
    await rejects(createDevice(any(options)), {
      name: "RangeError",
      message: `Cannot make a device: ${expected}`,
    });
  }
  await rejects(createDevice(any({ maxSize: 4096 })), (error) => {
    ok(error instanceof TypeError);
    match(
      error.message,
      /there is no option "maxSize", expected backends, rul/,
    );
    return true;
  });
});

Deno.test("a backend that breaks the contract, or is not there, says so", async () => {
  const missing = new URL("./no_such_backend.ts", import.meta.url);
  for (const named of [missing, missing.href, "./no_such_backend.ts"]) {
    await rejects(createDevice({ backends: [named] }), {
      name: "BackendError",
      message: /^Cannot load backend "file:.*in_process\/no_such_backend.ts"/,
    });
  }
  await rejects(createDevice({ backends: ["./caller.ts"] }), {
    name: "BackendError",
  });
});

Deno.test("a path of a backend is relative to the file that calls, wherever the program runs", async () => {
  const link = await createDevice({
    backends: ["../../../examples/custom_backend.ts"],
  });
  await using driver = await Driver.start(link);
  ok(driver.config.services > 0);
  // That of another file, too.
  await using other = await Driver.start(await deviceOfHere());
  strictEqual(other.config.services, driver.config.services);
});

Deno.test("what the caller changes meanwhile makes no difference", async () => {
  const backends = ["noble"];
  const options = { backends, maxSessions: 4 };
  const making = createDevice(options);
  backends[0] = "nothing";
  options.maxSessions = -1;
  await (await making).close();
});
