/**
 * Makes the page and serves it on this machine:
 *
 *     deno run -A examples/browser/main.ts [PORT]
 *
 * Deno's bundler makes one file of each thread; it is fetched at its first use.
 * The page then needs no other server than one for files.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Mistake, runTask } from "../../testing/task.ts";

const DEFAULT_PORT = 8080;
const here = (name: string): string =>
  fileURLToPath(new URL(name, import.meta.url));

async function bundle(name: string, folder: string): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "-q", "--platform", "browser", "--minify"],
      ...["-o", `${folder}/${name}.js`, here(`${name}.ts`)],
    ],
    cwd: here("../.."),
  }).output();
  if (!success) throw new Error(`${name}.ts could not be bundled`);
}

/** The page's files, by their paths. */
export async function makePage(): Promise<ReadonlyMap<string, Response>> {
  const folder = await Deno.makeTempDir({ prefix: "virtio-crypto-page-" });
  try {
    const files = new Map<string, Response>();
    const add = async (path: string, file: string, type: string) => {
      const body = await Deno.readFile(file);
      files.set(
        path,
        new Response(body, { headers: { "content-type": type } }),
      );
    };
    await add("/", here("index.html"), "text/html; charset=utf-8");
    for (const name of ["page", "worker"]) {
      await bundle(name, folder);
      const type = "text/javascript; charset=utf-8";
      await add(`/${name}.js`, `${folder}/${name}.js`, type);
    }
    return files;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Serves `files` on loopback; port 0 is one that is free. */
export function serveFiles(
  files: ReadonlyMap<string, Response>,
  port: number,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({
    hostname: "127.0.0.1",
    port,
    onListen: ({ port }) => console.log(`the page: http://localhost:${port}/`),
  }, (request) =>
    files.get(new URL(request.url).pathname)?.clone() ??
      new Response("no such file", { status: 404 }));
}

async function main(words: readonly string[]): Promise<void> {
  const [port = `${DEFAULT_PORT}`, more] = words;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535 || more !== undefined) {
    throw new Mistake(
      `Cannot serve at port "${more ?? port}": expected one from 0 to 65535`,
    );
  }
  serveFiles(await makePage(), Number(port));
}

if (import.meta.main) {
  await runTask({
    usage: "browser [PORT]",
    about: "serves a page on loopback that has a device of its own",
  }, main);
}
