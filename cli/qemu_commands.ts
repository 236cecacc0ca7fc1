/**
 * The complete QEMU commands for a socket, in both of QEMU's modes.
 *
 * @module
 */

const MACHINE = [
  "qemu-system-x86_64 -m 512M",
  "  -object memory-backend-memfd,id=mem0,size=512M,share=on",
  "  -machine q35,memory-backend=mem0",
];

/** `text` as one word of a shell's command line. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text)
    ? text
    : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The data queues and the control queue, each as large as Linux may need. */
const QUEUE_SIZE = 1024;

function command(socketPath: string, lines: readonly string[]): string {
  // QEMU takes a doubled comma for one that is part of a value.
  const path = socketPath.replaceAll(",", ",,");
  const words = [
    ...MACHINE,
    `  -chardev ${shellWord(`socket,id=crypto0,path=${path}`)}`,
    ...lines,
  ].join(" \\\n");
  return `${words} # and your disks, kernel and network`;
}

/** QEMU hands all queues and the config space to the device. */
export function genericCommand(socketPath: string, dataQueues: number): string {
  return command(socketPath, [
    `  -device vhost-user-test-device-pci,virtio-id=20,num_vqs=${
      dataQueues + 1
    },vq_size=${QUEUE_SIZE},config_size=56,chardev=crypto0`,
  ]);
}

/** QEMU keeps control queue and config space and sends session messages. */
export function cryptodevCommand(
  socketPath: string,
  dataQueues: number,
): string {
  return command(socketPath, [
    `  -object cryptodev-vhost-user,id=cryptodev0,chardev=crypto0,queues=${dataQueues}`,
    "  -device virtio-crypto-pci,cryptodev=cryptodev0",
  ]);
}

/** A command, and when to use it. */
export interface QemuCommand {
  readonly use: string;
  readonly command: string;
}

/** Both commands. */
export function qemuCommands(
  socketPath: string,
  dataQueues: number,
): readonly QemuCommand[] {
  return [
    {
      use: "QEMU 11.1 or later, every algorithm and queue (generic mode):",
      command: genericCommand(socketPath, dataQueues),
    },
    {
      use: "QEMU 8.1 or later, AES-CBC (cryptodev mode):",
      command: cryptodevCommand(socketPath, dataQueues),
    },
  ];
}
