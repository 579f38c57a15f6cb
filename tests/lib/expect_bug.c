/*
 * expect_bug.c - see expect_bug.h.
 *
 * Why:   see expect_bug.h.
 * Owns:  the child, until it has ended.
 * Rules: none.
 * Runs in: the tests.
 * Tests: tests/unit/base_test.c
 */
#include "tests/lib/expect_bug.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

void expect_bug(void (*action)(void), const char *part)
{
	int ends[2];
	char message[1024] = "";
	int status;
	size_t len = 0;
	assert_int_equal(pipe(ends), 0);
	(void)fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit no_core = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGABRT, SIG_DFL);
		(void)dup2(ends[1], STDERR_FILENO);
		action();
		_exit(0);
	}
	(void)close(ends[1]);
	for (ssize_t got; len < sizeof message - 1; len += (size_t)got) {
		got = read(ends[0], message + len, sizeof message - 1 - len);
		if (got <= 0)
			break;
	}
	(void)close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	if (!strstr(message, part))
		fail_msg("\"%s\" is not in: %s", part, message);
}
