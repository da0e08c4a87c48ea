#!/bin/sh
# The first process of a test machine. The second serial line is for the tests' words, the first for the kernel's.
export PATH=/bin HOME=/root CI=true RUST_BACKTRACE=0
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t devpts pts /dev/pts
mount -t tmpfs tmp /tmp
mount -t tmpfs run /run
chmod 1777 /tmp
cp -a /d365/files/. /
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup /sys/fs/cgroup
# The kernel may lack the controller.
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
ln -s /proc/self/fd /dev/fd
ip link set lo up
# Network namespaces are made without the devices of the tunnels' modules (tunl0, gre0, sit0), as on a host that
# does not have the modules.
echo 1 > /proc/sys/net/core/fb_tunnels_only_for_init_net
modprobe --all --quiet @MODULES@
exec > /dev/ttyS1 2>&1 < /dev/null
stty raw -echo < /dev/ttyS1
. /d365/run
sync
poweroff -f
