/**
 * Why a QuickAssist device cannot be had: the library only says that it cannot,
 * so the machine itself is looked at, step by step.
 *
 * @module
 */

import type { Missing } from "../backend.ts";
import { QAT_VARIABLE, type QatError, USDM_VARIABLE } from "./device.ts";

/** PCI device ids by kind: what the driver has, and what processes get. */
const PHYSICAL = ["0x4940", "0x4942", "0x4944", "0x4946", "0x4948"];
const VIRTUAL = ["0x4941", "0x4943", "0x4945", "0x4947", "0x4949"];
const INTEL = "0x8086";

/** What the library wants pinned for each virtual function. */
const MEMLOCK_BYTES = 16 * 1024 * 1024;

const MANAGER_SOCKET = "run/qat/qatmgr.sock";

/** Finds what is missing behind `failure`. `root` is another one in tests. */
export function diagnose(
  failure: QatError,
  libraries: { readonly qat: string; readonly usdm: string },
  root = "/",
): Missing[] {
  switch (failure.step) {
    case "usdm":
      return [missingLibrary(failure, libraries.usdm, USDM_VARIABLE)];
    case "libqat":
      return [missingLibrary(failure, libraries.qat, QAT_VARIABLE)];
    case "silent":
      return [{
        what: "an answer of the qat manager (qatmgr), which takes " +
          `connections: ${failure.message}`,
        remedy: "systemctl restart qat",
      }];
    case "start":
    case "instances": {
      const machine = new Machine(root);
      const found = lookAt(machine);
      return found.length > 0 ? found : [unknownCause(failure)];
    }
  }
}

function missingLibrary(
  { message, cause }: QatError,
  path: string,
  variable: string,
): Missing {
  const isForbidden = cause instanceof Deno.errors.NotCapable;
  const reason = message.replace(/^(Could not open library: )+/, "");
  const what = reason.includes(path) ? reason : `${path}: ${reason}`;
  if (isForbidden) return { what, remedy: "run with --allow-ffi" };
  return {
    what,
    remedy: "install libqat 24.02 or newer (Debian 13: libqat4 and libusdm0; " +
      `Fedora: qatlib), or name its path in ${variable}`,
  };
}

function unknownCause({ message }: QatError): Missing {
  return {
    what: `a start of libqat: ${message}, though device, driver, node and ` +
      "limits look right",
    remedy: "see what libqat printed on stderr, and journalctl -u qat",
  };
}

interface PciDevice {
  readonly address: string;
  readonly device: string;
  readonly driver: string | undefined;
  readonly group: string | undefined;
}

/** The parts of a machine that matter; what cannot be read is absent. */
class Machine {
  readonly #root: string;
  readonly devices: readonly PciDevice[];

  constructor(root: string) {
    this.#root = root;
    this.devices = this.names("sys/bus/pci/devices")
      .map((address) => this.#pciDevice(address))
      .filter((device) => device !== undefined);
  }

  #pciDevice(address: string): PciDevice | undefined {
    const folder = `sys/bus/pci/devices/${address}`;
    if (this.read(`${folder}/vendor`) !== INTEL) return undefined;
    const device = this.read(`${folder}/device`) ?? "";
    return [...PHYSICAL, ...VIRTUAL].includes(device)
      ? {
        address,
        device,
        driver: this.#linkName(`${folder}/driver`),
        group: this.#linkName(`${folder}/iommu_group`),
      }
      : undefined;
  }

  #at(path: string): string {
    return `${this.#root}/${path}`;
  }

  read(path: string): string | undefined {
    try {
      return Deno.readTextFileSync(this.#at(path)).trim();
    } catch {
      return undefined;
    }
  }

  names(path: string): string[] {
    try {
      return [...Deno.readDirSync(this.#at(path))]
        .map(({ name }) => name).sort();
    } catch {
      return [];
    }
  }

  exists(path: string): boolean {
    try {
      Deno.statSync(this.#at(path));
      return true;
    } catch {
      return false;
    }
  }

  canOpen(path: string): boolean {
    try {
      Deno.openSync(this.#at(path), { read: true, write: true })
        .close();
      return true;
    } catch (error) {
      return !(error instanceof Deno.errors.PermissionDenied);
    }
  }

  #linkName(path: string): string | undefined {
    try {
      return Deno.readLinkSync(this.#at(path)).split("/").at(-1);
    } catch {
      return undefined;
    }
  }
}

/** The causes in the order in which they have to be mended. */
function lookAt(machine: Machine): Missing[] {
  const functions = machine.devices.filter(({ device }) =>
    VIRTUAL.includes(device)
  );
  const usable = functions.filter(({ driver }) => driver === "vfio-pci");
  if (usable.length === 0) return [missingFunction(machine, functions)];
  const causes = [
    missingService(machine),
    missingNode(machine, usable),
    missingManager(machine),
    missingMemlock(machine),
  ];
  return causes.filter((cause) => cause !== undefined);
}

function missingFunction(
  machine: Machine,
  functions: readonly PciDevice[],
): Missing {
  const physical = machine.devices.filter(({ device }) =>
    PHYSICAL.includes(device)
  );
  if (functions.length > 0) {
    const { address, driver } = functions[0]!;
    return {
      what: `vfio-pci on QAT function ${address}, which is bound to ` +
        `${driver ?? "no driver"}`,
      remedy: "modprobe vfio-pci, then systemctl restart qat (or bind it by " +
        "driver_override in sysfs)",
    };
  }
  if (physical.length === 0) {
    return {
      what: "a QuickAssist device of generation 4 or newer",
      remedy: "use another backend, or give this machine a QAT function " +
        "(a virtual machine: pass one through)",
    };
  }
  const { address, driver } = physical[0]!;
  if (driver === undefined) {
    return {
      what: `a driver of QAT device ${address}`,
      remedy: "modprobe qat_4xxx (or qat_420xx, qat_6xxx) and install its " +
        "firmware (linux-firmware, firmware-intel-misc)",
    };
  }
  return {
    what: `virtual functions of QAT device ${address}`,
    remedy: "boot with intel_iommu=on and SR-IOV enabled, then systemctl " +
      `start qat (or write a number to /sys/bus/pci/devices/${address}/` +
      "sriov_numvfs)",
  };
}

/** The kernel's word for what the device is configured to do. */
function missingService(machine: Machine): Missing | undefined {
  const services = machine.devices
    .filter(({ device }) => PHYSICAL.includes(device))
    .map(({ address }) => ({
      address,
      text: machine.read(`sys/bus/pci/devices/${address}/qat/cfg_services`),
    }))
    .filter(({ text }) => text !== undefined);
  if (services.length === 0) return undefined;
  if (services.some(({ text }) => /sym|asym|cy/.test(text!))) return undefined;
  const { address, text } = services[0]!;
  const folder = `/sys/bus/pci/devices/${address}/qat`;
  return {
    what: `a crypto service on QAT device ${address}, which is configured ` +
      `for "${text}"`,
    remedy: `echo down > ${folder}/state; echo "sym;asym" > ` +
      `${folder}/cfg_services; echo up > ${folder}/state; systemctl restart qat`,
  };
}

function missingNode(
  machine: Machine,
  usable: readonly PciDevice[],
): Missing | undefined {
  if (!machine.exists("dev/vfio/vfio")) {
    return {
      what: "/dev/vfio/vfio",
      remedy: "modprobe vfio-pci (a container: hand it /dev/vfio)",
    };
  }
  const nodes = usable.map(({ group }) => `dev/vfio/${group}`);
  const present = nodes.filter((node) => machine.exists(node));
  if (present.length === 0) {
    return {
      what: `/${nodes[0]}`,
      remedy: "boot with intel_iommu=on (a container: hand it /dev/vfio)",
    };
  }
  if (present.some((node) => machine.canOpen(node))) return undefined;
  return {
    what: `access to /${present[0]} for this user`,
    remedy: "usermod -a -G qat USER and log in again",
  };
}

function missingManager(machine: Machine): Missing | undefined {
  const policy = Deno.permissions.querySync({
      name: "env",
      variable: "QAT_POLICY",
    }).state === "granted"
    ? Deno.env.get("QAT_POLICY")
    : undefined;
  if (machine.exists(MANAGER_SOCKET) || policy !== undefined) return undefined;
  return {
    what: `the qat manager at /${MANAGER_SOCKET}`,
    remedy: "systemctl enable --now qat, or set QAT_POLICY=1 to do without it",
  };
}

function missingMemlock(machine: Machine): Missing | undefined {
  const limits = machine.read("proc/self/limits") ?? "";
  const soft = /^Max locked memory\s+(\S+)/m.exec(limits)?.[1];
  if (soft === undefined || soft === "unlimited") return undefined;
  if (Number(soft) >= MEMLOCK_BYTES) return undefined;
  return {
    what: `memory that may be locked: ${MEMLOCK_BYTES} bytes for each ` +
      `function, this process may lock ${soft}`,
    remedy: "raise memlock in /etc/security/limits.conf or LimitMEMLOCK= of " +
      "the unit (a container: --ulimit memlock=-1 or --cap-add IPC_LOCK)",
  };
}
