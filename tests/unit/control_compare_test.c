/*
 * control_compare_test.c - what the agent signs of comparisons, and all that it does not, with a real store.
 *
 * Why:   its key is the one that middleware trusts for everything else.
 * Owns:  nothing; see control_change_fixture.h. The signature is played: what is signed, and whether, is shown here.
 * Rules: as in control_change_fixture.h.
 * Runs in: the tests.
 * Tests: firmware/control_compare.c
 */
#include "tests/unit/control_change_fixture.h"

#define ROOT \
	"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" /* printf '' | openssl dgst -sha256 -binary | base64 */
#define MANIFEST "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEAD \
	"0\\n" ROOT "\\nrun 000012\\nverdict breaks\\nperiods 2026-09 -\\ncut 2026-11-21T16:08:27.000Z\\n"
#define TAIL "rules ab12\\nmanifest " MANIFEST "\\n"

static enum err sign(void *self, struct span text_signed, struct buf *note, struct err_info *info)
{
	(void)self;
	(void)info;
	buf_append_text(note, "signed:");
	buf_append_span(note, text_signed);
	return ERR_OK;
}

static enum err sign_fails(void *self, struct span text_signed, struct buf *note, struct err_info *info)
{
	(void)self;
	(void)text_signed;
	(void)note;
	return err_set(info, ERR_IO, "the key cannot be read");
}

/* A request with these lines between the cut and the rules. */
static const char *request_of(const char *origin, const char *lines, char *request, size_t size)
{
	(void)snprintf(request, size,
	               "{\"v\":1,\"cmd\":\"compare_sign\",\"text\":\"%s\\n" HEAD "%s" TAIL "\"}", origin,
	               lines);
	return request;
}

/* Signed as it came, with who, run, verdict and manifest in the audit, after a restart too. */
static void signs_and_remembers(void **state)
{
	struct world *world = *state;
	char request[2000];
	world->view.actions.sign = sign;
	const cJSON *data = must(
	    world, request_of("acme/plant-1/compare", "cloud 7 9\\nlegacy 8 0\\n", request, sizeof request));
	assert_string_equal(text(data, "verdict"), "breaks");
	assert_string_equal(text(data, "run"), "000012");
	assert_string_equal(text(data, "note"),
	                    "signed:acme/plant-1/compare\n0\n" ROOT
	                    "\nrun 000012\nverdict breaks\nperiods 2026-09 -\ncut 2026-11-21T16:08:27.000Z\n"
	                    "cloud 7 9\nlegacy 8 0\nrules ab12\nmanifest " MANIFEST "\n");
	restart(world);
	assert_newest_entry(world, "comparison signed", "run 000012 breaks manifest " MANIFEST, "");
	assert_int_equal(audited(world), 1);
}

/* Texts of another gateway, of other kinds, and those that are nearly one. */
static void refuses_other_texts(void **state)
{
	struct world *world = *state;
	char request[2000];
	static const char *const others[] = {
	    "{\"v\":1,\"cmd\":\"compare_sign\",\"text\":\"tp1/key/v1\\ngateway acme/plant-1\\n\"}",
	    "{\"v\":1,\"cmd\":\"compare_sign\",\"text\":\"urn:twinpost:acme:plant-1:00001:1\\n1\\n" ROOT
	    "\\n\"}",
	    "{\"v\":1,\"cmd\":\"compare_sign\",\"text\":\"acme/plant-1/compare\\n" HEAD
	    "cloud 7 9\\nlegacy 8 0\\n" TAIL "more\\n\"}",
	    "{\"v\":1,\"cmd\":\"compare_sign\",\"text\":\"acme/plant-1/compare\\n" HEAD
	    "cloud 07 9\\nlegacy 8 0\\n" TAIL "\"}",
	    "{\"v\":1,\"cmd\":\"compare_sign\",\"text\":\"acme/plant-1/compare\"}",
	};
	world->view.actions.sign = sign;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		refused(world, others[i], "bad_request",
		        "the text has not the form of a comparison's; nothing is signed");
	refused(world,
	        request_of("acme/plant-2/compare", "cloud 7 9\\nlegacy 8 0\\n", request, sizeof request),
	        "bad_request", "the text is of acme/plant-2, this agent is acme/plant-1; nothing is signed");
	refused(world, "{\"v\":1,\"cmd\":\"compare_sign\"}", "bad_request",
	        "compare_sign needs the argument text");
	assert_int_equal(audited(world), 0);
}

/* A cut may not be ahead of what the agent has recorded: stream, epoch, sequence. */
static void refuses_what_is_ahead(void **state)
{
	struct world *world = *state;
	const struct store_stream *stream;
	struct err_info info;
	char request[2000], lines[200];
	world->view.actions.sign = sign;
	assert_int_equal(store_begin(world->test.store, &info), ERR_OK);
	assert_int_equal(store_stream_open(world->test.store, "00001", &stream, &info), ERR_OK);
	assert_int_equal(store_commit(world->test.store, &info), ERR_OK);
	const struct {
		long long epoch, sequence;
		const char *name;
		bool good;
	} cases[] = {{stream->epoch, 0, "00001", true},
	             {stream->epoch - 1, 99, "00001", true},
	             {stream->epoch, 1, "00001", false},
	             {stream->epoch + 1, 0, "00001", false},
	             {stream->epoch, 0, "00002", false}};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(lines, sizeof lines, "cloud 7 9\\nlegacy 8 1\\nstream %lld %lld %s\\n",
		               cases[i].epoch, cases[i].sequence, cases[i].name);
		const cJSON *data =
		    ask(world, request_of("acme/plant-1/compare", lines, request, sizeof request));
		assert_true((data != NULL) == cases[i].good);
		if (!data)
			assert_string_equal(text(world->root, "code"), "conflict");
	}
	assert_int_equal(audited(world), 2);
}

/* No key, a key that fails, a disk that fails: no note, nothing in the audit. */
static void failures_leave_nothing(void **state)
{
	struct world *world = *state;
	char request[2000];
	const char *good =
	    request_of("acme/plant-1/compare", "cloud 7 9\\nlegacy 8 0\\n", request, sizeof request);
	refused(world, good, "unsupported", "signing a comparison is not available in this agent");
	world->view.actions.sign = sign_fails;
	refused(world, good, "store", "the key cannot be read");
	world->view.actions.sign = sign;
	world->fail = ERR_FULL;
	refused(world, good, "store", "the disk is full");
	world->fail = ERR_OK;
	assert_int_equal(world->failed, 2);
	restart(world);
	assert_int_equal(audited(world), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(signs_and_remembers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refuses_other_texts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refuses_what_is_ahead, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(failures_leave_nothing, set_up, tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
