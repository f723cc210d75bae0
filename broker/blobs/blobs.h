/* SPDX-License-Identifier: Apache-2.0 */
/* Where blobs are kept: sealed bytes named by their SHA-256, each user's apart, written once and
 * piece by piece. Files in the product (blob_files), memory in worlds (blob_memory); one
 * conformance suite runs against both.
 *
 * Calls for different blobs may come from any thread; puts of one blob come one after the other. */
#ifndef CF_BROKER_BLOBS_BLOBS_H
#define CF_BROKER_BLOBS_BLOBS_H
#include "codec/bytes.h"
#include "codec/error.h"
#include "codec/ids.h"

/* How much of a blob is held. */
typedef struct {
    uint64_t size; /* bytes held from its beginning: go on from there; 0 when nothing is known */
    bool complete; /* checked and durable; `size` is its whole size then */
    /* Of a put, whatever its status: how much more, or less, than before the user's files take, and
     * how many more blobs and uploads there are. */
    int64_t change, count_change;
} cf_blob_held;

typedef struct {
    uint64_t count;
    uint64_t size; /* bytes */
} cf_blob_usage;

/* One piece. It is taken when `offset` is not beyond what is held; else nothing happens and the
 * answer says where to go on. With the last piece the whole is checked against its id, made durable
 * and only then complete. */
typedef struct {
    cf_hash user;
    cf_hash id;
    uint64_t offset;
    uint64_t total;  /* size of the whole blob */
    cf_bytes bytes;  /* 1 to CF_BLOB_STEP; borrowed for the call */
    uint64_t now_ms; /* becomes the blob's time */
    /* Called once, from put or where a shell delivers. `held` is written on CF_OK only,
     * but for its changes. CF_FORGED:
     * the whole is not what its id says, all pieces were dropped, start over. CF_FULL and CF_IO:
     * the piece is not held; ask `held` where to go on. CF_MALFORMED, CF_TOO_LARGE: refused. NULL
     * when nobody asks. */
    void (*done)(void *context, cf_status status, cf_blob_held held, const cf_error *error);
    void *context;
} cf_blob_put;

typedef struct {
    cf_hash id;
    uint64_t size;
    uint64_t stored_ms; /* `now_ms` of its last piece */
    bool complete;      /* false: an upload that has not ended, or */
    bool is_aside;      /* one that was set aside: it takes nothing of the user's room */
} cf_blob_info;

/* Return false to stop. */
typedef bool cf_blob_visit(void *context, const cf_blob_info *blob);
typedef bool cf_blob_user_visit(void *context, const cf_hash *user);

/* A bit for each first byte of an id. */
typedef struct {
    uint8_t bits[32];
} cf_blob_first_bytes;

static inline void cf_blob_first_bytes_add(cf_blob_first_bytes *bytes, const cf_hash *id)
{
    bytes->bits[id->bytes[0] / 8] |= (uint8_t)(1 << id->bytes[0] % 8);
}

static inline bool cf_blob_first_bytes_have(const cf_blob_first_bytes *bytes, const cf_hash *id)
{
    return bytes->bits[id->bytes[0] / 8] >> id->bytes[0] % 8 & 1;
}

typedef struct cf_blobs cf_blobs;

struct cf_blobs {
    void (*destroy)(cf_blobs *blobs);
    void (*put)(cf_blobs *blobs, const cf_blob_put *put);
    /* Where to go on: of an upload whole steps of CF_BLOB_STEP, less than all of it, so that
     * there is always a last piece to come. */
    cf_status (*held)(cf_blobs *blobs, const cf_hash *user, const cf_hash *id, cf_blob_held *out,
                      cf_error *error);
    /* Those of the user's blobs and uploads, and perhaps more: of what has another nothing is held.
     * It costs little where there are few. */
    cf_status (*first_bytes)(cf_blobs *blobs, const cf_hash *user, cf_blob_first_bytes *out,
                             cf_error *error);
    /* Appends up to `size` bytes from `offset` on to `*out`; `total` gets the whole size.
     * CF_MISSING unless the blob is complete. */
    cf_status (*get)(cf_blobs *blobs, const cf_hash *user, const cf_hash *id, uint64_t offset,
                     size_t size, cf_buffer *out, uint64_t *total, cf_error *error);
    /* Uploads and those set aside, where `first` is 0, then blobs whose ids have this first byte or
     * a higher one, by that; in no order else. The visitor may drop. */
    cf_status (*list)(cf_blobs *blobs, const cf_hash *user, uint8_t first, cf_blob_visit *visit,
                      void *context, cf_error *error);
    cf_status (*users)(cf_blobs *blobs, cf_blob_user_visit *visit, void *context, cf_error *error);
    /* Removes the blob and what is held of an upload of it; CF_OK when there is none. */
    cf_status (*drop)(cf_blobs *blobs, const cf_hash *user, const cf_hash *id, cf_error *error);
    /* Removes what is held of an upload of the blob, and nothing of a complete one, whatever comes
     * meanwhile; CF_OK when there is none. */
    cf_status (*drop_upload)(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                             cf_error *error);
    /* Takes a blob out of those that are here, whose bytes are not what its name says: it is
     * missing then, and may be put again. Its bytes are kept until it is; CF_OK when there is none.
     * CF_CHANGED when its bytes are what its name says, as of one that was put again since somebody
     * looked: it stays. */
    cf_status (*set_aside)(cf_blobs *blobs, const cf_hash *user, const cf_hash *id,
                           cf_error *error);
    /* Removes all blobs and uploads of the user, of whom nothing is being put. */
    cf_status (*forget)(cf_blobs *blobs, const cf_hash *user, cf_error *error);
};

/* Files USER/xx/ID below `path`, which is made when absent. */
cf_status cf_blob_files_open(const char *path, cf_blobs **out, cf_error *error);

/* What memory blobs have made durable; uploads that have not ended are forgotten when the cf_blobs
 * is dropped. One cf_blobs at a time. */
typedef struct cf_blob_memory_disk cf_blob_memory_disk;
cf_blob_memory_disk *cf_blob_memory_disk_new(void);
void cf_blob_memory_disk_destroy(cf_blob_memory_disk **disk);
cf_blob_memory_disk *cf_blob_memory_disk_copy(const cf_blob_memory_disk *disk);
/* From now on puts fail with `status`; CF_OK: the disk is well again. */
void cf_blob_memory_disk_fail(cf_blob_memory_disk *disk, cf_status status);
cf_blobs *cf_blob_memory_new(cf_blob_memory_disk *disk);

void cf_blobs_destroy(cf_blobs **blobs);

/* What every implementation of put ends with: what its user's files take of this blob before,
 * after. */
void cf_blob_held_note_change(cf_blob_held *held, cf_blob_usage before, cf_blob_usage after);
/* What every implementation of put begins with: its sizes. */
cf_status cf_blob_put_check(const cf_blob_put *put, cf_error *error);
/* What `held` answers for an upload of this many bytes: one less, which whoever goes on brings. */
uint64_t cf_blob_resume(uint64_t size);

/* What follows works with any of them. */

/* What the user's blobs and uploads take. */
cf_status cf_blobs_usage(cf_blobs *blobs, const cf_hash *user, cf_blob_usage *out, cf_error *error);

/* Reads a complete blob and compares it with its id. CF_FORGED, CF_BROKEN: it is damaged;
 * CF_MISSING: there is none; else that of the read. */
cf_status cf_blob_check(cf_blobs *blobs, const cf_hash *user, const cf_hash *id, cf_error *error);
/* Whether that says that its bytes are not what its name says. */
static inline bool cf_blob_is_damaged(cf_status checked)
{
    return checked == CF_FORGED || checked == CF_BROKEN;
}

/* Reads all complete blobs of all users and compares them with their ids. `error` of a damaged one:
 * that of cf_blob_check. CF_OK also when there was some. The visitor may set it aside. */
typedef void cf_blob_damage_visit(void *context, const cf_hash *user, const cf_hash *id,
                                  const cf_error *error);
cf_status cf_blobs_verify(cf_blobs *blobs, cf_blob_damage_visit *damaged, void *context,
                          cf_error *error);

#endif
