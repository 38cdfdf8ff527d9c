#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# world.sh DIR GROUP: run by root in namespaces of its own (unshare -m -p -f --mount-proc), makes a machine for one test: a user
# "slicer" (uid 54321) with the home DIR/home, an empty /run, empty crontabs and system cron jobs, and a cgroup in which a
# systemd user manager can work. Says "world" and stays until it is killed; everything in it ends with it.
set -e
dir=$1
group=$2
mount --make-rprivate /
for file in passwd group shadow; do cp /etc/$file "$dir/$file"; done
chmod 644 "$dir/passwd" "$dir/group"
echo "slicer:x:54321:54321::$dir/home:/bin/sh" >>"$dir/passwd"
echo "slicer:x:54321:" >>"$dir/group"
echo "slicer:*:19000:0:99999:7:::" >>"$dir/shadow"
for file in passwd group shadow; do mount --bind "$dir/$file" /etc/$file; done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/user/54321 /run/systemd/system
chown 54321:54321 /run/user/54321
chmod 700 /run/user/54321
if [[ -d /var/spool/cron/crontabs ]]; then
  mount -t tmpfs -o mode=1730,gid="$(stat -c %g /var/spool/cron/crontabs)" tmpfs /var/spool/cron/crontabs
  mkdir "$dir/empty"
  : >"$dir/empty.file"
  mount --bind "$dir/empty" /etc/cron.d
  mount --bind "$dir/empty.file" /etc/crontab
fi
mkdir -p /var/lib/systemd/linger
mount -t tmpfs -o mode=755 tmpfs /var/lib/systemd/linger
for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
  if [[ -w $tree/cgroup.procs ]] && mkdir -p "$tree/$group" 2>/dev/null; then
    chown -R 54321:54321 "$tree/$group"
    echo $$ >"$tree/$group/cgroup.procs" || true
  fi
done
echo world
# Not exec: the first process also has to collect the orphans.
while :; do sleep 1000 & wait; done
