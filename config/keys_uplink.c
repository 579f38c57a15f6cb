/*
 * keys_uplink.c - the keys of the broker and of what is sent to it.
 *
 * Why:   see keys.h.
 * Owns:  nothing; constants.
 * Rules: limits have their reason beside them where it is not plain from the key's text.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#include "config/keys_table.h"

static const struct key_choice mqtt_versions[] = {
    {"auto", CONFIG_MQTT_AUTO}, {"5", CONFIG_MQTT_5}, {"3.1.1", CONFIG_MQTT_311}, {NULL, 0}};

static const struct key_choice no_subscribers[] = {
    {"hold", CONFIG_NO_SUBSCRIBER_HOLD}, {"accept", CONFIG_NO_SUBSCRIBER_ACCEPT}, {NULL, 0}};

static const struct key_choice brokers[] = {
    {"other", CONFIG_BROKER_OTHER},         {"mosquitto", CONFIG_BROKER_MOSQUITTO},
    {"rabbitmq", CONFIG_BROKER_RABBITMQ},   {"aws-iot", CONFIG_BROKER_AWS_IOT},
    {"eventgrid", CONFIG_BROKER_EVENTGRID}, {"hivemq", CONFIG_BROKER_HIVEMQ},
    {"emqx", CONFIG_BROKER_EMQX},           {NULL, 0},
};

static const struct key_choice retains[] = {
    {"auto", CONFIG_RETAIN_AUTO}, {"yes", CONFIG_RETAIN_YES}, {"no", CONFIG_RETAIN_NO}, {NULL, 0}};

const struct key keys_uplink[] = {
    {.name = "uplink", .type = KEY_MAP, .required = true, .summary = "the MQTT broker that takes the events"},
    {.name = "uplink.host",
     .type = KEY_TEXT,
     .required = true,
     .characters = ".-:_",
     AT(uplink.host),
     .minimum = 1,
     .maximum = 253,
     .summary = "the broker's name or address, as its certificate has it",
     .details = "The name only: no mqtts:// before it, no port behind it. The server's certificate is always "
                "verified against this name.",
     .example = "broker.example.com"},
    {.name = "uplink.port",
     .type = KEY_INTEGER,
     .fallback = "8883",
     .minimum = 1,
     .maximum = 65535,
     AT(uplink.port),
     .summary = "the broker's TLS port",
     .details = "There is no connection without TLS. 443 usually needs uplink.alpn too."},
    {.name = "uplink.fallback_hosts",
     .type = KEY_HOSTS,
     .maximum = CONFIG_HOSTS_MAX,
     ENTRIES(struct config, uplink.fallback_hosts, uplink.fallback_host_count),
     .summary = "further brokers of the same cluster, tried in turn after uplink.host fails",
     .details = "Each as host:port. Certificates, client identifier and passwords are the same for all of "
                "them. They "
                "must pass messages on to each other: subscribers stay where they are.",
     .example = "[\"broker2.example.com:8883\", \"broker3.example.com:8883\"]"},
    {.name = "uplink.broker",
     .type = KEY_CHOICE,
     .fallback = "other",
     .choices = brokers,
     AT(uplink.broker),
     .summary = "what kind of broker it is; its documented limits are kept",
     .details =
         "The defaults of alpn, in_flight, rate_messages and rate_bytes come from it, and a value of this "
         "file "
         "that the broker would refuse is told as a problem. docs/contract/brokers.md has what it means for "
         "each of them."},
    {.name = "uplink.client_id",
     .type = KEY_TEXT,
     .characters = "._:-",
     AT(uplink.client_id),
     .minimum = 1,
     .maximum = 64,
     .summary = "the MQTT client identifier; {tenant}-{gateway} where it is not given",
     .details = "Two clients with the same identifier throw each other off the broker for ever.",
     .example = "acme-plant-1"},
    {.name = "uplink.ca_file",
     .type = KEY_PATH,
     .required = true,
     AT(uplink.ca_file),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "PEM file with the certificates of the authorities that may sign the broker's certificate",
     .details =
         "/etc/ssl/certs/ca-certificates.crt holds the public authorities on Debian. Read again at every "
         "connection.",
     .example = "/etc/twinpost/ca.pem"},
    {.name = "uplink.certificate_file",
     .type = KEY_PATH,
     AT(uplink.certificate_file),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "PEM file with this box's client certificate",
     .details =
         "Goes together with uplink.key_file. To renew it, put the new files in place by renaming; the next "
         "connection reads them.",
     .example = "/etc/twinpost/client.pem"},
    {.name = "uplink.key_file",
     .type = KEY_PATH,
     AT(uplink.key_file),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "PEM file with the private key of uplink.certificate_file",
     .details = "Only the agent's user may be able to read it.",
     .example = "/etc/twinpost/client.key"},
    {.name = "uplink.key_password",
     .type = KEY_SECRET,
     AT(uplink.key_password),
     .summary = "where the password of uplink.key_file is, if it is encrypted",
     .example = "credential:uplink-key"},
    {.name = "uplink.user",
     .type = KEY_TEXT,
     AT(uplink.user),
     LENGTH(CONFIG_NAME_MAX * 4),
     .summary = "MQTT user name, for brokers that want one beside or instead of a certificate",
     .example = "plant-1"},
    {.name = "uplink.password",
     .type = KEY_SECRET,
     AT(uplink.password),
     .summary = "where the MQTT password is",
     .details = "Goes together with uplink.user: MQTT 3.1.1 forbids a password without a user name.",
     .example = "file:/etc/twinpost/mqtt.password"},
    {.name = "uplink.alpn",
     .type = KEY_TEXT,
     .characters = "-._/",
     AT(uplink.alpn),
     LENGTH(CONFIG_NAME_MAX),
     .summary = "TLS application protocol to ask for",
     .details = "AWS IoT Core on port 443 wants x-amzn-mqtt-ca, which is the default for broker: aws-iot "
                "there. Most "
                "brokers want none.",
     .example = "x-amzn-mqtt-ca"},
    {.name = "uplink.mqtt",
     .type = KEY_CHOICE,
     .fallback = "auto",
     .choices = mqtt_versions,
     AT(uplink.version),
     .summary = "the version of MQTT to speak",
     .details =
         "auto begins with 5 and falls back to 3.1.1 when the broker does not know it. With 3.1.1 a broker "
         "cannot tell that it refused a message: prefer 5 where you can."},
    /* MQTT counts keep-alive in seconds, 16 bits. AWS IoT Core allows 1200 at most. */
    {.name = "uplink.keepalive",
     .type = KEY_DURATION,
     .fallback = "30s",
     .minimum = 5 * S,
     .maximum = 20 * M,
     AT(uplink.keepalive_ns),
     .summary = "an idle connection is probed after this long"},
    {.name = "uplink.connect_timeout",
     .type = KEY_DURATION,
     .fallback = "20s",
     .minimum = S,
     .maximum = 5 * M,
     AT(uplink.connect_timeout_ns),
     .summary = "an attempt to connect is given up after this long"},
    {.name = "uplink.ack_timeout",
     .type = KEY_DURATION,
     .fallback = "20s",
     .minimum = S,
     .maximum = 10 * M,
     AT(uplink.ack_timeout_ns),
     .summary = "an event unanswered for this long ends the connection; it is sent again on the next"},
    {.name = "uplink.retry_min",
     .type = KEY_DURATION,
     .fallback = "1s",
     .minimum = 100 * MS,
     .maximum = H,
     AT(uplink.retry_min_ns),
     .summary = "first pause before connecting again, doubled at every failure",
     .details =
         "The pause is drawn at random between 0 and its limit, so that a thousand boxes do not return at "
         "once."},
    {.name = "uplink.retry_max",
     .type = KEY_DURATION,
     .fallback = "2m",
     .minimum = S,
     .maximum = D,
     AT(uplink.retry_max_ns),
     .summary = "longest pause before connecting again"},
    {.name = "uplink.resend",
     .type = KEY_DURATION,
     .fallback = "10m",
     .minimum = S,
     .maximum = D,
     .zero = true,
     AT(uplink.resend_ns),
     .summary = "what a broker took within this time is sent again after it lost its memory",
     .details = "A broker that was restarted without its disk has forgotten messages it had "
                "acknowledged and not passed on yet. It shows by not knowing this agent's session. "
                "Subscribers drop what they have already. 0 never sends again."},
    {.name = "uplink.in_flight",
     .type = KEY_INTEGER,
     .fallback = "16",
     .minimum = 1,
     .maximum = 1000,
     AT(uplink.in_flight),
     .summary = "events sent and not yet answered, at most",
     .details = "The broker's own limit (Receive Maximum) is respected too. More is faster over long lines; "
                "16 suits every cloud broker. The default for broker: hivemq is 10, its own."},
    {.name = "uplink.message_size_max",
     .type = KEY_SIZE,
     .fallback = "60000 B",
     .minimum = 1024,
     .maximum = 256 * KIB,
     AT(uplink.message_bytes_max),
     .summary = "a larger event becomes an exception instead of being sent",
     .details = "Brokers drop what is too large for them, some without a word. 60000 B fits all of them."},
    {.name = "uplink.no_subscriber",
     .type = KEY_CHOICE,
     .fallback = "hold",
     .choices = no_subscribers,
     AT(uplink.no_subscriber),
     .summary = "what to do when the broker says that nobody listens",
     .details =
         "With MQTT 5 a broker may answer that it threw the event away because no session subscribes to its "
         "topic. hold keeps the stream waiting and raises an exception; accept counts it as delivered."},
    {.name = "uplink.rate_messages",
     .type = KEY_INTEGER,
     .fallback = "0",
     .minimum = 1,
     .maximum = 100000,
     .zero = true,
     AT(uplink.rate_messages),
     .summary = "messages sent in a second, at most; 0 is no limit",
     .details =
         "The default is the broker's documented limit for one client: 100 for aws-iot, 1000 for eventgrid. "
         "EMQX Serverless takes 10: set it there."},
    {.name = "uplink.rate_bytes",
     .type = KEY_SIZE,
     .fallback = "0",
     .minimum = KIB,
     .maximum = GIB,
     .zero = true,
     AT(uplink.rate_bytes),
     .summary = "bytes sent in a second, at most; 0 is no limit",
     .details =
         "Protects a thin line that others use too. The default is the broker's documented limit for one "
         "client: 512KiB for aws-iot, 1000000 B for eventgrid."},
    {.name = "uplink.retain",
     .type = KEY_CHOICE,
     .fallback = "auto",
     .choices = retains,
     AT(uplink.retain),
     .summary = "is the agent's state (up/state) kept by the broker for later subscribers?",
     .details = "auto does what uplink.broker is known to allow. Events are never retained."},
    {.name = "uplink.checkpoint_period",
     .type = KEY_DURATION,
     .fallback = "60s",
     .minimum = S,
     .maximum = H,
     AT(uplink.checkpoint_period_ns),
     .summary = "an event is covered by a signed checkpoint after this long, or after 256 events",
     .details =
         "One signature takes a few milliseconds and one small message for each stream that had events."},
    {.name = "uplink.heartbeat",
     .type = KEY_DURATION,
     .fallback = "60s",
     .minimum = 5 * S,
     .maximum = H,
     AT(uplink.heartbeat_ns),
     .summary = "pause between two messages that say that this box lives and how far its streams are"},
};

const int keys_uplink_count = (int)(sizeof keys_uplink / sizeof keys_uplink[0]);
