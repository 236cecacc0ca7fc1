/**
 * The QEMU command lines of the guest tests: one guest, one crypto device.
 *
 * @module
 */

import type { GuestParts, QemuVersion } from "./guest_parts.ts";

/**
 * Who is the guest's crypto device: the vhost-user back-end with all its queues and its
 * config space, QEMU with the back-end as cryptodev, or QEMU alone.
 */
export type GuestMode = "generic" | "cryptodev" | "builtin";

export interface QemuOptions {
  readonly mode: GuestMode;
  readonly qemu: QemuVersion;
  /** The vhost-user socket; "builtin" needs none. */
  readonly socketPath?: string;
  readonly dataQueues?: number;
  /** Whether QEMU connects again to a device that has ended; cryptodev mode only. */
  readonly reconnects?: boolean;
  /** A guest that reboots must not end QEMU. */
  readonly reboots?: boolean;
  /** Default: 256. */
  readonly memoryMebibytes?: number;
  /** Where QEMU takes commands meanwhile (`qmp.ts`); it has room for memory then. */
  readonly monitorPath?: string;
  /** QEMU's name of the guest's processor, where its default is not enough. */
  readonly processor?: string;
  /** Words for the kernel's command line. */
  readonly kernelWords: readonly string[];
}

export interface QemuCommand {
  readonly program: string;
  readonly args: string[];
  readonly env: Record<string, string>;
}

const LIBRARIES = "x86_64-linux-gnu";

/** QEMU runs on its own Debian's C library and firmware, whatever the host has. */
export function qemuCommand(
  parts: GuestParts,
  initramfs: string,
  options: QemuOptions,
): QemuCommand {
  const root = parts.qemu[options.qemu];
  const libraries = [
    `${root}/lib/${LIBRARIES}`,
    `${root}/usr/lib/${LIBRARIES}`,
  ];
  // Older Debians keep the loader in /lib, newer ones in /usr/lib.
  const loader = libraries.map((folder) => `${folder}/ld-linux-x86-64.so.2`)
    .find(isFile);
  if (loader === undefined) {
    throw new Error(`There is no loader in ${libraries.join(" or ")}`);
  }
  return {
    program: loader,
    args: [
      ...[
        "--library-path",
        libraries.join(":"),
        `${root}/usr/bin/qemu-system-x86_64`,
      ],
      ...["-L", `${root}/usr/share/qemu`, "-L", `${root}/usr/share/seabios`],
      ...machine(options),
      ...["-kernel", parts.kernelImage, "-initrd", initramfs],
      ...["-append", kernelCommandLine(options.kernelWords)],
      ...cryptoDevice(options),
    ],
    env: { QEMU_MODULE_DIR: `${root}/usr/lib/${LIBRARIES}/qemu` },
  };
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What KVM's default lacks is no matter where the host's own is taken. */
function processor({ processor }: QemuOptions): string[] {
  if (processor) return ["-cpu", processor];
  return accelerator() === "kvm" ? ["-cpu", "host"] : [];
}

/** `deno task report` has guests run as fast as the host can. */
const accelerator = (): string =>
  Deno.env.get("VHOST_CRYPTO_KVM") === "1" ? "kvm" : "tcg";

function machine(options: QemuOptions): string[] {
  const size = `${options.memoryMebibytes ?? 256}M`;
  return [
    ...[
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-serial",
      "stdio",
    ],
    // A vhost-user back-end maps the guest's memory, so it must be a shared file.
    ...["-object", `memory-backend-memfd,id=mem0,size=${size},share=on`],
    ...[
      "-machine",
      `q35,accel=${accelerator()},memory-backend=mem0`,
      "-m",
      options.monitorPath ? `${size},slots=4,maxmem=1G` : size,
      "-smp",
      "2",
    ],
    ...(options.monitorPath
      ? ["-qmp", `unix:${options.monitorPath},server=on,wait=off`]
      : []),
    ...processor(options),
    ...(options.reboots ? [] : ["-no-reboot"]),
  ];
}

function kernelCommandLine(words: readonly string[]): string {
  return [
    // Only errors: a message of the kernel's could cut a line of the test program's.
    "console=ttyS0 loglevel=4 panic=-1",
    // What only costs time under software emulation.
    "mitigations=off nokaslr tsc=reliable no_timer_check random.trust_cpu=on",
    // A guest that sleeps is heard meanwhile, and wakes after a second.
    "no_console_suspend suspend.pm_test_delay=1",
    ...words,
  ].join(" ");
}

function cryptoDevice(options: QemuOptions): string[] {
  const queues = options.dataQueues ?? 1;
  if (options.mode === "builtin") {
    return [
      ...["-object", "cryptodev-backend-builtin,id=crypto0"],
      ...["-device", "virtio-crypto-pci,cryptodev=crypto0"],
    ];
  }
  if (options.socketPath === undefined) {
    throw new TypeError("This mode needs a socketPath");
  }
  const socket = [
    "-chardev",
    `socket,id=socket0,path=${options.socketPath}` +
    (options.reconnects ? ",reconnect-ms=200" : ""),
  ];
  if (options.mode === "cryptodev") {
    return [
      ...socket,
      ...[
        "-object",
        `cryptodev-vhost-user,id=crypto0,chardev=socket0,queues=${queues}`,
      ],
      ...["-device", "virtio-crypto-pci,cryptodev=crypto0"],
    ];
  }
  // The control queue counts as well.
  const device = `virtio-id=20,num_vqs=${
    queues + 1
  },vq_size=1024,config_size=56`;
  return [
    ...socket,
    "-device",
    `vhost-user-test-device-pci,${device},chardev=socket0`,
  ];
}
