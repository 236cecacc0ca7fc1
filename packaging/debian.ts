/**
 * The program as Debian packages, which install without a network.
 *
 *     deno task package:deb [FOLDER [ARCHITECTURE]...]
 *
 * Writes a package for each architecture (default: amd64 and arm64) to FOLDER
 * (default: `packaging/dist`). Needs npm and dpkg-deb.
 *
 * @module
 */

import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { packLibrary } from "./library.ts";
import { packProgram } from "./program.ts";
import { readSettings, ROOT, run, workFolder, writeJson } from "./settings.ts";
import { Mistake, refuseOptions, runTask } from "../testing/task.ts";

const DEFAULT_FOLDER = fileURLToPath(new URL("dist", import.meta.url));
const NAME = "vhost-device-crypto";
const LIBRARY = `usr/lib/${NAME}`;
const DOCUMENTS = `usr/share/doc/${NAME}`;
/** What npm calls the processors of Debian's architectures. */
const PROCESSORS = { amd64: "x64", arm64: "arm64" } as const;

type Architecture = keyof typeof PROCESSORS;

/** Where completions of each shell are looked for. */
const COMPLETIONS = {
  bash: `usr/share/bash-completion/completions/${NAME}`,
  zsh: `usr/share/zsh/vendor-completions/_${NAME}`,
  fish: `usr/share/fish/vendor_completions.d/${NAME}.fish`,
} as const;

/** Executable programs; all other files are only read. */
const PROGRAMS = [
  `${LIBRARY}/${NAME}`,
  ...Object.values(PROCESSORS).map((processor) =>
    `${LIBRARY}/node_modules/@deno/linux-${processor}-glibc/deno`
  ),
  ...["postinst", "prerm", "postrm"].map((name) => `DEBIAN/${name}`),
];

/** A folder that becomes a package. */
class Tree {
  constructor(readonly root: string) {}

  async write(path: string, text: string): Promise<void> {
    const full = join(this.root, path);
    await Deno.mkdir(dirname(full), { recursive: true });
    await Deno.writeTextFile(full, text);
  }

  /** Copies a file of the repository, changed by `edit`. */
  async copy(
    from: string,
    to: string,
    edit = (text: string) => text,
  ): Promise<void> {
    await this.write(to, edit(await Deno.readTextFile(join(ROOT, from))));
  }

  async compress(path: string): Promise<void> {
    await run(this.root, "gzip", "-9", "-n", path);
  }
}

/** Lets npm install the program as it is published, for another machine too. */
async function install(
  folder: string,
  archives: readonly string[],
  architecture: Architecture,
): Promise<void> {
  const { version } = await readSettings();
  await Deno.mkdir(folder);
  await writeJson(join(folder, "package.json"), {
    ...{ name: `${NAME}-debian`, version, private: true },
  });
  await run(
    folder,
    "npm",
    ...["install", "--prefer-offline", "--no-audit", "--no-fund"],
    ...["--ignore-scripts", "--os=linux", "--libc=glibc"],
    ...[`--cpu=${PROCESSORS[architecture]}`, "--loglevel=error", ...archives],
  );
}

async function addProgram(tree: Tree, installed: string): Promise<void> {
  const modules = join(tree.root, LIBRARY, "node_modules");
  await Deno.mkdir(modules, { recursive: true });
  await run(installed, "cp", "-r", "node_modules/.", modules);
  const program = join(modules, NAME);
  for (const name of [NAME, "permissions.sh", "start.js"]) {
    await Deno.rename(join(program, name), join(tree.root, LIBRARY, name));
  }
  // The launcher is in LIBRARY, and Deno in the package of its processor.
  for (const name of [NAME, "deno", ".bin", ".package-lock.json"]) {
    await Deno.remove(join(modules, name), { recursive: true });
  }
  // What npm alone reads.
  await run(modules, "find", ".", "-name", ".npmignore", "-delete");
  await Deno.mkdir(join(tree.root, "usr/bin"), { recursive: true });
  await Deno.symlink(
    `../lib/${NAME}/${NAME}`,
    join(tree.root, "usr/bin", NAME),
  );
}

/** What this program says of itself. */
const tell = (...words: string[]): Promise<string> =>
  run(ROOT, Deno.execPath(), "run", "-A", "cli/main.ts", ...words);

async function addFiles(tree: Tree): Promise<void> {
  const installed = (text: string) =>
    text.replaceAll(`/usr/local/bin/${NAME}`, `/usr/bin/${NAME}`);
  for (const kind of ["service", "socket"]) {
    const unit = `${NAME}.${kind}`;
    await tree.copy(
      `contrib/${unit}`,
      `usr/lib/systemd/system/${unit}`,
      installed,
    );
  }
  const discovery = `50-${NAME}.json`;
  await tree.copy(
    `contrib/${discovery}`,
    `usr/share/qemu/vhost-user/${discovery}`,
    installed,
  );
  await tree.copy("packaging/debian/default", `etc/default/${NAME}`);
  const page = `usr/share/man/man1/${NAME}.1`;
  await tree.write(page, await tell("man"));
  await tree.compress(page);
  for (const [shell, path] of Object.entries(COMPLETIONS)) {
    await tree.write(path, await tell("completions", shell));
  }
}

async function addDocuments(tree: Tree, installed: string): Promise<void> {
  for (
    const name of ["operations.md", "state.md", "backends.md", "qat.md"]
  ) await tree.copy(`docs/${name}`, `${DOCUMENTS}/${name}`);
  for (const name of ["network.conf", "qat.conf"]) {
    await tree.copy(
      `contrib/drop-ins/${name}`,
      `${DOCUMENTS}/examples/${name}`,
    );
  }
  await tree.copy(
    "THIRD_PARTY_NOTICES.md",
    `${DOCUMENTS}/THIRD_PARTY_NOTICES.md`,
  );
  await tree.copy("packaging/debian/copyright", `${DOCUMENTS}/copyright`);
  await tree.write(
    `${DOCUMENTS}/sbom.cyclonedx.json`,
    await run(installed, "npm", "sbom", "--sbom-format=cyclonedx"),
  );
  const { version } = await readSettings();
  await tree.write(`${DOCUMENTS}/changelog`, await changelog(version));
  await tree.copy("CHANGELOG.md", `${DOCUMENTS}/NEWS.md`);
  for (const name of ["changelog", "NEWS.md"]) {
    await tree.compress(`${DOCUMENTS}/${name}`);
  }
}

/** One entry, of the last commit's time; what has changed is in NEWS.md. */
async function changelog(version: string): Promise<string> {
  const time = (await run(ROOT, "git", "log", "-1", "--format=%cD")).trim();
  return `${NAME} (${version}) unstable; urgency=medium

  * Release ${version}; NEWS.md has what changed.

 -- ${MAINTAINER}  ${time}
`;
}

const MAINTAINER =
  "vhost-device-crypto authors <noreply@vhost-device-crypto.invalid>";

async function addControl(
  tree: Tree,
  architecture: Architecture,
): Promise<void> {
  const { version } = await readSettings();
  const used = await run(tree.root, "du", "-sk", "--apparent-size", ".");
  const fields = await Deno.readTextFile(
    join(ROOT, "packaging/debian/control"),
  );
  await tree.write(
    "DEBIAN/control",
    fields.replace("@VERSION@", version)
      .replace("@ARCHITECTURE@", architecture)
      .replace("@MAINTAINER@", MAINTAINER)
      .replace("@SIZE@", `${Number.parseInt(used)}`),
  );
  for (const name of ["postinst", "prerm", "postrm", "conffiles"]) {
    await tree.copy(`packaging/debian/${name}`, `DEBIAN/${name}`);
  }
  await tree.copy(
    "packaging/debian/lintian-overrides",
    `usr/share/lintian/overrides/${NAME}`,
  );
}

async function setModes(root: string): Promise<void> {
  await run(root, "chmod", "-R", "u=rwX,go=rX", ".");
  await run(
    root,
    "find",
    ".",
    "-type",
    "f",
    "-exec",
    "chmod",
    "644",
    "{}",
    "+",
  );
  for (const path of PROGRAMS) {
    await Deno.chmod(join(root, path), 0o755).catch((error) => {
      // Deno is there for one processor.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

async function sums(tree: Tree): Promise<void> {
  const listed = await run(
    tree.root,
    "sh",
    ...["-c", "find usr etc -type f -print0 | sort -z | xargs -0 md5sum"],
  );
  await tree.write("DEBIAN/md5sums", listed);
}

/** Makes a package in `output`; its path. */
async function packDebian(
  output: string,
  archives: readonly string[],
  architecture: Architecture,
): Promise<string> {
  const { version } = await readSettings();
  await using work = await workFolder();
  const installed = join(work.path, "installed");
  await install(installed, archives, architecture);
  const tree = new Tree(join(work.path, "tree"));
  await addProgram(tree, installed);
  await addFiles(tree);
  await addDocuments(tree, installed);
  await addControl(tree, architecture);
  await sums(tree);
  await setModes(tree.root);
  const path = join(output, `${NAME}_${version}_${architecture}.deb`);
  const time = (await run(ROOT, "git", "log", "-1", "--format=%ct")).trim();
  await run(
    ROOT,
    "env",
    `SOURCE_DATE_EPOCH=${time}`,
    ...["dpkg-deb", "--root-owner-group", "-Zxz", "-z2", "--build"],
    ...[tree.root, path],
  );
  return path;
}

async function main(
  [folder = DEFAULT_FOLDER, ...wanted]: readonly string[],
): Promise<void> {
  const all = Object.keys(PROCESSORS) as Architecture[];
  const wrong = wanted.find((name) => !(name in PROCESSORS));
  if (wrong !== undefined) {
    throw new Mistake(
      `Cannot make a package for "${wrong}": expected ${all.join(" or ")}`,
    );
  }
  const output = resolve(folder);
  await Deno.mkdir(output, { recursive: true });
  await using work = await workFolder();
  const archives = [await packLibrary(work.path), await packProgram(work.path)];
  for (const name of all) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.log(await packDebian(output, archives, name));
  }
}

if (import.meta.main) {
  await runTask({
    usage: "package:deb [FOLDER [ARCHITECTURE]...]",
    about: "writes Debian's packages to FOLDER; without it, to packaging/dist",
  }, (words) => main(refuseOptions(words)));
}
