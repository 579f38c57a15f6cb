/*
 * client.h - asks the running agent over its control socket.
 *
 * Why:   one place knows the wire and turns every way of failing into a sentence that says what to try.
 * Owns:  struct answer owns the parsed reply.
 * Rules: 1. One connection for one request; CLIENT_TIMEOUT_S for the whole of it.
 *        2. A reply that is no protocol version 1 is told as such, never shown as data.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py, tests/fuzz/cli_fuzz.c
 */
#ifndef TWINPOST_CLIENT_H
#define TWINPOST_CLIENT_H

#include <cjson/cJSON.h>

#include "hal/base/bytes.h"
#include "tools/twinpost/cli.h"

#define CLIENT_TIMEOUT_S    10
#define CLIENT_MESSAGE_SIZE 1024

struct answer {
	enum cli_exit status;
	cJSON *root;                       /* NULL unless status is CLI_OK */
	const cJSON *data;                 /* in root */
	char message[CLIENT_MESSAGE_SIZE]; /* where status is another: one or two lines for a person */
};

/* request is one line of JSON without its newline. Release *answer in every case. */
void client_ask(const char *socket_path, struct span request, struct answer *answer);
void answer_release(struct answer *answer);

/* Members of an object, with a value of the type asked for where they are absent or of another type. */
const char *member_text(const cJSON *object, const char *name); /* "" */
int64_t member_integer(const cJSON *object, const char *name);  /* 0 */
int64_t item_integer(const cJSON *item);                        /* 0 */
bool member_true(const cJSON *object, const char *name);
const cJSON *member(const cJSON *object, const char *name); /* NULL: none */

#endif
