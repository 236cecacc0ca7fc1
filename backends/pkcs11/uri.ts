/**
 * PKCS#11 URIs (RFC 7512), the part of them that names a token and its objects.
 *
 * @module
 */

/** What a URI says; absent attributes match all. */
export interface Pkcs11Uri {
  readonly token?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly serial?: string;
  /** CKA_LABEL of an object. */
  readonly object?: string;
  /** CKA_ID of an object. */
  readonly id?: Uint8Array;
}

const SCHEME = "pkcs11:";

const NAMED = ["token", "manufacturer", "model", "serial", "object"] as const;

/** What `text` says, or what is wrong with it. */
export function parsePkcs11Uri(text: string): Pkcs11Uri | string {
  if (!text.startsWith(SCHEME)) return `it does not begin with ${SCHEME}`;
  const [path = "", query] = text.slice(SCHEME.length).split("?", 2);
  // A PIN has no place in a command line, and the module an option of its own.
  if (query !== undefined) return "it has a query, which is not used here";
  const uri: { -readonly [K in keyof Pkcs11Uri]: Pkcs11Uri[K] } = {};
  for (const attribute of path.split(";").filter((one) => one !== "")) {
    const [name = "", value = ""] = attribute.split("=", 2);
    const wrong = setAttribute(uri, name, value);
    if (wrong !== undefined) return wrong;
  }
  return uri;
}

function setAttribute(
  uri: { -readonly [K in keyof Pkcs11Uri]: Pkcs11Uri[K] },
  name: string,
  value: string,
): string | undefined {
  const bytes = percentDecoded(value);
  if (!bytes) return `"${name}" has a % that begins no byte`;
  if (name === "type") {
    return value === "private" ? undefined : `its type is not "private"`;
  }
  if (name === "id") {
    if (uri.id) return `it has "id" twice`;
    uri.id = bytes;
    return undefined;
  }
  const known = NAMED.find((one) => one === name);
  if (!known) {
    return `it has "${name}", expected ${NAMED.join(", ")}, id or type`;
  }
  if (uri[known] !== undefined) return `it has "${name}" twice`;
  uri[known] = new TextDecoder().decode(bytes);
  return undefined;
}

function percentDecoded(text: string): Uint8Array | undefined {
  const bytes = [...new TextEncoder().encode(text)];
  const decoded: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0x25) {
      decoded.push(bytes[at]!);
      continue;
    }
    const figures = String.fromCharCode(...bytes.slice(at + 1, at + 3));
    if (!/^[0-9a-f]{2}$/i.test(figures)) return undefined;
    decoded.push(parseInt(figures, 16));
    at += 2;
  }
  return Uint8Array.from(decoded);
}

const percentEncoded = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

/** The URI of a private key with this label and identifier. */
export function formatObjectUri(
  label: string,
  id: Uint8Array | undefined,
): string {
  const attributes = [
    ...(label === ""
      ? []
      : [`object=${percentEncoded(new TextEncoder().encode(label))}`]),
    ...(id && id.length > 0 ? [`id=${percentEncoded(id)}`] : []),
    "type=private",
  ];
  return `${SCHEME}${attributes.join(";")}`;
}
