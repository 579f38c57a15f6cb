/*
 * confine.h - what a child may do, fixed before it touches a driver or the network.
 *
 * Why:   a child runs third-party code on bytes from outside; taken over, it should reach little.
 * Owns:  nothing; the kernel keeps the limits until the process ends, and its own children inherit them.
 * Rules: 1. Both roles: no new privileges, no core file, and refused (EPERM) are the calls that no driver
 *           needs: looking into other processes, mounting, modules, kexec, setting clocks, namespaces,
 *           io_uring, BPF.
 *        2. The uplink besides: it starts no program, signals nobody, and writes, makes or removes no file.
 *        3. The source child writes where its user may: drivers of embedded databases write beside the
 *           database, and where others log is not ours to know. The systemd unit draws its limits.
 *        4. What the kernel lacks is logged (child-not-confined) and the child runs on: a gateway with an
 *           old kernel still has its process boundary and the unit's sandbox.
 * Faults: a kernel without seccomp or Landlock (before Linux 5.13), an architecture that is not known here.
 * Runs in: source child, uplink child.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#ifndef TWINPOST_CONFINE_H
#define TWINPOST_CONFINE_H

#include "hal/base/log.h"
#include "hal/hal.h"

/* Call it first in a child, with only the standard descriptors and the frames open. log may be NULL. */
void confine_child(enum hal_role role, const struct log *log);

#endif
