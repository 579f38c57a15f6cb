/*
 * load_test.c - the cloud's public keys beside the configuration: loaded, or one clear line for each that is none.
 *
 * Why:   a wrong key is seen at the start, with its file and what to do, and not when the first command comes.
 * Owns:  nothing.
 * Rules: the keys were made with openssl ecparam (prime256v1, secp384r1) and openssl pkey -pubout.
 * Runs in: the tests, from the root of the tree.
 */
#include "firmware/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOOD                                                                 \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEkfbbtZfV+7w9BRYWth2Wo5ocYIHa\n" \
	"cT9AjdPiyFsI7UbG2eJvu5NChCK9dfodrivKgt2i4UtvPlT2SK/ucim7kQ==\n"     \
	"-----END PUBLIC KEY-----\n"
#define P384                                                                 \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE/y4QuVoFMx9owjK5oiMcVP4QZA4OH+Uf\n" \
	"3c+4OFCUYageZdqd9urR1ccVU67E4Hm139IkVaBjxQJmcspN6G6IBmc+ETUg/HKP\n" \
	"4j2Br8CSpcOe4M6QPnMRRR6dxyxNF66R\n"                                 \
	"-----END PUBLIC KEY-----\n"

/* What the reader finds, by the path's beginning; the configuration's keys are `command_keys`. */
static const char *command_keys;

static enum err read_real(const char *path, struct buf *out, struct err_info *info)
{
	char chunk[4096];
	size_t len;
	FILE *file = fopen(path, "rb");
	if (!file)
		return err_set(info, ERR_NOT_FOUND, "%s cannot be read", path);
	while ((len = fread(chunk, 1, sizeof chunk, file)) > 0)
		buf_append(out, chunk, len);
	(void)fclose(file);
	return ERR_OK;
}

static enum err read_file(const char *path, struct buf *out, struct err_info *info)
{
	enum err err = ERR_OK;
	if (strcmp(path, "gw.yaml") == 0) {
		err = read_real("config/examples/minimal.yaml", out, info);
		buf_printf(out, "\ncloud:\n  command_keys: [%s]\n  receipt_keys: [/good.pem]\n",
		           command_keys);
	} else if (strcmp(path, "/good.pem") == 0 || strcmp(path, "/also-good.pem") == 0) {
		buf_append_text(out, "a comment\n" GOOD);
	} else if (strcmp(path, "/p384.pem") == 0) {
		buf_append_text(out, P384);
	} else if (strcmp(path, "/bad.pem") == 0) {
		buf_append_text(out, "no key\n");
	} else if (strcmp(path, "/two.pem") == 0) {
		buf_append_text(out, GOOD GOOD);
	} else if (path[0] == '/') {
		return err_set(info, ERR_NOT_FOUND, "%s: the file does not exist", path);
	} else {
		err = read_real(path, out, info);
	}
	return err;
}

/* Loads with these command keys; the lines of problems in *text, to be freed. */
static bool load(struct loaded *loaded, const char *keys, char **text)
{
	struct buf out;
	buf_init(&out, 100000);
	command_keys = keys;
	bool good = load_all(loaded, "gw.yaml", "config/profiles", read_file, &out);
	*text = strdup(buf_cstr(&out));
	assert_non_null(*text);
	buf_release(&out);
	return good;
}

/* Good keys are there, in their order: the last bytes of the two SubjectPublicKeyInfo are those of the base64. */
static void good_keys_are_loaded(void **state)
{
	(void)state;
	struct loaded *loaded = calloc(1, sizeof *loaded);
	char *text;
	assert_non_null(loaded);
	bool good = load(loaded, "/good.pem, /also-good.pem", &text);
	assert_string_equal(text, "");
	assert_true(good);
	assert_int_equal(loaded->keys.command_count, 2);
	assert_int_equal(loaded->keys.receipt_count, 1);
	/* printf 'cim7kQ==' | base64 -d | xxd -p */
	static const uint8_t end[] = {0x72, 0x29, 0xbb, 0x91};
	assert_memory_equal(loaded->keys.command[1] + PUBLIC_KEY_BYTES - 4, end, 4);
	assert_memory_equal(loaded->keys.receipt[0] + PUBLIC_KEY_BYTES - 4, end, 4);
	free(text);
	loaded_release(loaded);
	free(loaded);
}

/* Each that is none has one line: file of the configuration, key, path, what is wrong and what is allowed. */
static void a_bad_key_is_one_line(void **state)
{
	static const struct {
		const char *keys, *line;
	} cases[] = {
	    {"/bad.pem", "gw.yaml: cloud.command_keys: /bad.pem: "},
	    {"/p384.pem", "gw.yaml: cloud.command_keys: /p384.pem: not a public key of P-256; "},
	    {"/none.pem", "gw.yaml: cloud.command_keys: /none.pem: the file does not exist; "},
	    {"/two.pem", "gw.yaml: cloud.command_keys: /two.pem: there is more than one public key; "},
	};
	(void)state;
	struct loaded *loaded = calloc(1, sizeof *loaded);
	char *text;
	assert_non_null(loaded);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_false(load(loaded, cases[i].keys, &text));
		if (strncmp(text, cases[i].line, strlen(cases[i].line)) != 0)
			fail_msg("%s", text);
		assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
		assert_non_null(strstr(text, "; allowed is a PEM file with one public key of P-256\n"));
		free(text);
		loaded_release(loaded);
	}
	assert_false(load(loaded, "/bad.pem, /good.pem, /none.pem", &text));
	assert_non_null(strstr(text, "/bad.pem"));
	assert_non_null(strstr(text, "/none.pem"));
	assert_null(strstr(text, "/good.pem"));
	free(text);
	loaded_release(loaded);
	free(loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_keys_are_loaded),
	    cmocka_unit_test(a_bad_key_is_one_line),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
