/*
 * confine.c - the limits of a child: a seccomp filter, Landlock, no new privileges.
 *
 * Why:   see confine.h.
 * Owns:  nothing.
 * Rules: 1. The filter is a list of what is refused, not of what is allowed: which calls a database driver
 *           makes is not ours to know, and a list that is too short would break it at a customer's.
 *        2. A call through another architecture's table (x32, i386) is refused whole.
 * Faults: each missing kernel feature is told apart.
 * Source: seccomp(2), landlock(7); Linux Documentation/userspace-api/landlock.rst for the ABI versions.
 * Runs in: source child, uplink child.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#include "hal/linux/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define LEAK_CHECKER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAK_CHECKER 1
#endif
#endif

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_CALLS       0x40000000u /* x32 calls carry this bit */
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_CALLS       0xffffffffu /* none */
#endif

/* Numbers that headers of Debian 12 may not have. */
#define LANDLOCK_TRUNCATE (UINT64_C(1) << 14) /* LANDLOCK_ACCESS_FS_TRUNCATE, since ABI 3 */

#ifdef NATIVE_ARCHITECTURE

static const int refused_to_all[] = {
#ifndef LEAK_CHECKER
    /* The leak checker of test builds looks at its own process with these. */
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
#endif
    SYS_pidfd_getfd,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    SYS_pivot_root,
    SYS_chroot,
    SYS_swapon,
    SYS_swapoff,
    SYS_reboot,
    SYS_kexec_load,
    SYS_kexec_file_load,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_setns,
    SYS_unshare,
    SYS_open_by_handle_at,
    SYS_acct,
    SYS_quotactl,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_syslog,
    SYS_vhangup,
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
#ifdef SYS_iopl
    SYS_iopl,
    SYS_ioperm,
#endif
};

static const int refused_to_uplink[] = {
#ifndef LEAK_CHECKER
    SYS_kill,
#endif
    SYS_execve, SYS_execveat, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_add_key, SYS_request_key, SYS_keyctl,
};

#define LENGTH(list) (sizeof(list) / sizeof(list)[0])
#define REFUSE       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define PROGRAM_MAX  (8 + 2 * (LENGTH(refused_to_all) + LENGTH(refused_to_uplink)))

static void add(struct sock_fprog *program, struct sock_filter instruction)
{
	CHECK(program->len < PROGRAM_MAX);
	program->filter[program->len++] = instruction;
}

/* The call whose number is loaded is refused if it is one of the list. */
static void add_list(struct sock_fprog *program, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add(program,
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1));
		add(program, (struct sock_filter)REFUSE);
	}
}

static bool filter_calls(enum hal_role role)
{
	struct sock_filter instructions[PROGRAM_MAX];
	struct sock_fprog program = {.len = 0, .filter = instructions};
	add(&program,
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
	add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0));
	add(&program, (struct sock_filter)REFUSE);
	add(&program,
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	add(&program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1));
	add(&program, (struct sock_filter)REFUSE);
	add_list(&program, refused_to_all, LENGTH(refused_to_all));
	if (role == HAL_ROLE_UPLINK)
		add_list(&program, refused_to_uplink, LENGTH(refused_to_uplink));
	add(&program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

#else

static bool filter_calls(enum hal_role role)
{
	(void)role;
	errno = ENOSYS;
	return false;
}

#endif

/* From now on no file is opened for writing, made, removed, renamed or executed. Descriptors that are open
 * stay so. */
static bool forbid_writing(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return false;
	struct landlock_ruleset_attr handled = {
	    .handled_access_fs =
		LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
		LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	if (abi >= 2)
		handled.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		handled.handled_access_fs |= LANDLOCK_TRUNCATE;
	long ruleset = syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
	if (ruleset < 0)
		return false;
	/* No rule is added: what is handled is allowed nowhere. */
	bool done = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	int error = errno;
	(void)close((int)ruleset);
	errno = error;
	return done;
}

void confine_child(enum hal_role role, const struct log *log)
{
	const char *name = role == HAL_ROLE_UPLINK ? "uplink" : "source";
	const struct rlimit no_core = {0, 0};
	/* Shown by ps and top, 15 bytes at most; it would be "exe" otherwise. */
	(void)prctl(PR_SET_NAME, role == HAL_ROLE_UPLINK ? "twinpost-uplink" : "twinpost-source");
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		log_event(log, LOG_CHILD_NOT_CONFINED, "role=%s part=core-files: %s", name, strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		log_event(log, LOG_CHILD_NOT_CONFINED, "role=%s part=no-new-privileges: %s", name,
		          strerror(errno));
	if (role == HAL_ROLE_UPLINK && !forbid_writing())
		log_event(log, LOG_CHILD_NOT_CONFINED,
		          "role=%s part=landlock: %s; this child may write files", name, strerror(errno));
	if (!filter_calls(role))
		log_event(log, LOG_CHILD_NOT_CONFINED,
		          "role=%s part=seccomp: %s; no system call is refused to this child", name,
		          strerror(errno));
}
