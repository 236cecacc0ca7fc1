/**
 * IP addresses from text.
 *
 * @module
 */

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * The 4 or 16 bytes of an address, in the order in which packets have them.
 *
 * @throws {TypeError} where the text is no address
 */
export function addressBytes(text: string): Uint8Array<ArrayBuffer> {
  if (IPV4.test(text)) {
    const numbers = text.split(".").map(Number);
    if (numbers.every((number) => number < 256)) {
      return Uint8Array.from(numbers);
    }
  } else if (text.includes(":")) {
    const bytes = ipv6Bytes(text);
    if (bytes) return bytes;
  }
  throw new TypeError(`"${text}" is no IP address`);
}

function ipv6Bytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  const url = URL.parse(`http://[${text}]`);
  if (!url) return undefined;
  // A URL has the short form, in which all groups are hexadecimal.
  const [before, after] = url.hostname.slice(1, -1).split("::").map((part) =>
    part === "" ? [] : part.split(":")
  );
  const end = after ?? [];
  const zeros = new Array<string>(8 - before!.length - end.length).fill("0");
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  [...before!, ...zeros, ...end].forEach((group, index) =>
    view.setUint16(2 * index, Number.parseInt(group, 16))
  );
  return bytes;
}
