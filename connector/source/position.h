/*
 * position.h - where the reading of one feed stands, as the text that the store keeps as its watermark.
 *
 * Why:   after a crash in the middle of a reading, it goes on where it was, with the same beginning.
 * Owns:  nothing; values.
 * Rules: 1. Instants are seconds of the ERP's local time since 1970-01-01; no zone is applied.
 *        2. The newest stamp never passes the database's own clock at the beginning of the reading that saw
 *           it.
 *        3. A text that cannot be read counts as no position: everything is read again, which the register
 *           makes harmless.
 *        4. While newest stands still, it is settled once a reading began `overlap` after the database's
 *           clock had first shown it and looked back over the overlap: from then on only what is stamped
 *           later is read.
 * Layout: tp1 lines of `name value`, the key percent-encoded.
 * Runs in: the core.
 * Tests: tests/unit/position_test.c, tests/fuzz/kept_fuzz.c
 */
#ifndef TWINPOST_POSITION_H
#define TWINPOST_POSITION_H

#include "connector/source/profile.h"

#define SECONDS_PER_DAY 86400
#define NO_STAMP        INT64_MIN

struct position {
	/* Between readings. */
	int64_t newest;   /* NO_STAMP: nothing was read yet */
	int64_t shown_at; /* the database's clock when newest was first reached */
	bool settled;
	int64_t reread_at; /* the database's clock at the beginning of the last re-reading; NO_STAMP: none */
	/* Of the reading under way. */
	bool reading;
	bool reread;
	int64_t from;     /* NO_STAMP: from the beginning */
	int64_t clock;    /* the database's, at its beginning */
	int64_t seen;     /* newest stamp seen in it, NO_STAMP: none yet */
	size_t after_len; /* 0: from the first key */
	char after[PROFILE_KEY_BYTES_MAX];
};

void position_init(struct position *position);
void position_encode(const struct position *position, struct buf *out);
MUST_USE bool position_decode(struct position *position, struct span text);

struct position_pace {
	int64_t overlap_s;
	int64_t lookback_s;
	int64_t reread_s; /* 0: never */
};

/* Begins a reading at this clock of the database. look_back: over the whole look-back, as after a start (what
 * was read already may be skipped; a re-reading skips nothing and happens on its own schedule). */
void position_begin(struct position *position, const struct position_pace *pace, int64_t clock,
                    bool look_back);
/* Makes the reading just begun a re-reading from the beginning; newest stays what it was. */
void position_widen(struct position *position);
/* Notes a stamp seen. */
void position_see(struct position *position, int64_t stamp);
/* Ends the reading: all of it was handed on. */
void position_end(struct position *position, const struct position_pace *pace);

/* The seconds of a stamp as its columns hold it; false: it is none (zero, or not a date). */
MUST_USE bool stamp_parse(enum stamp_form form, const struct span *columns, int64_t *seconds);
/* The other way; texts hold 24 bytes each. */
void stamp_print(enum stamp_form form, int64_t seconds, char texts[2][24]);

#endif
