/*
 * control_linux.c - the control socket: requests of the local command line and console, one line each way.
 *
 * Why:   see control_linux.h.
 * Owns:  the listening socket and its file; per client a connection, a request buffer, a reply queue.
 * Rules: 1. The socket's file has mode 0660: root, our own user and our own group may connect, nobody else.
 *        2. A file that is a socket nobody listens on is ours to replace; anything else is ERR_CONFLICT.
 *        3. A client's next request is handed out only when the reply to its last one was written whole.
 *        4. A client whose line was handed out is reported as gone exactly once.
 *        5. A client that only closed its writing half (as `nc` does) still gets its reply.
 *        6. Who it is comes from the kernel, at connecting. Names are looked up in the box's own list of users alone: a
 *           directory server that hangs must not stop the core.
 * Faults: a line over HAL_CONTROL_REQUEST_MAX: told so, dropped.
 *         A reader slower than IDLE_NS makes room when another client needs it. More than
 *         HAL_CONTROL_CLIENTS_MAX: told so, closed.
 * Runs in: the core.
 * Tests: tests/contract/hal_linux_contract_test.c
 */
#include "hal/linux/control_linux.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG          16
#define READ_PIECE_BYTES 4096
#define USERS_FILE       "/etc/passwd"
#define USER_NAME_MAX    32 /* as useradd(8) allows */
/* Of a line of it; a longer one ends the search, and the number stands alone. */
#define USERS_LINE_MAX 4096
/* A client that neither asked nor read for this long may be dropped for a new one. */
#define IDLE_NS (10 * NS_PER_S)

struct client {
	hal_client id; /* 0: the slot is free */
	int fd;        /* -1: closed, its gone event not handed out yet */
	bool known;    /* a line of it was handed out */
	bool waiting;  /* a line was handed out, its reply has not come */
	bool ended;    /* it closed its writing half */
	bool wants_out;
	bool last; /* closed once its reply is written */
	int64_t active_mono_ns;
	struct buf in;
	size_t taken; /* bytes at the front of in that were handed out */
	struct buf out;
	size_t sent;
	char who[HAL_CONTROL_WHO_MAX + 1];
};

struct control_linux {
	int listener;
	char path[sizeof((struct sockaddr_un *)0)->sun_path];
	dev_t device; /* of the file we made */
	ino_t inode;
	hal_client last_id;
	uint32_t turn;
	struct buf line; /* the request handed out last: its client may be closed while the core reads it */
	char who[HAL_CONTROL_WHO_MAX + 1]; /* of that client */
	struct client clients[HAL_CONTROL_CLIENTS_MAX];
};

static struct control_linux *control_of(struct hal *hal)
{
	return ((struct hal_linux *)(void *)hal)->control;
}

/* Removes a socket that nobody listens on. */
static enum err remove_stale(const struct sockaddr_un *address, struct err_info *info)
{
	struct stat about;
	const char *path = address->sun_path;
	if (lstat(path, &about) != 0)
		return errno == ENOENT ? ERR_OK
		                       : hal_linux_error(info, errno, "looking for the control socket", path);
	if (!S_ISSOCK(about.st_mode))
		return err_set(info, ERR_CONFLICT,
		               "%s exists and is not a socket; move it away or set control.socket", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return hal_linux_error(info, errno, "making a socket for", path);
	int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
	int error = errno;
	(void)close(fd);
	if (result == 0 || error != ECONNREFUSED)
		return err_set(
		    info, ERR_CONFLICT,
		    "another twinpost runs: it listens on %s; stop it, or set control.socket to another path",
		    path);
	if (unlink(path) != 0 && errno != ENOENT)
		return hal_linux_error(info, errno, "removing the stale control socket", path);
	return ERR_OK;
}

static enum err listen_at(struct control_linux *control, const struct sockaddr_un *address,
                          struct err_info *info)
{
	struct stat about;
	control->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listener < 0)
		return hal_linux_error(info, errno, "making a socket for", address->sun_path);
	/* The mask makes the file 0660 from its first moment; this process has one thread. */
	mode_t mask = umask(0117);
	int result = bind(control->listener, (const struct sockaddr *)address, sizeof *address);
	int error = errno;
	(void)umask(mask);
	if (result != 0)
		return hal_linux_error(info, error, "making the control socket", address->sun_path);
	if (lstat(address->sun_path, &about) != 0)
		return hal_linux_error(info, errno, "looking at the control socket", address->sun_path);
	control->device = about.st_dev;
	control->inode = about.st_ino;
	(void)snprintf(control->path, sizeof control->path, "%s", address->sun_path);
	if (listen(control->listener, BACKLOG) != 0)
		return hal_linux_error(info, errno, "listening on", address->sun_path);
	return ERR_OK;
}

enum err control_linux_open(struct hal_linux *linux_hal, const char *path, struct err_info *info)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (!text_copy(address.sun_path, sizeof address.sun_path, span_of(path)) || path[0] == 0)
		return err_set(info, ERR_TOO_LARGE, "control.socket %.80s... must be 1 to %zu bytes long",
		               path, sizeof address.sun_path - 1);
	struct control_linux *control = mem_alloc(sizeof *control);
	control->listener = -1;
	buf_init(&control->line, HAL_CONTROL_REQUEST_MAX);
	for (int i = 0; i < HAL_CONTROL_CLIENTS_MAX; i++)
		control->clients[i].fd = -1;
	linux_hal->control = control;
	enum err err = remove_stale(&address, info);
	if (err == ERR_OK)
		err = listen_at(control, &address, info);
	if (err == ERR_OK && hal_linux_watch(linux_hal, EPOLL_CTL_ADD, control->listener, EPOLLIN,
	                                     HAL_LINUX_LISTENER, 0) != ERR_OK)
		err = hal_linux_error(info, errno, "watching", path);
	if (err != ERR_OK)
		control_linux_close(linux_hal);
	return err;
}

static void close_client(struct client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	client->fd = -1;
	buf_release(&client->in);
	buf_release(&client->out);
	if (!client->known)
		*client = (struct client){.fd = -1};
}

void control_linux_close(struct hal_linux *linux_hal)
{
	struct control_linux *control = linux_hal->control;
	if (!control)
		return;
	for (int i = 0; i < HAL_CONTROL_CLIENTS_MAX; i++)
		close_client(&control->clients[i]);
	struct stat about;
	/* Only the file that we made: a newer process may have put its own there. */
	if (control->path[0] && lstat(control->path, &about) == 0 && about.st_dev == control->device &&
	    about.st_ino == control->inode)
		(void)unlink(control->path);
	if (control->listener >= 0)
		(void)close(control->listener);
	buf_release(&control->line);
	free(control);
	linux_hal->control = NULL;
}

static size_t queued(const struct client *client)
{
	return client->out.len - client->sent;
}

static bool has_line(const struct client *client)
{
	size_t left = client->in.len - client->taken;
	return left > 0 && memchr(client->in.data + client->taken, '\n', left) != NULL;
}

/* Watches for what the client may do next: write its next request, or read its reply. */
static void watch(struct hal_linux *linux_hal, struct client *client)
{
	struct control_linux *control = linux_hal->control;
	uint32_t events = 0;
	if (queued(client) > 0)
		events |= EPOLLOUT;
	if (!client->ended && !client->waiting && queued(client) == 0)
		events |= EPOLLIN;
	CHECK(hal_linux_watch(linux_hal, EPOLL_CTL_MOD, client->fd, events, HAL_LINUX_CLIENT,
	                      (uint32_t)(client - control->clients)) == ERR_OK);
}

static void write_queued(struct hal_linux *linux_hal, struct client *client)
{
	while (queued(client) > 0) {
		ssize_t put = send(client->fd, client->out.data + client->sent, queued(client), MSG_NOSIGNAL);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (put <= 0) {
			close_client(client);
			return;
		}
		client->sent += (size_t)put;
		client->active_mono_ns = hal_mono_ns(&linux_hal->hal);
	}
	if (queued(client) == 0) {
		buf_release(&client->out);
		client->sent = 0;
		if (client->last || (client->ended && !client->waiting && !has_line(client))) {
			close_client(client);
			return;
		}
	}
	watch(linux_hal, client);
}

/* A refusal by this layer, in the protocol's own form; the connection ends with it. */
static void refuse(struct hal_linux *linux_hal, struct client *client, const char *sentence)
{
	log_event(linux_hal->options.log, LOG_CONTROL_REFUSED, "client=%u: %s", client->id, sentence);
	buf_clear(&client->in);
	client->taken = 0;
	client->last = true;
	buf_printf(&client->out, "{\"v\":1,\"ok\":false,\"error\":\"%s\"}\n", sentence);
	write_queued(linux_hal, client);
}

/* A free slot, or that of the client that has done nothing for longest. NULL: all are busy, or the idle one
 * that was closed must be reported as gone first. */
static struct client *slot_for_new(struct hal_linux *linux_hal)
{
	struct client *oldest = NULL;
	for (int i = 0; i < HAL_CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &linux_hal->control->clients[i];
		if (client->id == 0)
			return client;
		if (!client->waiting && client->fd >= 0 &&
		    (!oldest || client->active_mono_ns < oldest->active_mono_ns))
			oldest = client;
	}
	if (!oldest || hal_mono_ns(&linux_hal->hal) - oldest->active_mono_ns < IDLE_NS)
		return NULL;
	close_client(oldest);
	return oldest->id == 0 ? oldest : NULL;
}

/* A name that a user may have: nothing that a line of a log or a record could not hold. */
static bool is_user_name(const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)name[i] <= 0x20 || (unsigned char)name[i] >= 0x7f)
			return false;
	}
	return len > 0 && len <= USER_NAME_MAX;
}

/* false: the box has no such user. */
static bool user_name(uid_t uid, char name[USER_NAME_MAX + 1])
{
	char line[USERS_LINE_MAX];
	struct passwd user;
	struct passwd *found = NULL;
	FILE *file = fopen(USERS_FILE, "re");
	if (!file)
		return false;
	while (fgetpwent_r(file, &user, line, sizeof line, &found) == 0 && user.pw_uid != uid)
		found = NULL;
	bool good = found && is_user_name(found->pw_name);
	if (good)
		(void)snprintf(name, USER_NAME_MAX + 1, "%s", found->pw_name);
	(void)fclose(file);
	return good;
}

static void learn_who(struct client *client)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	char name[USER_NAME_MAX + 1];
	if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		(void)snprintf(client->who, sizeof client->who, "unknown");
	else if (user_name(peer.uid, name))
		(void)snprintf(client->who, sizeof client->who, "%s (uid %u)", name, (unsigned)peer.uid);
	else
		(void)snprintf(client->who, sizeof client->who, "uid %u", (unsigned)peer.uid);
}

void control_linux_accept(struct hal_linux *linux_hal)
{
	struct control_linux *control = linux_hal->control;
	int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return; /* it went away meanwhile, or descriptors are short: epoll will say again */
	struct client *client = slot_for_new(linux_hal);
	if (!client) {
		static const char busy[] =
		    "{\"v\":1,\"ok\":false,\"error\":\"too many clients; try again soon\"}\n";
		ssize_t put = send(fd, busy, sizeof busy - 1, MSG_NOSIGNAL);
		log_event(linux_hal->options.log, LOG_CONTROL_REFUSED,
		          "clients=%d: one more was refused (%s)", HAL_CONTROL_CLIENTS_MAX,
		          put > 0 ? "told" : "not told");
		(void)close(fd);
		return;
	}
	if (++control->last_id == 0)
		control->last_id = 1;
	*client =
	    (struct client){.id = control->last_id, .fd = fd, .active_mono_ns = hal_mono_ns(&linux_hal->hal)};
	learn_who(client);
	/* One byte more than a request: its newline. */
	buf_init(&client->in, HAL_CONTROL_REQUEST_MAX + 1);
	buf_init(&client->out, HAL_CONTROL_REPLY_MAX + 1);
	if (hal_linux_watch(linux_hal, EPOLL_CTL_ADD, fd, EPOLLIN, HAL_LINUX_CLIENT,
	                    (uint32_t)(client - control->clients)) != ERR_OK)
		close_client(client);
}

/* Takes what was handed out from the front of the request buffer. */
static void forget_taken(struct client *client)
{
	buf_consume(&client->in, client->taken);
	client->taken = 0;
	if (client->in.len == 0)
		buf_release(&client->in);
}

static void read_request(struct hal_linux *linux_hal, struct client *client)
{
	forget_taken(client);
	while (!client->ended && !has_line(client)) {
		size_t room = client->in.max - client->in.len;
		if (room == 0) {
			refuse(linux_hal, client, "the request is over 65536 bytes");
			return;
		}
		if (room > READ_PIECE_BYTES)
			room = READ_PIECE_BYTES;
		uint8_t *to = buf_reserve(&client->in, room);
		CHECK(to != NULL);
		ssize_t got = recv(client->fd, to, room, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (got <= 0) {
			client->ended = true;
			break;
		}
		buf_added(&client->in, (size_t)got);
		client->active_mono_ns = hal_mono_ns(&linux_hal->hal);
	}
	if (client->ended && !has_line(client))
		close_client(client);
}

void control_linux_ready(struct hal_linux *linux_hal, uint32_t index, uint32_t events)
{
	CHECK(index < HAL_CONTROL_CLIENTS_MAX);
	struct client *client = &linux_hal->control->clients[index];
	if (client->id == 0 || client->fd < 0)
		return;
	if (events & (EPOLLHUP | EPOLLERR)) {
		/* Both halves are closed: nobody will read a reply. A last request without waiting for one is
		 * dropped too. */
		close_client(client);
		return;
	}
	if (events & EPOLLOUT)
		write_queued(linux_hal, client);
	if (client->fd >= 0 && (events & EPOLLIN))
		read_request(linux_hal, client);
}

static bool next_of(struct hal_linux *linux_hal, struct client *client, struct hal_control_event *event)
{
	if (client->fd < 0) { /* only one that is known stays in its slot when closed */
		*event = (struct hal_control_event){.client = client->id, .gone = true};
		*client = (struct client){.fd = -1};
		return true;
	}
	if (client->waiting || client->last || queued(client) > 0 || !has_line(client))
		return false;
	const char *line = (const char *)client->in.data + client->taken;
	const char *newline = memchr(line, '\n', client->in.len - client->taken);
	size_t len = (size_t)(newline - line);
	client->taken += len + 1;
	client->known = true;
	client->waiting = true;
	watch(linux_hal, client);
	struct buf *copy = &linux_hal->control->line;
	buf_clear(copy);
	buf_append(copy, line, len);
	(void)snprintf(linux_hal->control->who, sizeof linux_hal->control->who, "%s", client->who);
	*event = (struct hal_control_event){
	    .client = client->id, .line = buf_span(copy), .who = span_of(linux_hal->control->who)};
	return true;
}

bool control_linux_next(struct hal *hal, struct hal_control_event *event)
{
	struct control_linux *control = control_of(hal);
	if (!control)
		return false;
	for (uint32_t i = 0; i < HAL_CONTROL_CLIENTS_MAX; i++) {
		uint32_t slot = (control->turn + i) % HAL_CONTROL_CLIENTS_MAX;
		struct client *client = &control->clients[slot];
		if (client->id != 0 && next_of((struct hal_linux *)(void *)hal, client, event)) {
			control->turn = slot + 1;
			return true;
		}
	}
	return false;
}

void control_linux_reply(struct hal *hal, hal_client id, struct span line)
{
	struct control_linux *control = control_of(hal);
	for (int i = 0; control && i < HAL_CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];
		if (client->id != id || client->fd < 0)
			continue;
		client->waiting = false;
		buf_append_span(&client->out, line);
		buf_append_char(&client->out, '\n');
		if (!buf_ok(&client->out))
			client->last = true;
	}
}

bool control_linux_waiting(struct hal_linux *linux_hal)
{
	struct control_linux *control = linux_hal->control;
	bool waiting = false;
	for (int i = 0; control && i < HAL_CONTROL_CLIENTS_MAX; i++) {
		struct client *client = &control->clients[i];
		if (client->id == 0)
			continue;
		if (client->fd >= 0 && queued(client) > 0)
			write_queued(linux_hal, client);
		else if (client->fd >= 0 && client->last)
			close_client(client);
		waiting = waiting || (client->id != 0 && client->fd < 0) ||
		          (client->id != 0 && !client->waiting && queued(client) == 0 && has_line(client));
	}
	return waiting;
}
