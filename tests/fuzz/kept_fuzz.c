/*
 * kept_fuzz.c - any bytes as what the agent has kept on its disk: positions, sequences, keys, lists, logs.
 *
 * Why:   what is loaded from disk is checked as if a stranger had written it.
 * Owns:  a database in a folder of its own, made once; its log is the input's.
 * Rules: 1. The first byte chooses the reader, the rest is its input.
 *        2. What is read is written, and that is read again as the same; what is refused leaves an empty value.
 *        3. What was read can be worked with: readings begin and end, numbers come and are missed.
 *        4. A private key that is taken has the public key that it is kept with, and signs. A sealed file is never
 *           written over; its check is made right, so that what it holds is reached.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "connector/compare/pack_note.h"
#include "connector/compare/posting_sequence.h"
#include "connector/source/position.h"
#include "connector/source/statement.h"
#include "hal/keys.h"
#include "hal/keys_crypto.h"
#include "store_forward/log_check.h"
#include "store_forward/signature.h"
#include "tests/lib/test_hal.h"
#include "tools/twinpost/pack_key.h"

#define READERS         8
#define KEY_FILE_CHECK  8
#define LOG_HEADER      32
#define LOG_FRAME_LEAST (24 + 512)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];
static struct test_hal hal;

/* ---- positions ---- */

static void check_same_position(const struct position *one, const struct position *other)
{
	CHECK(one->newest == other->newest && one->shown_at == other->shown_at &&
	      one->settled == other->settled && one->reread_at == other->reread_at &&
	      one->reading == other->reading && one->reread == other->reread && one->from == other->from &&
	      one->clock == other->clock && one->seen == other->seen && one->after_len == other->after_len);
	CHECK(memcmp(one->after, other->after, one->after_len) == 0);
}

static void fuzz_position(struct span text, struct buf *out)
{
	struct position position;
	struct position again;
	struct position empty;
	position_init(&empty);
	if (!position_decode(&position, text)) {
		check_same_position(&position, &empty);
		return;
	}
	position_encode(&position, out);
	CHECK(buf_ok(out) && position_decode(&again, buf_span(out)));
	check_same_position(&position, &again);
	/* The longest that a configuration allows are years; the clock is any that the database may show. */
	const struct position_pace pace = {
	    .overlap_s = 86400, .lookback_s = INT64_C(3660) * 86400, .reread_s = 3600};
	static const int64_t clocks[] = {0, INT64_C(1795277244), INT64_C(253402300799),
	                                 -INT64_C(62135596800)};
	for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
		position = again;
		if (!position.reading)
			position_begin(&position, &pace, clocks[i], i % 2 == 1);
		position_see(&position, clocks[i]);
		position_end(&position, &pace);
		CHECK(!position.reading && position.after_len == 0 && position.newest >= again.newest);
		char texts[2][24];
		stamp_print(i % 2 ? STAMP_DATETIME : STAMP_CYYDDD_HHMMSS, position.newest, texts);
	}
}

static void fuzz_key(uint8_t count, struct span text)
{
	struct span values[PROFILE_KEYS_MAX];
	char again[4096];
	size_t len;
	int wanted = 1 + count % PROFILE_KEYS_MAX;
	if (text.len < sizeof again && key_decode(text, values, wanted)) {
		CHECK(key_encode(values, wanted, again, sizeof again, &len));
		CHECK(span_equal((struct span){again, len}, text));
	}
}

/* ---- sequences of the cloud ---- */

static void check_sequence(const struct posting_sequence *state)
{
	int64_t before = 0;
	CHECK(state->next >= 1 && state->gap_count <= POSTING_GAPS_MAX &&
	      state->recent_count <= POSTING_RECENT_MAX && state->source[0]);
	for (int i = 0; i < state->gap_count; i++) {
		CHECK(state->gaps[i].from > before && state->gaps[i].to >= state->gaps[i].from);
		before = state->gaps[i].to + 1;
	}
	CHECK(before <= state->next);
}

static void check_same_sequence(const struct posting_sequence *one, const struct posting_sequence *other)
{
	CHECK(strcmp(one->source, other->source) == 0 && one->next == other->next &&
	      one->conflicts == other->conflicts && one->gap_count == other->gap_count &&
	      one->recent_count == other->recent_count);
	CHECK(memcmp(one->gaps, other->gaps, (size_t)one->gap_count * sizeof one->gaps[0]) == 0);
}

static void use_sequence(struct posting_sequence *state)
{
	static const uint8_t mark[POSTING_MARK_BYTES] = {1, 2, 3};
	const int64_t numbers[] = {1, state->next / 2 + 1, state->next, state->next + 2};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		bool fresh = posting_sequence_look(state, numbers[i], mark) == POSTING_NEW;
		if (i % 2 == 0)
			(void)posting_sequence_miss(state, numbers[i]);
		else
			(void)posting_sequence_take(state, numbers[i], numbers[i], mark);
		check_sequence(state);
		/* A number that is missing never counts as here. */
		CHECK(!fresh || i % 2 == 1 || posting_sequence_look(state, numbers[i], mark) == POSTING_NEW);
	}
	CHECK(posting_sequence_upto(state) < state->next);
}

static void fuzz_sequence(struct span text, struct buf *out)
{
	struct posting_sequence state;
	struct posting_sequence again;
	if (!posting_sequence_read(&state, text))
		return;
	check_sequence(&state);
	posting_sequence_write(&state, out);
	CHECK(buf_ok(out) && out->len <= POSTING_SEQUENCE_BYTES_MAX);
	CHECK(posting_sequence_read(&again, buf_span(out)));
	check_same_sequence(&state, &again);
	use_sequence(&again);
}

/* ---- the rest ---- */

static void fuzz_streams(struct span text, struct buf *out)
{
	int64_t epoch;
	int64_t sequence;
	struct span name;
	struct span rest = text;
	while (pack_note_take_stream(&rest, &epoch, &sequence, &name))
		pack_note_put_stream(out, epoch, sequence, name);
	CHECK(buf_ok(out) && out->len == text.len - rest.len &&
	      (out->len == 0 || memcmp(out->data, text.data, out->len) == 0));
}

static void fuzz_private_key(struct span der)
{
	uint8_t again[KEY_PRIVATE_MAX];
	uint8_t signature[HAL_SIGNATURE_MAX];
	size_t len;
	const struct span said = SPAN_LITERAL("said");
	struct key_pair *pair = key_pair_from_der(&hal.hal, der);
	if (!pair)
		return;
	CHECK(public_key_valid(key_pair_public(pair)));
	key_pair_private(pair, again, &len);
	struct key_pair *other = key_pair_from_der(&hal.hal, (struct span){(const char *)again, len});
	CHECK(other && span_equal(key_pair_public(pair), key_pair_public(other)));
	key_pair_sign(pair, said, signature, &len);
	CHECK(signature_verify(key_pair_public(other), said, (struct span){(const char *)signature, len}));
	key_pair_free(other);
	key_pair_free(pair);
}

static void write_file(const char *name, struct span bytes, const uint8_t *check, size_t check_len)
{
	char path[128];
	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)umask(077);
	FILE *file = fopen(path, "we");
	CHECK(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len &&
	      fwrite(check, 1, check_len, file) == check_len && fclose(file) == 0);
}

static void fuzz_sealed(struct span bytes)
{
	char path[128];
	uint8_t hash[HAL_KEY_HASH_BYTES];
	uint8_t found[1024];
	struct hal_keys *keys = NULL;
	struct hal_keys_opening opening;
	struct err_info info;
	if (bytes.len + KEY_FILE_CHECK > sizeof found - 1)
		return;
	key_hash(bytes, hash);
	write_file("keys/signing.key", bytes, hash, KEY_FILE_CHECK);
	(void)snprintf(path, sizeof path, "%s/keys", folder);
	const struct hal_keys_options options = {.directory = path};
	enum err err = hal_keys_open(&hal.hal, &options, &keys, &opening, &info);
	if (err == ERR_OK)
		CHECK(!opening.created && public_key_valid(hal_keys_public(keys, HAL_KEY_CURRENT)));
	else
		CHECK(err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_DENIED);
	if (err == ERR_OK)
		hal_keys_close(keys);
	(void)snprintf(path, sizeof path, "%s/keys/signing.key", folder);
	FILE *file = fopen(path, "re");
	CHECK(file != NULL && fread(found, 1, sizeof found, file) == bytes.len + KEY_FILE_CHECK);
	CHECK(fclose(file) == 0 && (bytes.len == 0 || memcmp(found, bytes.data, bytes.len) == 0));
}

static void fuzz_pem(struct span bytes)
{
	char path[128];
	struct pack_key *key = NULL;
	struct err_info info;
	write_file("key.pem", bytes, (const uint8_t *)"", 0);
	(void)snprintf(path, sizeof path, "%s/key.pem", folder);
	enum err err = pack_key_open(path, &key, &info);
	CHECK((err == ERR_OK) == (key != NULL) && (err == ERR_OK || info.text[0]));
	if (key)
		pack_key_close(key);
}

static void fuzz_log(struct span bytes)
{
	char path[128];
	struct log_check check;
	sqlite3 *db = NULL;
	(void)snprintf(path, sizeof path, "%s/a.db-wal", folder);
	FILE *file = fopen(path, "we");
	CHECK(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fclose(file) == 0);
	path[strlen(path) - 4] = 0;
	CHECK(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
	(void)log_check_read(db, &check);
	size_t most = bytes.len < LOG_HEADER ? 0 : (bytes.len - LOG_HEADER) / LOG_FRAME_LEAST;
	CHECK(check.frames_good >= 0 && check.commits_lost >= 0);
	CHECK((size_t)check.frames_good <= 2 * most && (size_t)check.commits_lost <= most);
	(void)sqlite3_close(db);
}

static void take_down(void)
{
	static const char *const names[] = {"a.db",    "a.db-wal",         "a.db-shm",
	                                    "key.pem", "keys/signing.key", "keys/seal.key"};
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof path, "%s/keys", folder);
	(void)rmdir(path);
	(void)rmdir(folder);
}

static void make_keys(void)
{
	char path[128];
	struct hal_keys *keys = NULL;
	struct hal_keys_opening opening;
	struct err_info info;
	(void)snprintf(path, sizeof path, "%s/keys", folder);
	const struct hal_keys_options options = {.directory = path};
	CHECK(hal_keys_open(&hal.hal, &options, &keys, &opening, &info) == ERR_OK && opening.created);
	hal_keys_close(keys);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[128];
	sqlite3 *db = NULL;
	(void)argc, (void)argv;
	test_hal_init(&hal, 1);
	(void)snprintf(folder, sizeof folder, "%s/kept-XXXXXX",
	               access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof path, "%s/a.db", folder);
	CHECK(sqlite3_open(path, &db) == SQLITE_OK);
	CHECK(sqlite3_exec(db, "PRAGMA page_size = 512; PRAGMA journal_mode = WAL; CREATE TABLE t (a)", NULL,
	                   NULL, NULL) == SQLITE_OK);
	(void)sqlite3_close(db);
	make_keys();
	return atexit(take_down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf out;
	if (size == 0)
		return 0;
	const struct span input = {(const char *)data + 1, size - 1};
	buf_init(&out, 4 * size + 16384);
	switch (data[0] % READERS) {
	case 0:
		fuzz_position(input, &out);
		break;
	case 1:
		fuzz_sequence(input, &out);
		break;
	case 2:
		fuzz_streams(input, &out);
		break;
	case 3:
		fuzz_private_key(input);
		break;
	case 4:
		fuzz_log(input);
		break;
	case 5:
		fuzz_sealed(input);
		break;
	case 6:
		fuzz_pem(input);
		break;
	default:
		fuzz_key(data[0] / READERS, input);
	}
	buf_release(&out);
	return 0;
}
