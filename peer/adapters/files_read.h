/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file once, whole, and says what it was at one moment, or that it was no such moment. For
 * a job: touches nothing but its arguments. What it read is on the disk when it returns: else a
 * power cut would turn an unsaved file into a published edit. */
#ifndef CF_PEER_ADAPTERS_FILES_READ_H
#define CF_PEER_ADAPTERS_FILES_READ_H
#include "broker/files.h"
#include "codec/ids.h"
#include "codec/limits.h"

#define CF_READ_WINDOW CF_MIB /* memory that a read takes, beside leaves and inline bytes */

typedef enum {
    CF_READ_DONE,
    CF_READ_FRESH,   /* changed so recently that a further change might not show: look again soon */
    CF_READ_WRITER,  /* somebody has it open for writing: its closing will be seen */
    CF_READ_CHANGED, /* it was changed while it was read, is gone, or is something else now */
    CF_READ_FAILED,  /* can't be read: named, the text has the reason */
} cf_read_answer;

typedef struct {
    cf_files *files;
    const cf_folder *folder;
    cf_bytes name;
    /* The time by the system's clock when this was asked for, or a little earlier. */
    int64_t now_ns;
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
    cf_writer_answer writer; /* NONE, or UNKNOWN */
} cf_read;

/* CF_OK with CF_READ_DONE. CF_CHANGED with FRESH, WRITER or CHANGED. Else FAILED; CF_TOO_LARGE
 * over CF_FILE_MAX. `*answer` is always written; `*out` on CF_OK only. */
cf_status cf_read_file(const cf_read_options *options, cf_read *out, cf_read_answer *answer,
                       cf_error *error);
void cf_read_release(cf_read *read);

#endif
