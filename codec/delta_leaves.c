/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/delta_leaves.h"

#include "codec/block_prints.h"
#include "codec/content.h"
#include "codec/limits.h"
#include "codec/vcdiff.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ADD_SIZE ((size_t)1 << 20)
#define NO_LEAF UINT32_MAX
#define NOWHERE UINT64_MAX

static const uint8_t *hash_of(const cf_delta_leaves *leaves, uint64_t leaf)
{
    return leaves->hashes.data + leaf * CF_HASH_SIZE;
}

/* An open hash table from leaf hash to the first leaf of the source that has it. */
typedef struct {
    const cf_delta_leaves *source;
    uint32_t *leaves;
    uint64_t mask;
} leaf_table;

static uint32_t *slot_of(const leaf_table *table, const uint8_t *hash)
{
    uint64_t at = cf_get_u64(hash) & table->mask;

    while (table->leaves[at] != NO_LEAF &&
           memcmp(hash_of(table->source, table->leaves[at]), hash, CF_HASH_SIZE) != 0)
        at = (at + 1) & table->mask;
    return &table->leaves[at];
}

static void index_leaves(leaf_table *table, const cf_delta_leaves *source)
{
    uint64_t count = cf_leaf_count(source->size), slots = 2;

    while (slots < 2 * count)
        slots *= 2;
    table->source = source;
    table->mask = slots - 1;
    table->leaves = cf_allocate(slots, sizeof *table->leaves);
    for (uint64_t i = 0; i < slots; i++)
        table->leaves[i] = NO_LEAF;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t *slot = slot_of(table, hash_of(source, i));

        if (*slot == NO_LEAF)
            *slot = (uint32_t)i;
    }
}

static uint64_t leaf_size(const cf_delta_leaves *leaves, uint64_t leaf)
{
    uint64_t left = leaves->size - leaf * CF_LEAF_SIZE;

    return left < CF_LEAF_SIZE ? left : CF_LEAF_SIZE;
}

static bool same_leaf(const cf_delta_leaf_encoding *encoding, uint64_t of_source,
                      uint64_t of_target)
{
    return of_source < cf_leaf_count(encoding->source.size) &&
           leaf_size(&encoding->source, of_source) == leaf_size(&encoding->target, of_target) &&
           memcmp(hash_of(&encoding->source, of_source), hash_of(&encoding->target, of_target),
                  CF_HASH_SIZE) == 0;
}

/* Of several equal leaves the one that goes on where the last copy ended, then the one at the same
 * place, so that copies become long. */
static uint32_t find_leaf(const cf_delta_leaf_encoding *encoding, const leaf_table *table,
                          uint64_t leaf, uint64_t next)
{
    if (next % CF_LEAF_SIZE == 0 && same_leaf(encoding, next / CF_LEAF_SIZE, leaf))
        return (uint32_t)(next / CF_LEAF_SIZE);
    if (same_leaf(encoding, leaf, leaf))
        return (uint32_t)leaf;
    uint32_t found = *slot_of(table, hash_of(&encoding->target, leaf));
    return found != NO_LEAF && same_leaf(encoding, found, leaf) ? found : NO_LEAF;
}

/* What is to be written next: a copy of the source from `from` on, or an addition. */
typedef struct {
    const cf_delta_leaf_encoding *encoding;
    uint8_t *buffer; /* of ADD_SIZE */
    uint64_t from;   /* NOWHERE: an addition */
    uint64_t offset; /* in the target */
    uint64_t size;   /* 0: nothing yet */
} piece;

static cf_status write_piece(piece *self, cf_error *error)
{
    const cf_delta_leaf_encoding *encoding = self->encoding;
    cf_status status = CF_OK;

    if (self->from != NOWHERE && self->size)
        status = cf_vcdiff_write_copy(&encoding->patch, self->from, self->size, NULL, error);
    else if (self->size) {
        status = cf_reader_at_read(&encoding->target_bytes, self->offset, self->buffer,
                                   (size_t)self->size, error);
        if (!status)
            status = cf_vcdiff_write_add(
                &encoding->patch, cf_bytes_of(self->buffer, (size_t)self->size), NULL, error);
    }
    self->offset += self->size;
    self->size = 0;
    return status;
}

static bool continues(const piece *self, uint64_t from, uint64_t size)
{
    if (self->from == NOWHERE)
        return from == NOWHERE && self->size + size <= ADD_SIZE;
    return from == self->from + self->size && self->size + size <= CF_VCDIFF_WINDOW;
}

/* The target goes on with so many bytes, of the source from `from` on, or new ones. */
static cf_status take(piece *self, uint64_t from, uint64_t size, cf_error *error)
{
    cf_status status = CF_OK;

    if (!size)
        return CF_OK;
    if (!continues(self, from, size)) {
        status = write_piece(self, error);
        self->from = from;
    }
    self->size += size;
    return status;
}

typedef struct {
    piece piece;
    leaf_table leaves;
    cf_block_search *blocks; /* NULL: nothing is known of them */
    uint64_t at;             /* in the target */
    uint64_t next;           /* in the source, where the last copy ended */
} encoding_run;

/* From a place in a leaf that is none of the source's: new bytes up to the next block that is, and
 * that block; or to the leaf's end. */
static cf_status take_blocks(encoding_run *self, cf_error *error)
{
    const uint64_t size = self->piece.encoding->target.size;
    const uint64_t left = CF_LEAF_SIZE - self->at % CF_LEAF_SIZE;
    const uint64_t end = size - self->at < left ? size : self->at + left;
    cf_block_match match = {0};
    cf_status status = CF_OK;

    if (self->blocks)
        status = cf_block_search_find(self->blocks, self->at, end, self->next, &match, error);
    if (!status)
        status = take(&self->piece, NOWHERE, (match.size ? match.at : end) - self->at, error);
    if (!status)
        status = take(&self->piece, match.source, match.size, error);
    self->at = match.size ? match.at + match.size : end;
    self->next = match.size ? match.source + match.size : self->at;
    return status;
}

static cf_status take_leaf(encoding_run *self, uint32_t found, cf_error *error)
{
    const uint64_t leaf = self->at / CF_LEAF_SIZE;
    const uint64_t size = leaf_size(&self->piece.encoding->target, leaf);

    self->at += size;
    self->next = found * CF_LEAF_SIZE + size;
    return take(&self->piece, found * CF_LEAF_SIZE, size, error);
}

static cf_status write_pieces(encoding_run *self, cf_error *error)
{
    const cf_delta_leaf_encoding *encoding = self->piece.encoding;
    cf_status status = CF_OK;

    while (!status && self->at < encoding->target.size) {
        const uint32_t found =
            self->at % CF_LEAF_SIZE == 0
                ? find_leaf(encoding, &self->leaves, self->at / CF_LEAF_SIZE, self->next)
                : NO_LEAF;

        status = found == NO_LEAF ? take_blocks(self, error) : take_leaf(self, found, error);
    }
    return status ? status : write_piece(&self->piece, error);
}

static cf_status check_sizes(const cf_delta_leaf_encoding *encoding, cf_error *error)
{
    if (encoding->source.size > CF_FILE_MAX || encoding->target.size > CF_FILE_MAX)
        return cf_fail(error, CF_TOO_LARGE, "a content of over %" PRIu64 " bytes", CF_FILE_MAX);
    if (encoding->target.size != encoding->target_bytes.size)
        return cf_fail(error, CF_CHANGED, "the content has %" PRIu64 " bytes, its leaves %" PRIu64,
                       encoding->target_bytes.size, encoding->target.size);
    if (encoding->source.hashes.size != cf_leaf_count(encoding->source.size) * CF_HASH_SIZE ||
        encoding->target.hashes.size != cf_leaf_count(encoding->target.size) * CF_HASH_SIZE)
        return cf_fail(error, CF_BROKEN, "the leaf hashes are not as many as the content needs");
    return CF_OK;
}

static cf_status check_prints(const cf_delta_leaf_encoding *encoding, cf_error *error)
{
    const cf_block_prints *prints = encoding->prints;

    if (prints && (prints->size != encoding->source.size || !cf_block_size(prints->size) ||
                   prints->prints.size != cf_block_count(prints->size) * CF_BLOCK_PRINT))
        return cf_fail(error, CF_BROKEN, "the prints are not as many as the content needs");
    return CF_OK;
}

cf_status cf_delta_encode_leaves(const cf_delta_leaf_encoding *encoding, cf_error *error)
{
    encoding_run self = {.piece = {.encoding = encoding, .from = NOWHERE}};

    cf_status status = check_sizes(encoding, error);
    if (!status)
        status = check_prints(encoding, error);
    if (!status)
        status = cf_sink_write(&encoding->patch, cf_vcdiff_header, CF_VCDIFF_HEADER_SIZE, error);
    if (status)
        return status;
    if (encoding->target.size == 0)
        return cf_vcdiff_write_add(&encoding->patch, cf_bytes_of(NULL, 0), NULL, error);
    self.piece.buffer = cf_allocate(ADD_SIZE, 1);
    index_leaves(&self.leaves, &encoding->source);
    if (encoding->prints)
        self.blocks = cf_block_search_new(encoding->prints, &encoding->target_bytes);
    status = write_pieces(&self, error);
    cf_block_search_destroy(&self.blocks);
    free(self.leaves.leaves);
    free(self.piece.buffer);
    return status;
}
