#!/bin/sh
# The test of a worker that the kernel kills for memory, in a kernel of its own that runs as a program (Debian's package
# user-mode-linux): for machines on which no control group may be made. It reads this machine's files and writes none.
# Takes a minute or two, and 4 GB at most; the host must allow many mappings: sysctl vm.max_map_count=1000000
if [ $$ != 1 ]; then
    cd "$(dirname "$0")/../../.." || exit 2
    out=$("${LINUX:-linux.uml}" mem=4G root=/dev/root rootfstype=hostfs rootflags=/ ro quiet con=null con0=fd:0,fd:1 \
        init="$PWD/tests/integration/faults/own_kernel.sh" repository="$PWD" </dev/null 2>&1)
    echo "$out"
    case $out in *"1 passed"*) exit 0 ;; *) exit 1 ;; esac
fi
export PATH=/usr/local/bin:/usr/bin:/bin HOME=/dev/shm TMPDIR=/dev/shm OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
export WORKBENCH_TEST_CGROUP=/sys/fs/cgroup
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs dev /dev
mkdir /dev/shm
mount -t tmpfs shm /dev/shm
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/random c 1 8
mknod -m 666 /dev/urandom c 1 9
mount -t cgroup2 groups /sys/fs/cgroup
echo +memory > /sys/fs/cgroup/cgroup.subtree_control
cd "$repository" || exit 2
.venv/bin/python -m pytest -q -p no:cacheprovider --basetemp=/dev/shm/t -rs tests/integration/faults/test_little_memory.py -k kernel
echo o > /proc/sysrq-trigger
sleep 9
