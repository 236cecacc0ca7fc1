import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { runCommand, serveDeviceIn } from "../../testing/command_process.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { testWith } from "../../testing/real_parts.ts";
import {
  createSoftToken,
  generateTokenKey,
  runPkcs11Tool,
  runTool,
  softTokenPart,
} from "../../testing/soft_token.ts";
import {
  bootGuest,
  type GuestOptions,
  guestParts,
  guestProblems,
} from "./guest.ts";

const found = await guestParts();
const GUEST = {
  present: found.ok,
  name: "a Linux guest under QEMU",
  remedy: found.ok ? "" : found.missing,
};
const softToken = await softTokenPart();
const GUEST_AND_TOKEN = GUEST.present ? softToken : GUEST;

/** What the guest signs. */
const digest = Uint8Array.from({ length: 32 }, (_, i) => i);

/** The stub of a public key, as the program makes it. */
async function makeStub(folder: string, publicPem: string) {
  await Deno.writeTextFile(`${folder}/public.pem`, publicPem);
  const output = `${folder}/stub`;
  const { code, stderr } = await runCommand(
    ...["key-stub", `${folder}/public.pem`, output],
  );
  strictEqual(code, 0, stderr);
  return await Deno.readFile(output);
}

/** Boots a guest that signs with a stub; what it tells, and what the device does. */
async function signInGuest(
  keyStub: Uint8Array,
  env: Record<string, string>,
  ...words: string[]
) {
  await using device = await serveDeviceIn(env, ...words);
  const options: GuestOptions = {
    mode: "generic",
    qemu: "11.1",
    tests: ["key-stub"],
    keyStub,
  };
  const report = await bootGuest({ ...options, socketPath: device.socketPath });
  const { code } = await device.process.end("SIGTERM");
  const { log } = device.process;
  const problems = guestProblems(options, report);
  if (problems.length > 0) console.error(`${report.consoleTail}\n${log}`);
  deepStrictEqual(problems, []);
  strictEqual(code, 0, log);
  return { info: report.boots[0]!.info, log };
}

/** Whether openssl finds the guest's signature right. */
async function verifyWithOpenssl(folder: string, signature: string) {
  await Deno.writeFile(`${folder}/digest`, digest);
  await Deno.writeFile(`${folder}/signature`, Uint8Array.fromHex(signature));
  const said = await runTool("openssl", [
    ...["pkeyutl", "-verify", "-pubin", "-inkey", `${folder}/public.pem`],
    ...["-in", `${folder}/digest`, "-sigfile", `${folder}/signature`],
    ...["-pkeyopt", "digest:sha256"],
  ]);
  match(said, /Signature Verified Successfully/);
}

testWith(
  GUEST,
  "a Linux guest signs with a key in a file of the host, and with a rule only",
  async () => {
    await using folder = await temporaryFolder();
    const keys = `${folder.path}/keys`;
    await Deno.mkdir(keys, { mode: 0o700 });
    const path = `${keys}/web.pem`;
    await runTool("openssl", ["genrsa", "-out", path, "2048"]);
    await Deno.chmod(path, 0o600);
    const publicPem = await runTool("openssl", [
      ...["pkey", "-in", path, "-pubout"],
    ]);
    const stub = await makeStub(folder.path, publicPem);
    const words = ["--backend", "openssl", "--keys", keys];
    const allowed = await signInGuest(
      stub,
      {},
      ...[...words, "--allow-key", "web=raw"],
    );
    const signature = allowed.info.get("key-stub.signature");
    ok(signature, allowed.info.get("key-stub.refused"));
    await verifyWithOpenssl(folder.path, signature);
    match(allowed.log, /key web used: \d+ decryption/);

    // Linux pads by itself, so that the right to sign alone is none to it.
    for (const rule of [[], ["--allow-key", "web=sign,decrypt"]]) {
      const refused = await signInGuest(stub, {}, ...words, ...rule);
      strictEqual(refused.info.get("key-stub.signature"), undefined);
      ok(refused.info.get("key-stub.refused"));
    }
  },
);

testWith(
  GUEST_AND_TOKEN,
  "a Linux guest signs with a key in SoftHSM that never leaves it",
  async () => {
    await using folder = await temporaryFolder();
    const token = await createSoftToken(folder.path, "guest");
    const publicPem = await generateTokenKey(token, "web", "01", "rsa:2048");
    const listed = await runPkcs11Tool(
      token,
      ...["--list-objects", "--type", "privkey"],
    );
    match(listed, /Access: +sensitive, always sensitive, never extractable/);
    const stub = await makeStub(folder.path, publicPem);
    const { module, token: label, "pin-file": pinFile } = token.options;
    const { info, log } = await signInGuest(
      stub,
      token.env,
      ...["--backend", "pkcs11,openssl", "--keys", "pkcs11:object=web"],
      ...["--pkcs11-module", module, "--pkcs11-token", label],
      ...["--pkcs11-pin-file", pinFile, "--allow-key", "web=raw"],
    );
    const signature = info.get("key-stub.signature");
    ok(signature, info.get("key-stub.refused"));
    await verifyWithOpenssl(folder.path, signature);
    match(log, /key web used: \d+ decryption/);
  },
);
