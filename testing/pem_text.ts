/**
 * Keys as files have them.
 *
 * @module
 */

/** The text of one PEM block (RFC 7468). */
export function writePem(label: string, der: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...der)).match(/.{1,64}/g) ?? [];
  return [
    `-----BEGIN ${label}-----`,
    ...lines,
    `-----END ${label}-----`,
    "",
  ].join("\n");
}
