#!/bin/busybox sh
# shellcheck shell=dash disable=SC2154
# The guest's first process. The kernel passes the words name=value of its command
# line that it has no use for as variables: vhost_crypto_tests, vhost_crypto_longest_chain,
# vhost_crypto_stub.
/bin/busybox --install -s /bin
PATH=/bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
echo "GUEST boot $(uname -r)"
for module in /modules/*.ko; do
  insmod "$module" || echo "CHECK boot.insmod FAIL $module"
done
# shellcheck disable=SC2046 # one argument per test
/bin/guest_test "$vhost_crypto_longest_chain" $(echo "$vhost_crypto_tests" | tr , ' ')
echo "GUEST done $(cut -d ' ' -f 1 /proc/uptime)"
# The host knows whether it wants another boot.
read -r next
if [ "$next" = reboot ]; then
  reboot -f
fi
poweroff -f
