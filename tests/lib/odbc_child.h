/*
 * odbc_child.h - the source child under test, as the core would speak to it.
 *
 * Why:   what a driver does with a number, a date or a long text is known only by asking the real driver; the
 *        tests say what they ask and expect, and this says how.
 * Owns:  the child (this program again, running the role) and its socket; the answer's text is the caller's.
 * Rules: 1. One database per run, told by the environment: TWINPOST_ODBC_KIND (sqlite, postgresql, mariadb),
 *           TWINPOST_ODBC_CONNECTION and TWINPOST_ODBC_USER (for the role; password in TWINPOST_ODBC_PASSWORD),
 *           TWINPOST_ODBC_ADMIN (a whole connection string that may write), _NO_DATABASE and _NO_SERVER (connections
 *           to what is not there), _LATIN and _LATIN_ADMIN (postgresql: a database without encoding).
 *           tests/integration/test_odbc.py starts the servers and sets them.
 *        2. A result is one text: values with |, rows with newlines, ~ for NULL, <...> for a bad value.
 *        3. Nothing waits for ever: a frame that does not come in FRAME_SECONDS fails the test.
 * Runs in: the integration tests.
 */
#ifndef TWINPOST_TESTS_ODBC_CHILD_H
#define TWINPOST_TESTS_ODBC_CHILD_H

#include <sys/types.h>

#include "connector/source/source_protocol.h"
#include "hal/frame.h"

#define FRAME_SECONDS 60
/* The argument with which the test program becomes the child. */
#define ODBC_CHILD_ROLE  "--role"
#define RESULT_BYTES_MAX (64u * 1024u * 1024u)

enum kind { SQLITE, POSTGRESQL, MARIADB };

struct child {
	pid_t pid;
	int fd;
	struct frame_decoder decoder;
	uint32_t request;
};

/* The answer to one EXECUTE. */
struct answer {
	bool done;
	bool columns_came;
	uint32_t rows;
	struct buf text;
	struct source_failed failed;
	char failed_text[SOURCE_FAILED_TEXT_MAX + 1];
	struct source_columns columns; /* names are not kept */
	char first_name[64];
};

enum kind kind(void);
const char *setting(const char *name); /* "" where it is not set */

/* What firmware/main.c does for a source child, with the socket as standard input; the exit status. */
int run_role(void);

struct child start(void);
/* Closes our end, as a core that ends does, and gives the child's exit status. */
int stop(struct child *child);
void post(struct child *child, uint8_t type, const struct buf *payload);
/* false: the child has closed its end. */
bool next_frame(struct child *child, struct frame *frame);

/* The connection, user and password of the run. */
struct source_open open_message(void);
/* true: opened; false: answer->failed says why not. */
bool try_open(struct child *child, const struct source_open *open, struct source_opened *opened,
              struct answer *answer);
struct child open_child(const struct source_open *open);
struct child open_default(void);

struct source_param text_param(const char *text);
struct source_param integer_param(const char *text);
void prepare(struct child *child, uint16_t statement, uint16_t params, const char *sql);
void post_execute(struct child *child, uint16_t statement, int count, const struct source_param *params);
void take_answer(struct child *child, uint16_t statement, struct answer *answer);
void execute(struct child *child, uint16_t statement, int count, const struct source_param *params,
             struct answer *answer);

/* Expects that OPEN fails in this way and that the child then ends with status 0. */
void expect_no_login(const struct source_open *open, enum source_failure failure, const char *words);
/* Prepares as statement 0, executes, and expects the rows as text. */
void expect_params(struct child *child, const char *sql, int count, const struct source_param *params,
                   const char *rows);
void expect_rows(struct child *child, const char *sql, const char *rows);
void expect_failure(struct child *child, const char *sql, enum source_failure failure);

/* The database, behind the child's back. */
void admin_connected(const char *connection, const char *sql);
void admin(const char *sql);

#endif
