/* SPDX-License-Identifier: Apache-2.0 */
/* Where contents are to be found: for each content hash of a collection the entries that introduced
 * or supplied it, out of which its reference is read again. The bytes of small contents are in
 * there; those of others are in blobs. Owned by the engine's thread. */
#ifndef CF_PEER_LOG_CONTENTS_H
#define CF_PEER_LOG_CONTENTS_H
#include "broker/log/log.h"
#include "codec/change.h"
#include "codec/content.h"
#include "codec/ring.h"
#include "peer/log/tables.h"

typedef struct cf_contents cf_contents;

cf_contents *cf_contents_new(cf_log *log, const cf_ring *ring); /* both borrowed */
void cf_contents_destroy(cf_contents **contents);

/* CF_OK when the log has an entry with this content; `depth` and `size` as its reference says.
 * CF_MISSING else. */
cf_status cf_contents_find(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                           uint64_t *depth, uint64_t *size, cf_error *error);

/* The entry that introduced it: who asks for many contents asks entry by entry. */
cf_status cf_contents_entry(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_head *out, cf_error *error);

/* The reference, and the blob ids that its slices count from; in the arena. */
typedef struct {
    cf_content content;
    const cf_hash *blobs;
    size_t blob_count;
    cf_hash epoch; /* of the entry that says so */
} cf_content_source;
/* Of several ways to it one that can be gone, if there is any, else the first. */
cf_status cf_contents_get(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                          cf_arena *arena, cf_content_source *out, cf_error *error);

/* The same by a patch on `base` (NULL: on whatever), for who has that: where the first way is none.
 * CF_MISSING: none can be gone. */
cf_status cf_contents_get_patch(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                                const cf_hash *base, cf_arena *arena, cf_content_source *out,
                                cf_error *error);

/* Blobs that can't be had at present: the broker lacks them, or has others in their place. */
void cf_contents_lack(cf_contents *contents, const cf_hash *blob);
void cf_contents_lack_no_more(cf_contents *contents, const cf_hash *blob);
/* All that was said of them is forgotten. */
void cf_contents_lack_nothing(cf_contents *contents);
/* There may be more of them, which nobody has named. */
void cf_contents_lack_unnamed(cf_contents *contents);
bool cf_contents_lacks_unnamed(const cf_contents *contents);
bool cf_contents_lacks(const cf_contents *contents, const cf_hash *blob);
size_t cf_contents_lacking(const cf_contents *contents); /* how many */
/* Of the blobs that its bytes are in; `blobs` are those that its entry names. */
bool cf_contents_lacks_none(const cf_contents *contents, const cf_content *content,
                            const cf_hash *blobs);
/* All of them; borrowed until the next change. */
const cf_hash *cf_contents_lacked(const cf_contents *contents, size_t *count);
/* Nobody is told when a lacking blob comes. So before a content is asked for to which, or to what
 * it is a patch on, none of several ways can be gone, the blobs of all these ways are lacking no
 * more, and each way is tried in turn. Where there is one alone it is tried anyway. */
void cf_contents_ask_again(cf_contents *contents, const cf_id *collection, const cf_hash *hash);
/* Whether it can be made, as far as is known. Nobody builds upon what can't. */
bool cf_contents_available(cf_contents *contents, const cf_id *collection, const cf_hash *hash);

/* Where patches made something else of a content, or slices that patches led to
 * (cf_content_is_pieced): from now on they are no way to it, only another whole is. In memory.
 * False: it was doubted already. */
bool cf_contents_doubt(cf_contents *contents, const cf_hash *hash);
bool cf_contents_doubts_any(const cf_contents *contents);
/* Whether the log has a whole of it, of which no blob is lacking. */
bool cf_contents_has_whole(cf_contents *contents, const cf_id *collection, const cf_hash *hash);

/* What the record of a content becomes by an entry that introduces it, or says where else it is
 * found (a patch for a content, or on one, that is not known here says nothing). What a void
 * entry says is gone by only where no other way is known. */
void cf_contents_note(cf_contents *contents, const cf_entry *entry, const cf_content *content,
                      bool is_void, cf_kv_list *records);
void cf_contents_note_supply(cf_contents *contents, const cf_entry *entry, const cf_supply *supply,
                             bool is_void, cf_kv_list *records);
/* What was noted is committed, or never will be. */
void cf_contents_settle(cf_contents *contents);

/* An entry of the log, decrypted: what its body says. Borrowed until the next call. CF_MISSING: its
 * key is not here (yet). CF_MALFORMED, CF_FORGED, CF_TOO_LARGE: it is empty for everyone.
 * CF_DENIED: of a newer version. */
cf_status cf_contents_open(cf_contents *contents, const cf_entry *entry, const cf_body **out,
                           cf_error *error);

/* ---- Small contents ---- */

/* Small contents whose bytes stand in the log itself, whole or as a chain of patches. */

/* Appends the bytes, verified. CF_MISSING when some of it is in blobs, or it is over CF_INLINE_MAX.
 */
cf_status cf_contents_small(cf_contents *contents, const cf_id *collection, const cf_hash *hash,
                            cf_buffer *out, cf_error *error);

#endif
