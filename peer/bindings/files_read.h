/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file, whole, and says what it was at one moment, or that there was no such moment. For a
 * job: touches nothing but its arguments. What it read is on the disk when it returns: else a power
 * cut would turn an unsaved file into a published edit.
 *
 * One reading is a moment when nothing changed from its beginning to its end. Of a file that
 * changes meanwhile two readings are needed, which are equal: the moment lies between them, when
 * all was read once and the file was as long as what was read.
 *
 *     a log:      "ab" read; "c" is appended, and read; 3 bytes long; "abc" read again: "abc"
 *     a database: "ab" read; "a" is made "x"; 2 bytes long; "xb" read again: no such moment
 *
 * A file that a program has open for writing may be in the midst of something. It is read when it
 * begins with what was known of it before, as a log does; when it has not changed for
 * CF_READ_REST_MS; or when whoever asks insists. A database of SQLite, and what lies beside it,
 * waits until no program has it open: each of these files alone may be of another moment. */
#ifndef CF_PEER_BINDINGS_FILES_READ_H
#define CF_PEER_BINDINGS_FILES_READ_H
#include "broker/platform/files.h"
#include "codec/ids.h"
#include "codec/limits.h"

#define CF_READ_WINDOW CF_MIB /* memory that a read takes, beside leaves and inline bytes */
#define CF_READ_REST_MS 60000 /* unchanged for so long, an open file is as if it were closed */
#define CF_READ_MOVES_MS 300  /* so long after its moment a file that changes is read again */

typedef enum {
    CF_READ_DONE,
    CF_READ_FRESH,   /* changed so recently that a further change might not show: look again soon */
    CF_READ_WRITER,  /* somebody has it open for writing: look again later */
    CF_READ_CHANGED, /* it was changed while it was read, is gone, or is something else now */
    CF_READ_FAILED,  /* can't be read: named, the text has the reason */
} cf_read_answer;

/* {0}: what is open for writing, or changes, is not read. */
typedef struct {
    bool may_be_open; /* for writing: it is read all the same, as told above */
    cf_hash known;    /* what was known of the file before; known_size 0: nothing */
    uint64_t known_size;
    bool insists; /* it has waited for long */
} cf_read_past;

typedef struct {
    cf_files *files;
    const cf_folder *folder;
    cf_bytes name;
    /* The time by the system's clock when this was asked for, or a little earlier. */
    int64_t now_ns;
    /* The same by the disk's: the time that a file got that was made there just before. */
    int64_t disk_ns;
    cf_read_past past;
    /* What is read, in order: a window of at most CF_READ_WINDOW, or `size` zero bytes with data
     * NULL (a hole). Return false to stop: CF_CHANGED, and CF_READ_CHANGED. NULL: not wanted. */
    bool (*window)(void *context, uint64_t offset, cf_bytes bytes);
    void *context;
} cf_read_options;

typedef struct {
    cf_stat stat;
    cf_hash content;
    cf_buffer leaves;        /* 32 bytes each */
    cf_buffer whole;         /* the bytes, when there are at most CF_INLINE_MAX */
    cf_writer_answer writer; /* when it was opened */
    bool moves;              /* it has changed since the moment that was read, or may have: racy */
    uint32_t racy_ms; /* 0: a save after this reading shows; else racy, for so long from now */
} cf_read;

/* CF_OK with CF_READ_DONE. CF_CHANGED with FRESH, WRITER or CHANGED. Else FAILED; CF_TOO_LARGE
 * over CF_FILE_MAX. `*answer` is always written; `*out` on CF_OK only. */
cf_status cf_read_file(const cf_read_options *options, cf_read *out, cf_read_answer *answer,
                       cf_error *error);
void cf_read_release(cf_read *read);

#endif
