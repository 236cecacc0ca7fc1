/**
 * Keys of a directory: one PEM file each, named after the key.
 *
 * @module
 */

import { DerError } from "../../algorithms/der.ts";
import { readPrivateKey } from "../../algorithms/key_files.ts";
import { copyKey, keyRoom } from "../../algorithms/key_bytes.ts";
import { PemError, readPem } from "../../algorithms/pem.ts";
import { messageOf } from "../../backends/error_message.ts";
import { type KeySource, KeyStoreError, type StoredKey } from "./key_source.ts";
import { KeyKind } from "./key_vault.ts";

const SUFFIX = ".pem";
const LONGEST_FILE_BYTES = 64 * 1024;
/** For others than owner and group: anything; for the group: writing. */
const FORBIDDEN_MODE = 0o027;

/** All keys of the `.pem` files in `folder`. */
function readKeyDirectory(folder: string): StoredKey[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => name.endsWith(SUFFIX)).sort();
  } catch (error) {
    throw new KeyStoreError(folder, messageOf(error));
  }
  const keys: StoredKey[] = [];
  try {
    for (const name of names) {
      const key = name.slice(0, -SUFFIX.length);
      keys.push(readKeyFile(`${folder}/${name}`, key));
    }
    return keys;
  } catch (error) {
    for (const { secret } of keys) secret.fill(0);
    throw error;
  }
}

function readKeyFile(path: string, name: string): StoredKey {
  const text = readSecretFile(path);
  try {
    const blocks = readPem(text);
    try {
      // OpenSSL puts the curve before an EC key.
      const [block, ...more] = blocks.filter(({ label }) =>
        label !== "EC PARAMETERS"
      );
      if (!block || more.length > 0) {
        throw new PemError(`${blocks.length} blocks, expected one private key`);
      }
      const { part, key } = readPrivateKey(block.label, block.der);
      return { name, part, kind: KeyKind.File, secret: copyKey(key) };
    } finally {
      for (const { der } of blocks) der.fill(0);
    }
  } catch (error) {
    if (error instanceof DerError || error instanceof PemError) {
      throw new KeyStoreError(path, `it holds ${error.message}`);
    }
    throw error;
  } finally {
    text.fill(0);
  }
}

/** The file's bytes, for the caller to wipe. */
function readSecretFile(path: string): Uint8Array<ArrayBuffer> {
  try {
    return readOpenFile(Deno.openSync(path));
  } catch (error) {
    throw new KeyStoreError(path, messageOf(error));
  }
}

/** Not `using`, which Node 22 cannot read. */
function readOpenFile(file: Deno.FsFile): Uint8Array<ArrayBuffer> {
  try {
    const { isFile, mode, size } = file.statSync();
    if (!isFile) throw new Error("it is no file");
    if (((mode ?? 0) & FORBIDDEN_MODE) !== 0) {
      const octal = ((mode ?? 0) & 0o777).toString(8);
      throw new Error(
        `its mode is ${octal}: expected none but owner and ` +
          "group to read it, and the owner to write it",
      );
    }
    if (size > LONGEST_FILE_BYTES) throw new Error(`it has ${size} bytes`);
    const bytes = keyRoom(size);
    for (let at = 0; at < size;) {
      const read = file.readSync(bytes.subarray(at));
      if (!read) break;
      at += read;
    }
    return bytes;
  } finally {
    file.close();
  }
}

/** The keys of a directory as a source, named by its path. */
export function keyDirectory(folder: string): KeySource {
  return { name: folder, read: () => readKeyDirectory(folder) };
}
