// What the parts of the in-guest test program share.
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_CIPHER "virtio_crypto_aes_cbc"

// Prints "CHECK name ok" or "CHECK name FAIL reason"; the host reads these lines.
void check(const char *name, bool passed, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));
// Prints "INFO name value".
void info(const char *name, const char *value, ...) __attribute__((format(printf, 2, 3)));

// One field of the /proc/crypto entry of this driver; false if either is missing.
bool driver_field(const char *driver, const char *field, char *value, size_t size);
// The driver that the kernel prefers for an algorithm name: the one of highest priority.
bool preferred_driver(const char *algorithm, char *driver, size_t size);
// Waits until the kernel has tested and published the driver.
bool wait_for_driver(const char *driver);
// Writes a file of sysfs in one go; false if that fails.
bool write_text(const char *path, const char *text);
// How often the virtio device has interrupted the guest, once it is idle; the proof
// that a test has asked it.
uint64_t device_interrupts(void);

void test_aes_known_answers(void);
// Leaves out the requests that take more descriptors than the device survives.
void test_aes_random(size_t longest_chain);
void test_aes_threads(void);
// Works until the host says a line on the console.
void test_aes_load(void);
void test_rsa(void);
void test_key_stub(void);
void test_suspend(void);

#endif
