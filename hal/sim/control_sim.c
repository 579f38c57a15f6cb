/*
 * control_sim.c - clients of the control protocol without a socket.
 *
 * Why:   see control_sim.h.
 * Owns:  as in control_sim.h.
 * Rules: as in control_sim.h.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#include "hal/sim/control_sim.h"

#include <stdlib.h>
#include <string.h>

#include "hal/sim/hal_sim.h"

/* Bytes that tests may write ahead. */
#define IN_MAX  (4 * (HAL_CONTROL_REQUEST_MAX + 1))
#define OUT_MAX (2 * (HAL_CONTROL_REPLY_MAX + 1))

struct sim_client {
	hal_client id;
	struct control_sim *control;
	bool known;
	bool waiting;
	bool dropped; /* by the core's side */
	bool closed;  /* by the client */
	bool reported;
	struct buf in;
	struct buf out;
	struct buf line; /* what was read last */
	struct sim_client *next;
};

struct control_sim {
	struct sim_client *first;
	hal_client last_id;
	struct buf line;
};

struct control_sim *control_sim_new(void)
{
	struct control_sim *control = mem_alloc(sizeof *control);
	buf_init(&control->line, HAL_CONTROL_REQUEST_MAX);
	return control;
}

static void free_client(struct sim_client *client)
{
	struct sim_client **link = &client->control->first;
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	buf_release(&client->in);
	buf_release(&client->out);
	buf_release(&client->line);
	free(client);
}

void control_sim_free(struct control_sim *control)
{
	while (control->first)
		free_client(control->first);
	buf_release(&control->line);
	free(control);
}

void control_sim_reset(struct control_sim *control)
{
	struct sim_client *next;
	for (struct sim_client *client = control->first; client; client = next) {
		next = client->next;
		client->dropped = true;
		client->reported = true;
		if (client->closed)
			free_client(client);
	}
}

static int living(const struct control_sim *control)
{
	int count = 0;
	for (const struct sim_client *client = control->first; client; client = client->next)
		count += !client->dropped && !client->closed;
	return count;
}

static void refuse(struct sim_client *client, const char *sentence)
{
	buf_printf(&client->out, "{\"v\":1,\"ok\":false,\"error\":\"%s\"}\n", sentence);
	client->dropped = true;
	client->reported = !client->known;
}

struct sim_client *control_sim_connect(struct control_sim *control)
{
	struct sim_client *client = mem_alloc(sizeof *client);
	bool full = living(control) >= HAL_CONTROL_CLIENTS_MAX;
	client->id = ++control->last_id;
	client->control = control;
	buf_init(&client->in, IN_MAX);
	buf_init(&client->out, OUT_MAX);
	buf_init(&client->line, HAL_CONTROL_REPLY_MAX + 1);
	struct sim_client **link = &control->first;
	while (*link)
		link = &(*link)->next;
	*link = client;
	if (full)
		refuse(client, "too many clients; try again soon");
	return client;
}

static const uint8_t *newline_in(const struct buf *buf)
{
	return buf->len > 0 ? memchr(buf->data, '\n', buf->len) : NULL;
}

static void check_length(struct sim_client *client)
{
	const uint8_t *newline = newline_in(&client->in);
	size_t len = newline ? (size_t)(newline - client->in.data) : client->in.len;
	if (!client->dropped && len > HAL_CONTROL_REQUEST_MAX)
		refuse(client, "the request is over 65536 bytes");
}

void control_sim_write(struct sim_client *client, const void *bytes, size_t len)
{
	if (client->dropped)
		return;
	buf_append(&client->in, bytes, len);
	CHECK(buf_ok(&client->in));
	check_length(client);
}

bool control_sim_read(struct sim_client *client, struct span *line)
{
	const uint8_t *newline = newline_in(&client->out);
	if (!newline)
		return false;
	size_t len = (size_t)(newline - client->out.data);
	buf_clear(&client->line);
	buf_append(&client->line, client->out.data, len);
	buf_consume(&client->out, len + 1);
	*line = buf_span(&client->line);
	return true;
}

bool control_sim_dropped(const struct sim_client *client)
{
	return client->dropped;
}

void control_sim_close(struct sim_client *client)
{
	client->closed = true;
	if (!client->known || client->reported)
		free_client(client);
}

static bool has_gone(const struct sim_client *client)
{
	return client->known && !client->reported && (client->closed || client->dropped);
}

static bool can_ask(const struct sim_client *client)
{
	return !client->dropped && !client->closed && !client->waiting && newline_in(&client->in);
}

bool control_sim_ready(const struct control_sim *control)
{
	for (const struct sim_client *client = control->first; client; client = client->next) {
		if (has_gone(client) || can_ask(client))
			return true;
	}
	return false;
}

bool control_sim_next(struct hal *hal, struct hal_control_event *event)
{
	struct hal_sim *sim = (struct hal_sim *)(void *)hal;
	struct control_sim *control = sim->control;
	if (hal_sim_is_off(sim))
		return false;
	for (struct sim_client *client = control->first; client; client = client->next) {
		if (has_gone(client)) {
			*event = (struct hal_control_event){.client = client->id, .gone = true};
			client->reported = true;
			if (client->closed)
				free_client(client);
			return true;
		}
		if (can_ask(client)) {
			size_t len = (size_t)(newline_in(&client->in) - client->in.data);
			buf_clear(&control->line);
			buf_append(&control->line, client->in.data, len);
			buf_consume(&client->in, len + 1);
			client->known = true;
			client->waiting = true;
			*event = (struct hal_control_event){.client = client->id,
			                                    .line = buf_span(&control->line),
			                                    .who = SPAN_LITERAL("operator (uid 1000)")};
			check_length(client);
			return true;
		}
	}
	return false;
}

void control_sim_reply(struct hal *hal, hal_client id, struct span line)
{
	struct control_sim *control = ((struct hal_sim *)(void *)hal)->control;
	for (struct sim_client *client = control->first; client; client = client->next) {
		if (client->id != id || client->dropped || client->closed)
			continue;
		client->waiting = false;
		buf_append_span(&client->out, line);
		buf_append_char(&client->out, '\n');
		CHECK(buf_ok(&client->out)); /* tests read what they asked for */
	}
}
