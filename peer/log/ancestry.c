/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/ancestry.h"

#include "peer/log/contents_small.h"
#include "peer/log/dot_entry.h"
#include "peer/merge/text_merge.h"

#include <stdlib.h>

enum { WRITES_MAX = 256, WORDS = WRITES_MAX / 64, DEPTH_MAX = 8 };

typedef struct {
    uint64_t words[WORDS];
} write_set; /* by index */

/* A write of the content, and what it replaced. */
typedef struct {
    cf_dot dot;
    bool has_content;
    cf_hash content;
    cf_dot *over;
    size_t over_count;
    write_set past; /* itself among it */
} written;

typedef struct {
    const cf_ancestry *of;
    written at[WRITES_MAX];
    size_t count;
    cf_arena arena;
} graph;

static bool has(const write_set *set, size_t index)
{
    return set->words[index / 64] >> index % 64 & 1;
}

static void put(write_set *set, size_t index)
{
    set->words[index / 64] |= UINT64_C(1) << index % 64;
}

static size_t find(const graph *self, const cf_dot *dot)
{
    size_t i = 0;

    while (i < self->count && !cf_dot_equal(&self->at[i].dot, dot))
        i++;
    return i;
}

static void add(graph *self, const cf_dot *dots, size_t count)
{
    for (size_t i = 0; i < count && self->count < WRITES_MAX; i++)
        if (find(self, &dots[i]) == self->count)
            self->at[self->count++] = (written){.dot = dots[i]};
}

/* ---- What an entry says ---- */

static const cf_change *find_change(const graph *self, const cf_body *body)
{
    for (size_t i = 0; i < body->change_count; i++)
        if (cf_id_equal(&body->changes[i].item, &self->of->item) &&
            cf_bytes_equal(body->changes[i].field, cf_bytes_of_text(CF_FIELD_CONTENT)))
            return &body->changes[i];
    return NULL;
}

static void take(graph *self, written *one, const cf_change *change)
{
    cf_buffer identity = {0};
    cf_error ignored;
    uint64_t size;

    one->over = cf_arena_allocate(&self->arena, change->over_count, sizeof *one->over);
    one->over_count = change->over_count;
    if (change->over_count)
        memcpy(one->over, change->over, change->over_count * sizeof *one->over);
    one->has_content =
        change->value.size && !cf_content_identity(change->value, &identity, &ignored) &&
        !cf_content_identity_read(cf_buffer_view(&identity), &one->content, &size, &ignored);
    cf_buffer_release(&identity);
}

/* What can't be read any more has no past. */
static void read_write(graph *self, written *one)
{
    cf_peer *peer = self->of->peer;
    cf_arena arena = {0};
    cf_buffer wire = {0};
    const cf_body *body;
    cf_entry entry;
    cf_head head;
    cf_error ignored;

    cf_status status = cf_dot_entry(self->of->peer, &one->dot, &head, &ignored);
    if (!status)
        status = cf_log_get(peer->log, &head, &wire, &ignored);
    if (!status)
        status = cf_entry_read(cf_buffer_view(&wire), &arena, &entry, &ignored);
    if (!status)
        status = cf_contents_open(peer->contents, &entry, &body, &ignored);
    const cf_change *change = status ? NULL : find_change(self, body);
    if (change)
        take(self, one, change);
    cf_buffer_release(&wire);
    cf_arena_release(&arena);
}

/* ---- Looking back ---- */

static bool deepen(graph *self, size_t index)
{
    written *one = &self->at[index];
    write_set before = one->past;

    put(&one->past, index);
    for (size_t i = 0; i < one->over_count; i++) {
        size_t above = find(self, &one->over[i]);

        for (size_t word = 0; above < self->count && word < WORDS; word++)
            one->past.words[word] |= self->at[above].past.words[word];
    }
    return memcmp(&before, &one->past, sizeof before) != 0;
}

static void look_back(graph *self)
{
    for (size_t i = 0; i < self->count; i++) {
        read_write(self, &self->at[i]);
        add(self, self->at[i].over, self->at[i].over_count);
    }
    for (bool more = true; more;) {
        more = false;
        for (size_t i = self->count; i-- > 0;)
            more |= deepen(self, i);
    }
}

static write_set past_of(const graph *self, const write_set *set)
{
    write_set past = {{0}};

    for (size_t i = 0; i < self->count; i++)
        for (size_t word = 0; has(set, i) && word < WORDS; word++)
            past.words[word] |= self->at[i].past.words[word];
    return past;
}

/* Those of them that none of the others was made from. */
static write_set latest_of(const graph *self, const write_set *set)
{
    write_set latest = {{0}};

    for (size_t i = 0; i < self->count; i++) {
        bool is_latest = has(set, i);

        for (size_t k = 0; is_latest && k < self->count; k++)
            is_latest = k == i || !has(set, k) || !has(&self->at[k].past, i);
        if (is_latest)
            put(&latest, i);
    }
    return latest;
}

/* ---- The text ---- */

static cf_status text_of(const graph *self, size_t index, cf_buffer *out, cf_error *error)
{
    const cf_ancestry *of = self->of;

    if (!self->at[index].has_content)
        return cf_fail(error, CF_MISSING, "nothing is known of it");
    return cf_contents_small(of->peer->contents, &of->collection, &self->at[index].content, out,
                             error);
}

static cf_status common_text(const graph *self, const write_set *one, const write_set *other,
                             int depth, cf_buffer *out, cf_error *error);

/* `*text` has all of `taken`; this one joins them. */
static cf_status join(const graph *self, const write_set *taken, size_t index, int depth,
                      cf_buffer *text, cf_error *error)
{
    cf_buffer before = {0}, other = {0}, both = {0};
    write_set alone = {{0}};

    put(&alone, index);
    cf_status status = common_text(self, taken, &alone, depth + 1, &before, error);
    if (!status)
        status = text_of(self, index, &other, error);
    if (!status && !cf_text_merge(&(cf_text_versions){cf_buffer_view(&before), cf_buffer_view(text),
                                                      cf_buffer_view(&other)},
                                  &both))
        status = cf_fail(error, CF_MISSING, "what both were made from does not go together");
    if (!status) {
        cf_buffer_release(text);
        *text = both;
        both = (cf_buffer){0};
    }
    cf_buffer_release(&before);
    cf_buffer_release(&other);
    cf_buffer_release(&both);
    return status;
}

/* True recursion: what is common may itself be several versions. */
static cf_status common_text(const graph *self, const write_set *one, const write_set *other,
                             int depth, cf_buffer *out, cf_error *error)
{
    write_set past = past_of(self, one), common = past_of(self, other), taken = {{0}};
    cf_buffer text = {0};
    bool any = false;
    cf_status status = CF_OK;

    for (size_t word = 0; word < WORDS; word++)
        common.words[word] &= past.words[word];
    common = latest_of(self, &common);
    for (size_t i = 0; i < self->count && !status; i++) {
        if (!has(&common, i))
            continue;
        if (any && depth >= DEPTH_MAX)
            status = cf_fail(error, CF_MISSING, "it was merged too often");
        else
            status =
                any ? join(self, &taken, i, depth, &text, error) : text_of(self, i, &text, error);
        put(&taken, i);
        any = true;
    }
    if (!status && !any)
        status = cf_fail(error, CF_MISSING, "nothing is known that both were made from");
    if (!status)
        cf_buffer_append(out, text.data, text.size);
    cf_buffer_release(&text);
    return status;
}

static write_set indexes_of(const graph *self, cf_dots dots)
{
    write_set set = {{0}};

    for (size_t i = 0; i < dots.count; i++) {
        size_t index = find(self, &dots.at[i]);

        if (index < self->count)
            put(&set, index);
    }
    return set;
}

cf_status cf_ancestry_text(const cf_ancestry *ancestry, cf_dots one, cf_dots other, cf_buffer *out,
                           cf_error *error)
{
    graph *self = cf_allocate(1, sizeof *self);

    self->of = ancestry;
    add(self, one.at, one.count);
    add(self, other.at, other.count);
    look_back(self);
    write_set first = indexes_of(self, one), second = indexes_of(self, other);
    cf_status status = common_text(self, &first, &second, 0, out, error);
    cf_arena_release(&self->arena);
    free(self);
    return status;
}
