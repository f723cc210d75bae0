/* SPDX-License-Identifier: Apache-2.0 */
/* What a patch in the form of the log (codec/PROTOCOL.md, "Patches") copies of its base, read out
 * of the patch alone; and what several patches in a row leave of what they begin with. */
#ifndef CF_CODEC_DELTA_COPIES_H
#define CF_CODEC_DELTA_COPIES_H
#include "codec/reader_at.h"

enum { CF_DELTA_COPIES_MAX = 1 << 16 };

/* So many bytes of the target from `at` on are the base's from `base` on. */
typedef struct {
    uint64_t at, base, size;
} cf_delta_copy;

/* Ascending, none over another; neighbours that go on in the base, too, are one. */
typedef struct {
    cf_delta_copy *at;
    size_t count, capacity;
} cf_delta_copies; /* {0} is empty */
void cf_delta_copies_release(cf_delta_copies *copies);

/* All of a content, as its own base. */
void cf_delta_copies_all(uint64_t size, cf_delta_copies *out);

/* Appends what a patch that makes `target_size` bytes copies. It is read where it says so, not
 * where its data stand. CF_MALFORMED when it is damaged, reaches beyond its base, or makes another
 * size; CF_TOO_LARGE beyond CF_DELTA_COPIES_MAX. What is copied of the target itself counts for
 * new. */
cf_status cf_delta_copies_read(const cf_reader_at *patch, uint64_t base_size, uint64_t target_size,
                               cf_delta_copies *out, cf_error *error);

/* Appends what the target of `later` has of the base of `earlier`, whose target is the base of
 * `later`. CF_TOO_LARGE as above.
 *
 *     earlier: 0 to 4 from 10 on, later: 7 to 9 from 2 on; the result: 7 to 9 from 12 on */
cf_status cf_delta_copies_join(const cf_delta_copies *earlier, const cf_delta_copies *later,
                               cf_delta_copies *out, cf_error *error);

#endif
