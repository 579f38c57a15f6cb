/*
 * control_fuzz.c - any lines to the control socket of an agent with a store, a ledger and differences that are open.
 *
 * Why:   whoever may open the socket chooses these bytes; what changes something is signed for in the audit.
 * Owns:  a store and a ledger in a folder of their own, made once; what an input changes is rolled back behind it.
 * Rules: 1. An input is lines, each a request, REQUESTS_MAX at most: a run is begun, told and ended in one.
 *        2. An answer is one object by two readers, with data or with a known code and a sentence, within the limit.
 *        3. What is accepted has the members of its command alone, as docs/control-protocol.md has them, each once.
 *        4. What only reads, and what is refused, leaves no entry in the audit; what is refused leaves the differences
 *           as they were.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "tests/unit/control_change_fixture.h"

#include "connector/uplink/json_read.h"
#include "firmware/comparison.h"
#include "store_forward/mail.h"

#define REQUESTS_MAX 8

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct comparison {
	struct comparison_told told;
	struct ledger *ledger;
};

static struct comparison played;
static struct world *world;

/* ---- the comparison and the agent, played: nothing is ever committed ---- */

struct ledger *comparison_ledger(const struct comparison *comparison)
{
	return comparison->ledger;
}

struct comparison_told *comparison_told(struct comparison *comparison)
{
	return &comparison->told;
}

enum err comparison_change_begin(struct comparison *comparison, struct err_info *info)
{
	return ledger_in_transaction(comparison->ledger) ? ERR_OK : ledger_begin(comparison->ledger, info);
}

enum err comparison_change_end(struct comparison *comparison, enum err err, struct err_info *info)
{
	(void)info;
	if (err != ERR_OK)
		ledger_rollback(comparison->ledger);
	return err;
}

static enum err keep_open(void *self, struct err_info *info)
{
	(void)self, (void)info;
	CHECK(store_in_transaction(world->test.store));
	return ERR_OK;
}

static enum err sign(void *self, struct span text, struct buf *note, struct err_info *info)
{
	(void)self, (void)info;
	buf_append_span(note, text);
	return ERR_OK;
}

static enum err document_again(void *self, const char *source, struct document *document, bool preview,
                               struct recorder_again *again, struct err_info *info)
{
	(void)self, (void)source, (void)document, (void)preview, (void)info;
	*again = (struct recorder_again){.result = AGAIN_UNCHANGED, .revision = 1};
	return ERR_OK;
}

/* ---- the commands, as docs/control-protocol.md has them ---- */

static const struct {
	const char *name;
	const char *takes; /* each member between two blanks */
	bool reads;
} known[] = {
    {"version", " ", true},
    {"status", " ", true},
    {"queue", " stream limit ", true},
    {"trace", " subject ", true},
    {"exceptions", " all owner limit before ", true},
    {"exception", " id ", true},
    {"exception_ack", " id why ", false},
    {"exception_note", " id note ", false},
    {"exception_retry", " id why ", false},
    {"pull", " source ", true},
    {"replay", " stream from to why ", false},
    {"resend", " subject why ", false},
    {"key_show", " ", true},
    {"key_rotate", " why ", false},
    {"compare_sign", " text why ", false},
    {"compare_list", " state owner cause entity before limit ", true},
    {"compare_show", " key ", true},
    {"compare_ack", " key cause entity preview token why ", false},
    {"compare_snooze", " key cause entity preview token why until ", false},
    {"compare_accept", " key cause entity preview token why ", false},
    {"compare_reject", " key cause entity preview token why ", false},
    {"compare_reopen", " key cause entity preview token why ", false},
    {"compare_begin", " run verdict scope cut figures ", true},
    {"compare_differences", " run differences ", true},
    {"compare_end", " run ", false},
    {"compare_repost", " text preview why ", false},
    {"audit", " limit before ", true},
    {"audit_verify", " ", true},
};

#define KNOWN (sizeof known / sizeof known[0])

/* Which command an accepted request names; its members are the command's. */
static size_t check_accepted(struct span request)
{
	cJSON *root = cJSON_ParseWithLength(request.data, request.len);
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "cmd"));
	size_t which = 0;
	CHECK(name != NULL);
	while (which < KNOWN && strcmp(known[which].name, name) != 0)
		which++;
	CHECK(which < KNOWN);
	for (const cJSON *item = root->child; item; item = item->next) {
		char word[64];
		if (strcmp(item->string, "v") == 0 || strcmp(item->string, "cmd") == 0)
			continue;
		CHECK(strlen(item->string) < 32 && !strchr(item->string, ' '));
		(void)snprintf(word, sizeof word, " %s ", item->string);
		CHECK(strstr(known[which].takes, word) != NULL);
		for (const cJSON *other = item->next; other; other = other->next)
			CHECK(strcmp(item->string, other->string) != 0);
	}
	cJSON_Delete(root);
	return which;
}

static bool is_code(const char *code)
{
	static const char *const codes[] = {"bad_request", "unsupported", "not_found",
	                                    "conflict",    "too_large",   "store"};
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		if (strcmp(codes[i], code) == 0)
			return true;
	}
	return false;
}

struct traces {
	int64_t audit;
	int64_t breaks[BREAK_STATE_COUNT];
	int64_t mail;
};

static struct traces look(void)
{
	struct traces traces;
	struct err_info info;
	memset(&traces, 0, sizeof traces);
	traces.audit = audited(world);
	traces.mail = store_mail_next_id(world->test.store);
	CHECK(ledger_breaks_count(played.ledger, traces.breaks, &info) == ERR_OK);
	return traces;
}

static void request(struct span line)
{
	struct json_value root;
	const struct traces before = look();
	buf_clear(&world->reply);
	control_answer(&world->view, SPAN_LITERAL("anna (uid 1000)"), line, &world->reply);
	const struct traces after = look();
	struct span reply = buf_span(&world->reply);
	CHECK(buf_ok(&world->reply) && reply.len <= HAL_CONTROL_REPLY_MAX);
	CHECK(!memchr(reply.data, '\n', reply.len) && !memchr(reply.data, 0, reply.len));
	CHECK(json_open(&root, reply, NULL) == ERR_OK && root.kind == JSON_OBJECT);
	cJSON *answer = cJSON_ParseWithLength(reply.data, reply.len);
	CHECK(number(answer, "v") == 1);
	if (is_true(answer, "ok")) {
		size_t which = check_accepted(line);
		CHECK(cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(answer, "data")));
		CHECK(after.audit - before.audit <= 1);
		CHECK(!known[which].reads || after.audit == before.audit);
	} else {
		CHECK(is_code(text(answer, "code")) && text(answer, "error")[0]);
		CHECK(memcmp(&before, &after, sizeof before) == 0);
	}
	cJSON_Delete(answer);
}

/* ---- the world: made once ---- */

#define DIFFERENCE(n, cause)                                                                          \
	"{\"key\":\"compare:RI-" n "\",\"legacy\":\"00001/invoice/2026/RI-" n "\",\"status\":"        \
	"\"different\",\"cause\":\"" cause "\",\"owner\":\"policy\",\"entity\":\"00001\",\"period\":" \
	"\"2026-09\",\"document_type\":\"invoice\",\"currency\":\"EUR\",\"net\":\"-1.50\",\"gross\":" \
	"\"1.50\",\"text\":\"rounded\"}"

static void tell_differences(void)
{
	struct err_info info;
	(void)must(world, "{\"v\":1,\"cmd\":\"compare_begin\",\"run\":\"000001\",\"verdict\":\"breaks\","
	                  "\"scope\":{},\"cut\":{\"at\":\"2026-01-01T00:00:00.000Z\"}}");
	(void)must(world,
	           "{\"v\":1,\"cmd\":\"compare_differences\",\"run\":\"000001\",\"differences\":[" DIFFERENCE(
		       "1", "rounding") "," DIFFERENCE("2", "rounding") "," DIFFERENCE("3", "tax") "]}");
	(void)must(world, "{\"v\":1,\"cmd\":\"compare_end\",\"run\":\"000001\"}");
	CHECK(store_commit(world->test.store, &info) == ERR_OK);
	CHECK(ledger_commit(played.ledger, &info) == ERR_OK);
}

static void take_down(void)
{
	void *state = world;
	ledger_close(played.ledger);
	buf_release(&played.told.about);
	(void)tear_down(&state);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct ledger_opening opening;
	struct err_info info;
	void *state = NULL;
	char path[200];
	(void)argc, (void)argv;
	CHECK(set_up(&state) == 0);
	world = state;
	world->config.uplink.message_bytes_max = 60000;
	world->config.compare.four_eyes = CONFIG_YES;
	world->view.comparison = &played;
	world->view.actions.commit = keep_open;
	world->view.actions.sign = sign;
	world->view.actions.document_again = document_again;
	buf_init(&played.told.about, 2 * HAL_CONTROL_REQUEST_MAX);
	(void)snprintf(path, sizeof path, "%s/ledger.db", world->test.directory);
	CHECK(ledger_open(&world->test.hal.hal, path, LEDGER_WRITE, &played.ledger, &opening, &info) ==
	      ERR_OK);
	raise_exception(world, "journal-balance", "erp", "00001/journal/2026/1");
	test_append_many(&world->test, "00001", 1, 3, 1, 64);
	tell_differences();
	return atexit(take_down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = {(const char *)data, size};
	for (int i = 0; i < REQUESTS_MAX && rest.len > 0; i++) {
		const char *end = memchr(rest.data, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.data) : rest.len;
		/* What is longer is refused before it is read (hal/control). */
		if (len <= HAL_CONTROL_REQUEST_MAX)
			request((struct span){rest.data, len});
		rest = (struct span){rest.data + len + (end != NULL), rest.len - len - (end != NULL)};
	}
	played.told.run = (struct breaks_run){.at_ns = 0};
	if (store_in_transaction(world->test.store))
		store_rollback(world->test.store);
	if (ledger_in_transaction(played.ledger))
		ledger_rollback(played.ledger);
	return 0;
}
