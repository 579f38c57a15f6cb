/*
 * watch.c - `status --watch`: the status again and again, in place on a terminal.
 *
 * Why:   a person who waits for a backlog to drain looks at one screen, which does not flicker.
 * Owns:  the terminal's settings, put back at the end.
 * Rules: 1. A screen is written with one write: each line ends with "erase the rest", nothing is blanked first.
 *        2. The terminal is put back however the watch ends: q, Ctrl-C, SIGTERM, hang-up.
 *        3. Where standard output is no terminal, each round is a block of text, or one line with --json.
 *        4. An agent that is not running is shown as such and asked again.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "tools/twinpost/commands.h"

/* ECMA-48 and xterm's alternate screen. */
#define SCREEN_ENTER   "\033[?1049h\033[?25l"
#define SCREEN_LEAVE   "\033[?25h\033[?1049l"
#define CURSOR_HOME    "\033[H"
#define ERASE_LINE_END "\033[K"
#define ERASE_BELOW    "\033[J"

struct watch {
	bool full_screen;
	bool keys; /* standard input is a terminal */
	struct termios before;
	int signals;
	sigset_t blocked_before;
};

static void write_all(const void *data, size_t len)
{
	const char *next = data;
	while (len > 0) {
		ssize_t written = write(STDOUT_FILENO, next, len);
		if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			next += written;
			len -= (size_t)written;
		}
	}
}

static bool watch_begin(struct watch *watch, bool full_screen)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGWINCH);
	*watch = (struct watch){.full_screen = full_screen};
	if (sigprocmask(SIG_BLOCK, &set, &watch->blocked_before) != 0)
		return false;
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (watch->signals < 0)
		return false;
	watch->keys = full_screen && tcgetattr(STDIN_FILENO, &watch->before) == 0;
	if (watch->keys) {
		struct termios raw = watch->before;
		raw.c_lflag &= (tcflag_t) ~(tcflag_t)(ICANON | ECHO);
		watch->keys = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
	}
	if (full_screen)
		write_all(SCREEN_ENTER, sizeof SCREEN_ENTER - 1);
	return true;
}

static void watch_end(struct watch *watch)
{
	if (watch->full_screen)
		write_all(SCREEN_LEAVE, sizeof SCREEN_LEAVE - 1);
	if (watch->keys)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &watch->before);
	if (watch->signals >= 0)
		(void)close(watch->signals);
	(void)sigprocmask(SIG_SETMASK, &watch->blocked_before, NULL);
}

static int lines_of(const char *text)
{
	int lines = 0;
	for (; *text; lines++) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return lines;
}

/* Shows text as the whole screen: as many lines as fit, each with its rest erased. The last one says how many did
 * not. */
static void show_screen(const char *text)
{
	struct winsize size;
	struct buf screen;
	int rows = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
	int lines = lines_of(text);
	buf_init(&screen, CLI_OUTPUT_MAX);
	buf_append_text(&screen, CURSOR_HOME);
	for (int row = 1; *text && row <= rows; row++) {
		size_t length = strcspn(text, "\n");
		if (row == rows && lines > rows)
			buf_printf(&screen, "... %d lines more than the screen has", lines - rows + 1);
		else
			buf_append(&screen, text, length);
		buf_append_text(&screen, ERASE_LINE_END);
		text += length + (text[length] == '\n');
		if (*text && row < rows)
			buf_append_text(&screen, "\r\n");
	}
	buf_append_text(&screen, ERASE_BELOW);
	if (buf_ok(&screen))
		write_all(screen.data, screen.len);
	buf_release(&screen);
}

static enum cli_exit show_round(const struct watch *watch, const struct options *options,
                                const char *socket_path)
{
	struct answer answer;
	struct terminal terminal;
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	terminal_init(&terminal);
	client_ask(socket_path, SPAN_LITERAL("{\"v\":1,\"cmd\":\"status\"}"), &answer);
	enum cli_exit status = answer.status == CLI_OK ? status_exit(answer.data) : answer.status;
	if (options->json) {
		char *text = answer.data ? cJSON_PrintUnformatted(answer.data) : NULL;
		buf_append_text(&out, text ? text : "null");
		buf_append_char(&out, '\n');
		cJSON_free(text);
	} else {
		if (watch->full_screen) {
			buf_printf(&out, "Every %ld s, q ends.  ", options->watch_s);
			terminal_start(answer.data ? member_text(answer.data, "now") : "", 19, &out);
			buf_append_text(&out, "\n\n");
		}
		if (answer.data)
			status_render(answer.data, &terminal, &out);
		else
			terminal_lines(answer.message, &out);
		if (!watch->full_screen)
			buf_append_text(&out, "\n\n");
	}
	if (watch->full_screen)
		show_screen(buf_cstr(&out));
	else
		write_all(buf_cstr(&out), out.len);
	buf_release(&out);
	answer_release(&answer);
	return status;
}

/* Waits for the next round; false: the watch is over. */
static bool wait_round(const struct watch *watch, long seconds)
{
	struct pollfd pollfds[3] = {
	    {.fd = watch->signals, .events = POLLIN},
	    {.fd = watch->keys ? STDIN_FILENO : -1, .events = POLLIN},
	    /* Tells when the reader of a pipe has gone. */
	    {.fd = STDOUT_FILENO, .events = 0},
	};
	int ready = poll(pollfds, 3, (int)(seconds * 1000));
	if (ready < 0)
		return errno == EINTR;
	if (pollfds[2].revents & (POLLERR | POLLHUP))
		return false;
	if (pollfds[0].revents) {
		struct signalfd_siginfo got;
		if (read(watch->signals, &got, sizeof got) == (ssize_t)sizeof got &&
		    got.ssi_signo != SIGWINCH)
			return false;
	}
	if (pollfds[1].revents) {
		char key = 0;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 4)
			return false;
	}
	return true;
}

enum cli_exit status_watch(const struct options *options, const char *socket_path)
{
	struct watch watch;
	enum cli_exit status;
	bool full_screen = !options->json && isatty(STDOUT_FILENO) == 1;
	if (!watch_begin(&watch, full_screen)) {
		command_complain("the signals of this process cannot be watched; run it without --watch");
		return CLI_FAILED;
	}
	do
		status = show_round(&watch, options, socket_path);
	while (wait_round(&watch, options->watch_s));
	watch_end(&watch);
	return status;
}
