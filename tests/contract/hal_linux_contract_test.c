/*
 * hal_linux_contract_test.c - the contract suite on Linux, its children, and what only Linux has.
 *
 * Why:   see hal_contract.h; besides: descriptors, environment, death with the core, confinement, the
 *        socket's file.
 * Owns:  a temporary directory per back end.
 * Rules: the program is its own child: `--child source|uplink --name NAME`.
 * Runs in: tests.
 * Tests: is one.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/frame.h"
#include "hal/linux/confine.h"
#include "hal/linux/hal_linux.h"
#include "tests/contract/hal_contract.h"
#include "tests/contract/hal_contract_control.h"

struct linux_contract {
	struct hal_linux *linux_hal;
	char directory[64];
	char path[128];
	char socket[128];
};

/* The child's side. */

static void put(const void *bytes, size_t len)
{
	const uint8_t *next = bytes;
	while (len > 0) {
		ssize_t written = write(HAL_LINUX_CHILD_FD, next, len);
		if (written <= 0)
			_exit(99);
		next += written;
		len -= (size_t)written;
	}
}

static void put_frame(uint8_t type, const void *payload, size_t len)
{
	struct buf frame;
	buf_init(&frame, FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
	frame_encode(&frame, type, payload, len);
	put(frame.data, frame.len);
	buf_release(&frame);
}

static void put_number(uint32_t number)
{
	struct buf payload;
	buf_init(&payload, 4);
	buf_u32(&payload, number);
	put_frame(CONTRACT_NUMBER, payload.data, payload.len);
	buf_release(&payload);
}

/* false: the core has gone. */
static bool get_frame(struct frame_decoder *decoder, struct frame *frame)
{
	while (frame_decoder_next(decoder, frame, NULL) != ERR_OK) {
		size_t room;
		uint8_t *to = frame_decoder_space(decoder, &room);
		ssize_t got = read(HAL_LINUX_CHILD_FD, to, room);
		if (got <= 0)
			return false;
		frame_decoder_received(decoder, (size_t)got);
	}
	return true;
}

static void wait_for_terminate(bool ready)
{
	sigset_t set;
	int taken;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	if (ready)
		put_frame(CONTRACT_READY, NULL, 0);
	(void)sigwait(&set, &taken);
}

static int echo(struct frame_decoder *decoder)
{
	struct frame frame;
	while (get_frame(decoder, &frame))
		put_frame(frame.type, frame.payload, frame.len);
	return 0;
}

static int deaf(struct frame_decoder *decoder)
{
	struct frame frame;
	uint32_t count = 0;
	wait_for_terminate(true);
	while (get_frame(decoder, &frame) && frame.type != CONTRACT_END)
		count++;
	put_number(count);
	return 0;
}

static int burst(struct frame_decoder *decoder)
{
	struct frame frame;
	if (!get_frame(decoder, &frame))
		return 98;
	struct reader reader;
	reader_init(&reader, frame.payload, frame.len);
	uint32_t count = read_u32(&reader);
	for (uint32_t i = 0; i < count; i++)
		put_number(i);
	return 3;
}

static int numbers_then(const char *name)
{
	static const uint8_t ff[64] = {255, 255, 255, 255, 255, 255, 255, 255, 255};
	uint32_t count = strcmp(name, "crash") == 0 ? 10 : strcmp(name, "garbage") == 0 ? 3 : 1;
	for (uint32_t i = 0; i < count; i++)
		put_number(i);
	if (strcmp(name, "crash") == 0)
		(void)raise(SIGUSR1);
	put(ff, strcmp(name, "half") == 0 ? 0 : sizeof ff);
	if (strcmp(name, "half") == 0) {
		put("\4\0\0\0\1", 5);
		return 0;
	}
	for (;;)
		(void)pause();
}

/* Answers with the letters of what went wrong: what only Linux promises of a child's surroundings. */
static int surroundings(void)
{
	char wrong[32] = "";
	size_t count = 0;
	struct rlimit core;
	sigset_t blocked;
	DIR *directory = opendir("/proc/self/fd");
	for (struct dirent *entry = directory ? readdir(directory) : NULL; entry;
	     entry = readdir(directory)) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		if (fd > HAL_LINUX_CHILD_FD && fd != dirfd(directory))
			wrong[count++] = 'f';
		CHECK(count < 16);
	}
	(void)closedir(directory);
	char byte;
	if (read(STDIN_FILENO, &byte, 1) != 0)
		wrong[count++] = 'i';
	if (getenv("CONTRACT_SECRET") || getenv("LD_LIBRARY_PATH") || getenv("CONTRACT_OTHER"))
		wrong[count++] = 'e';
	if (!getenv("CONTRACT_WANTED") || !getenv("PATH") || !getenv("LC_CONTRACT"))
		wrong[count++] = 'm';
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		wrong[count++] = 'p';
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0)
		wrong[count++] = 'c';
	if (sigprocmask(SIG_SETMASK, NULL, &blocked) != 0 || sigismember(&blocked, SIGTERM))
		wrong[count++] = 's';
	if (getsid(0) != getpid())
		wrong[count++] = 'g';
	put_frame(CONTRACT_READY, wrong, count);
	return 0;
}

static bool refused(long result)
{
	return result < 0 && errno == EPERM;
}

/* Confines itself and answers with the letters of what it could do all the same. */
static int confined(enum hal_role role)
{
	char could[32] = "";
	size_t count = 0;
	const char *scratch = "confine-scratch-file";
	char name[17] = "";
	confine_child(role, NULL);
	if (!refused(mount("none", "/", NULL, MS_REMOUNT, NULL)))
		could[count++] = 'm';
	if (!refused(unshare(0)))
		could[count++] = 'u';
	int fd = open(scratch, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool wrote = fd >= 0;
	if (wrote) {
		(void)close(fd);
		(void)unlink(scratch);
	}
	if (wrote != (role == HAL_ROLE_SOURCE))
		could[count++] = 'w';
	int passwd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	if (passwd < 0)
		could[count++] = 'r';
	int network = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (network < 0)
		could[count++] = 'n';
	char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
	if (role == HAL_ROLE_UPLINK &&
	    (execv("/bin/true", arguments) == 0 || (errno != EPERM && errno != EACCES)))
		could[count++] = 'x';
	if (prctl(PR_GET_NAME, name) != 0 ||
	    strcmp(name, role == HAL_ROLE_UPLINK ? "twinpost-uplink" : "twinpost-source") != 0)
		could[count++] = 'c';
	put_frame(CONTRACT_READY, could, count);
	return 0;
}

static int child_main(enum hal_role role, const char *name)
{
	struct frame_decoder decoder;
	frame_decoder_init(&decoder);
	int status = 97;
	if (strcmp(name, "echo") == 0)
		status = echo(&decoder);
	else if (strcmp(name, "deaf") == 0)
		status = deaf(&decoder);
	else if (strcmp(name, "burst") == 0)
		status = burst(&decoder);
	else if (strcmp(name, "plain") == 0 || strcmp(name, "stubborn") == 0) {
		if (strcmp(name, "stubborn") == 0)
			(void)signal(SIGTERM, SIG_IGN);
		put_frame(CONTRACT_READY, NULL, 0);
		for (;;)
			(void)pause();
	} else if (strcmp(name, "polite") == 0) {
		wait_for_terminate(true);
		put_frame(CONTRACT_BYE, NULL, 0);
		status = 5;
	} else if (strcmp(name, "loud") == 0) {
		for (uint32_t i = 0;; i++)
			put_number(i);
	} else if (strcmp(name, "surroundings") == 0)
		status = surroundings();
	else if (strcmp(name, "confined") == 0)
		status = confined(role);
	else
		status = numbers_then(name);
	frame_decoder_release(&decoder);
	return status;
}

/* The back end for the suite. */

static void *open_linux(struct hal **hal)
{
	struct linux_contract *self = mem_alloc(sizeof *self);
	static const struct hal_linux_variable variables[] = {
	    {HAL_ROLE_SOURCE, "surroundings", "CONTRACT_WANTED"},
	    {HAL_ROLE_SOURCE, "another", "CONTRACT_OTHER"},
	    {HAL_ROLE_UPLINK, NULL, "CONTRACT_OTHER"},
	};
	(void)snprintf(self->directory, sizeof self->directory, "/tmp/hal-contract-XXXXXX");
	CHECK(mkdtemp(self->directory) != NULL);
	(void)snprintf(self->socket, sizeof self->socket, "%s/control.sock", self->directory);
	struct err_info info = {0};
	const struct hal_linux_options options = {
	    .control_socket = self->socket, .variables = variables, .variable_count = 3};
	enum err err = hal_linux_open(&self->linux_hal, &options, &info);
	if (err != ERR_OK)
		print_error("%s\n", info.text);
	assert_int_equal(err, ERR_OK);
	*hal = &self->linux_hal->hal;
	return self;
}

/* The directory of the keys, where a test made one; nothing but these may be in it. */
static void remove_keys(const struct linux_contract *self)
{
	static const char *const names[] = {"/keys/signing.key", "/keys/next.key", "/keys/seal.key", "/keys"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char path[128];
		(void)snprintf(path, sizeof path, "%s%s", self->directory, names[i]);
		assert_true(remove(path) == 0 || errno == ENOENT);
	}
}

static void close_linux(void *of)
{
	struct linux_contract *self = of;
	struct stat about;
	hal_linux_close(self->linux_hal);
	remove_keys(self);
	assert_int_equal(lstat(self->socket, &about), -1); /* the socket's file went with it */
	assert_int_equal(rmdir(self->directory), 0);
	free(self);
}

static const char *path_linux(void *of, const char *name)
{
	struct linux_contract *self = of;
	(void)snprintf(self->path, sizeof self->path, "%s/%s", self->directory, name);
	return self->path;
}

static void put_file_linux(void *of, const char *path, struct span bytes)
{
	(void)of;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.len), bytes.len);
	assert_int_equal(close(fd), 0);
}

static void make_file_linux(void *of, const char *path, const char *content)
{
	put_file_linux(of, path, span_of(content));
}

static void get_file_linux(void *of, const char *path, struct buf *to)
{
	(void)of;
	char bytes[2048];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	ssize_t got = read(fd, bytes, sizeof bytes);
	assert_true(got >= 0);
	assert_int_equal(close(fd), 0);
	buf_append(to, bytes, (size_t)got);
}

static bool file_is_linux(void *of, const char *path, const char *content)
{
	(void)of;
	char text[64];
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof text, file);
	assert_int_equal(fclose(file), 0);
	return len == strlen(content) && memcmp(text, content, len) == 0;
}

static void request_stop_linux(void *of)
{
	(void)of;
	assert_int_equal(raise(SIGTERM), 0);
}

static void *connect_linux(void *of)
{
	struct linux_contract *self = of;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_true(text_copy(address.sun_path, sizeof address.sun_path, span_of(self->socket)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
	int *client = mem_alloc(sizeof *client);
	*client = fd;
	return client;
}

static void write_linux(void *of, void *client, const char *bytes, size_t len)
{
	struct linux_contract *self = of;
	while (len > 0) {
		ssize_t put_now = send(*(int *)client, bytes, len, MSG_NOSIGNAL);
		if (put_now < 0) {
			if (errno != EAGAIN)
				return; /* the other side has dropped us */
			hal_wait(&self->linux_hal->hal, 0);
			continue;
		}
		bytes += put_now;
		len -= (size_t)put_now;
	}
}

static bool read_linux(void *of, void *client, struct buf *to)
{
	(void)of;
	for (;;) {
		char bytes[5000];
		ssize_t got = read(*(int *)client, bytes, sizeof bytes);
		if (got <= 0)
			return got == 0 || errno != EAGAIN;
		buf_append(to, bytes, (size_t)got);
		assert_true(buf_ok(to));
	}
}

static void disconnect_linux(void *of, void *client)
{
	(void)of;
	(void)close(*(int *)client);
	free(client);
}

static const struct hal_contract_ops linux_ops = {
    .open = open_linux,
    .close = close_linux,
    .path = path_linux,
    .make_file = make_file_linux,
    .file_is = file_is_linux,
    .put_file = put_file_linux,
    .get_file = get_file_linux,
    .request_stop = request_stop_linux,
    .connect = connect_linux,
    .write = write_linux,
    .read = read_linux,
    .disconnect = disconnect_linux,
};

/* What only Linux has. */

static void expect_letters(struct contract *contract, enum hal_role role, const char *name)
{
	struct hal_child_event event;
	struct err_info info = {0};
	hal_child child;
	char letters[33] = "";
	assert_int_equal(hal_child_spawn(contract->hal, role, name, &child, &info), ERR_OK);
	while (!hal_child_next(contract->hal, &event))
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS);
	assert_int_equal(event.kind, HAL_CHILD_FRAME);
	assert_true(
	    text_copy(letters, sizeof letters, (struct span){(const char *)event.payload, event.len}));
	assert_string_equal(letters, "");
	while (!hal_child_next(contract->hal, &event))
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS);
	assert_string_equal(event.how, "exit status 0");
}

/* A child sees no descriptor but 0 to 3, nothing at 0, only the listed environment and the variable its
 * secret names, is in a session of its own, with no new privileges, no core file, no blocked signal. */
static void surroundings_of_a_child(void **state)
{
	assert_int_equal(setenv("CONTRACT_SECRET", "x", 1), 0);
	assert_int_equal(setenv("CONTRACT_WANTED", "x", 1), 0);
	assert_int_equal(setenv("CONTRACT_OTHER", "x", 1), 0);
	assert_int_equal(setenv("LD_LIBRARY_PATH", "/nowhere", 1), 0);
	assert_int_equal(setenv("LC_CONTRACT", "x", 1), 0);
	int extra = open("/dev/null", O_RDONLY); /* not even one without close-on-exec is inherited */
	expect_letters(*state, HAL_ROLE_SOURCE, "surroundings");
	(void)close(extra);
	(void)unsetenv("LD_LIBRARY_PATH");
}

/* A confined child may read files and make sockets; mounting and namespaces are refused; the uplink neither
 * writes a file nor starts a program. */
static void confinement_holds(void **state)
{
	expect_letters(*state, HAL_ROLE_SOURCE, "confined");
	expect_letters(*state, HAL_ROLE_UPLINK, "confined");
}

/* When the core is killed, its children die with it. */
static void children_die_with_the_core(void **state)
{
	(void)state;
	int report[2];
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	pid_t core = fork();
	if (core == 0) {
		struct hal_linux *linux_hal;
		struct hal_child_event event;
		hal_child child;
		const struct hal_linux_options options = {.log = NULL};
		if (hal_linux_open(&linux_hal, &options, NULL) != ERR_OK ||
		    hal_child_spawn(&linux_hal->hal, HAL_ROLE_SOURCE, "stubborn", &child, NULL) != ERR_OK)
			_exit(1);
		/* The stubborn child keeps this pipe's writing end alive no longer than itself: it does not
		 * have it. What tells its end is the frames' socket, which the test inherits below. */
		while (!hal_child_next(&linux_hal->hal, &event))
			hal_wait(&linux_hal->hal, INT64_MAX);
		char pid[32];
		FILE *file = fopen("/proc/thread-self/children", "r");
		size_t len = file ? fread(pid, 1, sizeof pid, file) : 0;
		if (len == 0 || write(report[1], pid, len) != (ssize_t)len)
			_exit(1);
		for (;;)
			(void)pause();
	}
	char text[33] = "";
	assert_true(read(report[0], text, sizeof text - 1) > 0);
	pid_t grandchild = (pid_t)strtol(text, NULL, 10);
	assert_true(grandchild > 1);
	assert_int_equal(kill(grandchild, 0), 0);
	assert_int_equal(kill(core, SIGKILL), 0);
	assert_int_equal(waitpid(core, NULL, 0), core);
	/* Its new parent reaps it (or it stays a zombie, which is dead as well): wait for either, bounded. */
	char path[64];
	(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)grandchild);
	bool alive = true;
	for (int i = 0; alive && i < 3000; i++) {
		char stat_text[256] = "";
		FILE *file = fopen(path, "r");
		size_t len = file ? fread(stat_text, 1, sizeof stat_text - 1, file) : 0;
		alive = len > 0 && !strstr(stat_text, ") Z ") && !strstr(stat_text, ") X ");
		if (file)
			(void)fclose(file);
		if (alive)
			(void)usleep(10000);
	}
	assert_false(alive);
	(void)close(report[0]);
	(void)close(report[1]);
}

/* A program that is not there is ERR_IO with its name, and no child is counted. */
static void spawn_of_nothing(void **state)
{
	(void)state;
	struct hal_linux *linux_hal;
	struct err_info info = {0};
	const struct hal_linux_options options = {.program = "/nowhere/twinpost"};
	assert_int_equal(hal_linux_open(&linux_hal, &options, &info), ERR_OK);
	for (int i = 0; i < HAL_CHILDREN_MAX + 1; i++) {
		hal_child child;
		assert_int_equal(hal_child_spawn(&linux_hal->hal, HAL_ROLE_SOURCE, "plain", &child, &info),
		                 ERR_IO);
	}
	assert_non_null(strstr(info.text, "/nowhere/twinpost"));
	assert_non_null(strstr(info.text, strerror(ENOENT)));
	hal_linux_close(linux_hal);
}

/* The socket's file is 0660; a second program on it is refused; a stale file is replaced; a file that is no
 * socket and a path over 107 bytes are refused. */
static void control_socket_file(void **state)
{
	struct contract *contract = *state;
	struct linux_contract *self = contract->self;
	struct hal_linux *second = NULL;
	struct err_info info = {0};
	struct stat about;
	assert_int_equal(lstat(self->socket, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0660);
	struct hal_linux_options options = {.control_socket = self->socket};
	assert_int_equal(hal_linux_open(&second, &options, &info), ERR_CONFLICT);
	assert_null(second);
	assert_non_null(strstr(info.text, "another twinpost runs"));
	assert_int_equal(lstat(self->socket, &about), 0);
	/* Opening the second took the signals over and gave them back: they are this test's no longer. */
	const char *stale = path_linux(self, "stale");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	assert_true(text_copy(address.sun_path, sizeof address.sun_path, span_of(stale)));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
	(void)close(fd);
	options.control_socket = stale;
	assert_int_equal(hal_linux_open(&second, &options, &info), ERR_OK);
	hal_linux_close(second);
	assert_int_equal(lstat(stale, &about), -1);
	make_file_linux(self, stale, "precious");
	assert_int_equal(hal_linux_open(&second, &options, &info), ERR_CONFLICT);
	assert_true(file_is_linux(self, stale, "precious"));
	assert_int_equal(unlink(stale), 0);
	char path[110];
	memset(path, 'x', sizeof path);
	path[108] = 0;
	options.control_socket = path;
	assert_int_equal(hal_linux_open(&second, &options, &info), ERR_TOO_LARGE);
	options.control_socket = "/nowhere/control.sock";
	assert_int_equal(hal_linux_open(&second, &options, &info), ERR_NOT_FOUND);
}

/* A client that closes only its writing half, as `nc` does, still gets its reply, and then the end. */
static void half_closed_client_gets_its_reply(void **state)
{
	struct contract *contract = *state;
	struct hal_control_event event;
	struct buf text;
	buf_init(&text, 1000);
	int *client = connect_linux(contract->self);
	write_linux(contract->self, client, "ask\n", 4);
	assert_int_equal(shutdown(*client, SHUT_WR), 0);
	while (!hal_control_next(contract->hal, &event))
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS);
	for (int i = 0; i < 5; i++)
		hal_wait(contract->hal, 0);
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL("answer"));
	while (!read_linux(contract->self, client, &text))
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + NS_PER_MS);
	assert_string_equal(buf_cstr(&text), "answer\n");
	disconnect_linux(contract->self, client);
	buf_release(&text);
}

/* Who asks is the user of the connecting process, by id(1): its name where /etc/passwd has one. */
static void client_is_named_by_the_kernel(void **state)
{
	struct contract *contract = *state;
	struct hal_control_event event;
	char expected[128] = "";
	int *client = connect_linux(contract->self);
	write_linux(contract->self, client, "ask\n", 4);
	while (!hal_control_next(contract->hal, &event))
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS);
	FILE *id = popen("n=$(grep -m1 \"^[^:]*:[^:]*:$(id -u):\" /etc/passwd | cut -d: -f1); "
	                 "[ \"$n\" ] && printf '%s (uid %s)' \"$n\" $(id -u) || printf 'uid %s' $(id -u)",
	                 "r");
	assert_non_null(id);
	assert_non_null(fgets(expected, sizeof expected, id));
	assert_int_equal(pclose(id), 0);
	assert_true(span_equal(event.who, span_of(expected)));
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL("answer"));
	disconnect_linux(contract->self, client);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "--child") == 0 && strcmp(argv[3], "--name") == 0)
		return child_main(strcmp(argv[2], "source") == 0 ? HAL_ROLE_SOURCE : HAL_ROLE_UPLINK,
		                  argv[4]);
	const struct hal_contract_ops *ops = &linux_ops;
	void *prestate = (void *)(uintptr_t)ops;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate_setup_teardown(surroundings_of_a_child, contract_setup,
	                                             contract_teardown, prestate),
	    cmocka_unit_test_prestate_setup_teardown(confinement_holds, contract_setup, contract_teardown,
	                                             prestate),
	    cmocka_unit_test(children_die_with_the_core),
	    cmocka_unit_test(spawn_of_nothing),
	    cmocka_unit_test_prestate_setup_teardown(control_socket_file, contract_setup, contract_teardown,
	                                             prestate),
	    cmocka_unit_test_prestate_setup_teardown(half_closed_client_gets_its_reply, contract_setup,
	                                             contract_teardown, prestate),
	    cmocka_unit_test_prestate_setup_teardown(client_is_named_by_the_kernel, contract_setup,
	                                             contract_teardown, prestate),
	};
	int failures = hal_contract_run(ops);
	return failures + cmocka_run_group_tests_name("linux alone", tests, NULL, NULL);
}
