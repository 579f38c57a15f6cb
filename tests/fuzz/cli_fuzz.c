/*
 * cli_fuzz.c - any bytes as what the agent answers, shown by each command of the command line.
 *
 * Why:   an agent's words may hold what an ERP, a broker or a stranger's process at that socket said.
 * Owns:  a child process that answers at a socket of its own with the input, until this one ends; what is printed.
 * Rules: 1. The first byte chooses the command, the rest is what is sent; what begins with '!' is put into an answer as
 *           its data, so that the command's own reading is reached.
 *        2. Whatever is said, the command ends with an exit status of cli.h.
 *        3. What is printed for people holds no character that a terminal obeys; with --json it is one JSON value.
 *        4. What is no answer of the protocol is never shown: then standard output stays empty.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "hal/hal.h"
#include "tools/twinpost/cli.h"

#define REPLY_MAX (64u * 1024u)
#define WORDS     7

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Shared with the child. */
struct reply {
	size_t len;
	char bytes[REPLY_MAX + 64];
};

static struct reply *reply;
static char folder[64];
static char path[100];
static FILE *printed[2]; /* standard output, standard error */

static const char *const commands[][WORDS] = {
    {"status"},
    {"status", "--json"},
    {"queue"},
    {"trace", "00001/invoice/2024/RI-1001"},
    {"exceptions", "--all"},
    {"exceptions", "show", "1"},
    {"exceptions", "ack", "1", "--why", "x"},
    {"exceptions", "note", "1", "x"},
    {"exceptions", "retry", "1", "--why", "x"},
    {"pull"},
    {"replay", "00001", "1..2", "--why", "x"},
    {"resend", "00001/invoice/2024/RI-1001", "--why", "x"},
    {"key", "show"},
    {"key", "rotate", "--why", "x"},
    {"key", "export-public"},
    {"audit"},
    {"audit", "verify"},
    {"version"},
    {"compare", "exceptions"},
    {"compare", "exceptions", "compare:RI-1"},
    {"compare", "accept", "--cause", "rounding", "--preview"},
    {"compare", "ack", "compare:RI-1", "--why", "x"},
    {"compare", "repost", "00001/invoice/2024/RI-1001", "--preview"},
};

#define COMMANDS (sizeof commands / sizeof commands[0])

/* ---- the agent, played ---- */

static void answer_one(int client)
{
	static char room[HAL_CONTROL_REQUEST_MAX + 1];
	size_t sent = 0;
	size_t got = 0;
	/* A request ends with its newline. */
	while (got < sizeof room) {
		ssize_t n = recv(client, room + got, sizeof room - got, 0);
		if (n <= 0 || memchr(room + got, '\n', (size_t)n))
			break;
		got += (size_t)n;
	}
	while (sent < reply->len) {
		ssize_t n = send(client, reply->bytes + sent, reply->len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	(void)close(client);
}

static void serve(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(listener >= 0 && text_copy(address.sun_path, sizeof address.sun_path, span_of(path)));
	CHECK(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
	      listen(listener, 8) == 0);
	pid_t parent = getpid();
	pid_t child = fork();
	CHECK(child >= 0);
	if (child > 0) {
		(void)close(listener);
		return;
	}
	/* It ends with the fuzzer, however that ends. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent) {
		int client = accept(listener, NULL, NULL);
		if (client >= 0)
			answer_one(client);
	}
	_exit(0);
}

/* ---- one command ---- */

static char *read_back(FILE *file, size_t *len)
{
	CHECK(fflush(file) == 0);
	long end = ftell(file);
	CHECK(end >= 0);
	char *text = mem_alloc((size_t)end + 1);
	rewind(file);
	*len = fread(text, 1, (size_t)end, file);
	CHECK(*len == (size_t)end);
	rewind(file);
	CHECK(ftruncate(fileno(file), 0) == 0);
	return text;
}

static void check_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		CHECK((c >= 0x20 || c == '\n') && c != 0x7f);
		CHECK(c != 0xc2 || i + 1 == len || ((unsigned char)text[i + 1] & 0xe0) != 0x80);
	}
}

static bool is_answer(void)
{
	const char *end = memchr(reply->bytes, '\n', reply->len);
	size_t len = end ? (size_t)(end - reply->bytes) : 0;
	cJSON *root = cJSON_ParseWithLength(reply->bytes, len);
	bool good = cJSON_IsObject(root) && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "ok")) &&
	            cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "data"));
	cJSON_Delete(root);
	return good;
}

static void run(const char *const *words)
{
	char *argv[WORDS + 4] = {(char *)"twinpost"};
	int argc = 1;
	bool json = false;
	size_t out_len;
	size_t err_len;
	for (int i = 0; i < WORDS && words[i]; i++) {
		json = json || strcmp(words[i], "--json") == 0;
		argv[argc++] = (char *)words[i];
	}
	argv[argc++] = (char *)"--socket";
	argv[argc++] = path;
	int status = cli_main(argc, argv);
	CHECK((status >= CLI_OK && status <= CLI_INCOMPLETE) || status == CLI_UNAVAILABLE);
	char *out = read_back(printed[0], &out_len);
	char *err = read_back(printed[1], &err_len);
	check_plain(err, err_len);
	if (json) {
		cJSON *shown = cJSON_Parse(out);
		CHECK(out_len == 0 || shown != NULL);
		cJSON_Delete(shown);
	} else {
		check_plain(out, out_len);
	}
	/* `version` tells its own without an agent. */
	bool own = strcmp(words[0], "version") == 0;
	CHECK(own || is_answer() || (out_len == 0 && status != CLI_OK && err_len > 0));
	free(out);
	free(err);
}

static void take_down(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	(void)snprintf(folder, sizeof folder, "%s/cli-XXXXXX",
	               access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof path, "%s/socket", folder);
	reply = mmap(NULL, sizeof *reply, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(reply != MAP_FAILED);
	serve();
	for (int i = 0; i < 2; i++)
		CHECK((printed[i] = fdopen(memfd_create("printed", MFD_CLOEXEC), "w+")) != NULL);
	return atexit(take_down);
}

static void put(const void *bytes, size_t len)
{
	size_t room = sizeof reply->bytes - reply->len;
	memcpy(reply->bytes + reply->len, bytes, len < room ? len : room);
	reply->len += len < room ? len : room;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "{\"v\":1,\"ok\":true,\"data\":";
	if (size < 2)
		return 0;
	const char *const *words = commands[data[0] % COMMANDS];
	bool wrapped = data[1] == '!';
	size_t from = wrapped ? 2 : 1;
	reply->len = 0;
	if (wrapped)
		put(before, sizeof before - 1);
	put(data + from, size - from < REPLY_MAX ? size - from : REPLY_MAX);
	if (wrapped)
		put("}\n", 2);
	/* What the drivers of the fuzz targets print is not the command line's. */
	FILE *const kept[] = {stdout, stderr};
	stdout = printed[0];
	stderr = printed[1];
	run(words);
	stdout = kept[0];
	stderr = kept[1];
	return 0;
}
