/*
 * outcome_table.h - what must come of each outcome in each state, written by hand from docs/contract, Outcomes.
 *
 * Why:   the machine is tried against this, and not against itself.
 * Owns:  nothing.
 * Rules: 1. Columns: RECEIVED VALIDATED PARTIAL BOOKED REJECTED DUPLICATE, and a code that nobody knows.
 *           Rows: sent, then the states in the same order.
 *        2. M moves; L late; C conflict; X moves as a correction; U unknown code; = the same outcome, where the
 *           documents decide (second table).
 *        3. Second table: R repeated; M moves (the first document is learned); N history only; D double booking;
 *           C conflict; X moves as a correction.
 * Runs in: the tests.
 */
#ifndef TWINPOST_OUTCOME_TABLE_H
#define TWINPOST_OUTCOME_TABLE_H

#define TABLE_CODES 7

/* `corrects` is not given, or names another state than the present one. */
static const char *const table_plain[TABLE_CODES] = {
    /* sent      */ "MMMMMMU",
    /* RECEIVED  */ "=MMMMMU",
    /* VALIDATED */ "L=MMMMU",
    /* PARTIAL   */ "LL=MMMU",
    /* BOOKED    */ "LLL=CdU", /* d: R where DUPLICATE names no other document than the booked one, else C */
    /* REJECTED  */ "LLLC=CU",
    /* DUPLICATE */ "LLLCC=U",
};

/* `corrects` names the present state. */
static const char *const table_corrects[TABLE_CODES] = {
    /* sent      */ "MMMMMMU", /* cannot be named; the same */
    /* RECEIVED  */ "=MMMMMU",
    /* VALIDATED */ "L=MMMMU",
    /* PARTIAL   */ "LL=MMMU",
    /* BOOKED    */ "LLL=XXU",
    /* REJECTED  */ "LLLX=XU",
    /* DUPLICATE */ "LLLXX=U",
};

/* The same outcome again. Columns, document of the state / of the outcome: none/none, A/A, A/none, none/A, A/B, and A/B
 * where `corrects` names the state. Rows: RECEIVED ... DUPLICATE. */
#define TABLE_DOCUMENTS 6
static const char *const table_again[TABLE_CODES] = {
    /* sent      */ "------", /* no outcome is called so */
    /* RECEIVED  */ "RRRMNN",
    /* VALIDATED */ "RRRMNN",
    /* PARTIAL   */ "RRRMNN",
    /* BOOKED    */ "RRRMDD",
    /* REJECTED  */ "RRRMNN",
    /* DUPLICATE */ "RRRMCX",
};

#endif
