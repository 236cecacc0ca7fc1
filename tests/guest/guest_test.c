// The in-guest test program: runs the tests named on its command line against the
// virtio-crypto driver of the guest's kernel and prints one line per check.
// Usage: guest_test LONGEST_CHAIN TEST...
#include "guest_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRIVER_FOLDER "/sys/bus/virtio/drivers/virtio_crypto"

void check(const char *name, bool passed, const char *reason, ...) {
    char line[512];
    int length = snprintf(line, sizeof line, "CHECK %s %s", name, passed ? "ok" : "FAIL ");
    if (!passed) {
        va_list arguments;
        va_start(arguments, reason);
        vsnprintf(line + length, sizeof line - (size_t)length, reason, arguments);
        va_end(arguments);
    }
    // One write per line: threads share the console.
    printf("%s\n", line);
}

void info(const char *name, const char *value, ...) {
    // Room for a signature of 8192 bits.
    char text[2049];
    va_list arguments;
    va_start(arguments, value);
    vsnprintf(text, sizeof text, value, arguments);
    va_end(arguments);
    printf("INFO %s %s\n", name, text);
}

// Splits "field   : value\n" in place; false at the blank line between entries.
static bool split_field(char *line, char **field, char **value) {
    char *colon = strchr(line, ':');
    if (!colon)
        return false;
    char *end = colon;
    while (end > line && end[-1] == ' ')
        end--;
    *end = 0;
    *field = line;
    *value = colon + (colon[1] == ' ' ? 2 : 1);
    (*value)[strcspn(*value, "\n")] = 0;
    return true;
}

bool driver_field(const char *driver, const char *wanted, char *result, size_t size) {
    char line[256], *field, *value;
    bool inside = false, found = false;
    FILE *crypto = fopen("/proc/crypto", "r");
    while (crypto && !found && fgets(line, sizeof line, crypto)) {
        if (!split_field(line, &field, &value))
            inside = false;
        else if (!strcmp(field, "driver"))
            inside = !strcmp(value, driver);
        else if (inside && !strcmp(field, wanted))
            found = snprintf(result, size, "%s", value) >= 0;
    }
    if (crypto)
        fclose(crypto);
    return found;
}

bool preferred_driver(const char *algorithm, char *driver, size_t size) {
    char line[256], name[128] = "", candidate[128] = "", *field, *value;
    int highest = -1;
    FILE *crypto = fopen("/proc/crypto", "r");
    while (crypto && fgets(line, sizeof line, crypto)) {
        if (!split_field(line, &field, &value))
            continue;
        if (!strcmp(field, "name"))
            snprintf(name, sizeof name, "%s", value);
        else if (!strcmp(field, "driver"))
            snprintf(candidate, sizeof candidate, "%s", value);
        else if (!strcmp(field, "priority") && !strcmp(name, algorithm) && atoi(value) > highest) {
            highest = atoi(value);
            snprintf(driver, size, "%s", candidate);
        }
    }
    if (crypto)
        fclose(crypto);
    return highest >= 0;
}

bool wait_for_driver(const char *driver) {
    char result[32];
    for (int attempt = 0; attempt < 200; attempt++) {
        if (driver_field(driver, "selftest", result, sizeof result) && !strcmp(result, "passed"))
            return true;
        usleep(50000);
    }
    return false;
}

static uint64_t count_interrupts(void) {
    char line[1024];
    uint64_t total = 0;
    FILE *interrupts = fopen("/proc/interrupts", "r");
    while (interrupts && fgets(line, sizeof line, interrupts)) {
        char *next = strchr(line, ':'), *number;
        if (!next || !strstr(line, "virtio"))
            continue;
        // One column per processor follows the colon, then the names.
        for (number = next + 1;; number = next) {
            uint64_t count = strtoull(number, &next, 10);
            if (next == number)
                break;
            total += count;
        }
    }
    if (interrupts)
        fclose(interrupts);
    return total;
}

uint64_t device_interrupts(void) {
    // What the kernel still does on its own, as after a rebind, must not be taken for
    // the work of the test that counts.
    uint64_t before, now = count_interrupts();
    do {
        before = now;
        usleep(100000);
        now = count_interrupts();
    } while (now != before);
    return now;
}

static bool find_device(char *name, size_t size) {
    DIR *folder = opendir(DRIVER_FOLDER);
    struct dirent *entry;
    bool found = false;
    while (folder && !found && (entry = readdir(folder)))
        if (!strncmp(entry->d_name, "virtio", 6))
            found = snprintf(name, size, "%s", entry->d_name) >= 0;
    if (folder)
        closedir(folder);
    return found;
}

bool write_text(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    bool written = file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text);
    if (file >= 0)
        close(file);
    return written;
}

static void test_features(void) {
    char device[64], path[512], bits[128] = "";
    if (!find_device(device, sizeof device)) {
        check("features.device", false, "no device is bound to the driver");
        return;
    }
    snprintf(path, sizeof path, "/sys/bus/virtio/devices/%s/features", device);
    FILE *file = fopen(path, "r");
    if (file) {
        if (!fgets(bits, sizeof bits, file))
            bits[0] = 0;
        fclose(file);
    }
    bits[strcspn(bits, "\n")] = 0;
    info("features", "%s", bits);
    check("features.device", strlen(bits) >= 64, "%s holds \"%s\"", path, bits);
}

static void test_selftest(void) {
    char result[32] = "missing";
    bool published = wait_for_driver(DEVICE_CIPHER);
    driver_field(DEVICE_CIPHER, "selftest", result, sizeof result);
    check("selftest." DEVICE_CIPHER, published, "/proc/crypto says %s", result);
}

static void test_rebind(void) {
    char device[64], value[32];
    if (!find_device(device, sizeof device)) {
        check("rebind.unbind", false, "no device is bound to the driver");
        return;
    }
    bool unbound = write_text(DRIVER_FOLDER "/unbind", device);
    check("rebind.unbind", unbound, "%s", strerror(errno));
    bool gone = !driver_field(DEVICE_CIPHER, "name", value, sizeof value);
    check("rebind.algorithm-gone", gone, "/proc/crypto still has " DEVICE_CIPHER);
    bool bound = write_text(DRIVER_FOLDER "/bind", device);
    check("rebind.bind", bound, "%s", strerror(errno));
    check("rebind.algorithm-back", wait_for_driver(DEVICE_CIPHER), "no tested " DEVICE_CIPHER);
}

static bool run_test(const char *name, size_t longest_chain) {
    if (!strcmp(name, "features"))
        test_features();
    else if (!strcmp(name, "selftest"))
        test_selftest();
    else if (!strcmp(name, "aes-kat"))
        test_aes_known_answers();
    else if (!strcmp(name, "aes-random"))
        test_aes_random(longest_chain);
    else if (!strcmp(name, "threads"))
        test_aes_threads();
    else if (!strcmp(name, "load"))
        test_aes_load();
    else if (!strcmp(name, "rebind"))
        test_rebind();
    else if (!strcmp(name, "rsa"))
        test_rsa();
    else if (!strcmp(name, "key-stub"))
        test_key_stub();
    else if (!strcmp(name, "suspend"))
        test_suspend();
    else
        return false;
    return true;
}

int main(int count, char **arguments) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    size_t longest_chain = count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
    for (int index = 2; index < count; index++) {
        const char *name = arguments[index];
        printf("BEGIN %s\n", name);
        if (run_test(name, longest_chain))
            printf("END %s\n", name);
        else
            check(name, false, "there is no such test");
    }
    return 0;
}
