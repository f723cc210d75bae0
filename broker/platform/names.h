/* SPDX-License-Identifier: Apache-2.0 */
/* Names for people: any bytes in, printable text out. */
#ifndef CF_BROKER_PLATFORM_NAMES_H
#define CF_BROKER_PLATFORM_NAMES_H
#include "codec/bytes.h"

/* Appends the name as commands print it: bytes that are no UTF-8 as \xNN, a backslash doubled. Two
 * names never print alike. */
void cf_name_append(cf_buffer *out, cf_bytes name);

/* Appends the name that would be printed so: as somebody copied it. False: none would. */
bool cf_name_read(cf_bytes shown, cf_buffer *out);

/* As cf_name_append, for messages on a terminal: what can't be seen there (controls, characters of
 * no width or of another direction, separators of lines) becomes \xNN, too, and what is longer than
 * `out` loses its middle to "…". NUL-terminated. */
enum { CF_NAME_SHOWN = 160 };
void cf_name_show(cf_bytes name, char out[CF_NAME_SHOWN]);
/* The same of any length; appended. */
void cf_name_append_shown(cf_buffer *out, cf_bytes name);

/* Appends the text as one word of a shell's command: 'it'\''s' where it needs quotes. */
void cf_name_word(const char *text, cf_buffer *out);

/* A whole message on its way to a terminal or a log, whatever names are in it: what can't be seen
 * becomes \xNN, but for newlines and tabs. */
void cf_text_append(cf_buffer *out, cf_bytes text);
/* The same of a JSON document, which says what it said: it becomes \uNNNN. */
void cf_json_text_append(cf_buffer *out, cf_bytes text);

/* True for what one directory entry may be called: 1 to CF_NAME_MAX bytes, no '/', no NUL, neither
 * "." nor "..". */
bool cf_name_valid(cf_bytes name);
/* The same of what a disk may hold: one that counts letters has names of up to CF_DISK_NAME_MAX
 * bytes, which is what FUSE takes. They are looked at, and never synced. */
enum { CF_DISK_NAME_MAX = 1024 };
bool cf_name_on_disk(cf_bytes name);

#endif
