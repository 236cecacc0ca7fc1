// RSA on the device, through a private key on the kernel's keyring.
#include "guest_rsa_key.h"
#include "guest_test.h"

#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULUS 256
// The kernel pads, the device computes.
#define KERNEL_PKCS1 "enc=pkcs1"
// The device pads as well: the driver's own pkcs1pad(rsa,sha1).
#define DEVICE_PKCS1 "enc=pkcs1 hash=sha1"
#define RAW "enc=raw"

static int32_t key;

// Answers the length of the result, or a negative errno.
static long transform(int operation, const char *how, const void *input, size_t length, uint8_t *output) {
    struct keyctl_pkey_params parameters = {
        .key_id = key, .in_len = (uint32_t)length, .out_len = MODULUS};
    long result = syscall(SYS_keyctl, operation, &parameters, how, input, output);
    return result < 0 ? -errno : result;
}

static long verify(const uint8_t *candidate, const uint8_t *of) {
    struct keyctl_pkey_params parameters = {
        .key_id = key, .in_len = sizeof digest, .in2_len = MODULUS};
    long result = syscall(SYS_keyctl, KEYCTL_PKEY_VERIFY, &parameters, DEVICE_PKCS1, of, candidate);
    return result < 0 ? -errno : result;
}

static void check_result(const char *name, const uint8_t *result, long length, const void *expected,
                         size_t expected_length) {
    if (length < 0)
        check(name, false, "%s", strerror((int)-length));
    else
        check(name, (size_t)length == expected_length && !memcmp(result, expected, expected_length),
              "a result of %ld bytes is not the expected one of %zu", length, expected_length);
}

static void check_driver(const char *name, const char *algorithm, const char *expected) {
    char driver[128] = "none", selftest[32] = "missing";
    // The kernel tests a driver in the background after each registration.
    wait_for_driver(expected);
    preferred_driver(algorithm, driver, sizeof driver);
    driver_field(expected, "selftest", selftest, sizeof selftest);
    check(name, !strcmp(driver, expected) && !strcmp(selftest, "passed"),
          "the kernel prefers %s for %s; the selftest of %s: %s", driver, algorithm, expected, selftest);
}

static void check_signatures(void) {
    uint8_t result[MODULUS], wrong[MODULUS], other[sizeof digest];
    long length = transform(KEYCTL_PKEY_SIGN, DEVICE_PKCS1, digest, sizeof digest, result);
    check_result("rsa.sign", result, length, signature, sizeof signature);
    long verified = verify(signature, digest);
    check("rsa.verify", verified == 0, "%s", strerror((int)-verified));

    memcpy(wrong, signature, sizeof wrong);
    wrong[MODULUS - 1] ^= 1;
    verified = verify(wrong, digest);
    check("rsa.wrong-signature-refused", verified == -EKEYREJECTED, "%ld", verified);
    memcpy(other, digest, sizeof other);
    other[0] ^= 1;
    verified = verify(signature, other);
    check("rsa.wrong-digest-refused", verified == -EKEYREJECTED, "%ld", verified);
}

static void check_padded(const char *who, const char *how) {
    uint8_t encrypted[MODULUS], result[MODULUS];
    char name[64];
    size_t size = sizeof message - 1;
    snprintf(name, sizeof name, "rsa.%s-pkcs1-known-decrypt", who);
    long length = transform(KEYCTL_PKEY_DECRYPT, how, message_encrypted, MODULUS, result);
    check_result(name, result, length, message, size);

    snprintf(name, sizeof name, "rsa.%s-pkcs1-round-trip", who);
    length = transform(KEYCTL_PKEY_ENCRYPT, how, message, size, encrypted);
    if (length == MODULUS)
        length = transform(KEYCTL_PKEY_DECRYPT, how, encrypted, MODULUS, result);
    check_result(name, result, length, message, size);
}

static void check_raw(void) {
    uint8_t plain[MODULUS], two[MODULUS] = {[MODULUS - 1] = 2}, encrypted[MODULUS], result[MODULUS];
    for (int index = 0; index < MODULUS; index++)
        plain[index] = (uint8_t)index;
    long length = transform(KEYCTL_PKEY_ENCRYPT, RAW, plain, MODULUS, result);
    check_result("rsa.raw-encrypt", result, length, raw_encrypted, MODULUS);
    length = transform(KEYCTL_PKEY_DECRYPT, RAW, raw_encrypted, MODULUS, result);
    check_result("rsa.raw-decrypt", result, length, plain, MODULUS);
    length = transform(KEYCTL_PKEY_ENCRYPT, RAW, two, MODULUS, encrypted);
    if (length == MODULUS)
        length = transform(KEYCTL_PKEY_DECRYPT, RAW, encrypted, MODULUS, result);
    check_result("rsa.raw-leading-zeros", result, length, two, MODULUS);
}

void test_rsa(void) {
    uint64_t interrupts = device_interrupts();
    key = (int32_t)syscall(SYS_add_key, "asymmetric", "guest-test", private_key, sizeof private_key,
                           KEY_SPEC_PROCESS_KEYRING);
    check("rsa.key", key >= 0, "%s", strerror(errno));
    if (key < 0)
        return;
    check_driver("rsa.driver", "rsa", "virtio-crypto-rsa");
    check_driver("rsa.pkcs1-driver", "pkcs1pad(rsa,sha1)", "virtio-pkcs1-rsa-with-sha1");
    check_signatures();
    check_padded("kernel", KERNEL_PKCS1);
    check_padded("device", DEVICE_PKCS1);
    check_raw();
    check("rsa.device-asked", device_interrupts() > interrupts, "the device never interrupted");
}
