/*
 * broker_sim.c - the simulated uplink child and broker.
 *
 * Why:   see broker_sim.h.
 * Owns:  as in broker_sim.h.
 * Rules: as in broker_sim.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/broker_sim.h"

#include <stdlib.h>

#include "connector/uplink/uplink_protocol.h"
#include "hal/frame.h"

/* MQTT 5, section 3.4.2.1 */
#define REASON_NO_SUBSCRIBERS 0x10
#define REASON_UNSPECIFIED    0x80
#define REASON_QUOTA_EXCEEDED 0x97

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_UP };

struct link {
	struct broker_sim *broker;
	struct sim_child *child;
	enum link_state state;
	bool stalled;
	uint8_t version;
	uint16_t receive_max;
	struct uplink_ack due[UPLINK_ACKS_MAX];
	int due_count;
	struct buf out;
};

static struct sim_random *random_of(struct link *link)
{
	return sim_child_random(link->child);
}

static bool one_in(struct link *link, uint64_t n)
{
	return sim_random_one_in(random_of(link), n);
}

static void tell(struct link *link, uint8_t type)
{
	CHECK(buf_ok(&link->out));
	sim_child_send(link->child, type, link->out.data, link->out.len);
	buf_clear(&link->out);
}

static void wake_later(struct link *link)
{
	int64_t latency = link->broker->faults.latency_ns_max;
	latency = one_in(link, 20) ? latency : latency / 20;
	sim_child_wake_at(link->child, sim_child_now(link->child) +
	                                   sim_random_between(random_of(link), 1000, 1000 + latency));
}

static void go_down(struct link *link, uint8_t down_class, int32_t reason, const char *text)
{
	const struct uplink_down down = {.down_class = down_class, .reason = reason, .text = span_of(text)};
	uplink_down_encode(&link->out, &down);
	tell(link, UPLINK_DOWN);
	link->state = LINK_DOWN;
	link->due_count = 0;
	sim_child_wake_at(link->child, INT64_MAX);
}

static void answer_connect(struct link *link)
{
	static const struct {
		uint8_t down_class;
		int32_t reason;
	} refusals[] = {
	    {UPLINK_DOWN_NETWORK, -1},    {UPLINK_DOWN_NETWORK, -1},   {UPLINK_DOWN_TLS, -1},
	    {UPLINK_DOWN_LOCAL, -1},      {UPLINK_DOWN_REFUSED, 0x87}, {UPLINK_DOWN_REFUSED, 0x88},
	    {UPLINK_DOWN_NO_CONNACK, -1}, {UPLINK_DOWN_VERSION, 0x84},
	};
	struct broker_sim *broker = link->broker;
	if (broker->faults.away || one_in(link, broker->faults.refuse_one_in)) {
		size_t n = sim_random_below(random_of(link), sizeof refusals / sizeof refusals[0]);
		broker->refusals++;
		go_down(link, refusals[broker->faults.away ? 0 : n].down_class,
		        refusals[broker->faults.away ? 0 : n].reason, "refused by the simulation");
		return;
	}
	link->state = LINK_UP;
	link->stalled = false;
	link->receive_max = one_in(link, 3) ? (uint16_t)sim_random_between(random_of(link), 1, 40) : 65535;
	broker->connections++;
	const struct uplink_up up = {.version = link->version,
	                             .receive_max = link->receive_max,
	                             .retain_available = 1,
	                             .tls = SPAN_LITERAL("TLSv1.3")};
	uplink_up_encode(&link->out, &up);
	tell(link, UPLINK_UP);
	sim_child_flush(link->child);
}

/* Some of the acks that are due, now and then not in their order. */
static void send_acks(struct link *link)
{
	struct uplink_acks acks = {.count = 0};
	int count = 1 + (int)sim_random_below(random_of(link), (uint64_t)link->due_count);
	for (int i = 0; i < count; i++) {
		int from =
		    one_in(link, 5) ? (int)sim_random_below(random_of(link), (uint64_t)link->due_count) : 0;
		acks.acks[acks.count++] = link->due[from];
		link->due_count--;
		for (int k = from; k < link->due_count; k++)
			link->due[k] = link->due[k + 1];
	}
	uplink_acks_encode(&link->out, &acks);
	tell(link, UPLINK_ACKS);
	sim_child_flush(link->child);
}

static void add_ack(struct link *link, uint64_t token, uint8_t reason)
{
	/* The core keeps the broker's window (rule 2 of uplink_protocol.h). */
	CHECK(link->due_count < link->receive_max && link->due_count < UPLINK_ACKS_MAX);
	link->due[link->due_count++] = (struct uplink_ack){token, reason};
	if (link->due_count == 1)
		wake_later(link);
}

static void take_publish(struct link *link, const struct uplink_publish *publish)
{
	static const uint8_t reasons[] = {REASON_NO_SUBSCRIBERS, REASON_UNSPECIFIED, REASON_QUOTA_EXCEEDED};
	struct broker_sim *broker = link->broker;
	const struct broker_faults *faults = &broker->faults;
	if (link->state != LINK_UP || link->stalled)
		return; /* of a connection that has ended, or into a network that swallows */
	CHECK(publish->qos == 1 && publish->retain == 0);
	if (one_in(link, faults->lose_one_in)) {
		broker->losses++;
		go_down(link, UPLINK_DOWN_NETWORK, -1, "connection reset by the simulation");
		return;
	}
	if (one_in(link, faults->stall_one_in)) {
		broker->stalls++;
		link->stalled = true;
		sim_child_wake_at(link->child, INT64_MAX);
		return;
	}
	if (one_in(link, faults->reason_one_in) && link->version == UPLINK_MQTT_5) {
		broker->reasons++;
		add_ack(link, publish->token, reasons[sim_random_below(random_of(link), sizeof reasons)]);
		return;
	}
	subscriber_receive(broker->subscriber, publish->topic, publish->payload);
	if (one_in(link, faults->lose_ack_one_in)) {
		broker->lost_acks++;
		go_down(link, UPLINK_DOWN_BROKER, 0x8b, "the broker shuts down");
		return;
	}
	add_ack(link, publish->token, 0);
	if (one_in(link, faults->crash_one_in))
		sim_child_crash(link->child, 11);
	else if (one_in(link, faults->garbage_one_in))
		sim_child_send_raw(link->child, "corrupted heap", 15);
}

static void *start(void *world, struct sim_child *child, const char *name)
{
	struct link *link = mem_alloc(sizeof *link);
	CHECK(name[0] != 0);
	link->broker = world;
	link->child = child;
	buf_init(&link->out, FRAME_PAYLOAD_MAX);
	return link;
}

static void frame(void *self, uint8_t type, const uint8_t *payload, size_t len)
{
	struct link *link = self;
	struct uplink_connect connect;
	struct uplink_publish publish;
	switch (type) {
	case UPLINK_CONNECT:
		CHECK(link->state == LINK_DOWN && uplink_connect_decode(&connect, payload, len));
		link->state = LINK_CONNECTING;
		link->version = connect.version;
		if (one_in(link, link->broker->faults.silent_one_in))
			link->broker->stalls++;
		else
			wake_later(link);
		break;
	case UPLINK_PUBLISH:
		CHECK(uplink_publish_decode(&publish, payload, len));
		take_publish(link, &publish);
		break;
	default:
		CHECK(type == UPLINK_DISCONNECT);
		if (link->state != LINK_DOWN)
			go_down(link, UPLINK_DOWN_ASKED, 0, "as asked");
	}
}

static void wake(void *self)
{
	struct link *link = self;
	if (link->state == LINK_CONNECTING)
		answer_connect(link);
	else if (link->state == LINK_UP && link->due_count > 0)
		send_acks(link);
	if (link->state == LINK_UP && link->due_count > 0)
		wake_later(link);
}

static void end(void *self)
{
	struct link *link = self;
	buf_release(&link->out);
	free(link);
}

const struct sim_child_ops broker_sim_ops = {.start = start, .frame = frame, .wake = wake, .end = end};
