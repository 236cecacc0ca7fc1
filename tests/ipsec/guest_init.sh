#!/bin/busybox sh
# shellcheck shell=dash
# The first process of a guest whose IPsec is looked at.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in /modules/*.ko; do
  insmod "$module" || echo "FAILED $module"
done
mkdir -p /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
/bin/guest_xfrm
poweroff -f
