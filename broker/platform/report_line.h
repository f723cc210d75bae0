/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a line, for whoever reads it:
 *
 *     counterfoild: low on room                                        a person who typed a verb
 *     2026-11-23T11:24:00.123Z warning counterfoild: low on room       a log
 *     <4>low on room                                                   systemd's journal, which has
 *                                                                      time and name (sd-daemon(3))
 *     {"time": "2026-11-23T11:24:00.123Z", "level": "warning", "text": "low on room"}
 *
 * The levels are error (3), warning (4), notice (5) and info (6), as syslog(3) has them. */
#ifndef CF_BROKER_PLATFORM_REPORT_LINE_H
#define CF_BROKER_PLATFORM_REPORT_LINE_H
#include <sys/types.h>

#include "broker/platform/env.h"

#include <jansson.h>

typedef enum {
    CF_REPORT_PLAIN,
    CF_REPORT_DATED,
    CF_REPORT_JOURNAL,
    CF_REPORT_JSON,
} cf_report_form;

typedef struct {
    cf_report_form form;
    const char *program;
    cf_report_level level;
    uint64_t time_ms;
    const char *text;
} cf_report_line;

/* Appends it, and its end. What can't be seen, and what would begin another line, is escaped. */
void cf_report_line_append(cf_buffer *out, const cf_report_line *line);

/* `stream` is the value of JOURNAL_STREAM, "DEVICE:INODE" of what the journal reads, or NULL. */
bool cf_report_is_journal(const char *stream, dev_t device, ino_t inode);

/* ---- A failure, as both programs say it with --json ---- */

/* {"error": {"code": 5, "message": "...", "hint": "..."}}, in the place of what was asked for. The
 * code is the program's exit code; the hint, null where there is none, is of the message. */
json_t *cf_error_json(int code, const char *message);

#endif
