#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a guest that runs other people's programs.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
# DPDK loads no plugin from under a folder that everybody may write to.
chmod 755 /
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm /dev/hugepages
mount -t tmpfs tmpfs /dev/shm
mount -t hugetlbfs hugetlbfs /dev/hugepages
echo "GUEST boot $(uname -r)"
for module in /modules/*.ko; do
  insmod "$module" || echo "CHECK boot.insmod FAIL $module"
done
/bin/sh /peers.sh
echo "GUEST done $(cut -d ' ' -f 1 /proc/uptime)"
poweroff -f
