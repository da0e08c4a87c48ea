# Sourced by init.sh in a machine with a root file system on its disk. The machine continues there, with systemd
# as its first process, and a unit runs the tests.
mount -t ext4 /dev/vda /mnt
mkdir -p /mnt/lib/modules /mnt/etc/systemd/system/multi-user.target.wants
cp -a /lib/modules/. /mnt/lib/modules
cp -a /d365 /mnt
cp /d365/d365-test.service /mnt/etc/systemd/system
ln -s ../d365-test.service /mnt/etc/systemd/system/multi-user.target.wants
umount -l /sys/fs/bpf /sys/fs/cgroup /sys /run /tmp /dev/pts /dev /proc
exec switch_root /mnt /sbin/init
