/*
 * config.h - the configuration of one agent, loaded from one YAML file and checked whole.
 *
 * Why:   a wrong file is told with file:line:column before anything runs, and every key is explained.
 * Owns:  struct config is plain data, no pointers; struct config_problems owns its texts.
 * Rules: 1. One table of keys (config/keys.c) gives type, unit, default, limits and text of every key; loader, checker,
 *           `twinpost config explain`, the shell completion and docs/configuration.md all come from it.
 *        2. An unknown key, a key given twice, a wrong type, a value outside its limits: each is a problem with its
 *           place; all problems of a file are told at once.
 *        3. Secrets are references (file:, env:, credential:), never values; a value that looks like a secret in
 *           the clear (a password key with text, PWD= in a connection string) is a problem.
 *        4. One plain YAML document: anchors, aliases, tags and further documents are problems. Values are read as they
 *           are written: 00001 and no are texts where a text is asked for.
 * Faults: not YAML, not text, empty, over-long (CONFIG_FILE_BYTES_MAX).
 * Runs in: every process of the program; the CLI.
 * Tests: tests/unit/config_test.c
 */
#ifndef TWINPOST_CONFIG_H
#define TWINPOST_CONFIG_H

#include "hal/base/log.h"
#include "hal/base/secret.h"

#define CONFIG_FILE_BYTES_MAX   (256u * 1024u)
#define CONFIG_SOURCES_MAX      8
#define CONFIG_PARAMETERS_MAX   16
#define CONFIG_PHASES_MAX       64
#define CONFIG_FEEDS_MAX        16
#define CONFIG_STREAM_RULES_MAX 64
#define CONFIG_DOCUMENTS_MAX    8 /* of one entry of streams or phases */
/* Of a stream's name, besides {entity}: leaves the company code at least 32 of the 63 bytes of a name. */
#define CONFIG_STREAM_BESIDE_MAX 31
#define CONFIG_HOSTS_MAX         8
#define CONFIG_CLOUD_KEYS_MAX    4
#define CONFIG_NAME_MAX          32 /* [a-z0-9-]{1,31} */
#define CONFIG_PATH_MAX          256
#define CONFIG_TEXT_MAX          512
/* What follows a source's name in the name of the process that writes its status table; both together are a name. */
#define CONFIG_STATUS_SUFFIX   "-status"
#define CONFIG_STATUS_NAME_MAX (CONFIG_NAME_MAX - sizeof CONFIG_STATUS_SUFFIX)
#define CONFIG_PROBLEMS_MAX    50
#define CONFIG_DECIMAL_DIGITS  8 /* after the point, as amounts have at most */
#define CONFIG_DECIMAL_SIZE    24

enum config_yes_no { CONFIG_NO, CONFIG_YES };
enum config_phase { CONFIG_PHASE_SHADOW, CONFIG_PHASE_PARALLEL, CONFIG_PHASE_CUTOVER, CONFIG_PHASE_LEGACY };
/* Whose ledger a source is: the ERP's documents are sent to the cloud, those of a cloud ledger are compared alone. */
enum config_side { CONFIG_SIDE_LEGACY, CONFIG_SIDE_CLOUD };
enum config_mqtt_version { CONFIG_MQTT_AUTO, CONFIG_MQTT_5, CONFIG_MQTT_311 };
enum config_no_subscriber { CONFIG_NO_SUBSCRIBER_HOLD, CONFIG_NO_SUBSCRIBER_ACCEPT };
enum config_broker {
	CONFIG_BROKER_OTHER,
	CONFIG_BROKER_MOSQUITTO,
	CONFIG_BROKER_RABBITMQ,
	CONFIG_BROKER_AWS_IOT,
	CONFIG_BROKER_EVENTGRID,
	CONFIG_BROKER_HIVEMQ,
	CONFIG_BROKER_EMQX,
	CONFIG_BROKER_COUNT
};
enum config_retain { CONFIG_RETAIN_AUTO, CONFIG_RETAIN_YES, CONFIG_RETAIN_NO };
/* In the order of precedence. */
enum config_stream_class {
	CONFIG_STREAM_IMMEDIATE,
	CONFIG_STREAM_NORMAL,
	CONFIG_STREAM_BULK,
	CONFIG_STREAM_CLASS_COUNT
};
/* When retention may delete an event; each one asks for more than the one before it. */
enum config_receipt { CONFIG_RECEIPT_PUBACK, CONFIG_RECEIPT_COSIGNED, CONFIG_RECEIPT_BOOKED };

struct config_parameter {
	char name[CONFIG_NAME_MAX];
	char value[CONFIG_PATH_MAX];
};

/* A table that the outcomes of a source's documents are written into; connection is empty where none is wanted. */
struct config_status_table {
	char connection[CONFIG_TEXT_MAX];
	char user[CONFIG_NAME_MAX * 4];
	struct secret_reference password;
	char table[129]; /* [A-Za-z0-9_.] */
};

struct config_source {
	char name[CONFIG_NAME_MAX]; /* name: required */
	char profile
	    [CONFIG_PATH_MAX]; /* profile: "jde" (a file of the installed profiles) or a path to a .yaml */
	char connection[CONFIG_TEXT_MAX]; /* connection: ODBC connection string, or dsn: NAME ("DSN=NAME") */
	char user[CONFIG_NAME_MAX * 4];   /* user: */
	struct secret_reference password; /* password: file:/path | env:NAME | credential:name */
	char text_encoding[CONFIG_NAME_MAX]; /* encoding: utf-8 */
	char zone[64]; /* zone: IANA name of the ERP's local time, shown beside instants */
	struct config_parameter
	    parameters[CONFIG_PARAMETERS_MAX]; /* parameters: of the profile, e.g. schema */
	int parameter_count;
	char feeds[CONFIG_FEEDS_MAX]
		  [CONFIG_NAME_MAX]; /* documents: [journal, invoice, ...]; empty: all of the profile */
	int feed_count;
	int64_t poll_ns;     /* poll: 30s, 1s..1d: pause between two readings */
	int64_t overlap_ns;  /* overlap: 2m: each reading begins this long before the newest stamp seen */
	int64_t reread_ns;   /* reread: 1h, 0 = never: how often the whole look-back is read again */
	int64_t lookback_ns; /* lookback: 3d, >= 1d: how far back a re-reading goes (late commits, edits) */
	int64_t query_deadline_ns; /* query_deadline: 60s: no answer for this long: the child is killed */
	int64_t login_timeout_ns;  /* login_timeout: 15s */
	int page_documents;        /* page: 500, 1..5000: documents read with one statement */
	int row_array;             /* row_array: 200, 1..1000 */
	enum config_side side;     /* side: legacy | cloud; default legacy */
	struct config_status_table status_table; /* status_table: */
	int line, column;                        /* where it stands in the file */
};

struct config_host {
	char host[CONFIG_PATH_MAX];
	int port;
};

struct config_uplink {
	char host[CONFIG_PATH_MAX]; /* host: required; name or address as in the certificate */
	int port;                   /* port: 8883 */
	struct config_host fallback_hosts[CONFIG_HOSTS_MAX]; /* fallback_hosts: [host:port, ...] */
	int fallback_host_count;
	enum config_broker broker;     /* broker: other; its limits and defaults are in config/broker.h */
	char client_id[65];            /* client_id: default {tenant}-{gateway} */
	char ca_file[CONFIG_PATH_MAX]; /* ca_file: required */
	char certificate_file[CONFIG_PATH_MAX]; /* certificate_file: */
	char key_file[CONFIG_PATH_MAX];         /* key_file: required with certificate_file */
	struct secret_reference key_password;   /* key_password: */
	char user[CONFIG_NAME_MAX * 4];         /* user: */
	struct secret_reference password;       /* password: */
	char alpn[CONFIG_NAME_MAX];             /* alpn: */
	enum config_mqtt_version version;       /* mqtt: auto | 5 | 3.1.1 */
	int64_t keepalive_ns;                   /* keepalive: 30s, 5s..20m */
	int64_t connect_timeout_ns;             /* connect_timeout: 20s */
	int64_t
	    ack_timeout_ns;    /* ack_timeout: 20s: an unanswered message for this long ends the connection */
	int64_t retry_min_ns;  /* retry_min: 1s: first back-off, doubled up to retry_max, full jitter */
	int64_t retry_max_ns;  /* retry_max: 2m */
	int64_t resend_ns;     /* resend: 10m, 0 = never: after a broker lost its session: sent again */
	int in_flight;         /* in_flight: 16, 1..1000 */
	int message_bytes_max; /* message_size_max: 60000 B, 1024..262144 */
	enum config_no_subscriber no_subscriber; /* no_subscriber: hold | accept (MQTT 5 reason 0x10) */
	int rate_messages;                       /* rate_messages: a second; 0 = no limit, else 1..100000 */
	int64_t rate_bytes;                      /* rate_bytes: a second; 0 = no limit, else 1KiB..1GiB */
	enum config_retain retain;               /* retain: auto | yes | no; see broker_retains() */
	int64_t checkpoint_period_ns;            /* checkpoint_period: 60s, 1s..1h */
	int64_t heartbeat_ns;                    /* heartbeat: 60s, 5s..1h */
};

struct config_phase_rule {
	char entity[CONFIG_NAME_MAX];                          /* entity: company code, "*" for all */
	char documents[CONFIG_DOCUMENTS_MAX][CONFIG_NAME_MAX]; /* documents: none: all */
	int document_count;
	enum config_phase phase;
	int from; /* from: 20261001; 0: always */
};

struct config_stream_rule {
	char entity[CONFIG_NAME_MAX];                          /* entity: company code; default "*" for all */
	char documents[CONFIG_DOCUMENTS_MAX][CONFIG_NAME_MAX]; /* documents: none: all */
	int document_count;
	char name[CONFIG_NAME_MAX * 2];  /* name: default "{entity}" */
	enum config_stream_class class_; /* class: immediate | normal | bulk; default normal */
	enum config_receipt receipt;     /* receipt: puback | cosigned | booked; default puback */
	int64_t sla_ns;                  /* sla: 0 = none, else 1m..90d: a final outcome is due */
	int batch;                       /* batch: 0 = none, else 2..500 documents a message */
};

struct config {
	char path[CONFIG_PATH_MAX];    /* the file, for messages */
	char tenant[CONFIG_NAME_MAX];  /* tenant: required, [a-z0-9-] */
	char gateway[CONFIG_NAME_MAX]; /* gateway: required, [a-z0-9-] */
	struct {
		char path[CONFIG_PATH_MAX]; /* store.path: /var/lib/twinpost/store.db */
		uint64_t size_max;          /* store.size_max: 4GiB, >= 16MiB */
		uint64_t disk_reserve;      /* store.disk_reserve: 64MiB */
		int64_t retention_ns;       /* store.retention: 35d */
	} store;
	struct {
		char socket
		    [CONFIG_PATH_MAX]; /* control.socket: /run/twinpost/control.sock; at most 107 bytes */
	} control;
	struct {
		enum log_level level; /* log.level: error | warning | notice | info | debug */
	} log;
	struct {
		char directory[CONFIG_PATH_MAX]; /* keys.directory: /var/lib/twinpost/keys */
		struct secret_reference seal;    /* keys.seal: kind SECRET_NONE: made by the agent */
	} keys;
	struct {
		char command_keys[CONFIG_CLOUD_KEYS_MAX][CONFIG_PATH_MAX]; /* cloud.command_keys: PEM files */
		int command_key_count;                                     /* 0: commands are refused */
		char receipt_keys[CONFIG_CLOUD_KEYS_MAX][CONFIG_PATH_MAX]; /* cloud.receipt_keys: PEM files */
		int receipt_key_count;                                     /* 0: receipts are not verified */
	} cloud;
	struct {
		char technical[CONFIG_NAME_MAX * 4]; /* owners.technical: the class's word by default */
		char data_quality[CONFIG_NAME_MAX * 4];
		char mapping[CONFIG_NAME_MAX * 4];
		char policy[CONFIG_NAME_MAX * 4];
	} owners;
	struct {
		enum config_yes_no enabled;    /* compare.enabled: yes */
		char rules[CONFIG_PATH_MAX];   /* compare.rules: a directory; "": none */
		char ledger[CONFIG_PATH_MAX];  /* compare.ledger: /var/lib/twinpost/ledger.db */
		char results[CONFIG_PATH_MAX]; /* compare.results: /var/lib/twinpost/compare */
		int64_t grace_cloud_ns;        /* compare.grace_cloud: 2d, 0..90d */
		int64_t grace_legacy_ns;       /* compare.grace_legacy: 1d, 0..90d */
		enum config_yes_no four_eyes;  /* compare.four_eyes: no */
		int clean_days;                /* compare.clean_days: 31, 1..366 */
		/* As they are written; decimal_parse() takes them. */
		char threshold_share[CONFIG_DECIMAL_SIZE]; /* compare.threshold_share: 0.001, 0..1 */
		char threshold_value[CONFIG_DECIMAL_SIZE]; /* compare.threshold_value: 0, in major units */
	} compare;
	struct config_uplink uplink;
	struct config_source sources[CONFIG_SOURCES_MAX];
	int source_count;
	struct config_phase_rule phases[CONFIG_PHASES_MAX]; /* phases: see config_phase_of(); none: shadow */
	int phase_count;
	struct config_stream_rule
	    streams[CONFIG_STREAM_RULES_MAX]; /* streams: first match; none: the defaults above */
	int stream_count;
};

struct config_problem {
	int line, column;        /* from 1; 0: the file as a whole */
	char text[ERR_TEXT_MAX]; /* "what is wrong; what is allowed" */
};

struct config_problems {
	struct config_problem list[CONFIG_PROBLEMS_MAX];
	int count;
	bool more; /* there were more than CONFIG_PROBLEMS_MAX */
};

/* Starts with none. line and column count from 1; 0, 0: the file as a whole. The sentence: "what is wrong; what is
 * allowed". One over CONFIG_PROBLEMS_MAX is only remembered as `more`. */
void config_problems_init(struct config_problems *problems);
void config_problem_add(struct config_problems *problems, int line, int column, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* In the order of the file; those of one place in the order they were added. */
void config_problems_sort(struct config_problems *problems);
/* Appends "path:line:column: text" lines. */
void config_problems_print(const struct config_problems *problems, const char *path, struct buf *out);

/* Parses text (the whole file) into *config. true: good. false: problems holds at least one.
 * path is only for messages and relative paths stay as they are. */
/* What a file without any key would give; required keys stay empty. */
void config_defaults(struct config *config);
MUST_USE bool config_parse(struct config *config, const char *path, struct span text,
                           struct config_problems *problems);

/* Where the value of a key stands in a text that config_parse() accepts; entry: of the list that the key is in, else 0.
 * false, and 0, 0: it is not given. */
bool config_locate(struct span text, const char *key, int entry, int *line, int *column);

/* The rule of a document of this type ("journal", "credit_memo", ...) and date (20261001): of those that match entity
 * and type, the one with the latest `from` that is not after the date; of two with the same, the first. A rule of
 * shadow where there is none, never NULL. */
const struct config_phase_rule *config_phase_of(const struct config *config, struct span entity,
                                                struct span document_type, int date);
const char *config_phase_name(enum config_phase phase);

/* The rule of an entity and a type of document ("journal", "credit_memo", ...): the first one that matches; a rule of
 * the defaults where none does, never NULL. */
const struct config_stream_rule *config_stream_of(const struct config *config, struct span entity,
                                                  struct span document_type);

/* Explains a key ("uplink.in_flight"; "" lists all): appends plain text for a terminal. ERR_NOT_FOUND: no such key
 * (the nearest ones are appended). */
MUST_USE enum err config_explain(const char *key, struct buf *out);
/* Every key's dotted name, one a line, for completion. */
void config_keys(struct buf *out);
/* The whole of docs/configuration.md. */
void config_markdown(struct buf *out);

#endif
