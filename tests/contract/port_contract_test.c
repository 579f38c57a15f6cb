/*
 * port_contract_test.c - what hal/port.h promises to a role, asked of the Linux port over a real socket pair.
 *
 * Why:   both roles wait, send and end by these promises alone.
 * Owns:  the socket pair; a fork where the other side must act while this side blocks.
 * Rules: nothing sleeps; what blocks is bounded by alarm(2).
 * Runs in: the contract tests.
 */
#include "hal/port.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/linux/port_linux.h"

#define MS           INT64_C(1000000)
#define HANG_SECONDS 60

struct fixture {
	struct port_linux linux_port;
	struct port *port;
	int core; /* the core's end; -1 once closed */
	int child;
};

static int set_up(void **state)
{
	struct fixture *f = mem_alloc(sizeof *f);
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->core = pair[0];
	f->child = pair[1];
	port_linux_init(&f->linux_port, f->child, NULL);
	f->port = &f->linux_port.port;
	*state = f;
	(void)alarm(HANG_SECONDS);
	return 0;
}

static void close_core(struct fixture *f)
{
	if (f->core >= 0)
		(void)close(f->core);
	f->core = -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	(void)alarm(0);
	close_core(f);
	port_linux_release(&f->linux_port);
	(void)close(f->child);
	free(f);
	return 0;
}

static void core_sends(struct fixture *f, uint8_t type, const char *text)
{
	struct buf out;
	buf_init(&out, 1000);
	frame_encode(&out, type, text, strlen(text));
	assert_int_equal(send(f->core, out.data, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
	buf_release(&out);
}

static void expect_frame(struct fixture *f, bool block, uint8_t type, const char *text)
{
	struct frame frame;
	struct err_info info;
	assert_int_equal(port_receive(f->port, block, &frame, &info), ERR_OK);
	assert_int_equal(frame.type, type);
	assert_int_equal(frame.len, strlen(text));
	assert_memory_equal(frame.payload, text, frame.len);
}

/* Nothing there: ERR_AGAIN at once. Frames come in order, whether they came in one piece or byte by byte. */
static void receives(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct err_info info;
	assert_int_equal(port_receive(f->port, false, &frame, &info), ERR_AGAIN);
	core_sends(f, 1, "one");
	core_sends(f, 2, "");
	core_sends(f, 3, "three");
	expect_frame(f, true, 1, "one");
	expect_frame(f, false, 2, "");
	expect_frame(f, true, 3, "three");
	assert_int_equal(port_receive(f->port, false, &frame, &info), ERR_AGAIN);
	static const uint8_t bytes[] = {2, 0, 0, 0, 1, 9, 0, 0, 'h', 'i'};
	for (size_t i = 0; i < sizeof bytes; i++) {
		assert_int_equal(port_receive(f->port, false, &frame, &info), ERR_AGAIN);
		assert_int_equal(send(f->core, bytes + i, 1, 0), 1);
	}
	expect_frame(f, false, 9, "hi");
}

/* A core that has gone: what it sent before is given, then ERR_GONE, for good, to receive, send and flush; and
 * no signal ends the process. */
static void gone(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct err_info info;
	unsigned ready;
	core_sends(f, 1, "last");
	close_core(f);
	expect_frame(f, false, 1, "last");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(port_receive(f->port, true, &frame, &info), ERR_GONE);
		assert_true(info.text[0] != 0);
		assert_int_equal(port_receive(f->port, false, &frame, &info), ERR_GONE);
	}
	assert_int_equal(port_send(f->port, 1, "x", 1), ERR_GONE);
	assert_int_equal(port_flush(f->port), ERR_GONE);
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, INT64_MAX, &ready), ERR_GONE);
}

/* Gone while something waits to be written: the flush says so. */
static void gone_while_writing(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(port_send(f->port, 1, "x", 1), ERR_OK);
	close_core(f);
	assert_int_equal(port_flush(f->port), ERR_GONE);
}

/* Nonsense is ERR_BAD_INPUT with a reason, for good; a wait shows it as something to receive. */
static void nonsense(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct err_info info;
	unsigned ready;
	assert_int_equal(send(f->core, "GET / HTTP/1.1\r\n", 16, 0), 16);
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, INT64_MAX, &ready), ERR_OK);
	assert_int_equal(ready, PORT_READY_CORE);
	assert_int_equal(port_receive(f->port, true, &frame, &info), ERR_BAD_INPUT);
	assert_non_null(strstr(info.text, "no frame"));
	assert_int_equal(port_receive(f->port, false, &frame, &info), ERR_BAD_INPUT);
}

/* The bytes that the core finds: those of frame.h, small frames together, after flush, wait, or a receive that
 * blocks. */
static void sends(void **state)
{
	struct fixture *f = *state;
	char bytes[64];
	unsigned ready;
	struct frame frame;
	struct err_info info;
	assert_int_equal(port_send(f->port, 16, "ab", 2), ERR_OK);
	assert_int_equal(port_send(f->port, 17, NULL, 0), ERR_OK);
	assert_int_equal(port_flush(f->port), ERR_OK);
	assert_int_equal(recv(f->core, bytes, sizeof bytes, 0), 18);
	assert_memory_equal(bytes, "\2\0\0\0\1\20\0\0ab\0\0\0\0\1\21\0\0", 18);
	assert_int_equal(port_send(f->port, 16, "c", 1), ERR_OK);
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, 0, &ready), ERR_OK);
	assert_int_equal(ready, 0);
	assert_int_equal(recv(f->core, bytes, sizeof bytes, MSG_DONTWAIT), 9);
	assert_int_equal(port_send(f->port, 16, "d", 1), ERR_OK);
	core_sends(f, 1, "x");
	assert_int_equal(port_receive(f->port, true, &frame, &info), ERR_OK);
	assert_int_equal(recv(f->core, bytes, sizeof bytes, MSG_DONTWAIT), 9);
}

/* Reads the core's end in another process until `frames` frames came, then exits with 0 if they are as sent. */
static pid_t reading_core(struct fixture *f, int frames, size_t len)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct frame_decoder decoder;
	frame_decoder_init(&decoder);
	(void)close(f->child);
	for (int i = 0; i < frames;) {
		struct frame frame;
		struct err_info info;
		enum err err = frame_decoder_next(&decoder, &frame, &info);
		if (err == ERR_OK) {
			if (frame.type != i % 200 || frame.len != len ||
			    (len > 0 && frame.payload[len - 1] != 'x'))
				_exit(1);
			i++;
			continue;
		}
		size_t room;
		uint8_t *space = frame_decoder_space(&decoder, &room);
		ssize_t n = err == ERR_AGAIN ? recv(f->core, space, room, 0) : -1;
		if (n <= 0)
			_exit(2);
		frame_decoder_received(&decoder, (size_t)n);
	}
	_exit(0);
}

/* Much more than the socket and the queue hold, of small and of the largest frames: a send waits, nothing is
 * lost, order holds, and the queue stays within its bound. */
static void sends_much(void **state)
{
	struct fixture *f = *state;
	static const struct {
		int frames;
		size_t len;
	} loads[] = {{20000, 100}, {40, FRAME_PAYLOAD_MAX}, {1000, 48u * 1024u}};
	uint8_t *payload = mem_alloc(FRAME_PAYLOAD_MAX);
	memset(payload, 'x', FRAME_PAYLOAD_MAX);
	for (size_t load = 0; load < sizeof loads / sizeof loads[0]; load++) {
		pid_t pid = reading_core(f, loads[load].frames, loads[load].len);
		for (int i = 0; i < loads[load].frames; i++) {
			assert_int_equal(port_send(f->port, (uint8_t)(i % 200), payload, loads[load].len),
			                 ERR_OK);
			assert_true(f->linux_port.out.len <=
			            PORT_QUEUE_BYTES + FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
		}
		assert_int_equal(port_flush(f->port), ERR_OK);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	free(payload);
}

/* wait: the frame, the descriptor that can be read, the one that can be written, the time; and all that is so
 * at once. A frame that wait has seen is still there to receive. */
static void waits(void **state)
{
	struct fixture *f = *state;
	unsigned ready;
	int other[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, other), 0);
	assert_int_equal(port_wait(f->port, other[0], PORT_READY_READ, 0, &ready), ERR_OK);
	assert_int_equal(ready, 0);
	int64_t begun = port_mono_ns(f->port);
	assert_int_equal(port_wait(f->port, other[0], PORT_READY_READ, begun + 20 * MS, &ready), ERR_OK);
	assert_int_equal(ready, 0);
	assert_true(port_mono_ns(f->port) - begun >= 20 * MS);
	assert_int_equal(port_wait(f->port, other[0], PORT_READY_READ | PORT_READY_WRITE, INT64_MAX, &ready),
	                 ERR_OK);
	assert_int_equal(ready, PORT_READY_WRITE);
	assert_int_equal(write(other[1], "x", 1), 1);
	assert_int_equal(port_wait(f->port, other[0], PORT_READY_READ, INT64_MAX, &ready), ERR_OK);
	assert_int_equal(ready, PORT_READY_READ);
	/* Not asked for, it is not told, however much there is to be read. */
	assert_int_equal(port_wait(f->port, other[0], 0, port_mono_ns(f->port) + 5 * MS, &ready), ERR_OK);
	assert_int_equal(ready, 0);
	assert_int_equal(port_wait(f->port, other[0], PORT_READY_WRITE, INT64_MAX, &ready), ERR_OK);
	assert_int_equal(ready, PORT_READY_WRITE);
	core_sends(f, 5, "a");
	core_sends(f, 6, "b");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    port_wait(f->port, other[0], PORT_READY_READ | PORT_READY_WRITE, INT64_MAX, &ready),
		    ERR_OK);
		assert_int_equal(ready, PORT_READY_CORE | PORT_READY_READ | PORT_READY_WRITE);
	}
	expect_frame(f, false, 5, "a");
	/* The second came with the first and is in the decoder, not in the socket. */
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, INT64_MAX, &ready), ERR_OK);
	assert_int_equal(ready, PORT_READY_CORE);
	expect_frame(f, true, 6, "b");
	/* The other end of the descriptor has gone: something to read, namely its end. */
	(void)close(other[1]);
	assert_int_equal(port_wait(f->port, other[0], PORT_READY_READ, INT64_MAX, &ready), ERR_OK);
	assert_true(ready & PORT_READY_READ);
	/* That is told unasked too. */
	assert_int_equal(port_wait(f->port, other[0], 0, INT64_MAX, &ready), ERR_OK);
	assert_int_equal(ready, PORT_READY_READ);
	(void)close(other[0]);
}

/* Half a frame is nothing to receive: the wait goes on to its time. A core that goes is. */
static void waits_for_whole_frames(void **state)
{
	struct fixture *f = *state;
	struct frame frame;
	struct err_info info;
	unsigned ready;
	assert_int_equal(send(f->core, "\5\0\0\0\1\1\0", 7, 0), 7);
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, port_mono_ns(f->port) + 5 * MS, &ready),
	                 ERR_OK);
	assert_int_equal(ready, 0);
	close_core(f);
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, INT64_MAX, &ready), ERR_OK);
	assert_int_equal(ready, PORT_READY_CORE);
	assert_int_equal(port_receive(f->port, true, &frame, &info), ERR_GONE);
}

static void interrupt(int number)
{
	(void)number;
}

/* Signals that interrupt each call again and again change nothing: a blocking receive gets its frame, a wait
 * its time. */
static void interrupted(void **state)
{
	struct fixture *f = *state;
	struct sigaction action = {.sa_handler = interrupt};
	struct sigaction before;
	unsigned ready;
	assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
	pid_t parent = getpid();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		for (int i = 0; i < 200; i++) {
			(void)kill(parent, SIGUSR1);
			(void)poll(NULL, 0, 1);
		}
		core_sends(f, 4, "after signals");
		_exit(0);
	}
	int64_t begun = port_mono_ns(f->port);
	assert_int_equal(port_wait(f->port, -1, PORT_READY_READ, begun + 50 * MS, &ready), ERR_OK);
	assert_true(port_mono_ns(f->port) - begun >= 50 * MS);
	expect_frame(f, true, 4, "after signals");
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

/* The monotonic clock does not go back; the wall clock is after the year 2020 on any machine that runs tests. */
static void clocks(void **state)
{
	struct fixture *f = *state;
	int64_t before = port_mono_ns(f->port);
	assert_true(port_mono_ns(f->port) >= before);
	assert_true(port_wall_ns(f->port) > INT64_C(1577836800) * 1000 * MS);
}

/* Secrets and files come through the same table; their rules are shown in secret_test.c. */
static void secrets_and_files(void **state)
{
	struct fixture *f = *state;
	struct secret_reference reference = {.kind = SECRET_ENVIRONMENT, .name = "TWINPOST_CONTRACT_SECRET"};
	struct secret secret;
	struct err_info info;
	struct buf out;
	assert_int_equal(setenv("TWINPOST_CONTRACT_SECRET", "s3cret", 1), 0);
	assert_int_equal(port_secret(f->port, &reference, &secret, &info), ERR_OK);
	assert_string_equal(secret.bytes, "s3cret");
	secret_release(&secret);
	buf_init(&out, 1000);
	assert_int_equal(port_read_file(f->port, "/proc/self/exe", &out, &info), ERR_TOO_LARGE);
	buf_clear(&out);
	assert_int_equal(port_read_file(f->port, "/nonexistent/file", &out, &info), ERR_NOT_FOUND);
	buf_release(&out);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(receives),
	    CASE(gone),
	    CASE(gone_while_writing),
	    CASE(nonsense),
	    CASE(sends),
	    CASE(sends_much),
	    CASE(waits),
	    CASE(waits_for_whole_frames),
	    CASE(interrupted),
	    CASE(clocks),
	    CASE(secrets_and_files),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
