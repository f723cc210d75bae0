/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of content_lines share. */
#ifndef CF_PEER_ADAPTERS_TEXT_CONTENT_LINES_INSIDE_H
#define CF_PEER_ADAPTERS_TEXT_CONTENT_LINES_INSIDE_H
#include "peer/adapters/text/content_lines.h"

/* Finds the components of the lines that were read, and puts each line into its own. */
void cf_content_lines_find_components(cf_content_lines *self);

/* vCard 2.1: the value is quoted-printable, and goes on behind '=' at a line's end. */
bool cf_content_line_is_printable(cf_bytes line);

#endif
