/*
 * hal_contract_control.c - the contract of the control socket.
 *
 * Why:   see hal_contract_control.h.
 * Owns:  nothing.
 * Rules: as in hal_contract.h.
 * Runs in: tests.
 * Tests: is one.
 */
#include "tests/contract/hal_contract_control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_text(struct contract *contract, void *client, const char *text)
{
	contract->ops->write(contract->self, client, text, strlen(text));
}

static void next_request(struct contract *contract, struct hal_control_event *event)
{
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	while (!hal_control_next(contract->hal, event)) {
		assert_true(hal_mono_ns(contract->hal) < until);
		hal_wait(contract->hal, until);
	}
}

static void expect_no_request(struct contract *contract)
{
	struct hal_control_event event;
	for (int i = 0; i < 10; i++) {
		hal_wait(contract->hal, 0);
		assert_false(hal_control_next(contract->hal, &event));
	}
}

/* Reads until a whole line is there. */
static void read_line(struct contract *contract, void *client, struct buf *line)
{
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	buf_clear(line);
	while (line->len == 0 || line->data[line->len - 1] != '\n') {
		assert_false(contract->ops->read(contract->self, client, line));
		assert_true(hal_mono_ns(contract->hal) < until);
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + NS_PER_MS);
	}
}

/* Reads until the core's side has closed. */
static void read_to_end(struct contract *contract, void *client, struct buf *text)
{
	int64_t until = hal_mono_ns(contract->hal) + CONTRACT_WAIT_NS;
	buf_clear(text);
	while (!contract->ops->read(contract->self, client, text)) {
		assert_true(hal_mono_ns(contract->hal) < until);
		hal_wait(contract->hal, hal_mono_ns(contract->hal) + NS_PER_MS);
	}
}

/* A request, in two pieces, reaches the core as one line; its reply the client, with a newline. */
void control_answers_a_request(void **state)
{
	struct contract *contract = *state;
	void *client = contract->ops->connect(contract->self);
	struct hal_control_event event;
	struct buf line;
	buf_init(&line, HAL_CONTROL_REPLY_MAX + 1);
	write_text(contract, client, "{\"v\":1,");
	expect_no_request(contract);
	write_text(contract, client, "\"x\":2}\n");
	next_request(contract, &event);
	assert_false(event.gone);
	assert_int_not_equal(event.client, 0);
	assert_true(span_equal(event.line, SPAN_LITERAL("{\"v\":1,\"x\":2}")));
	assert_true(event.who.len > 0 && event.who.len <= HAL_CONTROL_WHO_MAX);
	for (size_t i = 0; i < event.who.len; i++)
		assert_true((unsigned char)event.who.data[i] >= 0x20 && event.who.data[i] != 0x7f);
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL("{\"ok\":true}"));
	read_line(contract, client, &line);
	assert_string_equal(buf_cstr(&line), "{\"ok\":true}\n");
	buf_release(&line);
	contract->ops->disconnect(contract->self, client);
}

/* Two requests in one write: the second is handed out after the first was answered; an empty line is a
 * request. */
void control_takes_one_request_at_a_time(void **state)
{
	struct contract *contract = *state;
	void *client = contract->ops->connect(contract->self);
	struct hal_control_event event;
	struct buf line;
	buf_init(&line, HAL_CONTROL_REPLY_MAX + 1);
	write_text(contract, client, "first\n\nthird\n");
	next_request(contract, &event);
	assert_true(span_equal(event.line, SPAN_LITERAL("first")));
	expect_no_request(contract);
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL("1"));
	read_line(contract, client, &line);
	next_request(contract, &event);
	assert_int_equal(event.line.len, 0);
	assert_false(event.gone);
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL("2"));
	next_request(contract, &event);
	assert_true(span_equal(event.line, SPAN_LITERAL("third")));
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL(""));
	buf_release(&line);
	contract->ops->disconnect(contract->self, client);
}

/* A client that asked and went is reported once, and a reply to it is dropped; one that never asked is
 * not. */
void control_reports_a_client_gone(void **state)
{
	struct contract *contract = *state;
	struct hal_control_event event;
	void *silent = contract->ops->connect(contract->self);
	hal_wait(contract->hal, 0);
	contract->ops->disconnect(contract->self, silent);
	expect_no_request(contract);
	void *client = contract->ops->connect(contract->self);
	write_text(contract, client, "ask\n");
	next_request(contract, &event);
	hal_client id = event.client;
	contract->ops->disconnect(contract->self, client);
	next_request(contract, &event);
	assert_true(event.gone);
	assert_int_equal(event.client, id);
	assert_int_equal(event.line.len, 0);
	assert_int_equal(event.who.len, 0);
	hal_control_reply(contract->hal, id, SPAN_LITERAL("too late"));
	expect_no_request(contract);
}

/* A request of HAL_CONTROL_REQUEST_MAX bytes is taken; one byte more is refused in the protocol's form and
 * ends the connection. */
void control_limits_a_request(void **state)
{
	struct contract *contract = *state;
	struct hal_control_event event;
	struct buf line;
	buf_init(&line, HAL_CONTROL_REPLY_MAX + 1);
	char *request = mem_alloc(HAL_CONTROL_REQUEST_MAX + 2);
	memset(request, 'a', HAL_CONTROL_REQUEST_MAX + 1);
	request[HAL_CONTROL_REQUEST_MAX] = '\n';
	void *client = contract->ops->connect(contract->self);
	contract->ops->write(contract->self, client, request, HAL_CONTROL_REQUEST_MAX + 1);
	next_request(contract, &event);
	assert_int_equal(event.line.len, HAL_CONTROL_REQUEST_MAX);
	hal_control_reply(contract->hal, event.client, SPAN_LITERAL("taken"));
	read_line(contract, client, &line);
	assert_string_equal(buf_cstr(&line), "taken\n");
	contract->ops->disconnect(contract->self, client);
	next_request(contract, &event);
	assert_true(event.gone);
	client = contract->ops->connect(contract->self);
	request[HAL_CONTROL_REQUEST_MAX] = 'a';
	contract->ops->write(contract->self, client, request, HAL_CONTROL_REQUEST_MAX + 1);
	read_to_end(contract, client, &line);
	assert_string_equal(buf_cstr(&line),
	                    "{\"v\":1,\"ok\":false,\"error\":\"the request is over 65536 bytes\"}\n");
	expect_no_request(contract);
	contract->ops->disconnect(contract->self, client);
	free(request);
	buf_release(&line);
}

/* HAL_CONTROL_CLIENTS_MAX are served at once; one more is told so and closed; when one leaves, the next is
 * served. */
void control_limits_clients(void **state)
{
	struct contract *contract = *state;
	struct hal_control_event event;
	struct buf text;
	buf_init(&text, HAL_CONTROL_REPLY_MAX + 1);
	void *clients[HAL_CONTROL_CLIENTS_MAX];
	for (int i = 0; i < HAL_CONTROL_CLIENTS_MAX; i++) {
		clients[i] = contract->ops->connect(contract->self);
		write_text(contract, clients[i], "here\n");
		next_request(contract, &event);
		assert_false(event.gone);
	}
	hal_client last = event.client;
	void *extra = contract->ops->connect(contract->self);
	read_to_end(contract, extra, &text);
	assert_non_null(strstr(buf_cstr(&text), "\"ok\":false"));
	contract->ops->disconnect(contract->self, extra);
	contract->ops->disconnect(contract->self, clients[HAL_CONTROL_CLIENTS_MAX - 1]);
	next_request(contract, &event);
	assert_true(event.gone);
	assert_int_equal(event.client, last);
	clients[HAL_CONTROL_CLIENTS_MAX - 1] = contract->ops->connect(contract->self);
	write_text(contract, clients[HAL_CONTROL_CLIENTS_MAX - 1], "again\n");
	next_request(contract, &event);
	assert_true(span_equal(event.line, SPAN_LITERAL("again")));
	assert_int_not_equal(event.client, last);
	for (int i = 0; i < HAL_CONTROL_CLIENTS_MAX; i++)
		contract->ops->disconnect(contract->self, clients[i]);
	buf_release(&text);
}

/* A reply of HAL_CONTROL_REPLY_MAX bytes arrives whole at a client that reads it slowly. */
void control_carries_the_largest_reply(void **state)
{
	struct contract *contract = *state;
	struct hal_control_event event;
	struct buf line;
	buf_init(&line, HAL_CONTROL_REPLY_MAX + 1);
	char *reply = mem_alloc(HAL_CONTROL_REPLY_MAX);
	memset(reply, 'r', HAL_CONTROL_REPLY_MAX);
	void *client = contract->ops->connect(contract->self);
	write_text(contract, client, "all\n");
	next_request(contract, &event);
	hal_control_reply(contract->hal, event.client, (struct span){reply, HAL_CONTROL_REPLY_MAX});
	for (int i = 0; i < 5; i++)
		hal_wait(contract->hal, 0);
	read_line(contract, client, &line);
	assert_int_equal(line.len, HAL_CONTROL_REPLY_MAX + 1);
	assert_memory_equal(line.data, reply, HAL_CONTROL_REPLY_MAX);
	contract->ops->disconnect(contract->self, client);
	free(reply);
	buf_release(&line);
}
