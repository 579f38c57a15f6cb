/*
 * children_linux.c - the children of the core as processes: started, spoken with, ended and reported.
 *
 * Why:   drivers and network code hang, leak and crash; here they do it in a process that can be killed.
 * Owns:  per child its process, the core's end of its socket pair, a decoder and a queue of bytes to write.
 * Rules: 1. A child is the same program, with its frames at descriptor HAL_LINUX_CHILD_FD, nothing to read at
 *           0, the core's standard error at 1 and 2, no other descriptor, and few environment variables.
 *        2. A child dies with the core: PR_SET_PDEATHSIG, checked again after it was set.
 *        3. A process is reaped by its own number only, and signalled only while it is not reaped.
 *        4. HAL_CHILD_EXITED comes after the last frame that the child wrote, once it is reaped.
 *        5. A child whose bytes are no frames is killed at once; one that closes its end may live
 *           CLOSED_GRACE_NS more.
 * Faults: full socket (queued up to HAL_CHILD_QUEUE_MAX), child gone half way, refused fork or exec.
 * Runs in: the core.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#include "hal/linux/children_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal/frame.h"

/* Asked of the kernel for each direction; it may give less. Large enough for some hundred small frames, so
 * that a child need not wait for the core's next turn. */
#define SOCKET_BUFFER_BYTES (1024 * 1024)
/* Frames are gathered up to this much before a write; the rest goes out before the next wait. */
#define WRITE_GATHER_BYTES (64u * 1024u)
/* The queue's memory is given back above this when it has run empty. */
#define QUEUE_KEEP_BYTES (256u * 1024u)
/* How long a child may live after it closed its end: its driver may still be logging off. */
#define CLOSED_GRACE_NS (2 * NS_PER_S)
#define ENVIRONMENT_MAX 128
#define ARGUMENTS_MAX   16
/* Exit status of a child that could not even say why it was not started. */
#define EXIT_NOT_STARTED 127

extern char **environ;

struct child {
	hal_child id; /* 0: the slot is free */
	pid_t pid;
	int fd;         /* -1: closed */
	bool readable;  /* epoll said so, and no read has come up empty since */
	bool more;      /* a frame was handed out, another may be buffered */
	bool wants_out; /* EPOLLOUT is watched */
	bool bad;       /* what it sent is no frame; bad_how says more */
	bool reaped;
	int status;           /* of waitpid(), once reaped */
	int64_t kill_mono_ns; /* 0: no such deadline */
	struct frame_decoder decoder;
	struct buf out;
	size_t sent; /* bytes at the front of out that were written already */
	char bad_how[ERR_TEXT_MAX];
};

struct children_linux {
	struct child slots[HAL_CHILDREN_MAX];
	hal_child last_id;
	uint32_t turn; /* the slot that is asked first next time */
	char how[ERR_TEXT_MAX + 64];
};

/* What both kinds of child may see of the environment, and what drivers of databases look for besides. A name
 * that ends in '*' is a prefix. */
static const char *const passed_to_all[] = {
    "PATH", "LANG", "LANGUAGE", "LC_*", "TZ", "CREDENTIALS_DIRECTORY", "SSL_CERT_*", "OPENSSL_CONF", NULL};
static const char *const passed_to_source[] = {
    "ODBCSYSINI", "ODBCINI",      "ODBCINSTINI", "KRB5*",     "TDSVER", "TDSDUMP", "FREETDS*",
    "PGSSL*",     "PGSYSCONFDIR", "ORACLE_HOME", "TNS_ADMIN", "NLS_*",  NULL};

static struct hal_linux *self_of(struct hal *hal)
{
	return (struct hal_linux *)(void *)hal;
}

struct children_linux *children_linux_new(void)
{
	struct children_linux *children = mem_alloc(sizeof *children);
	for (int i = 0; i < HAL_CHILDREN_MAX; i++)
		children->slots[i].fd = -1;
	return children;
}

static struct child *find(struct children_linux *children, hal_child id)
{
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		if (children->slots[i].id == id)
			return &children->slots[i];
	}
	return NULL;
}

static uint32_t slot_of(const struct children_linux *children, const struct child *child)
{
	return (uint32_t)(child - children->slots);
}

/* Closes the core's end; what waits to be written is dropped. */
static void close_end(struct child *child)
{
	if (child->fd >= 0)
		(void)close(child->fd); /* leaves epoll by itself: no copy of it exists on our side */
	child->fd = -1;
	child->readable = false;
	child->sent = 0;
	buf_release(&child->out);
}

static void free_slot(struct child *child)
{
	close_end(child);
	frame_decoder_release(&child->decoder);
	*child = (struct child){.fd = -1};
}

void children_linux_free(struct hal_linux *linux_hal)
{
	struct children_linux *children = linux_hal->children;
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		struct child *child = &children->slots[i];
		if (child->id == 0)
			continue;
		if (!child->reaped) {
			(void)kill(child->pid, SIGKILL);
			while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		free_slot(child);
	}
	free(children);
	linux_hal->children = NULL;
}

static bool name_passes(const char *variable, const char *pattern)
{
	size_t len = strlen(pattern);
	if (pattern[len - 1] == '*')
		return strncmp(variable, pattern, len - 1) == 0;
	return strncmp(variable, pattern, len) == 0 && variable[len] == '=';
}

static bool list_passes(const char *variable, const char *const *patterns)
{
	for (; *patterns; patterns++) {
		if (name_passes(variable, *patterns))
			return true;
	}
	return false;
}

static bool variable_passes(const struct hal_linux_options *options, enum hal_role role, const char *name,
                            const char *variable)
{
	if (list_passes(variable, passed_to_all))
		return true;
	if (role == HAL_ROLE_SOURCE && list_passes(variable, passed_to_source))
		return true;
	for (size_t i = 0; i < options->variable_count; i++) {
		const struct hal_linux_variable *wanted = &options->variables[i];
		size_t len = strlen(wanted->name);
		if (wanted->role == role && (!wanted->child || strcmp(wanted->child, name) == 0) &&
		    strncmp(variable, wanted->name, len) == 0 && variable[len] == '=')
			return true;
	}
	return false;
}

/* Everything that the new process needs, made before the fork: after it only plain system calls are safe. */
struct start {
	const char *program;
	const char *arguments[ARGUMENTS_MAX];
	char *environment[ENVIRONMENT_MAX];
	pid_t core;
	int socket;
	int report; /* a pipe that closes when exec succeeds, or carries its errno */
};

static void prepare_start(struct start *start, const struct hal_linux_options *options, enum hal_role role,
                          const char *name)
{
	size_t count = 0;
	const char *const first[] = {"twinpost", "--child", role == HAL_ROLE_SOURCE ? "source" : "uplink",
	                             "--name", name};
	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		start->arguments[count++] = first[i];
	for (const char *const *more = options->child_arguments; more && *more; more++) {
		CHECK(count < ARGUMENTS_MAX - 1);
		start->arguments[count++] = *more;
	}
	start->arguments[count] = NULL;
	size_t kept = 0;
	for (char **variable = environ; *variable && kept < ENVIRONMENT_MAX - 1; variable++) {
		if (variable_passes(options, role, name, *variable))
			start->environment[kept++] = *variable;
	}
	start->environment[kept] = NULL;
	start->program = options->program ? options->program : "/proc/self/exe";
	start->core = getpid();
}

/* Puts the descriptors in their places: 0 null, 1 and 2 the core's standard error, 3 the frames; no other. */
static bool arrange_descriptors(struct start *start)
{
	int socket_copy = fcntl(start->socket, F_DUPFD_CLOEXEC, HAL_LINUX_CHILD_FD + 1);
	start->report = fcntl(start->report, F_DUPFD_CLOEXEC, HAL_LINUX_CHILD_FD + 1);
	/* The first free number may be one of 0 to 3 where the core was started without them. */
	int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
	int null = fcntl(opened, F_DUPFD_CLOEXEC, HAL_LINUX_CHILD_FD + 1);
	(void)close(opened);
	if (socket_copy < 0 || start->report < 0 || null < 0)
		return false;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(socket_copy, HAL_LINUX_CHILD_FD) < 0)
		return false;
	/* Where the core has no standard error, the child gets /dev/null, so that its 1 and 2 are not taken
	 * otherwise. */
	if (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0)
		return false;
	if (dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return false;
	unsigned report = (unsigned)start->report;
	return close_range(HAL_LINUX_CHILD_FD + 1, report - 1, 0) == 0 &&
	       close_range(report + 1, ~0u, 0) == 0;
}

static void reset_signals(void)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &usual, NULL); /* those that cannot be set are as they should be */
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the new process. */
_Noreturn static void become_child(struct start *start)
{
	const struct rlimit no_core = {0, 0};
	int report = start->report;
	/* A group of its own: Ctrl-C at a terminal is for the core, which then ends its children in order. */
	bool good = setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0;
	if (good && getppid() != start->core)
		_exit(EXIT_NOT_STARTED); /* the core has died meanwhile */
	good = good && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && setrlimit(RLIMIT_CORE, &no_core) == 0;
	good = good && arrange_descriptors(start);
	if (start->report >= 0)
		report = start->report;
	if (good) {
		reset_signals();
		(void)execve(start->program, (char *const *)(void *)start->arguments, start->environment);
	}
	int error = errno;
	ssize_t written = write(report, &error, sizeof error);
	_exit(written == (ssize_t)sizeof error ? EXIT_NOT_STARTED : EXIT_NOT_STARTED - 1);
}

/* Waits for the exec, which takes milliseconds. 0, or its errno. */
static int exec_error(int report)
{
	int error = 0;
	ssize_t got;
	do {
		got = read(report, &error, sizeof error);
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof error ? error : 0;
}

static enum err start_process(struct start *start, pid_t *pid, struct err_info *info)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) != 0)
		return err_set(info, ERR_IO, "making a pipe for a child: %s", strerror(errno));
	start->report = report[1];
	int error = 0;
	*pid = fork();
	if (*pid == 0)
		become_child(start);
	if (*pid < 0)
		error = errno;
	(void)close(report[1]);
	if (*pid > 0) {
		error = exec_error(report[0]);
		if (error != 0) {
			while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
	}
	(void)close(report[0]);
	if (error != 0)
		return err_set(info, ERR_IO, "starting %s as a child: %s", start->program, strerror(error));
	return ERR_OK;
}

/* As root the limit of the system may be passed. */
static void set_buffer(int fd, int option, int forced)
{
	int bytes = SOCKET_BUFFER_BYTES;
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
		(void)setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof bytes); /* less is only slower */
}

enum err children_linux_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child_id,
                              struct err_info *info)
{
	struct hal_linux *linux_hal = self_of(hal);
	struct children_linux *children = linux_hal->children;
	struct child *child = find(children, 0);
	if (!child)
		return err_set(info, ERR_FULL, "starting child %s: %d children live already", name,
		               HAL_CHILDREN_MAX);
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(info, ERR_IO, "making a socket pair for child %s: %s", name, strerror(errno));
	for (int i = 0; i < 2; i++)
		set_buffer(ends[i], SO_SNDBUF, SO_SNDBUFFORCE);
	struct start start = {.socket = ends[1]};
	prepare_start(&start, &linux_hal->options, role, name);
	enum err err = ERR_OK;
	/* Only our end: blocking or not belongs to each end apart, and the child's calls may block. */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
	    hal_linux_watch(linux_hal, EPOLL_CTL_ADD, ends[0], EPOLLIN, HAL_LINUX_CHILD,
	                    slot_of(children, child)) != ERR_OK)
		err = err_set(info, ERR_IO, "watching child %s: %s", name, strerror(errno));
	if (err == ERR_OK)
		err = start_process(&start, &child->pid, info);
	(void)close(ends[1]);
	if (err != ERR_OK) {
		(void)close(ends[0]);
		return err;
	}
	child->fd = ends[0];
	child->id = ++children->last_id;
	frame_decoder_init(&child->decoder);
	/* Room for the part that was written already, which is moved away only when that is cheap. */
	buf_init(&child->out, 2 * (size_t)HAL_CHILD_QUEUE_MAX + FRAME_HEADER_BYTES);
	CHECK(child->id != 0);
	*child_id = child->id;
	return ERR_OK;
}

static size_t queued(const struct child *child)
{
	return child->out.len - child->sent;
}

/* Drops what was written from the front of the queue when no more than that must be moved. */
static void compact(struct child *child)
{
	size_t left = queued(child);
	if (left == 0) {
		child->sent = 0;
		buf_clear(&child->out);
		if (child->out.capacity > QUEUE_KEEP_BYTES)
			buf_release(&child->out);
	} else if (child->sent >= left) {
		buf_consume(&child->out, child->sent);
		child->sent = 0;
	}
}

/* Writes as much as the socket takes. A broken socket loses the queue; the exit tells why. */
static void flush(struct hal_linux *linux_hal, struct child *child)
{
	while (child->fd >= 0 && queued(child) > 0) {
		ssize_t put = send(child->fd, child->out.data + child->sent, queued(child), MSG_NOSIGNAL);
		if (put > 0) {
			child->sent += (size_t)put;
			compact(child);
		} else if (put < 0 && errno == EINTR) {
			continue;
		} else if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
			break;
		} else {
			child->sent = child->out.len;
			compact(child);
		}
	}
	bool wants_out = child->fd >= 0 && queued(child) > 0;
	if (child->fd >= 0 && wants_out != child->wants_out) {
		uint32_t events = wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN;
		CHECK(hal_linux_watch(linux_hal, EPOLL_CTL_MOD, child->fd, events, HAL_LINUX_CHILD,
		                      slot_of(linux_hal->children, child)) == ERR_OK);
		child->wants_out = wants_out;
	}
}

enum err children_linux_send(struct hal *hal, hal_child id, uint8_t type, const void *payload, size_t len)
{
	struct hal_linux *linux_hal = self_of(hal);
	struct child *child = find(linux_hal->children, id);
	if (!child || child->fd < 0 || child->reaped)
		return ERR_GONE;
	size_t need = len + FRAME_HEADER_BYTES;
	if (queued(child) + need > HAL_CHILD_QUEUE_MAX)
		flush(linux_hal, child);
	if (queued(child) + need > HAL_CHILD_QUEUE_MAX)
		return ERR_AGAIN;
	frame_encode(&child->out, type, payload, len);
	CHECK(buf_ok(&child->out));
	if (queued(child) >= WRITE_GATHER_BYTES && !child->wants_out)
		flush(linux_hal, child);
	return ERR_OK;
}

void children_linux_signal(struct hal *hal, hal_child id, enum hal_signal signal)
{
	struct child *child = find(self_of(hal)->children, id);
	if (child && !child->reaped)
		(void)kill(child->pid, signal == HAL_SIGNAL_TERM ? SIGTERM : SIGKILL);
}

static void kill_bad(struct child *child, const struct err_info *why)
{
	child->bad = true;
	(void)snprintf(child->bad_how, sizeof child->bad_how, "sent what is no frame: %.400s", why->text);
	close_end(child);
	if (!child->reaped)
		(void)kill(child->pid, SIGKILL);
}

/* Reads one piece. false: nothing came. */
static bool read_piece(struct hal *hal, struct child *child)
{
	size_t room;
	uint8_t *to = frame_decoder_space(&child->decoder, &room);
	ssize_t got;
	do {
		got = recv(child->fd, to, room, 0);
	} while (got < 0 && errno == EINTR);
	if (got > 0) {
		frame_decoder_received(&child->decoder, (size_t)got);
		return true;
	}
	bool empty = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
	child->readable = false;
	if (empty && !child->reaped)
		return false;
	/* Its end is closed; or it has ended and all it wrote was read, though some process of its own may
	 * hold the end. */
	close_end(child);
	if (!child->reaped)
		child->kill_mono_ns = hal_mono_ns(hal) + CLOSED_GRACE_NS;
	return false;
}

static void describe_end(struct children_linux *children, const struct child *child)
{
	if (child->bad)
		(void)snprintf(children->how, sizeof children->how, "%s", child->bad_how);
	else if (WIFSIGNALED(child->status))
		(void)snprintf(children->how, sizeof children->how, "killed by signal %d",
		               WTERMSIG(child->status));
	else
		(void)snprintf(children->how, sizeof children->how, "exit status %d",
		               WEXITSTATUS(child->status));
}

static bool next_of(struct hal *hal, struct child *child, struct hal_child_event *event)
{
	struct children_linux *children = self_of(hal)->children;
	struct err_info info = {0};
	while (!child->bad) {
		struct frame frame;
		enum err err = frame_decoder_next(&child->decoder, &frame, &info);
		if (err == ERR_OK) {
			child->more = true;
			*event = (struct hal_child_event){.kind = HAL_CHILD_FRAME,
			                                  .child = child->id,
			                                  .type = frame.type,
			                                  .payload = frame.payload,
			                                  .len = frame.len};
			return true;
		}
		if (err == ERR_BAD_INPUT) {
			kill_bad(child, &info);
			break;
		}
		if (child->fd < 0 || !(child->readable || child->reaped) || !read_piece(hal, child))
			break;
	}
	child->more = false;
	if (child->fd >= 0 || !child->reaped)
		return false;
	describe_end(children, child);
	*event = (struct hal_child_event){.kind = HAL_CHILD_EXITED, .child = child->id, .how = children->how};
	free_slot(child);
	return true;
}

bool children_linux_next(struct hal *hal, struct hal_child_event *event)
{
	struct children_linux *children = self_of(hal)->children;
	for (uint32_t i = 0; i < HAL_CHILDREN_MAX; i++) {
		uint32_t slot = (children->turn + i) % HAL_CHILDREN_MAX;
		if (children->slots[slot].id != 0 && next_of(hal, &children->slots[slot], event)) {
			children->turn = slot + 1;
			return true;
		}
	}
	return false;
}

bool children_linux_before_wait(struct hal_linux *linux_hal, int64_t *until_mono_ns)
{
	bool at_once = false;
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		struct child *child = &linux_hal->children->slots[i];
		if (child->id == 0)
			continue;
		flush(linux_hal, child);
		if (child->more || child->readable || child->reaped)
			at_once = true;
		if (child->kill_mono_ns != 0 && !child->reaped) {
			if (child->kill_mono_ns <= hal_mono_ns(&linux_hal->hal))
				(void)kill(child->pid, SIGKILL);
			else if (child->kill_mono_ns < *until_mono_ns)
				*until_mono_ns = child->kill_mono_ns;
		}
	}
	return at_once;
}

void children_linux_ready(struct hal_linux *linux_hal, uint32_t index, uint32_t events)
{
	CHECK(index < HAL_CHILDREN_MAX);
	struct child *child = &linux_hal->children->slots[index];
	if (child->id == 0 || child->fd < 0)
		return;
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		child->readable = true;
	if (events & EPOLLOUT)
		flush(linux_hal, child);
}

void children_linux_reap(struct hal_linux *linux_hal)
{
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		struct child *child = &linux_hal->children->slots[i];
		if (child->id == 0 || child->reaped)
			continue;
		pid_t ended;
		do {
			ended = waitpid(child->pid, &child->status, WNOHANG);
		} while (ended < 0 && errno == EINTR);
		CHECK(ended >= 0);
		child->reaped = ended == child->pid;
	}
}
