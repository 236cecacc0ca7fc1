/**
 * How to get what libcrypto loads at run time.
 *
 * @module
 */

const PROVIDERS: Readonly<Record<string, string>> = {
  legacy: "install it (Debian 12: libssl3, Debian 13: openssl-provider-legacy)",
  fips:
    "build OpenSSL with enable-fips, run openssl fipsinstall, and give the " +
    "path of fips.so (Debian 13: openssl-provider-fips)",
  qatprovider:
    "build intel/QAT_Engine with --enable-qat_provider and give its path",
};

const ENGINES: Readonly<Record<string, string>> = {
  qatengine: "install the package qatengine (Debian 13), or build " +
    "intel/QAT_Engine",
  afalg:
    "it comes with libssl3 (Debian 13: libssl3t64) and needs a kernel with AF_ALG " +
    "(CONFIG_CRYPTO_USER_API_SKCIPHER, modprobe algif_skcipher)",
  padlock: "it needs a VIA or Zhaoxin processor with PadLock",
  gost: "install the package libengine-gost-openssl",
  pkcs11: "install the package libengine-pkcs11-openssl",
};

/** How to get a provider. */
export function providerRemedy(name: string): string {
  return PROVIDERS[name] ??
    `install the provider, or give the path of its module as ${name}:PATH`;
}

/** How to get an engine. */
export function engineRemedy(id: string): string {
  return ENGINES[id] ??
    "install the engine in libcrypto's engines directory, " +
      "or name it in OPENSSL_ENGINES";
}
