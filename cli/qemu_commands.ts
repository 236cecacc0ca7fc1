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

/** The data queues and the control queue, each as large as Linux may need. */
const QUEUE_SIZE = 1024;

function command(socketPath: string, lines: readonly string[]): string {
  return [
    ...MACHINE,
    `  -chardev socket,id=crypto0,path=${socketPath}`,
    ...lines,
    "  …your disks, kernel and network…",
  ].join(" \\\n");
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

/** Both commands with a line each that says when to use them. */
export function qemuCommands(socketPath: string, dataQueues: number): string {
  return [
    "QEMU 11.1 or later, every algorithm and queue (generic mode):",
    genericCommand(socketPath, dataQueues),
    "QEMU 8.1 or later, AES-CBC (cryptodev mode):",
    cryptodevCommand(socketPath, dataQueues),
  ].join("\n");
}
