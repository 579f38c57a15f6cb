/*
 * port_linux.c - a child's port on Linux: frames on a stream socket, poll(2), clocks.
 *
 * Why:   see port_linux.h. Secrets and files are in port_secret_linux.c.
 * Owns:  the decoder's and the output buffer.
 * Rules: 1. Every call uses MSG_DONTWAIT and waits in poll(2), so the descriptor may be blocking or not.
 *        2. Whatever may block writes what is queued while it waits, so that two sides that both send cannot lock.
 * Faults: EINTR, short reads and writes, EPIPE and ECONNRESET (the core has gone).
 * Runs in: source child, uplink child.
 * Tests: tests/contract/port_contract_test.c
 */
#include "hal/linux/port_linux.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "hal/linux/port_secret_linux.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

/* Small frames wait for each other until they are this many bytes. */
#define WRITE_BYTES_MIN (16u * 1024u)

static struct port_linux *self_of(struct port *port)
{
	return (struct port_linux *)port;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t mono_ns(struct port *port)
{
	(void)port;
	return clock_ns(CLOCK_MONOTONIC);
}

static int64_t wall_ns(struct port *port)
{
	(void)port;
	return clock_ns(CLOCK_REALTIME);
}

static bool has_output(const struct port_linux *self)
{
	return self->written < self->out.len;
}

static enum err core_gone(struct port_linux *self)
{
	self->gone = true;
	buf_clear(&self->out);
	self->written = 0;
	return ERR_GONE;
}

/* Writes what the socket takes now. ERR_AGAIN: some is left. */
static enum err write_some(struct port_linux *self)
{
	if (self->gone)
		return ERR_GONE;
	while (has_output(self)) {
		ssize_t n = send(self->fd, self->out.data + self->written, self->out.len - self->written,
		                 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return ERR_AGAIN;
		if (n < 0)
			return core_gone(self);
		self->written += (size_t)n;
	}
	buf_clear(&self->out);
	self->written = 0;
	return ERR_OK;
}

/* Reads what is there now. ERR_AGAIN: nothing. */
static enum err read_some(struct port_linux *self)
{
	if (self->gone)
		return ERR_GONE;
	for (;;) {
		size_t room;
		uint8_t *space = frame_decoder_space(&self->decoder, &room);
		ssize_t n = recv(self->fd, space, room, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return ERR_AGAIN;
		if (n <= 0)
			return core_gone(self);
		frame_decoder_received(&self->decoder, (size_t)n);
		return ERR_OK;
	}
}

/* The next whole frame of what was read, kept for receive(). ERR_AGAIN: more must be read. */
static enum err look_ahead(struct port_linux *self)
{
	if (self->has_waiting)
		return ERR_OK;
	if (self->failure.code != ERR_OK)
		return self->failure.code;
	enum err err = frame_decoder_next(&self->decoder, &self->waiting, &self->failure);
	self->has_waiting = err == ERR_OK;
	return err;
}

static enum err next_frame(struct port_linux *self)
{
	enum err err = look_ahead(self);
	while (err == ERR_AGAIN) {
		err = read_some(self);
		if (err == ERR_OK)
			err = look_ahead(self);
		else
			return err;
	}
	return err;
}

/* The time until then in whole milliseconds, rounded up so that it is not early; 0 once it is over. */
static int poll_ms(int64_t until_mono_ns)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	if (until_mono_ns <= now)
		return 0;
	int64_t left = until_mono_ns - now;
	int64_t ms = left / NS_PER_MS + (left % NS_PER_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* One poll of both descriptors; interrupted counts as nothing ready. */
static void poll_once(struct port_linux *self, struct pollfd polled[2], int timeout_ms)
{
	polled[0] =
	    (struct pollfd){.fd = self->fd, .events = (short)(POLLIN | (has_output(self) ? POLLOUT : 0))};
	int count = poll(polled, 2, timeout_ms);
	CHECK(count >= 0 || errno == EINTR || errno == ENOMEM);
	if (count < 0)
		polled[0].revents = polled[1].revents = 0;
}

static enum err receive(struct port *port, bool block, struct frame *frame, struct err_info *info)
{
	struct port_linux *self = self_of(port);
	if (block && write_some(self) == ERR_GONE)
		return err_set(info, ERR_GONE, "the core has closed its end");
	for (;;) {
		enum err err = next_frame(self);
		if (err == ERR_OK) {
			*frame = self->waiting;
			self->has_waiting = false;
			return ERR_OK;
		}
		if (err == ERR_BAD_INPUT)
			return err_set(info, err, "%s", self->failure.text);
		if (err == ERR_GONE)
			return err_set(info, err, "the core has closed its end");
		if (!block)
			return ERR_AGAIN;
		err = write_some(self);
		if (err == ERR_GONE)
			return err_set(info, err, "the core has closed its end");
		struct pollfd polled[2] = {[1] = {.fd = -1}};
		poll_once(self, polled, -1);
	}
}

/* Blocks until all of it is written, reading nothing: the core reads without waiting for us. */
static enum err flush(struct port *port)
{
	struct port_linux *self = self_of(port);
	for (;;) {
		enum err err = write_some(self);
		if (err != ERR_AGAIN)
			return err;
		struct pollfd polled = {.fd = self->fd, .events = POLLOUT};
		int count = poll(&polled, 1, -1);
		CHECK(count >= 0 || errno == EINTR || errno == ENOMEM);
	}
}

static enum err send_frame(struct port *port, uint8_t type, const void *payload, size_t len)
{
	struct port_linux *self = self_of(port);
	if (self->gone)
		return ERR_GONE;
	if (self->out.len - self->written + FRAME_HEADER_BYTES + len > PORT_QUEUE_BYTES) {
		enum err err = flush(port);
		if (err != ERR_OK)
			return err;
	}
	if (self->written > 0) {
		buf_consume(&self->out, self->written);
		self->written = 0;
	}
	frame_encode(&self->out, type, payload, len);
	CHECK(buf_ok(&self->out));
	/* What is worth a call of its own goes at once, so that the core works while the role makes more. */
	if (self->out.len >= WRITE_BYTES_MIN && write_some(self) == ERR_GONE)
		return ERR_GONE;
	return ERR_OK;
}

/* A core that has gone, or spoke nonsense, is something to read: the next receive() tells which. */
static enum err wait_ready(struct port *port, int fd, unsigned want, int64_t until_mono_ns, unsigned *ready)
{
	struct port_linux *self = self_of(port);
	for (;;) {
		enum err err = write_some(self);
		if (err == ERR_GONE)
			return ERR_GONE;
		bool core = next_frame(self) != ERR_AGAIN;
		int timeout_ms = core ? 0 : poll_ms(until_mono_ns);
		struct pollfd polled[2] = {
		    [1] = {.fd = fd,
		           .events = (short)((want & PORT_READY_READ ? POLLIN : 0) |
		                             (want & PORT_READY_WRITE ? POLLOUT : 0))}};
		poll_once(self, polled, timeout_ms);
		if (core || next_frame(self) != ERR_AGAIN)
			*ready |= PORT_READY_CORE;
		if (polled[1].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
			*ready |= PORT_READY_READ;
		if (polled[1].revents & POLLOUT)
			*ready |= PORT_READY_WRITE;
		if (*ready != 0 || clock_ns(CLOCK_MONOTONIC) >= until_mono_ns)
			return ERR_OK;
	}
}

static enum err secret_get(struct port *port, const struct secret_reference *reference, struct secret *secret,
                           struct err_info *info)
{
	(void)port;
	return port_secret_linux_get(reference, secret, info);
}

static enum err file_read(struct port *port, const char *path, struct buf *out, struct err_info *info)
{
	(void)port;
	return port_secret_linux_read_file(path, out, info);
}

static const struct port_ops ops = {
    .receive = receive,
    .send = send_frame,
    .flush = flush,
    .wait = wait_ready,
    .mono_ns = mono_ns,
    .wall_ns = wall_ns,
    .secret = secret_get,
    .read_file = file_read,
};

void port_linux_init(struct port_linux *self, int fd, const struct log *log)
{
	CHECK(fd >= 0);
	*self = (struct port_linux){.port = {.ops = &ops, .log = log}, .fd = fd};
	frame_decoder_init(&self->decoder);
	/* One frame of any size fits beside a full queue. */
	buf_init(&self->out, PORT_QUEUE_BYTES + FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
}

void port_linux_release(struct port_linux *self)
{
	frame_decoder_release(&self->decoder);
	buf_release(&self->out);
	self->has_waiting = false;
	self->gone = true;
}
