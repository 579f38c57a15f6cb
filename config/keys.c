/*
 * keys.c - the table of configuration keys: who and where this box is, its store, its keys, its people.
 *
 * Why:   see keys.h.
 * Owns:  nothing; constants.
 * Rules: limits have their reason beside them where it is not plain from the key's text.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#include "config/keys.h"

#include "config/keys_table.h"

static const struct key_choice log_levels[] = {
    {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"notice", LOG_LEVEL_NOTICE},
    {"info", LOG_LEVEL_INFO},   {"debug", LOG_LEVEL_DEBUG},     {NULL, 0},
};

static const struct key keys_agent[] = {
    {.name = "tenant",
     .type = KEY_NAME,
     .required = true,
     AT(tenant),
     LENGTH(CONFIG_NAME_MAX),
     .summary = "name of the company or customer, the second level of every topic",
     .details = "Topics begin with tp1/{tenant}/{gateway}/. It is part of every event's source, so it does "
                "not change "
                "once events were sent.",
     .example = "acme"},
    {.name = "gateway",
     .type = KEY_NAME,
     .required = true,
     AT(gateway),
     LENGTH(CONFIG_NAME_MAX),
     .summary = "name of this box, the third level of every topic",
     .details =
         "Unique within the tenant. Two boxes of one tenant with the same name would write into each other's "
         "streams.",
     .example = "plant-1"},

    {.name = "store", .type = KEY_MAP, .summary = "the durable store on this box"},
    {.name = "store.path",
     .type = KEY_PATH,
     .fallback = "/var/lib/twinpost/store.db",
     AT(store.path),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "file of the store",
     .details = "Its write-ahead log stands beside it. Keep it on a local disk: SQLite's locks do not hold "
                "on network "
                "file systems."},
    {.name = "store.size_max",
     .type = KEY_SIZE,
     .fallback = "4GiB",
     .minimum = 16 * MIB,
     .maximum = TIB,
     AT(store.size_max),
     .summary = "pulling pauses when the store has grown to this size",
     .details =
         "Nothing is dropped: reading goes on by itself once the broker has taken enough and retention has "
         "made room. A journal of four lines takes about 2 KiB while it waits."},
    {.name = "store.disk_reserve",
     .type = KEY_SIZE,
     .fallback = "64MiB",
     .minimum = MIB,
     .maximum = TIB,
     .zero = true,
     AT(store.disk_reserve),
     .summary = "pulling pauses when the file system has less than this free",
     .details = "Leaves room for the log of transactions that are under way and for the rest of the box."},
    {.name = "store.retention",
     .type = KEY_DURATION,
     .fallback = "35d",
     .minimum = H,
     .maximum = 3650 * D,
     .zero = true,
     AT(store.retention_ns),
     .summary = "delivered events are kept this long for replay, then deleted",
     .details =
         "Events that the broker has not acknowledged are never deleted. 0 deletes them as soon as they were "
         "acknowledged."},

    {.name = "control", .type = KEY_MAP, .summary = "how the command line reaches the running agent"},
    /* sockaddr_un.sun_path holds 108 bytes with the closing zero, unix(7). */
    {.name = "control.socket",
     .type = KEY_PATH,
     .fallback = "/run/twinpost/control.sock",
     AT(control.socket),
     .minimum = 1,
     .maximum = 107,
     .summary = "the UNIX socket that `twinpost status` and the other commands ask",
     .details = "Who may open it may see every subject and exception; its folder decides who that is."},

    {.name = "log", .type = KEY_MAP, .summary = "what is written to the journal"},
    {.name = "log.level",
     .type = KEY_CHOICE,
     .fallback = "info",
     .choices = log_levels,
     AT(log.level),
     .summary = "the least important events that are still written",
     .details = "debug writes a line for every move of every state machine."},

    {.name = "keys", .type = KEY_MAP, .summary = "the signing key of this box"},
    {.name = "keys.directory",
     .type = KEY_PATH,
     .fallback = "/var/lib/twinpost/keys",
     AT(keys.directory),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "folder of the key that signs checkpoints",
     .details = "The key is made here at the first start and never leaves the box. Only the agent's user may "
                "be able "
                "to read the folder. It is not the TLS key."},
    {.name = "keys.seal",
     .type = KEY_SECRET,
     AT(keys.seal),
     .summary = "where the 32 bytes are that the signing key is encrypted with",
     .details = "Raw bytes or 64 hex digits. Where it is not given, the agent makes a file of its own beside "
                "the key: "
                "whoever copies the whole folder then has the key.",
     .example = "credential:twinpost-seal"},

    {.name = "cloud", .type = KEY_MAP, .summary = "whose signatures of the cloud's side count"},
    {.name = "cloud.command_keys",
     .type = KEY_PATHS,
     .maximum = CONFIG_CLOUD_KEYS_MAX,
     ENTRIES(struct config, cloud.command_keys, cloud.command_key_count),
     .summary =
         "PEM files with the public keys (P-256) that may sign commands; without one, commands are refused",
     .details = "Several, so that a new key can stand beside the old one while it is being changed.",
     .example = "[/etc/twinpost/cloud-command.pem]"},
    {.name = "cloud.receipt_keys",
     .type = KEY_PATHS,
     .maximum = CONFIG_CLOUD_KEYS_MAX,
     ENTRIES(struct config, cloud.receipt_keys, cloud.receipt_key_count),
     .summary =
         "PEM files with the public keys (P-256) that may cosign checkpoints; without one, receipts are not "
         "verified",
     .details = "Streams with receipt: cosigned need at least one.",
     .example = "[/etc/twinpost/cloud-receipt.pem]"},

    {.name = "owners", .type = KEY_MAP, .summary = "who works on which class of exceptions"},
    {.name = "owners.technical",
     .type = KEY_TEXT,
     .fallback = "technical",
     AT(owners.technical),
     LENGTH(CONFIG_NAME_MAX * 4),
     .summary = "who mends connections, rights, files and the box itself",
     .example = "it-operations@example.com"},
    {.name = "owners.data_quality",
     .type = KEY_TEXT,
     .fallback = "data_quality",
     AT(owners.data_quality),
     LENGTH(CONFIG_NAME_MAX * 4),
     .summary = "who corrects documents and master data in the ERP",
     .example = "accounting@example.com"},
    {.name = "owners.mapping",
     .type = KEY_TEXT,
     .fallback = "mapping",
     AT(owners.mapping),
     LENGTH(CONFIG_NAME_MAX * 4),
     .summary = "who keeps the mapping of accounts and codes",
     .example = "migration-team@example.com"},
    {.name = "owners.policy",
     .type = KEY_TEXT,
     .fallback = "policy",
     AT(owners.policy),
     LENGTH(CONFIG_NAME_MAX * 4),
     .summary = "who decides what the rules leave open",
     .example = "controller@example.com"},
};

#define KEYS_AGENT_COUNT ((int)(sizeof keys_agent / sizeof keys_agent[0]))

/* In the order in which they are explained. */
int key_count(void)
{
	int count = KEYS_AGENT_COUNT + keys_uplink_count + keys_sources_count + keys_streams_count +
	            keys_compare_count;
	CHECK(count <= KEYS_MAX); /* bitmaps of keys are KEYS_MAX long */
	return count;
}

const struct key *key_at(int index)
{
	CHECK(index >= 0 && index < key_count());
	if (index < KEYS_AGENT_COUNT)
		return &keys_agent[index];
	index -= KEYS_AGENT_COUNT;
	if (index < keys_uplink_count)
		return &keys_uplink[index];
	index -= keys_uplink_count;
	if (index < keys_sources_count)
		return &keys_sources[index];
	index -= keys_sources_count;
	if (index < keys_streams_count)
		return &keys_streams[index];
	return &keys_compare[index - keys_streams_count];
}

int key_index(const struct key *key)
{
	int index = 0;
	while (key_at(index) != key)
		index++;
	return index;
}
