/**
 * The manual page, in man(7).
 *
 * @module
 */

import { BUILT_IN_BACKENDS } from "../backends/registry.ts";
import { COMMANDS } from "./commands.ts";
import { PROGRAM } from "./help.ts";
import { OPTION_GROUPS } from "./option_table.ts";
import type { OptionEntry } from "./options/option_entry.ts";
import { VERSION, VERSION_DATE } from "./version.ts";
import { wrapText } from "./wrap_text.ts";

const SOURCE_COLUMNS = 70;

/** Text in which nothing is a request or an escape. */
function escape(text: string): string {
  return text.replaceAll("…", "...").replaceAll("\\", "\\e")
    .replaceAll("-", "\\-").replace(/^([.'])/, "\\&$1");
}

const bold = (text: string): string => `\\fB${escape(text)}\\fR`;
const italic = (text: string): string => `\\fI${escape(text)}\\fR`;

/** Text in lines that are short enough for whoever reads the source. */
const lines = (text: string): string =>
  wrapText(text, SOURCE_COLUMNS).split("\n").map(escape).join("\n");

const paragraph = (tag: string, text: string): string =>
  `.TP\n${tag}\n${lines(text)}`;

function optionParagraph(option: OptionEntry): string {
  const { name, value, help } = option;
  const tag = bold(`--${name}`) + (value ? ` ${italic(value)}` : "");
  const shownDefault = option.default ? ` (default: ${option.default})` : "";
  return paragraph(tag, help + shownDefault);
}

const optionParagraphs = (options: readonly OptionEntry[]): string =>
  options.map(optionParagraph).join("\n");

const synopsis = (): string =>
  COMMANDS.map(({ name, words }) =>
    `${bold(`${PROGRAM} ${name}`)} ${escape(words)}`.trimEnd()
  ).join("\n.br\n");

const commands = (): string =>
  COMMANDS.map(({ name, help }) => paragraph(bold(name), help)).join("\n");

const groups = (): string =>
  OPTION_GROUPS.map(({ title, options }) =>
    `.SS ${title}\n${optionParagraphs(options)}`
  ).join("\n");

const SIGNALS: readonly (readonly [string, string])[] = [
  [
    "SIGINT, SIGTERM, SIGHUP",
    "end the device; supervise takes SIGHUP for the wish to have a new process take over",
  ],
  ["SIGUSR2", "has the device tell in its log what it has done so far"],
  ["SIGURG", "has the keys of --keys read anew"],
];

const EXIT_CODES: readonly (readonly [string, string])[] = [
  ["0", "after a signal, and after the end of a connection that --fd gave"],
  ["1", "where an answer cannot be written"],
  [
    "2",
    "for a mistake on the command line or in the file of --config, which one line on standard error names; nothing has been started then",
  ],
];

const EXAMPLES: readonly (readonly [string, string])[] = [
  [
    "One guest, with all backends that this machine has:",
    "serve --socket-path /tmp/crypto.sock",
  ],
  [
    "Two guests that outlive the process, on OpenSSL with a stand-in:",
    "supervise -- --socket-path /run/vdc/%i.sock --guests 2 --backend openssl,noble --fallback failure",
  ],
  ["Options of a file:", "serve --config /etc/vhost-device-crypto.toml"],
];

const pairs = (all: readonly (readonly [string, string])[]): string =>
  all.map(([tag, text]) => paragraph(bold(tag), text)).join("\n");

/** A paragraph begins with each but the first, which a heading begins. */
const examples = (): string =>
  EXAMPLES.map(([text, words], index) =>
    `${index > 0 ? ".PP\n" : ""}${lines(text)}\n.PP\n.nf\n.RS 4\n${
      escape(`${PROGRAM} ${words}`)
    }\n.RE\n.fi`
  ).join("\n");

/** The whole page. */
export function manPage(): string {
  return `\
.TH VHOST\\-DEVICE\\-CRYPTO 1 "${VERSION_DATE}" "${PROGRAM} ${VERSION}" "User Commands"
.SH NAME
${
    escape(PROGRAM)
  } \\- virtio\\-crypto device for virtual machines, over vhost\\-user
.SH SYNOPSIS
.nh
${synopsis()}
.hy
.SH DESCRIPTION
A virtio\\-crypto device (virtio device ID 20) as a process of its own: a virtual
machine attaches to it over a vhost\\-user socket, and the cryptography of each
session runs on the backend that is chosen:
${lines(`${BUILT_IN_BACKENDS.join(", ")}, or one of your own.`)}
The device prints the QEMU commands that go with its sockets.
.SH COMMANDS
${commands()}
.PP
Without a command the options are those of
.BR serve .
.SH OPTIONS
${groups()}
.SS Of single sockets
${bold("--backend")}, ${bold("--place")}, ${bold("--fallback")}, ${
    bold("--without")
  }, ${bold("--allow-key")} and the limits of a guest
hold for all sockets; with
.BI @ SOCKET
at the end of the value they hold for that socket only.
.SH CONFIGURATION FILE
The file of
.B \\-\\-config
is TOML with the names of options. Options that may be repeated take lists,
switches take true or false. What the command line says goes before.
.PP
.nf
.RS 4
socket\\-path = ["/run/vdc/a.sock", "/run/vdc/b.sock"]
queues = 4
allow\\-weak = true
.RE
.fi
.SH SIGNALS
${pairs(SIGNALS)}
.SH EXIT STATUS
${pairs(EXIT_CODES)}
.SH EXAMPLES
${examples()}
.SH SEE ALSO
.BR qemu (1),
.BR systemd.socket (5)
`;
}
