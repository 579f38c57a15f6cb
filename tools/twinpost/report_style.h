/*
 * report_style.h - the look of the HTML report, and the little script that sorts and filters its tables.
 *
 * Why:   one file that is mailed, archived and printed carries its look with it.
 * Owns:  nothing; static text.
 * Rules: 1. No address of anything outside. Fonts are those that the reader's machine has.
 *        2. Text has a contrast of 4.5:1 at least in both schemes (WCAG 2.1, 1.4.3), marks of charts 3:1 (1.4.11); no
 *           meaning is told by colour alone (1.4.1).
 *        3. Paper is always light; page breaks stand before parts, never within a row.
 *        4. Without the script everything is readable: it only adds buttons.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_STYLE_H
#define TWINPOST_REPORT_STYLE_H

extern const char *const report_style[]; /* the inside of <style>, in pieces; NULL ends it */
extern const char *const report_script;  /* the inside of <script> */

#endif
