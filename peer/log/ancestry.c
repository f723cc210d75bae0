/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/log/ancestry.h"

#include "peer/log/contents.h"
#include "peer/log/dot_entry.h"
#include "peer/merge/text_merge.h"
#include "peer/records/list_merge.h"

#include <stdlib.h>

enum { WRITES_MAX = 256, WORDS = WRITES_MAX / 64, DEPTH_MAX = 8 };

typedef struct {
    uint64_t words[WORDS];
} write_set; /* by index */

/* A write of the field, and what it replaced. */
typedef struct {
    cf_dot dot;
    bool is_known;
    cf_bytes value; /* as the entry has it */
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
            cf_bytes_equal(body->changes[i].field, self->of->field))
            return &body->changes[i];
    return NULL;
}

static void take(graph *self, written *one, const cf_change *change)
{
    one->over = cf_arena_allocate(&self->arena, change->over_count, sizeof *one->over);
    one->over_count = change->over_count;
    if (change->over_count)
        memcpy(one->over, change->over, change->over_count * sizeof *one->over);
    one->is_known = true;
    one->value = cf_arena_copy(&self->arena, change->value);
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

/* ---- What a version says ---- */

static cf_status read_text(const cf_ancestry *of, cf_bytes value, cf_buffer *out, cf_error *error)
{
    cf_buffer identity = {0};
    uint64_t size;
    cf_hash hash;

    cf_status status = cf_content_identity(value, &identity, error);
    if (!status)
        status = cf_content_identity_read(cf_buffer_view(&identity), &hash, &size, error);
    if (!status)
        status = cf_contents_small(of->peer->contents, &of->collection, &hash, out, error);
    cf_buffer_release(&identity);
    return status;
}

static bool join_texts(cf_bytes before, cf_bytes one, cf_bytes other, cf_buffer *out)
{
    return cf_text_merge(&(cf_text_versions){before, one, other}, out);
}

static cf_status read_list(const cf_ancestry *of, cf_bytes value, cf_buffer *out, cf_error *error)
{
    (void)of;
    if (!cf_list_is_mergeable(value))
        return cf_fail(error, CF_MISSING, "it is no list of objects with ids");
    cf_buffer_append(out, value.data, value.size);
    return CF_OK;
}

static bool join_lists(cf_bytes before, cf_bytes one, cf_bytes other, cf_buffer *out)
{
    bool clash;

    return cf_list_merge(&(cf_list_versions){before, one, other}, &clash, out) && !clash;
}

static bool join_part_of_lists(cf_bytes before, cf_bytes one, cf_bytes other, cf_buffer *out)
{
    bool clash;

    return cf_list_merge(&(cf_list_versions){before, one, other}, &clash, out) && clash;
}

const cf_ancestry_kind cf_ancestry_texts = {.read = read_text, .join = join_texts};
const cf_ancestry_kind cf_ancestry_lists = {
    .read = read_list, .join = join_lists, .join_part = join_part_of_lists, .may_be_apart = true};

static cf_status read_version(const graph *self, size_t index, cf_buffer *out, cf_error *error)
{
    if (!self->at[index].value.size)
        return cf_fail(error, CF_MISSING, "nothing is known of it");
    return self->of->kind->read(self->of, self->at[index].value, out, error);
}

/* All that was ever written there is known. */
static bool is_whole(const graph *self)
{
    bool whole = self->count < WRITES_MAX;

    for (size_t i = 0; i < self->count; i++)
        whole &= self->at[i].is_known;
    return whole;
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
        status = read_version(self, index, &other, error);
    if (!status && !self->of->kind->join(cf_buffer_view(&before), cf_buffer_view(text),
                                         cf_buffer_view(&other), &both))
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
            status = any ? join(self, &taken, i, depth, &text, error)
                         : read_version(self, i, &text, error);
        put(&taken, i);
        any = true;
    }
    if (!status && !any && !(self->of->kind->may_be_apart && is_whole(self)))
        status = cf_fail(error, CF_MISSING, "nothing is known that both were made from");
    if (!status)
        cf_buffer_append(out, text.data, text.size);
    cf_buffer_release(&text);
    return status;
}

static write_set indexes_of(const graph *self, cf_dot_range dots)
{
    write_set set = {{0}};

    for (size_t i = 0; i < dots.count; i++) {
        size_t index = find(self, &dots.at[i]);

        if (index < self->count)
            put(&set, index);
    }
    return set;
}

cf_status cf_ancestry_find(const cf_ancestry *ancestry, cf_dot_range one, cf_dot_range other,
                           cf_buffer *out, cf_error *error)
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

/* ---- Versions that were joined in part ---- */

/* The write says what the one that it replaced does, joined with a part of the other version. */
static bool joins(const graph *self, size_t index, size_t replaced, const write_set *other,
                  cf_bytes theirs)
{
    cf_buffer before = {0}, both = {0};
    write_set one = {{0}};
    cf_error ignored;

    put(&one, replaced);
    const bool is = common_text(self, &one, other, 0, &before, &ignored) == CF_OK &&
                    self->of->kind->join_part(cf_buffer_view(&before), self->at[replaced].value,
                                              theirs, &both) &&
                    cf_bytes_equal(cf_buffer_view(&both), self->at[index].value);
    cf_buffer_release(&before);
    cf_buffer_release(&both);
    return is;
}

static bool joins_any(const graph *self, size_t index, const write_set *other, cf_bytes theirs)
{
    const written *one = &self->at[index];
    bool any = false;

    for (size_t i = 0; !any && i < one->over_count; i++) {
        const size_t replaced = find(self, &one->over[i]);

        any = replaced < self->count && joins(self, index, replaced, other, theirs);
    }
    return any;
}

bool cf_ancestry_joined(const cf_ancestry *ancestry, cf_dot_range one, cf_dot_range other)
{
    graph *self = cf_allocate(1, sizeof *self);
    bool joined = false;

    self->of = ancestry;
    add(self, one.at, one.count);
    add(self, other.at, other.count);
    look_back(self);
    const write_set first = indexes_of(self, one), second = indexes_of(self, other);
    const write_set ours = past_of(self, &first), theirs = past_of(self, &second);
    const size_t said = other.count ? find(self, &other.at[0]) : self->count;
    for (size_t i = 0; !joined && said < self->count && i < self->count; i++)
        joined =
            has(&ours, i) && !has(&theirs, i) && joins_any(self, i, &second, self->at[said].value);
    cf_arena_release(&self->arena);
    free(self);
    return joined;
}
