import assert from "node:assert/strict";
import { UsageError } from "../../cli/option_values.ts";
import { runProgram } from "../../cli/program.ts";
import { openLibc } from "../../ffi/libc.ts";
import { temporaryFolder } from "../../testing/files.ts";
import { KEY_FILES } from "../../testing/key_store_guest.ts";
import { listenUnix } from "../../testing/listening_socket.ts";

const libc = openLibc();

/** Words, and what the one line has to say; `%f` is a folder with some files. */
type Mistake = readonly [words: string, line: RegExp];

const COMMANDS: readonly Mistake[] = [
  ["server", /^Cannot run command "server": expected serve$/],
  ["prob", /command "prob": expected probe$/],
  ["superwise -- --fd 3", /command "superwise": expected supervise$/],
  ["start", /command "start": expected serve, supervise, .* or man$/],
  ["/tmp/crypto.sock", /command "\/tmp\/crypto.sock": expected serve, supe/],
  ["help prob", /command "prob": expected probe$/],
  ["server --help", /command "server": expected serve$/],
  ["-x", /^Cannot use option -x: expected one that --help shows$/],
  ["--socketpath /s", /option --socketpath: expected --socket-path, or/],
  ["serve", /^Cannot serve without a socket: expected --socket-path PATH or/],
  ["supervise", /^Cannot serve without a socket/],
  ["supervise -- -- --fd 3", /argument "--fd": expected options/],
  ["supervise serve", /argument "serve": expected options/],
  ["supervise -- --fd three", /--fd "three": expected/],
  ["supervise -- --fd 3 --pkcs11-pin-fd 5", /--pkcs11-pin-file with supervise/],
  [
    "supervise -- --fd 3 --http 127.0.0.1:9 --http-token-fd 5",
    /--http-token-file with supervise/,
  ],
  ["probe json", /argument "json": expected options/],
  ["probe --jsn", /option --jsn: expected --json, or another that/],
  ["probe --queues 2", /option --queues: expected one that --help shows/],
  ["probe --openssl-engine", /--openssl-engine "": expected a value NAME/],
  ["probe --json=yes", /--json "yes": expected no value/],
  ["key-stub", /argument "": expected key-stub PUBLIC\.pem \[OUTPUT\]/],
  ["key-stub --pem", /argument "--pem": expected key-stub/],
  ["key-stub a b c", /argument "c": expected key-stub/],
  ["key-stub /nowhere", /^Cannot use "\/nowhere": /],
  ["key-stub %f/keys/web.pem", /it holds a block "[A-Z ]*PRIVATE KEY"/],
  ["key-stub %f/text", /it holds no PEM/],
  ["completions", /argument "": expected completions bash\|zsh\|fish$/],
  ["completions tcsh", /argument "tcsh": expected completions bash\|zsh/],
  ["completions bash zsh", /argument "zsh": expected completions/],
  ["man 1", /argument "1": expected nothing behind man$/],
];

/** Behind `serve --socket-path PATH`. */
const SERVE: readonly Mistake[] = [
  ["crypto.sock", /argument "crypto.sock": expected options/],
  ["--fd 3", /--fd "3": expected either --fd or --socket-path/],
  ["--fd two", /--fd "two": expected a whole number/],
  ["--fd -3", /--fd "-3": expected a whole number/],
  ["--fd systemd", /--fd "systemd": expected sockets for this process/],
  ["--socket-path %f/socket", /--socket-path "[^"]*": expected .* only once/],
  ["--socket-path %f/./socket", /only once/],
  ["--guests 3", /--guests "3": expected a --socket-path with %i/],
  ["--isolate=no", /--isolate "no": expected no value/],
  ["--queues", /--queues "": expected a value N/],
  ["--queues --isolate", /--queues "": expected a value N/],
  ["--queues 0", /--queues "0": expected a whole number from 1 to 64/],
  ["--queues 65", /--queues "65": expected a whole number from 1 to 64/],
  ["--queues 0x2", /--queues "0x2": expected a whole number/],
  ["--queues ２", /--queues "２": expected a whole number/],
  ["--queues 1 --queues 2", /--queues "2": expected .* only once/],
  ["--queue 1", /option --queue: expected --queues, or another/],
  ["--Queues 1", /option --Queues: expected --queues, or another/],
  ["-queues 1", /option -q: expected one that --help shows/],
  ["--threads 0", /--threads "0": expected/],
  ["--max-sessions none", /--max-sessions "none": expected/],
  ["--max-size 1", /--max-size "1": expected/],
  ["--max-size 4MiB", /--max-size "4MiB": expected a whole number/],
  ["--max-memory 1G", /--max-memory "1G": expected a whole number/],
  ["--max-sessions 5@/other", /"5@\/other": expected a --socket-path of this/],
  ["--throttle-ops 0", /--throttle-ops "0": expected/],
  ["--throttle-ops-burst 5", /--throttle-ops besides/],
  ["--throttle-bps 5", /--throttle-bps "5": expected a whole number from 1024/],
  ["--state on", /--state "on": expected one of auto, off/],
  ["--sessions-across-reset yes", /"yes": expected one of drop, keep/],
  ["--unsealed-memory no", /"no": expected one of refuse, serve/],
  ["--layout 1.4", /--layout "1\.4": expected one of virtio, draft-9/],
  ["--session-layout D", /--session-layout "D": expected one of auto/],
  ["--spin -5", /--spin "-5": expected/],
  ["--spin 20us", /--spin "20us": expected a whole number/],
  ["--allow-weak=1", /--allow-weak "1": expected no value/],
  ["--without packed", /--without "packed": expected one of ring-packed/],
  ["--without cipher,hash,mac,aead,akcipher", /expected a service that stays/],
  ["--log-level all", /--log-level "all": expected one of error, warn/],
  ["--log-format xml", /--log-format "xml": expected one of text, json/],
  ["--help=me", /--help "me": expected no value/],
  ["--quiet", /option --quiet: expected one that --help shows/],
  ["--backend nobel", /--backend "nobel": expected openssl, .*noble/],
  ["--backend noble,", /--backend "noble,": expected names with commas/],
  ["--backend noble --backend webcrypto", /"webcrypto": expected .* once/],
  ["--backend noble,noble", /--backend "noble,noble": expected .* each once/],
  ["--backend ./none.ts", /--backend "\.\/none\.ts": expected/],
  ["--backend %f/text.ts", /--backend "[^"]*text\.ts": expected/],
  ["--backend %f/empty.ts", /--backend "[^"]*empty\.ts": expected/],
  ["--backend noble@/other", /--backend "noble@\/other": expected/],
  ["--backend %f/openssl.ts", /a name of its own, not that of openssl$/],
  [
    "--backend noble,%f/openssl.ts --fallback failure",
    /a name of its own, not that of openssl$/,
  ],
  ["--fallback maybe", /--fallback "maybe": expected one of never/],
  ["--place cipher", /--place "cipher": expected SERVICE/],
  ["--place cipher.rot13=noble", /"cipher.rot13=noble": expected SERVICE/],
  ["--backend noble --place hash=openssl", /expected a backend out of noble/],
  ["--backend noble --place cipher<0=noble", /no request has fewer than 0/],
  ["--backend noble --place cipher/77=noble", /no algorithm has keys of that/],
  ["--backend noble --place hash/128=noble", /keys of hash are not told by/],
  [
    "--backend noble --max-size 4096 --place *>=8192=noble",
    /no request may have more than 4096 bytes/,
  ],
  [
    "--backend noble --place *=noble --place hash=noble",
    /"hash=noble": .* the rules before it leave nothing for it/,
  ],
  ["--backend noble --place mac=noble --place mac=noble", /it is there twice/],
  [
    "--backend noble --place cipher.arc4=noble",
    /"cipher.arc4=noble": .* noble does not offer that here/,
  ],
  [
    "--backend noble --without hash --place hash=noble",
    /"hash=noble": .* noble does not offer that here/,
  ],
  ["--openssl-provider :/x", /":\/x": expected NAME or NAME:PATH/],
  ["--backend noble --openssl-engine afalg", /expected openssl among the back/],
  ["--qat-min-bytes 2k", /--qat-min-bytes "2k": expected a whole number/],
  ["--pkcs11-module /no.so --backend pkcs11", /--pkcs11-module "\/no\.so": /],
  ["--keys /nowhere", /\/nowhere.*\(--keys\)/],
  ["--keys %f/text", /text.*\(--keys\)/],
  ["--allow-key web=sign", /--allow-key "web=sign": expected --keys with/],
  ["--keys %f/keys --allow-key web", /--allow-key "web": expected KEY=USE/],
  ["--keys %f/keys --allow-key wob=sign", /"wob": expected a key of the store/],
  [
    "--keys %f/keys --allow-key web=ecdsa-sign",
    /"web=ecdsa-sign": expected a use of RSA keys/,
  ],
];

/** Of sockets, and of `--socket-path` where two are asked for. */
const SOCKETS: readonly Mistake[] = [
  ["--socket-path %f", /: there is a file of that name \(--socket-path: exp/],
  ["--socket-path %f/text", /: there is a file of that name/],
  ["--socket-path %f/text/s", /: Not a directory/],
  ["--socket-path /nowhere/s", /"\/nowhere\/s": No such file or directory/],
  ["--socket-path %f/live", /: another process listens there/],
  ["--socket-path %f/new --socket-path %f/live", /live": another process/],
  ["--socket-path %f/new --socket-path %f/text", /text": there is a file/],
  ["--socket-path %f/new --socket-path /nowhere/s", /No such file/],
  ["--fd 999999", /descriptor 999999: it is no open socket \(--fd: exp/],
  ["--fd %pipe", /: it is no open socket/],
  ["--fd %tcp", /: it is no stream socket of a Unix domain/],
  ["--fd %udp", /: it is no stream socket of a Unix domain/],
  ["--fd %datagram", /: it is no stream socket of a Unix domain/],
  ["--fd %unbound", /: it neither listens nor is connected/],
];

/** A folder with what mistakes are about. */
async function place(folder: string): Promise<void> {
  await Deno.writeTextFile(`${folder}/text`, "text");
  await Deno.writeTextFile(`${folder}/text.ts`, "this is no module");
  await Deno.writeTextFile(`${folder}/empty.ts`, "");
  const noble = new URL("../../backends/noble/noble.ts", import.meta.url);
  await Deno.writeTextFile(
    `${folder}/openssl.ts`,
    `import noble from "${noble}";\nexport default { ...noble, name: "openssl" };\n`,
  );
  await Deno.mkdir(`${folder}/keys`);
  await Deno.writeTextFile(`${folder}/keys/web.pem`, KEY_FILES.web, {
    mode: 0o600,
  });
}

/** Descriptors that are no sockets for `serve`. */
function descriptors(): Readonly<Record<string, number>> {
  const socket = (domain: number, type: number): number =>
    libc.symbols.socket(domain, type, 0);
  return {
    "%pipe": libc.eventfd(),
    "%tcp": socket(2, 1),
    "%udp": socket(2, 2),
    "%datagram": socket(1, 2),
    "%unbound": socket(1, 1),
  };
}

async function lineOf(words: readonly string[]): Promise<string> {
  try {
    await runProgram(words);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return assert.fail(`"${words.join(" ")}" was accepted`);
}

const GROUPS: readonly (readonly [string, string, readonly Mistake[]])[] = [
  ["commands", "", COMMANDS],
  ["options of serve", "serve --socket-path %f/socket ", SERVE],
  ["sockets", "serve --backend noble ", SOCKETS],
];

for (const [name, first, mistakes] of GROUPS) {
  Deno.test(`each mistake in ${name} is one line, and nothing is started`, async () => {
    await using folder = await temporaryFolder();
    await place(folder.path);
    const live = listenUnix(libc, `${folder.path}/live`);
    const fds = descriptors();
    const before = [...Deno.readDirSync(folder.path)].length;
    for (const [text, expected] of mistakes) {
      const words = `${first}${text}`.split(" ").filter(Boolean).map((word) =>
        `${fds[word] ?? word.replaceAll("%f", folder.path)}`
      );
      const line = await lineOf(words);
      assert.match(line, expected);
      assert.doesNotMatch(line, /\n/);
      assert.equal([...Deno.readDirSync(folder.path)].length, before, line);
    }
    for (const fd of [live, ...Object.values(fds)]) libc.close(fd);
  });
}

Deno.test("there are at least as many mistakes as an operator once made", () => {
  const count = GROUPS.reduce((sum, [, , all]) => sum + all.length, 0);
  assert.ok(count >= 84, `${count}`);
});
