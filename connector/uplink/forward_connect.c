/*
 * forward_connect.c - one connection: which host, which version, what is asked for, and what its end means.
 *
 * Why:   what a site's network and broker do before CONNACK is a subject of its own beside the states (forward.c).
 * Owns:  nothing beyond struct forward.
 * Rules: 1. A host is left for the next one when it could not be reached, and not when a connection that was up ends.
 *        2. The will is the death of this boot; a connection whose subscriptions ended it is tried once without.
 *        3. The exception uplink-down has the first host for its key, whichever one is being tried: one outage, one
 *           exception.
 * Faults: see forward.h.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c, tests/unit/forward_connect_test.c
 */
#include <inttypes.h>
#include <stdio.h>

#include "config/broker.h"
#include "connector/uplink/forward_state.h"
#include "connector/uplink/presence.h"
#include "connector/uplink/reason.h"

/* The child keeps connect_timeout itself and tells what was missing; past this it hangs in a blocking
 * call. */
#define CONNECT_GRACE_NS (2 * NS_PER_S)
/* Long enough for any outage that ends by itself. The session holds nothing of ours: that it is gone tells that the
 * broker has lost its memory. */
#define SESSION_EXPIRY_S 86400
#define STEADY_NS        (60 * NS_PER_S)
#define OUTAGE_TRIES     5
#define SLOW_NS          (5 * NS_PER_S)
#define CLOSES_MAX       2

void forward_choose_host(struct forward *forward, int host)
{
	const struct config_uplink *uplink = &forward->config->uplink;
	forward->host = host;
	(void)snprintf(forward->endpoint, sizeof forward->endpoint, "%s:%d",
	               host == 0 ? uplink->host : uplink->fallback_hosts[host - 1].host,
	               host == 0 ? uplink->port : uplink->fallback_hosts[host - 1].port);
}

/* ---- the end of connections ---- */

/* Rule 7 of forward.h. */
static void choose_version(struct forward *forward, int down_class, bool was_up)
{
	bool five = forward->version == UPLINK_MQTT_5;
	bool refused = down_class == UPLINK_DOWN_VERSION;
	if (down_class == UPLINK_DOWN_NO_CONNACK)
		forward->closes++;
	if (forward->config->uplink.version != CONFIG_MQTT_AUTO)
		return;
	if (was_up && forward->fell_back) {
		/* Closes are no proof: something before a broker that was starting closes too. One more close goes
		 * back. */
		forward->version = UPLINK_MQTT_5;
		forward->fell_back = false;
		forward->closes = CLOSES_MAX - 1;
		return;
	}
	if (!refused && (forward->closes < CLOSES_MAX || (five && forward->spoke_5)))
		return;
	forward->version = five ? UPLINK_MQTT_311 : UPLINK_MQTT_5;
	forward->fell_back = five && !refused;
	forward->closes = 0;
	log_event(forward->log, LOG_UPLINK_VERSION,
	          "endpoint=%s version=%s: the broker %s with MQTT %s; trying the other", forward->endpoint,
	          five ? "3.1.1" : "5", refused ? "refuses to speak" : "closes before CONNACK",
	          five ? "5" : "3.1.1");
}

/* A person must act: file, certificate, password, or a version that is fixed by configuration. */
static bool needs_person(const struct forward *forward, int down_class, int reason)
{
	switch (down_class) {
	case UPLINK_DOWN_TLS:
	case UPLINK_DOWN_LOCAL:
		return true;
	case UPLINK_DOWN_REFUSED:
		return reason < 0 || !(reason < REASON_UNSPECIFIED ? reason_of_connack_311((uint8_t)reason)
		                                                   : reason_of((uint8_t)reason))
		                          ->transient;
	case UPLINK_DOWN_VERSION:
		return forward->config->uplink.version != CONFIG_MQTT_AUTO;
	default:
		return false;
	}
}

void forward_lost(struct forward *forward, int down_class, int reason, const char *text, int64_t now_ns)
{
	bool was_up = forward->sm.state == FORWARD_UP;
	bool person = needs_person(forward, down_class, reason);
	if (was_up) {
		if (now_ns - forward->up_ns >= STEADY_NS)
			backoff_reset(&forward->backoff);
		forward->down_ns = now_ns;
	}
	forward->failures++;
	if (down_class == UPLINK_DOWN_SUBSCRIBE)
		forward->subscribes =
		    false; /* a connection without ears is better than none; tried again after it */
	window_lost(&forward->window, was_up, reason > 0 ? (uint8_t)reason : 0, now_ns);
	choose_version(forward, down_class, was_up);
	(void)snprintf(forward->problem, sizeof forward->problem, "%s", text);
	int64_t slow =
	    SLOW_NS < forward->config->uplink.retry_max_ns ? SLOW_NS : forward->config->uplink.retry_max_ns;
	forward->retry_ns = now_ns + backoff_next(&forward->backoff, forward->hal) + (person ? slow : 0);
	if (forward->outage == FORWARD_NO_OUTAGE && (person || forward->failures >= OUTAGE_TRIES))
		forward->outage = FORWARD_OUTAGE_DUE;
	forward_tell_at(forward, now_ns);
	log_event(forward->log, LOG_UPLINK_LOST, "endpoint=%s retry_ms=%" PRId64 ": %s", forward->endpoint,
	          (forward->retry_ns - now_ns) / NS_PER_MS, text);
	/* Last: what was logged is of the host that was lost. */
	if (!was_up && down_class != UPLINK_DOWN_SUBSCRIBE)
		forward_choose_host(forward,
		                    (forward->host + 1) % (forward->config->uplink.fallback_host_count + 1));
}

void forward_lost_and_end(struct forward *forward, const char *text, int64_t now_ns)
{
	forward_lost(forward, UPLINK_DOWN_NETWORK, -1, text, now_ns);
	forward_end_child(forward, text, now_ns);
}

/* ---- connecting ---- */

static uint32_t session_expiry(const struct config_uplink *uplink)
{
	int64_t most = broker_profile_of(uplink->broker)->session_expiry_s_max;
	return most > 0 && most < SESSION_EXPIRY_S ? (uint32_t)most : SESSION_EXPIRY_S;
}

static void encode_connect(struct forward *forward)
{
	const struct config_uplink *uplink = &forward->config->uplink;
	char filters[2][UPLINK_TOPIC_BYTES_MAX + 1];
	char will[UPLINK_TOPIC_BYTES_MAX + 1];
	forward_topic(forward, "dn/cmd", NULL, filters[0]);
	/* dn/ack and dn/post of every stream; no filter wider than an access list of two lines allows. */
	forward_topic(forward, "dn/+", "+", filters[1]);
	forward_topic(forward, "up/state", NULL, will);
	buf_clear(&forward->message);
	presence_death(&forward->message, forward->boot, PRESENCE_LOST, hal_wall_ns(forward->hal));
	int host = forward->host;
	const struct uplink_connect connect = {
	    .host = span_of(host == 0 ? uplink->host : uplink->fallback_hosts[host - 1].host),
	    .port = (uint16_t)(host == 0 ? uplink->port : uplink->fallback_hosts[host - 1].port),
	    .will_topic = span_of(will),
	    .will_payload = buf_span(&forward->message),
	    .will_retain = broker_retains_will(uplink),
	    .subscription_count = forward->subscribes ? 2 : 0,
	    .subscriptions = {span_of(filters[0]), span_of(filters[1])},
	    .version = forward->version,
	    .client_id = span_of(uplink->client_id),
	    .keepalive_s = (uint16_t)forward_seconds(uplink->keepalive_ns),
	    .session_expiry_s = session_expiry(uplink),
	    .connect_timeout_s = forward_seconds(uplink->connect_timeout_ns),
	    .ca_file = span_of(uplink->ca_file),
	    .certificate_file = span_of(uplink->certificate_file),
	    .key_file = span_of(uplink->key_file),
	    .key_password = uplink->key_password,
	    .alpn = span_of(uplink->alpn),
	    .user = span_of(uplink->user),
	    .password = uplink->password,
	    .receive_max = UPLINK_RECEIVE_MAX,
	};
	buf_clear(&forward->frame);
	uplink_connect_encode(&forward->frame, &connect);
	CHECK(buf_ok(&forward->frame));
}

void forward_try_connect(struct forward *forward, int64_t now_ns)
{
	struct err_info info = {.text = ""};
	if (forward->child == 0) {
		if (hal_child_spawn(forward->hal, HAL_ROLE_UPLINK, FORWARD_CHILD, &forward->child, &info) !=
		    ERR_OK) {
			forward->child = 0;
			forward_lost(forward, UPLINK_DOWN_NETWORK, -1, info.text, now_ns);
			forward->deadline_ns = forward->retry_ns;
			return;
		}
		log_event(forward->log, LOG_CHILD_STARTED, "child=" FORWARD_CHILD " id=%u: started",
		          (unsigned)forward->child);
	}
	encode_connect(forward);
	enum err err = hal_child_send(forward->hal, forward->child, UPLINK_CONNECT, forward->frame.data,
	                              forward->frame.len);
	sm_enter(&forward->sm, FORWARD_CONNECTING, "time to try");
	forward->deadline_ns = now_ns + forward->config->uplink.connect_timeout_ns + CONNECT_GRACE_NS;
	/* A child that has gone tells it by its last event; one that does not read is of no use. */
	if (err == ERR_AGAIN)
		forward_lost_and_end(forward, "the uplink child does not read its orders", now_ns);
}

/* What became of the subscriptions; the next connection asks again. */
static void listen_state(struct forward *forward, const struct uplink_up *up)
{
	uint8_t refused = uplink_up_refused(up);
	forward->listens = up->subscription_count > 0 && refused == 0;
	if (!forward->listens)
		log_event(forward->log, LOG_UPLINK_REFUSED,
		          "endpoint=%s refused=0x%02x: the broker does not let client %s subscribe to its "
		          "dn/ topics; commands, "
		          "outcomes and receipts do not arrive: allow it in the broker's access list",
		          forward->endpoint, refused, forward->config->uplink.client_id);
	forward->subscribes = true;
}

void forward_take_up(struct forward *forward, const struct uplink_up *up, int64_t now_ns)
{
	int in_flight = forward->config->uplink.in_flight;
	int limit = in_flight < up->receive_max ? in_flight : up->receive_max;
	forward->window.limit = limit < WINDOW_MESSAGES_MAX ? limit : WINDOW_MESSAGES_MAX;
	(void)snprintf(forward->tls, sizeof forward->tls, "%.*s", (int)up->tls.len,
	               up->tls.len ? up->tls.data : "");
	forward->version = up->version;
	forward->spoke_5 = forward->spoke_5 || up->version == UPLINK_MQTT_5;
	/* One that is due stays due until it was done, over further connections too. */
	forward->rewind_due = forward->rewind_due || !up->session_present;
	forward->closes = 0;
	forward->failures = 0;
	forward->connections++;
	forward->up_ns = now_ns;
	forward->problem[0] = 0;
	forward->ack_check_ns = now_ns;
	forward->greet_due = true;
	forward->prompt_refused = false;
	forward->retains = broker_retains(&forward->config->uplink) && up->retain_available;
	listen_state(forward, up);
	forward->outage_clear_due = forward->outage_clear_due || forward->outage == FORWARD_OUTAGE_TOLD ||
	                            !forward->outage_cleared_once;
	forward->outage_cleared_once = true;
	forward->outage = FORWARD_NO_OUTAGE;
	if (forward->outage_clear_due)
		forward_tell_at(forward, now_ns);
	log_event(forward->log, LOG_UPLINK_CONNECTED,
	          "endpoint=%s mqtt=%s tls=%s window=%d packet_max=%u: connected", forward->endpoint,
	          up->version == UPLINK_MQTT_5 ? "5" : "3.1.1", forward->tls, forward->window.limit,
	          (unsigned)up->packet_max);
	sm_enter(&forward->sm, FORWARD_UP, "CONNACK");
}
