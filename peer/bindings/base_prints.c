/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/bindings/base_prints.h"

#include "codec/bulk.h"
#include "codec/content.h"
#include "peer/bindings/base_place.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t magic[8] = "CFPRINT1";
enum { HEAD = sizeof magic + CF_BLOCK_KEY + 8 };

bool cf_base_content_has_leaves(const cf_base_content *content)
{
    return content->leaves.size == cf_leaf_count(content->size) * CF_HASH_SIZE;
}

static cf_bytes leaf_of(const cf_base_content *content, uint64_t leaf)
{
    return cf_bytes_of(content->leaves.data + leaf * CF_HASH_SIZE, CF_HASH_SIZE);
}

bool cf_base_leaf_changed(const cf_base_content *before, const cf_base_content *now, uint64_t leaf)
{
    return leaf >= cf_leaf_count(before->size) ||
           !cf_bytes_equal(leaf_of(before, leaf), leaf_of(now, leaf));
}

size_t cf_base_leaf_size(const cf_base_content *content, uint64_t leaf)
{
    uint64_t left = content->size - leaf * CF_LEAF_SIZE;

    return left < CF_LEAF_SIZE ? (size_t)left : (size_t)CF_LEAF_SIZE;
}

bool cf_base_prints_fit(uint64_t size)
{
    return size >= CF_BASE_PRINTS_MIN && cf_block_size(size);
}

uint64_t cf_base_prints_bytes(uint64_t size)
{
    return HEAD + cf_block_count(size) * CF_BLOCK_PRINT + CF_HASH_SIZE;
}

/* ---- Reading ---- */

static bool is_whole(const cf_buffer *kept, uint64_t size)
{
    if (kept->size != cf_base_prints_bytes(size) || memcmp(kept->data, magic, sizeof magic) != 0 ||
        cf_get_u64(kept->data + sizeof magic + CF_BLOCK_KEY) != size)
        return false;
    const cf_hash sum = cf_sha256_of(cf_bytes_of(kept->data, kept->size - CF_HASH_SIZE));
    return memcmp(sum.bytes, kept->data + kept->size - CF_HASH_SIZE, CF_HASH_SIZE) == 0;
}

cf_status cf_base_prints_read(cf_files *files, const cf_folder *folder,
                              const cf_base_content *content, cf_buffer *kept, cf_block_prints *out,
                              cf_error *error)
{
    const uint64_t size = cf_base_prints_bytes(content->size);
    char text[CF_BASE_NAME];
    const cf_bytes name = cf_base_name(&content->hash, CF_BASE_PRINTS, text);
    cf_error ignored;

    if (!cf_base_prints_fit(content->size) ||
        cf_files_read(files, folder, name, (size_t)size, kept, error))
        return cf_fail(error, CF_MISSING, "no prints are kept");
    if (!is_whole(kept, content->size)) {
        files->unlink(files, folder, name, &ignored);
        return cf_fail(error, CF_MISSING, "the prints are damaged");
    }
    memcpy(out->key, kept->data + sizeof magic, CF_BLOCK_KEY);
    out->size = content->size;
    out->prints = cf_bytes_of(kept->data + HEAD, kept->size - HEAD - CF_HASH_SIZE);
    return CF_OK;
}

/* ---- Making ---- */

typedef struct {
    const cf_base_prints_options *options;
    cf_block_prints before; /* no prints: nothing of them stays */
    uint8_t key[CF_BLOCK_KEY];
    uint8_t *window; /* a leaf */
    cf_buffer out;
} making;

/* Which prints are a leaf's: a leaf is whole blocks. */
static void keep_leaf(making *self, uint64_t leaf)
{
    const size_t block = cf_block_size(self->before.size);
    const uint64_t first = leaf * (CF_LEAF_SIZE / block);
    const size_t size = cf_base_leaf_size(&self->options->now, leaf);
    const size_t count = size / block + (size % block != 0);

    cf_buffer_append(&self->out, self->before.prints.data + first * CF_BLOCK_PRINT,
                     count * CF_BLOCK_PRINT);
}

static cf_status print_leaf(making *self, uint64_t leaf, cf_error *error)
{
    const cf_base_prints_options *options = self->options;
    const size_t block = cf_block_size(options->now.size);
    const size_t size = cf_base_leaf_size(&options->now, leaf);
    size_t read;

    cf_status status = options->files->read_at(options->files, options->file, leaf * CF_LEAF_SIZE,
                                               self->window, size, &read, error);
    if (!status && !cf_leaf_fits(options->now.leaves, leaf, cf_bytes_of(self->window, read)))
        status = cf_fail(error, CF_CHANGED, "the file was changed");
    for (size_t at = 0; !status && at < size; at += block) {
        const size_t left = size - at;

        cf_block_print(self->key, cf_bytes_of(self->window + at, left < block ? left : block),
                       cf_buffer_reserve(&self->out, CF_BLOCK_PRINT));
        self->out.size += CF_BLOCK_PRINT;
    }
    return status;
}

static cf_status print_leaves(making *self, cf_error *error)
{
    const cf_base_prints_options *options = self->options;
    cf_status status = CF_OK;

    for (uint64_t leaf = 0; !status && leaf < cf_leaf_count(options->now.size); leaf++)
        if (self->before.prints.size &&
            !cf_base_leaf_changed(&options->before, &options->now, leaf))
            keep_leaf(self, leaf);
        else
            status = print_leaf(self, leaf, error);
    return status;
}

static void begin(making *self)
{
    uint8_t size[8];

    cf_put_u64(size, self->options->now.size);
    cf_buffer_append(&self->out, magic, sizeof magic);
    cf_buffer_append(&self->out, self->key, sizeof self->key);
    cf_buffer_append(&self->out, size, sizeof size);
}

static cf_status save(making *self, cf_error *error)
{
    const cf_base_prints_options *options = self->options;
    cf_files *files = options->files;
    const cf_hash sum = cf_sha256_of(cf_buffer_view(&self->out));
    char making_name[CF_BASE_NAME], name[CF_BASE_NAME];
    const cf_bytes temporary = cf_base_name(&options->now.hash, CF_BASE_MAKING, making_name);
    cf_file *to = NULL;
    cf_error ignored;

    cf_buffer_append(&self->out, sum.bytes, CF_HASH_SIZE);
    files->unlink(files, options->folder, temporary, &ignored);
    cf_status status = files->create_file(files, options->folder, temporary, 0600, &to, error);
    if (!status)
        status = files->write_at(files, to, 0, cf_buffer_view(&self->out), error);
    files->close_file(files, &to);
    if (!status)
        status = files->replace(files, options->folder, temporary, options->folder,
                                cf_base_name(&options->now.hash, CF_BASE_PRINTS, name), error);
    if (status)
        files->unlink(files, options->folder, temporary, &ignored);
    return status;
}

/* Those of what was before are of use only where blocks are cut in one way. */
static void find_before(making *self, cf_buffer *kept)
{
    const cf_base_prints_options *options = self->options;
    cf_error ignored;

    memcpy(self->key, options->key, sizeof self->key);
    if (!cf_base_content_has_leaves(&options->before) ||
        cf_base_prints_read(options->files, options->folder, &options->before, kept, &self->before,
                            &ignored))
        return;
    if (cf_block_size(options->before.size) == cf_block_size(options->now.size))
        memcpy(self->key, self->before.key, sizeof self->key);
    else
        self->before.prints = (cf_bytes){0};
}

static void give_up_before(const making *self)
{
    const cf_base_prints_options *options = self->options;
    char text[CF_BASE_NAME];
    cf_error ignored;

    if (options->before.size && !cf_hash_equal(&options->before.hash, &options->now.hash))
        options->files->unlink(options->files, options->folder,
                               cf_base_name(&options->before.hash, CF_BASE_PRINTS, text), &ignored);
}

cf_status cf_base_prints_make(const cf_base_prints_options *options, cf_error *error)
{
    making self = {.options = options};
    cf_buffer kept = {0};

    if (!cf_base_prints_fit(options->now.size) || !cf_base_content_has_leaves(&options->now))
        return cf_fail(error, CF_USAGE, "a content that gets no prints");
    find_before(&self, &kept);
    self.window = cf_allocate(CF_LEAF_SIZE, 1);
    begin(&self);
    cf_status status = print_leaves(&self, error);
    if (!status)
        status = save(&self, error);
    if (!status)
        give_up_before(&self);
    cf_buffer_release(&self.out);
    cf_buffer_release(&kept);
    free(self.window);
    return status;
}
