/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a text, and the edits of it. A suite has `lines_leave` as its .fini. */
#ifndef CF_TESTS_PEER_ADAPTERS_CONTENT_LINES_TEXT_H
#define CF_TESTS_PEER_ADAPTERS_CONTENT_LINES_TEXT_H
#include "peer/adapters/text/content_lines_edit.h"
#include "tests/peer/adapters/text.h"

extern cf_content_lines lines;
extern cf_line_edits edits;

/* Borrows the text. */
void lines_read_bytes(cf_bytes bytes);
void lines_read_text(const char *text);
cf_buffer lines_written(void);
void lines_leave(void);

#endif
