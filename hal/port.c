/*
 * port.c - the shared front of a child's port: checks once, then calls the back end.
 *
 * Why:   back ends stay dumb and equal, as with hal.c.
 * Owns:  nothing.
 * Rules: a wrong argument is a bug of ours and stops the child; what the world does wrong is an enum err.
 * Faults: none of its own.
 * Runs in: source child, uplink child.
 * Tests: tests/contract/port_contract_test.c
 */
#include "hal/port.h"

enum err port_receive(struct port *port, bool block, struct frame *frame, struct err_info *info)
{
	CHECK(frame != NULL);
	enum err err = port->ops->receive(port, block, frame, info);
	CHECK(!block || err != ERR_AGAIN);
	return err;
}

enum err port_send(struct port *port, uint8_t type, const void *payload, size_t len)
{
	CHECK(len <= FRAME_PAYLOAD_MAX && (payload != NULL || len == 0));
	return port->ops->send(port, type, payload, len);
}

enum err port_flush(struct port *port)
{
	return port->ops->flush(port);
}

enum err port_wait(struct port *port, int fd, unsigned want, int64_t until_mono_ns, unsigned *ready)
{
	CHECK(fd >= -1 && (want & ~(PORT_READY_READ | PORT_READY_WRITE)) == 0 && ready != NULL);
	CHECK(fd >= 0 || !(want & PORT_READY_WRITE));
	*ready = 0;
	return port->ops->wait(port, fd, want, until_mono_ns, ready);
}

int64_t port_mono_ns(struct port *port)
{
	return port->ops->mono_ns(port);
}

int64_t port_wall_ns(struct port *port)
{
	return port->ops->wall_ns(port);
}

enum err port_secret(struct port *port, const struct secret_reference *reference, struct secret *secret,
                     struct err_info *info)
{
	CHECK(reference != NULL && secret != NULL);
	return port->ops->secret(port, reference, secret, info);
}

enum err port_read_file(struct port *port, const char *path, struct buf *out, struct err_info *info)
{
	CHECK(path != NULL && path[0] != 0 && out != NULL);
	return port->ops->read_file(port, path, out, info);
}
