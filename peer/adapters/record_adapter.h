/* SPDX-License-Identifier: Apache-2.0 */
/* What a format of records does with its text: each one's functions, in its descriptor
 * (adapter.h). Nobody calls them but the files record_format*.c, and tests. Pure functions over
 * bytes. Those that say so may be NULL. */
#ifndef CF_PEER_ADAPTERS_RECORD_ADAPTER_H
#define CF_PEER_ADAPTERS_RECORD_ADAPTER_H
#include "peer/adapters/record_format.h"

typedef struct cf_record_adapter {
    /* A whole file. As cf_record_format_read, before a map says what it means. */
    cf_status (*read)(const cf_record_options *options, cf_bytes bytes, cf_record_file *out,
                      cf_error *error);

    /* Makes a file for all that follows, so that its bytes are split and read only once. The file
     * borrows the options, the bytes and the arena; `close` ends what is not in the arena. */
    cf_status (*open)(const cf_record_options *options, cf_bytes bytes, cf_arena *arena, void **out,
                      cf_error *error);
    void (*close)(void *file);
    /* The rows as they stand in the file, whatever a map makes of them; the file owns them. */
    cf_status (*rows)(void *file, const cf_record_file **out, cf_error *error);
    /* Appends the file that shows these rows, and is otherwise as before. */
    cf_status (*write)(void *file, const cf_row *wanted, size_t count, cf_buffer *out,
                       cf_error *error);
    /* As cf_record_document_fill. NULL: each record has a key by itself. */
    cf_status (*fill)(void *file, const cf_format_known *known, cf_buffer *out, cf_error *error);
    /* What the file can hold, in the arena; `file` NULL: what any file by these options can. */
    cf_status (*holds)(const cf_record_options *options, void *file, cf_arena *arena,
                       cf_row_format *out, cf_error *error);
    /* Appends how the file is laid out, as options.layout has it for a file that is made; nothing:
     * it says nothing of that yet. `file` is NULL where files are read by `read`: a format that has
     * folders of them tells it by the bytes. NULL: files of the format are laid out in one way. */
    void (*lay)(void *file, cf_bytes bytes, cf_buffer *out);
    /* Appends what a blank file begins with, so that a map's columns are there. NULL: nothing. */
    void (*begin)(const cf_record_map *map, cf_buffer *out);

    /* As cf_record_format_keeps. NULL: it has a place for every key. */
    bool (*keeps)(const cf_record_options *options, cf_bytes table, cf_bytes key);
    /* As cf_record_format_mend. */
    cf_status (*mend)(cf_bytes bytes, cf_buffer *out, cf_error *error);

    /* How it says the values of a row. NULL: as they are; else what is written is read again before
     * it takes a file's place. */
    cf_format_speak *speak;
    /* What is kept between two reads of a file, so that what is the same isn't read again: made,
     * and destroyed. NULL, both: nothing. */
    void *(*remember)(void);
    void (*forget)(void *memory);
} cf_record_adapter;

/* The descriptors of formats that have such; the table (adapter.c) has all. */
extern const cf_adapter cf_adapter_csv;
extern const cf_adapter cf_adapter_json;
extern const cf_adapter cf_adapter_vcard;
extern const cf_adapter cf_adapter_icalendar;

#endif
