/*
 * driver.c - runs one fuzz target over its kept inputs and what is near them: the driver where there is no libFuzzer.
 *
 * Why:   every test run tries each decoder, with the sanitizers of that build and in seconds; looking for inputs of
 *        its own is libFuzzer's (make fuzz-smoke).
 * Owns:  nothing.
 * Rules: 1. Usage: TARGET FOLDER. Each file of the folder is a test: whole, cut short, and with bytes changed.
 *        2. The same inputs in every run: what is changed follows from the file's bytes. PIECES bounds the work.
 *        3. Each input stands in memory of its own size, so that a byte read past its end is seen.
 * Faults: a target that breaks a rule of its own aborts; the last line of the output names the file.
 * Runs in: the tests (tests/run sanitized).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"

#define PIECES         48
#define FILE_BYTES_MAX (256u * 1024u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Of targets that need one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static void try(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	CHECK(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* xorshift64*, by Vigna (2016): any generator that is the same everywhere would do. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static void try_near(uint8_t *bytes, size_t len)
{
	uint64_t state = 1 + len;
	for (size_t i = 0; i < len; i++)
		state = state * 31 + bytes[i];
	state |= 1;
	for (size_t i = 0; i < PIECES; i++)
		try(bytes, len * i / PIECES);
	for (size_t i = 0; len > 0 && i < PIECES; i++) {
		uint8_t *byte = &bytes[next(&state) % len];
		uint8_t kept = *byte;
		*byte = (uint8_t)next(&state);
		try(bytes, len);
		*byte = kept;
	}
}

static bool read_file(const char *path, uint8_t *bytes, size_t *len)
{
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	*len = fread(bytes, 1, FILE_BYTES_MAX, file);
	bool good = ferror(file) == 0 && feof(file) != 0;
	(void)fclose(file);
	return good;
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	uint8_t *bytes = mem_alloc(FILE_BYTES_MAX);
	int tests = 0;
	int failed = 0;
	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	int count = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1;
	for (int i = 0; i < count; i++) {
		char path[1024];
		size_t len = 0;
		if (entries[i]->d_name[0] != '.') {
			(void)snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
			(void)printf("# %s\n", path);
			(void)fflush(stdout);
			bool good = read_file(path, bytes, &len);
			if (good) {
				try(bytes, len);
				try_near(bytes, len);
			}
			failed += !good;
			(void)printf("%s %d - %s\n", good ? "ok" : "not ok", ++tests, entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	free(bytes);
	(void)printf("1..%d\n", tests);
	return tests > 0 && failed == 0 ? 0 : 1;
}
