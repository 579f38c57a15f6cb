/*
 * expect_bug.h - that something ends in abort(), with its message.
 *
 * Why:   what a caller may not do is a rule like any other.
 * Owns:  nothing.
 * Rules: the test that calls it fails where no bug is found.
 * Runs in: the tests.
 * Tests: tests/unit/base_test.c
 */
#ifndef TWINPOST_EXPECT_BUG_H
#define TWINPOST_EXPECT_BUG_H

/* Runs it in a child and expects a bug there: SIGABRT, and this part in the message on standard error. */
void expect_bug(void (*action)(void), const char *part);

#endif
