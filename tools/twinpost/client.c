/*
 * client.c - one request to the control socket and its answer.
 *
 * Why:   see client.h.
 * Owns:  the socket while a request is under way.
 * Faults: no agent, one that does not answer, one that answers otherwise: each a sentence with what to try.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include "tools/twinpost/client.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hal/hal.h"

static int64_t now_ms(void)
{
	struct timespec now;
	CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void fail(struct answer *answer, enum cli_exit status, const char *format, ...) PRINTF_LIKE(3, 4);

static void fail(struct answer *answer, enum cli_exit status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	answer->status = status;
	(void)vsnprintf(answer->message, sizeof answer->message, format, args);
	va_end(args);
}

static void fail_connect(struct answer *answer, const char *path, int error)
{
	if (error == ENOENT)
		fail(answer, CLI_UNAVAILABLE,
		     "the agent is not running: there is no socket %s\n"
		     "try: systemctl status twinpost; if it runs with another file: --config FILE or "
		     "--socket PATH",
		     path);
	else if (error == ECONNREFUSED)
		fail(answer, CLI_UNAVAILABLE,
		     "the agent is not running: nobody listens at %s\ntry: journalctl -u twinpost -e", path);
	else if (error == EACCES || error == EPERM)
		fail(answer, CLI_UNAVAILABLE,
		     "you may not open the agent's socket %s\ntry: as root, or as a member of the group that "
		     "owns its folder",
		     path);
	else
		fail(answer, CLI_UNAVAILABLE,
		     "cannot reach the agent at %s: %s\ntry: systemctl status twinpost", path,
		     strerror(error));
}

static void fail_silent(struct answer *answer, const char *path)
{
	fail(answer, CLI_UNAVAILABLE,
	     "the agent at %s did not answer within %d s; it may be stopped or very busy\ntry: journalctl -u "
	     "twinpost -e",
	     path, CLIENT_TIMEOUT_S);
}

/* Waits until fd is ready for events; false: the deadline passed. */
static bool wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd pollfd = {.fd = fd, .events = events};
		int64_t left = deadline_ms - now_ms();
		int ready = left > 0 ? poll(&pollfd, 1, (int)left) : 0;
		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

static int open_socket(const char *path, struct answer *answer)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!text_copy(address.sun_path, sizeof address.sun_path, span_of(path))) {
		fail(answer, CLI_USAGE, "the path of the socket is too long; allowed are %zu bytes: %s",
		     sizeof address.sun_path - 1, path);
		return -1;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		int error = errno;
		if (fd >= 0)
			(void)close(fd);
		/* EAGAIN: its backlog is full, so it does not accept. */
		if (error == EAGAIN)
			fail_silent(answer, path);
		else
			fail_connect(answer, path, error);
		return -1;
	}
	return fd;
}

static bool send_request(int fd, struct span request, int64_t deadline_ms)
{
	struct buf line;
	buf_init(&line, HAL_CONTROL_REQUEST_MAX);
	buf_append_span(&line, request);
	buf_append_char(&line, '\n');
	bool good = buf_ok(&line);
	while (good && line.len > 0) {
		ssize_t sent = send(fd, line.data, line.len, MSG_NOSIGNAL);
		if (sent > 0)
			buf_consume(&line, (size_t)sent);
		else if (errno == EAGAIN)
			good = wait_for(fd, POLLOUT, deadline_ms);
		else if (errno != EINTR)
			good = false;
	}
	buf_release(&line);
	return good;
}

/* Reads up to the first newline, which is left out. */
static bool receive_line(int fd, struct buf *line, int64_t deadline_ms)
{
	for (;;) {
		uint8_t *room = buf_reserve(line, 16384);
		if (!room || !wait_for(fd, POLLIN, deadline_ms))
			return false;
		ssize_t got = recv(fd, room, 16384, 0);
		if (got > 0) {
			const uint8_t *newline = memchr(room, '\n', (size_t)got);
			buf_added(line, newline ? (size_t)(newline - room) : (size_t)got);
			if (newline)
				return true;
		} else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
			return false;
		}
	}
}

static void read_reply(struct answer *answer, struct span line)
{
	cJSON *root = cJSON_ParseWithLength(line.data, line.len);
	if (member_integer(root, "v") != 1) {
		fail(answer, CLI_FAILED,
		     "the answer is not of protocol version 1; use the twinpost command that came with the "
		     "running agent");
	} else if (member_true(root, "ok") && cJSON_IsObject(member(root, "data"))) {
		answer->status = CLI_OK;
		answer->root = root;
		answer->data = member(root, "data");
		return;
	} else {
		bool absent = strcmp(member_text(root, "code"), "not_found") == 0;
		fail(answer, absent ? CLI_NOT_FOUND : CLI_FAILED, "%s", member_text(root, "error"));
	}
	cJSON_Delete(root);
}

void client_ask(const char *socket_path, struct span request, struct answer *answer)
{
	int64_t deadline_ms = now_ms() + CLIENT_TIMEOUT_S * INT64_C(1000);
	struct buf line;
	*answer = (struct answer){.status = CLI_UNAVAILABLE};
	int fd = open_socket(socket_path, answer);
	if (fd < 0)
		return;
	buf_init(&line, HAL_CONTROL_REPLY_MAX + 32768);
	if (send_request(fd, request, deadline_ms) && receive_line(fd, &line, deadline_ms))
		read_reply(answer, buf_span(&line));
	else if (now_ms() >= deadline_ms)
		fail_silent(answer, socket_path);
	else
		fail(
		    answer, CLI_UNAVAILABLE,
		    "the agent at %s closed the connection without an answer\ntry: journalctl -u twinpost -e",
		    socket_path);
	buf_release(&line);
	(void)close(fd);
}

void answer_release(struct answer *answer)
{
	cJSON_Delete(answer->root);
	answer->root = NULL;
	answer->data = NULL;
}

const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

const char *member_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(member(object, name));
	return text ? text : "";
}

int64_t item_integer(const cJSON *item)
{
	/* 2^62: inside int64_t whatever a stranger sends. */
	if (!cJSON_IsNumber(item) || !(item->valuedouble > -4.6e18 && item->valuedouble < 4.6e18))
		return 0;
	return (int64_t)item->valuedouble;
}

int64_t member_integer(const cJSON *object, const char *name)
{
	return item_integer(member(object, name));
}

bool member_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(member(object, name));
}
