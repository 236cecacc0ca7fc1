# shellcheck shell=dash disable=SC2154
# Hands the crypto device to DPDK and runs its tests; peers_tests is a word of the
# kernel's command line.
slot="$(basename "$(dirname "$(grep -l 0x1054 /sys/bus/pci/devices/*/device)")")"
device="/sys/bus/pci/devices/$slot"
echo "$slot" >"$device/driver/unbind"
echo uio_pci_generic >"$device/driver_override"
echo "$slot" >/sys/bus/pci/drivers_probe
libraries=/usr/lib/x86_64-linux-gnu
for test in $(echo "$peers_tests" | tr , ' '); do
  echo "BEGIN $test"
  DPDK_TEST="$test" timeout -s KILL 150 dpdk-test -l 0 -a "$slot" -m 256 --no-telemetry \
    -d "$libraries/librte_mempool_ring.so" -d "$libraries/librte_crypto_virtio.so"
  code="$?"
  # Behind the prompt that the program leaves.
  echo
  echo "CHECK $test FAIL exit $code"
  echo "END $test"
done
