/* SPDX-License-Identifier: Apache-2.0 */
/* Text for people in lines of a terminal, as both programs' `help` prints it. */
#ifndef CF_BROKER_PLATFORM_WRAP_H
#define CF_BROKER_PLATFORM_WRAP_H
#include "codec/bytes.h"

enum { CF_WRAP_WIDTH = 80 /* columns, of one byte each: the texts are ours, in ASCII */ };

/* Appends `text`, whose first line has `column` columns already; all others begin with `indent`
 * spaces. A line ends at a space, or where `text` has a newline, and the last one, too. What stands
 * in brackets stays in one line where it fits between `indent` and the end. */
void cf_wrap(cf_buffer *out, const char *text, size_t column, size_t indent);

#endif
