/*
 * port.h - a child's side of the world: frames to and from the core, waiting, secrets, time.
 *
 * Why:   the child roles (connector/source/odbc_role.c, connector/uplink/mqtt_role.c) hold drivers and libraries, but
 *        no socket, file or clock call of their own: they stay testable and the Linux part stays in hal/linux.
 * Owns:  the back end owns the descriptor and buffers.
 * Rules: 1. Calls may block: a child has nothing else to do, and the core's deadline kills it if it must.
 *        2. ERR_GONE means that the core has gone: the role releases what it has and returns.
 * Runs in: source child, uplink child; tests drive a role through a socket pair.
 * Tests: tests/contract/port_contract_test.c
 */
#ifndef TWINPOST_PORT_H
#define TWINPOST_PORT_H

#include "hal/base/log.h"
#include "hal/base/secret.h"
#include "hal/frame.h"

struct port;

struct port_ops {
	enum err (*receive)(struct port *port, bool block, struct frame *frame, struct err_info *info);
	enum err (*send)(struct port *port, uint8_t type, const void *payload, size_t len);
	enum err (*flush)(struct port *port);
	enum err (*wait)(struct port *port, int fd, unsigned want, int64_t until_mono_ns, unsigned *ready);
	int64_t (*mono_ns)(struct port *port);
	int64_t (*wall_ns)(struct port *port);
	enum err (*secret)(struct port *port, const struct secret_reference *reference, struct secret *secret,
	                   struct err_info *info);
	/* Reads a small local file (a certificate to inspect) whole into *out. */
	enum err (*read_file)(struct port *port, const char *path, struct buf *out, struct err_info *info);
};

struct port {
	const struct port_ops *ops;
	const struct log *log;
};

#define PORT_READY_CORE  1u
#define PORT_READY_READ  2u
#define PORT_READY_WRITE 4u

/* ERR_OK: *frame is borrowed until the next call; ERR_AGAIN: none now (block false); ERR_GONE: the core has gone;
 * ERR_BAD_INPUT: what came is no frame. */
MUST_USE enum err port_receive(struct port *port, bool block, struct frame *frame, struct err_info *info);
/* Queues; written at the latest by port_flush(), port_wait() or a blocking port_receive(). */
MUST_USE enum err port_send(struct port *port, uint8_t type, const void *payload, size_t len);
MUST_USE enum err port_flush(struct port *port);
/* Waits until a frame has come, fd (-1: none) is ready for what is wanted of it (PORT_READY_READ, PORT_READY_WRITE
 * or both), or the time has come. *ready: PORT_READY_* or-ed, 0 at the time limit. A broken fd is ready to be read,
 * wanted or not. */
MUST_USE enum err port_wait(struct port *port, int fd, unsigned want, int64_t until_mono_ns, unsigned *ready);
int64_t port_mono_ns(struct port *port);
int64_t port_wall_ns(struct port *port);
/* ERR_NOT_FOUND: no such file, variable or credential, or kind SECRET_NONE; ERR_DENIED: unreadable, or others may
 * read the file; ERR_TOO_LARGE. The text never holds the secret. */
MUST_USE enum err port_secret(struct port *port, const struct secret_reference *reference,
                              struct secret *secret, struct err_info *info);
MUST_USE enum err port_read_file(struct port *port, const char *path, struct buf *out, struct err_info *info);

#endif
