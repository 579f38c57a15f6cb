/*
 * broker_sim.c - the simulated uplink child and broker.
 *
 * Why:   see broker_sim.h.
 * Owns:  as in broker_sim.h.
 * Rules: as in broker_sim.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c, tests/sim/broker_sim_test.c
 */
#include "tests/sim/broker_sim.h"

#include <stdlib.h>
#include <string.h>

#include "hal/frame.h"

/* MQTT 5, section 3.4.2.1 */
#define REASON_NO_SUBSCRIBERS 0x10
#define REASON_UNSPECIFIED    0x80
#define REASON_NOT_AUTHORISED 0x87
#define REASON_QUOTA_EXCEEDED 0x97

/* Messages to the agent that go out at one moment. */
#define DELIVERIES_MAX 8

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
	/* Of CONNECT. */
	struct uplink_connect connect; /* spans into connect_bytes */
	struct buf connect_bytes;
	bool granted[UPLINK_SUBSCRIPTIONS_MAX];
	/* What the core has not taken; these outlive the connection. */
	uint32_t untaken[UPLINK_UNTAKEN_MAX];
	int untaken_count;
	uint64_t untaken_bytes;
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

static void hear(struct broker_sim *broker, const struct uplink_publish *publish)
{
	if (broker->heard)
		broker->heard(broker->listener, publish);
}

/* The connection is over for the broker too. */
static void forget(struct link *link, bool orderly)
{
	struct broker_sim *broker = link->broker;
	if (link->state != LINK_UP)
		return;
	if (broker->link == link)
		broker->link = NULL;
	if (orderly || link->connect.will_topic.len == 0)
		return;
	broker->wills++;
	hear(broker, &(struct uplink_publish){.qos = 1,
	                                      .retain = link->connect.will_retain,
	                                      .topic = link->connect.will_topic,
	                                      .payload = link->connect.will_payload});
}

static void go_down(struct link *link, uint8_t down_class, int32_t reason, const char *text)
{
	forget(link, down_class == UPLINK_DOWN_ASKED);
	const struct uplink_down down = {.down_class = down_class, .reason = reason, .text = span_of(text)};
	uplink_down_encode(&link->out, &down);
	tell(link, UPLINK_DOWN);
	link->state = LINK_DOWN;
	link->due_count = 0;
	sim_child_wake_at(link->child, INT64_MAX);
}

static void remove_message(struct broker_sim *broker, int at)
{
	free(broker->inbox[at].topic);
	free(broker->inbox[at].payload);
	broker->inbox_count--;
	memmove(&broker->inbox[at], &broker->inbox[at + 1],
	        sizeof broker->inbox[0] * (size_t)(broker->inbox_count - at));
}

/* Rule 6. Is there a session for this connection? */
static bool find_session(struct link *link)
{
	struct broker_sim *broker = link->broker;
	if (broker->session && one_in(link, broker->faults.forget_one_in)) {
		broker->session = false;
		broker->forgotten++;
		while (broker->inbox_count > 0) {
			broker->inbox_lost++;
			remove_message(broker, 0);
		}
	}
	bool present = broker->session;
	broker->session = link->connect.session_expiry_s > 0;
	return present;
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
	if (link->connect.subscription_count > 0 && one_in(link, broker->faults.close_subscribe_one_in)) {
		broker->refusals++;
		go_down(link, UPLINK_DOWN_SUBSCRIBE, -1, "closed on SUBSCRIBE by the simulation");
		return;
	}
	link->state = LINK_UP;
	link->stalled = false;
	broker->link = link;
	link->receive_max = one_in(link, 3) ? (uint16_t)sim_random_between(random_of(link), 1, 40) : 65535;
	broker->connections++;
	struct uplink_up up = {.version = link->version,
	                       .receive_max = link->receive_max,
	                       .session_present = find_session(link),
	                       .retain_available = 1,
	                       .tls = SPAN_LITERAL("TLSv1.3"),
	                       .subscription_count = link->connect.subscription_count};
	for (int i = 0; i < up.subscription_count; i++) {
		link->granted[i] = !one_in(link, broker->faults.refuse_filter_one_in);
		broker->refused_filters += !link->granted[i];
		up.subscriptions[i] = link->granted[i]                   ? 1
		                      : link->version == UPLINK_MQTT_311 ? REASON_UNSPECIFIED
		                                                         : REASON_NOT_AUTHORISED;
	}
	uplink_up_encode(&link->out, &up);
	tell(link, UPLINK_UP);
	sim_child_flush(link->child);
}

/* ---- to the agent ---- */

/* One level of each, without its slash; what is left after it. */
static struct span next_level(struct span *rest, bool *more)
{
	const char *slash = rest->len > 0 ? memchr(rest->data, '/', rest->len) : NULL;
	struct span level = {rest->data, slash ? (size_t)(slash - rest->data) : rest->len};
	*more = slash != NULL;
	rest->data += level.len + (slash != NULL);
	rest->len -= level.len + (slash != NULL);
	return level;
}

bool broker_sim_matches(struct span filter, struct span topic)
{
	bool more_filter = true, more_topic = true;
	while (more_filter && more_topic) {
		struct span wish = next_level(&filter, &more_filter);
		if (span_equal(wish, SPAN_LITERAL("#")))
			return true;
		struct span level = next_level(&topic, &more_topic);
		if (!span_equal(wish, SPAN_LITERAL("+")) && !span_equal(wish, level))
			return false;
	}
	/* "a/#" matches "a" too. */
	return more_filter == more_topic || (more_filter && span_equal(filter, SPAN_LITERAL("#")));
}

static bool is_subscribed(const struct link *link, const char *topic)
{
	for (int i = 0; i < link->connect.subscription_count; i++) {
		if (link->granted[i] && broker_sim_matches(link->connect.subscriptions[i], span_of(topic)))
			return true;
	}
	return false;
}

void broker_sim_release(struct broker_sim *broker)
{
	while (broker->inbox_count > 0)
		remove_message(broker, 0);
}

void broker_sim_drop(struct broker_sim *broker)
{
	if (broker->link)
		go_down(broker->link, UPLINK_DOWN_BROKER, 0x8b, "the broker is started anew");
}

static bool has_room(const struct link *link)
{
	return link->untaken_count < UPLINK_UNTAKEN_MAX &&
	       link->untaken_bytes + UPLINK_TOPIC_BYTES_MAX + UPLINK_INBOUND_BYTES_MAX <=
	           UPLINK_UNTAKEN_BYTES_MAX;
}

static void deliver(struct link *link, const struct broker_sim_message *message)
{
	struct span topic = span_of(message->topic);
	if (one_in(link, link->broker->faults.drop_delivery_one_in)) {
		const struct uplink_dropped dropped = {
		    .why = UPLINK_DROPPED_NO_ROOM, .count = 1, .bytes = message->len, .topic = topic};
		link->broker->dropped++;
		uplink_dropped_encode(&link->out, &dropped);
		tell(link, UPLINK_DROPPED);
		return;
	}
	const struct uplink_inbound inbound = {
	    .qos = 1, .retain = message->retain, .topic = topic, .payload = {message->payload, message->len}};
	link->broker->delivered++;
	link->untaken[link->untaken_count++] = (uint32_t)(topic.len + message->len);
	link->untaken_bytes += topic.len + message->len;
	uplink_inbound_encode(&link->out, &inbound);
	tell(link, UPLINK_MESSAGE);
}

static void deliver_some(struct link *link)
{
	struct broker_sim *broker = link->broker;
	int done = 0;
	for (int i = 0; i < broker->inbox_count && done < DELIVERIES_MAX && has_room(link); i++) {
		if (!is_subscribed(link, broker->inbox[i].topic))
			continue;
		deliver(link, &broker->inbox[i]);
		done++;
		if (one_in(link, broker->faults.deliver_twice_one_in))
			broker->repeated++;
		else
			remove_message(broker, i--);
	}
	if (done > 0)
		sim_child_flush(link->child);
}

static bool can_deliver(const struct link *link)
{
	for (int i = 0; i < link->broker->inbox_count && has_room(link); i++) {
		if (is_subscribed(link, link->broker->inbox[i].topic))
			return true;
	}
	return false;
}

void broker_sim_post(struct broker_sim *broker, struct span topic, struct span payload, bool retain)
{
	CHECK(topic.len > 0 && topic.len <= UPLINK_TOPIC_BYTES_MAX &&
	      payload.len <= UPLINK_INBOUND_BYTES_MAX);
	if (broker->inbox_count == BROKER_SIM_INBOX_MAX) {
		broker->inbox_lost++;
		remove_message(broker, 0);
	}
	broker->inbox[broker->inbox_count++] =
	    (struct broker_sim_message){mem_copy_text(topic), mem_copy_text(payload), payload.len, retain};
	if (broker->link && !broker->link->stalled)
		wake_later(broker->link);
}

static void take_taken(struct link *link, const struct uplink_taken *taken)
{
	CHECK(taken->count <= link->untaken_count);
	for (int i = 0; i < taken->count; i++)
		link->untaken_bytes -= link->untaken[i];
	link->untaken_count -= taken->count;
	memmove(&link->untaken[0], &link->untaken[taken->count],
	        sizeof link->untaken[0] * (size_t)link->untaken_count);
	if (link->state == LINK_UP && !link->stalled && can_deliver(link))
		wake_later(link);
}

/* ---- from the agent ---- */

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

/* QoS 0: handed to the network, and answered for that; half of it is lost where connections are. */
static void answer_at_once(struct link *link, const struct uplink_publish *publish)
{
	const struct uplink_acks acks = {.count = 1, .acks = {{publish->token, 0}}};
	if (!one_in(link, link->broker->faults.lose_one_in > 0 ? 2 : 0))
		hear(link->broker, publish);
	uplink_acks_encode(&link->out, &acks);
	tell(link, UPLINK_ACKS);
	sim_child_flush(link->child);
}

static void take_publish(struct link *link, const struct uplink_publish *publish)
{
	static const uint8_t reasons[] = {REASON_NO_SUBSCRIBERS, REASON_UNSPECIFIED, REASON_QUOTA_EXCEEDED};
	struct broker_sim *broker = link->broker;
	const struct broker_faults *faults = &broker->faults;
	if (link->state != LINK_UP || link->stalled)
		return; /* of a connection that has ended, or into a network that swallows */
	bool posting = memmem(publish->topic.data, publish->topic.len, "/up/post/", 9) != NULL;
	CHECK(!posting || (publish->qos == 1 && publish->retain == 0));
	if (publish->qos == 0) {
		answer_at_once(link, publish);
		return;
	}
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
		if (broker->state_refused && memmem(publish->topic.data, publish->topic.len, "/up/state", 9))
			broker->state_refused(broker->listener);
		add_ack(link, publish->token, reasons[sim_random_below(random_of(link), sizeof reasons)]);
		return;
	}
	if (posting) {
		subscriber_receive(broker->subscriber, publish->topic, publish->payload);
		if (broker->posted)
			broker->posted(broker->listener, publish->topic);
	} else {
		hear(broker, publish);
	}
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
	buf_init(&link->connect_bytes, FRAME_PAYLOAD_MAX);
	return link;
}

static void take_connect(struct link *link, const uint8_t *payload, size_t len)
{
	buf_clear(&link->connect_bytes);
	buf_append(&link->connect_bytes, payload, len);
	CHECK(link->state == LINK_DOWN &&
	      uplink_connect_decode(&link->connect, link->connect_bytes.data, link->connect_bytes.len));
	link->state = LINK_CONNECTING;
	link->version = link->connect.version;
	if (one_in(link, link->broker->faults.silent_one_in))
		link->broker->stalls++;
	else
		wake_later(link);
}

static void frame(void *self, uint8_t type, const uint8_t *payload, size_t len)
{
	struct link *link = self;
	struct uplink_publish publish;
	struct uplink_taken taken;
	switch (type) {
	case UPLINK_CONNECT:
		take_connect(link, payload, len);
		break;
	case UPLINK_TAKEN:
		CHECK(uplink_taken_decode(&taken, payload, len));
		take_taken(link, &taken);
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
	if (link->state == LINK_CONNECTING) {
		answer_connect(link);
	} else if (link->state == LINK_UP) {
		if (link->due_count > 0)
			send_acks(link);
		deliver_some(link);
	}
	if (link->state == LINK_UP && (link->due_count > 0 || can_deliver(link)))
		wake_later(link);
}

static void end(void *self)
{
	struct link *link = self;
	forget(link, false);
	buf_release(&link->out);
	buf_release(&link->connect_bytes);
	free(link);
}

const struct sim_child_ops broker_sim_ops = {.start = start, .frame = frame, .wake = wake, .end = end};
