/**
 * SoftHSM, with tokens of its own for each test process: a PKCS#11 module is
 * initialised once a process, and reads its configuration then.
 *
 * @module
 */

import { exists } from "./files.ts";
import type { RealPart } from "./real_parts.ts";

const MODULES = [
  "/usr/lib/softhsm/libsofthsm2.so",
  "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
  "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
];

const PIN = "2468";
const OFFICER_PIN = "13579";

/** What the backend is opened with. */
export interface SoftToken {
  readonly options: {
    readonly module: string;
    readonly token: string;
    readonly "pin-file": string;
  };
  readonly pin: string;
  /** The environment of programs that are to see the same tokens. */
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}

async function findModule(): Promise<string | undefined> {
  for (const path of MODULES) if (await exists(path)) return path;
  return undefined;
}

async function runs(tool: string): Promise<boolean> {
  try {
    await new Deno.Command(tool, { stdout: "null", stderr: "null" }).output();
    return true;
  } catch {
    return false;
  }
}

/** SoftHSM and OpenSC as parts that tests need. */
export async function softTokenPart(): Promise<RealPart> {
  const missing = [
    ...(await findModule() && await runs("softhsm2-util") ? [] : ["softhsm2"]),
    ...(await runs("pkcs11-tool") ? [] : ["opensc"]),
  ];
  return {
    present: missing.length === 0,
    name: "SoftHSM",
    remedy: `install ${missing.join(" and ")}`,
  };
}

/** Runs a program and returns what it printed; throws where it fails. */
export async function runTool(
  tool: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const output = await new Deno.Command(tool, {
    args: [...args],
    env: { ...env },
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  if (output.success) return text;
  const errors = new TextDecoder().decode(output.stderr);
  throw new Error(`${tool} ${args.join(" ")} failed: ${text}${errors}`);
}

/** Makes a token in a folder of its own. */
export async function createSoftToken(
  folder: string,
  label: string,
): Promise<SoftToken> {
  const module = await findModule();
  if (!module) throw new Error("Cannot make a token: SoftHSM is not here");
  await Deno.mkdir(`${folder}/tokens`, { recursive: true });
  const configuration = `${folder}/softhsm2.conf`;
  await Deno.writeTextFile(
    configuration,
    `directories.tokendir = ${folder}/tokens\nlog.level = ERROR\n`,
  );
  const pinFile = `${folder}/pin`;
  await Deno.writeTextFile(pinFile, `${PIN}\n`, { mode: 0o600 });
  const env = { SOFTHSM2_CONF: configuration };
  await runTool("softhsm2-util", [
    ...["--init-token", "--free", "--label", label],
    ...["--pin", PIN, "--so-pin", OFFICER_PIN],
  ], env);
  return {
    options: { module, token: label, "pin-file": pinFile },
    pin: PIN,
    env,
    folder,
  };
}

const FOLDER = /^vhost-crypto-soft-token-(\d+)$/;

/** Where the token of this process is. */
const folderOfProcess = () => `/tmp/vhost-crypto-soft-token-${Deno.pid}`;

/**
 * Removes what processes have left that ended: no test file knows that it is the
 * last one that uses the module.
 */
async function sweep(): Promise<void> {
  for await (const { name } of Deno.readDir("/tmp")) {
    const [, pid] = FOLDER.exec(name) ?? [];
    if (pid === undefined || await exists(`/proc/${pid}`)) continue;
    await Deno.remove(`/tmp/${name}`, { recursive: true }).catch(() => {});
  }
}

/**
 * The token of this test process, which all of its files share: whichever is
 * first makes it.
 */
export async function processToken(): Promise<SoftToken> {
  const folder = folderOfProcess();
  try {
    await Deno.mkdir(folder);
    await sweep();
    const made = await createSoftToken(folder, "process");
    await Deno.writeTextFile(`${folder}/ready`, JSON.stringify(made));
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  while (!await exists(`${folder}/ready`)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const made = JSON.parse(await Deno.readTextFile(`${folder}/ready`));
  Deno.env.set("SOFTHSM2_CONF", made.env.SOFTHSM2_CONF);
  return made;
}

/** Runs pkcs11-tool as the user of the token; what it printed. */
export function runPkcs11Tool(
  { options, pin, env }: SoftToken,
  ...args: readonly string[]
): Promise<string> {
  const { module, token } = options;
  return runTool("pkcs11-tool", [
    ...["--module", module, "--token-label", token, "--login", "--pin", pin],
    ...args,
  ], env);
}

/** Makes a key pair in the token; the public key in PEM. */
export async function generateTokenKey(
  token: SoftToken,
  label: string,
  id: string,
  type: "rsa:2048" | "EC:prime256v1",
): Promise<string> {
  const names = ["--label", label, "--id", id];
  await runPkcs11Tool(
    token,
    ...["--keypairgen", "--key-type", type, "--usage-sign", ...names],
  );
  const path = `${token.folder}/${label}.der`;
  await runPkcs11Tool(
    token,
    ...["--read-object", "--type", "pubkey", "--id", id],
    ...["--output-file", path],
  );
  return await runTool("openssl", [
    ...["pkey", "-pubin", "-inform", "DER", "-in", path],
  ]);
}
