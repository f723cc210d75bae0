/* SPDX-License-Identifier: Apache-2.0 */
/* What do large contents cost on the wire, cut and sealed as they travel, beside zstd over the
 * whole in one go? */
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "bench/bench.h"
#include "bench/workload.h"
#include "codec/blob.h"

enum { RUNS = 3, REFERENCE_LEVEL = 3 };
#define PROSE_LIMIT 0.35
#define SHORT_PROSE_LIMIT 0.37 /* in smaller pieces there is less to look back to */
#define RANDOM_LIMIT 1.01

typedef struct {
    const cf_bench *bench;
    const cf_ring *ring;
    cf_hash epoch;
} sealer;

static const cf_hash user = {"a bench"}, epoch = {"an epoch"};
static const cf_id papers = {"papers"};

static cf_status seal_all(const sealer *self, cf_bytes content, uint64_t *size, cf_error *error)
{
    const cf_seal_place place = {self->ring, &epoch, &papers};
    size_t piece = cf_blob_piece_size(content.size);
    cf_buffer sealed = {0};
    cf_status status = CF_OK;

    *size = 0;
    for (size_t at = 0; !status && at < content.size; at += piece) {
        size_t part = content.size - at < piece ? content.size - at : piece;
        cf_hash id;

        cf_buffer_clear(&sealed);
        status = cf_blob_seal(&place, cf_bytes_of(content.data + at, part), &sealed, &id, error);
        *size += sealed.size;
    }
    cf_buffer_release(&sealed);
    return status;
}

static size_t compress_whole(cf_bytes content)
{
    size_t bound = ZSTD_compressBound(content.size);
    void *out = cf_allocate(bound, 1);
    size_t size = ZSTD_compress(out, bound, content.data, content.size, REFERENCE_LEVEL);

    free(out);
    return size;
}

/* `limit`: the share of its size that it may cost. */
static cf_status measure(const sealer *self, const char *what, cf_bytes content, double limit,
                         cf_error *error)
{
    cf_samples our_size = {0}, our_s = {0}, their_size = {0}, their_s = {0};
    cf_status status = CF_OK;
    char line[96];

    for (int i = 0; !status && i < (self->bench->quick ? 1 : RUNS); i++) {
        double start = cf_measure_now();
        uint64_t size;

        status = seal_all(self, content, &size, error);
        cf_samples_add(&our_s, cf_measure_now() - start);
        cf_samples_add(&our_size, (double)size);
        start = cf_measure_now();
        cf_samples_add(&their_size, (double)compress_whole(content));
        cf_samples_add(&their_s, cf_measure_now() - start);
    }
    if (!status) {
        snprintf(line, sizeof line, "%.1f MB of %s: size", (double)content.size / 1e6, what);
        cf_results_compare(self->bench->results,
                           &(cf_comparison){line, CF_UNIT_BYTES, "sealed blobs", &our_size,
                                            "zstd -3, unsealed", &their_size});
        snprintf(line, sizeof line, "%.1f MB of %s: on the wire", (double)content.size / 1e6, what);
        cf_results_limit(
            self->bench->results,
            &(cf_limited){line, cf_samples_median(&our_size) / (double)content.size, limit, false});
        snprintf(line, sizeof line, "%s: time, one thread", what);
        cf_results_compare(self->bench->results,
                           &(cf_comparison){line, CF_UNIT_SECONDS, "sealed blobs", &our_s,
                                            "zstd -3, unsealed", &their_s});
    }
    cf_samples_release(&our_size);
    cf_samples_release(&our_s);
    cf_samples_release(&their_size);
    cf_samples_release(&their_s);
    return status;
}

cf_status cf_bench_text(const cf_bench *bench, cf_error *error)
{
    static const uint8_t key[CF_KEY_SIZE] = "a content key for the bench";
    size_t size = bench->quick ? 10000000 : 100000000;
    cf_ring *ring = cf_ring_new(&user);
    const sealer self = {bench, ring, epoch};
    cf_hash commitment = cf_commitment(&user, key);
    cf_buffer content = {0};
    uint64_t seed = 4;

    cf_ring_expect(ring, &epoch, &commitment);
    cf_status status = cf_ring_give(ring, &epoch, key, error);
    if (!status) {
        cf_workload_prose(seed, size, &content);
        status = measure(&self, "prose", cf_buffer_view(&content),
                         bench->quick ? SHORT_PROSE_LIMIT : PROSE_LIMIT, error);
    }
    if (!status) {
        cf_workload_fill(&seed, content.data, content.size);
        status = measure(&self, "random bytes", cf_buffer_view(&content), RANDOM_LIMIT, error);
    }
    cf_buffer_release(&content);
    cf_ring_destroy(&ring);
    return status;
}
