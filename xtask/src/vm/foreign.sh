#!/bin/busybox sh
# The first process of a machine of another architecture. Two network cards are connected to each other; one of
# them moves to a peer in a network namespace, which opens a connection from a listed address.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t bpf bpf /sys/fs/bpf
modprobe -a -q @MODULES@
ip link set lo up
for name in all default eth0; do echo 0 > /proc/sys/net/ipv4/conf/$name/rp_filter; done
ip address add 198.18.0.25/24 dev eth0
ip link set eth0 up
ip route add 13.71.171.0/24 dev eth0
unshare -n sleep 600 &
peer=$!
sleep 1
ip link set eth1 netns $peer
at_peer() { nsenter -t $peer -n "$@"; }
at_peer ip address add 13.71.171.9/32 dev eth1
at_peer ip link set eth1 up
at_peer ip route add 198.18.0.0/24 dev eth1
d365-user --version
d365-user --iface eth0 > /log 2>&1 &
for second in $(seq 120); do wget -q -O /dev/null http://127.0.0.1:9365/readyz && break; sleep 1; done
nc -l -p 25 < /dev/null > /dev/null &
sleep 1
at_peer nc -w 5 198.18.0.25 25 < /dev/null
wget -q -O - http://127.0.0.1:9365/metrics > /metrics
grep 'd365_smtp_connections_total{.* 1$' /metrics && echo "vm: one connection is counted"
cat /log
poweroff -f
