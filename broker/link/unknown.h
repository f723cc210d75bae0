/* SPDX-License-Identifier: Apache-2.0 */
/* What the other side of a link may be too old to know. It refuses a command that it does not know
 * without naming it, and has the user pay for it; the command is not said again for a day, by when
 * the other may have been brought up to date. */
#ifndef CF_BROKER_LINK_UNKNOWN_H
#define CF_BROKER_LINK_UNKNOWN_H
#include "codec/message.h"

#define CF_UNKNOWN_FOR_MS CF_DAY_MS

typedef struct {
    uint64_t out;                   /* bit by command: said in this session, without an answer */
    uint64_t until_ms[CF_COMMANDS]; /* by the clock of links; 0: it may be known */
} cf_unknown;                       /* {0}: nothing is known */

bool cf_unknown_is(const cf_unknown *unknown, cf_command command, uint64_t now_ms);
void cf_unknown_said(cf_unknown *unknown, cf_command command);
void cf_unknown_answered(cf_unknown *unknown, cf_command command);
/* It was said, and has no answer; what has none stays so. */
bool cf_unknown_is_out(const cf_unknown *unknown, cf_command command);
/* A refusal came: who does not know a command knows none that came to be later, so it is the latest
 * of those that are out. ALONE (known) and FETCH are out: it is FETCH. False: none is out. */
bool cf_unknown_refused(cf_unknown *unknown, uint64_t now_ms, cf_command *which);

#endif
