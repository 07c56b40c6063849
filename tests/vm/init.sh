#!/bin/busybox sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Process 1 of the test machine, out of its initial RAM disk. The root is that of the machine it runs on, read-only,
# under a layer of memory: programs and libraries match, and nothing written here leaves, but through /run/vm, a folder
# that run.py shares. There it finds "task", run as root with its output in "output", its exit status in "status".
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
uptime=/proc/uptime
up() { echo "vm: $1 at $(cut -d" " -f1 $uptime) s"; }
off() { sync; poweroff -f; }
up "kernel"

for m in $(cat /modules/order); do
	insmod "/modules/$m.ko" || off
done
share=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o "$share,ro,cache=loose" root /lower || off
mount -t tmpfs upper /upper && mkdir /upper/files /upper/work || off
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /root || off
mount --move /proc /root/proc
uptime=/root/proc/uptime
mount --move /sys /root/sys
mount --move /dev /root/dev
mkdir -p /root/dev/pts /root/dev/shm
ln -s /proc/self/fd /root/dev/fd
mount -t devpts devpts /root/dev/pts
mount -t tmpfs shm /root/dev/shm
mount -t tmpfs run /root/run
mkdir -p /root/run/vm
mount -t 9p -o "$share,cache=none" share /root/run/vm || off
# Keys that a test presses are for its reader, not for this kernel.
echo 0 >/root/proc/sys/kernel/sysrq
echo 0 >/root/proc/sys/kernel/ctrl-alt-del
ifconfig lo 127.0.0.1 up
ip -6 addr add ::1/128 dev lo 2>/dev/null
up "task"
chroot /root /bin/sh /run/vm/task </dev/null >/root/run/vm/output 2>&1
status=$?
up "end"
echo "$status" >/root/run/vm/status
off
