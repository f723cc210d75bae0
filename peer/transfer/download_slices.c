/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/transfer/download_slices.h"

#include "broker/platform/jobs.h"
#include "codec/blob.h"

#include <stdlib.h>

/* What a blob is good for: bytes from `offset` in it belong at `at` in the file. */
typedef struct {
    uint64_t blob, at, offset, length;
} stretch;

enum { KEEP_MS = 5000 }; /* what came for so long is kept */

typedef enum { FRESH, ASKED, OPENING, SETTLED } blob_state;

typedef struct {
    blob_state state;
    size_t index; /* among the entry's blobs */
    const stretch *stretches;
    size_t count;
    uint64_t reach; /* how far into it they go */
    cf_buffer sealed;
    bool is_sized;     /* its first piece has come, which tells its size */
    bool is_loaded;    /* some of it was kept by an earlier process */
    uint64_t kept;     /* bytes of it in the parts, */
    uint64_t since_ms; /* and since when others came */
} wanted;

struct cf_fetch {
    cf_fetch_options options;
    stretch *stretches;
    wanted *at;
    size_t count;
    size_t low, next; /* all before are settled; the first that was not asked for */
    size_t settled, absent, jobs;
    uint64_t left; /* bytes of blobs that are not settled */
    bool failed, saving;
    cf_error error;
};

bool cf_fetch_possible(const cf_peer *peer)
{
    return peer->link && cf_link_is_connected(peer->link);
}

/* ---- Planning ---- */

static int by_blob(const void *a, const void *b)
{
    const stretch *left = a, *right = b;

    if (left->blob != right->blob)
        return left->blob < right->blob ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

static size_t read_stretches(cf_fetch *fetch)
{
    cf_slice_reader reader = cf_slice_reader_of(fetch->options.slices);
    uint64_t at = 0;
    size_t count = 0;
    cf_slice slice;

    fetch->stretches = cf_allocate(reader.left + 1, sizeof *fetch->stretches);
    for (; cf_slice_next(&reader, &slice); at += slice.length)
        if (!slice.zeros)
            fetch->stretches[count++] = (stretch){slice.blob, at, slice.offset, slice.length};
    if (count)
        qsort(fetch->stretches, count, sizeof *fetch->stretches, by_blob);
    return count;
}

static void add_stretch(cf_fetch *fetch, const stretch *added)
{
    wanted *last = fetch->count ? &fetch->at[fetch->count - 1] : NULL;

    if (!last || last->index != added->blob) {
        last = &fetch->at[fetch->count++];
        *last = (wanted){.index = (size_t)added->blob, .stretches = added};
    }
    last->count++;
    if (added->offset + added->length > last->reach)
        last->reach = added->offset + added->length;
}

cf_fetch *cf_fetch_new(const cf_fetch_options *options)
{
    cf_fetch *fetch = cf_allocate(1, sizeof *fetch);

    fetch->options = *options;
    size_t count = read_stretches(fetch);
    fetch->at = cf_allocate(options->blob_count + 1, sizeof *fetch->at);
    for (size_t i = 0; i < count; i++)
        add_stretch(fetch, &fetch->stretches[i]);
    for (size_t i = 0; i < fetch->count; i++)
        if (options->partial && cf_partial_file_has(options->partial, fetch->at[i].index)) {
            fetch->at[i].state = SETTLED;
            fetch->settled++;
        } else {
            fetch->left += fetch->at[i].reach;
        }
    return fetch;
}

/* ---- Blobs in hand ---- */

static const cf_hash *id_of(const cf_fetch *fetch, const wanted *one)
{
    return &fetch->options.blobs[one->index];
}

static void settle(cf_fetch *fetch, wanted *one)
{
    cf_hand_drop(fetch->options.hand, id_of(fetch, one));
    cf_buffer_release(&one->sealed);
    one->state = SETTLED;
    fetch->settled++;
    fetch->left -= one->reach;
}

static void fail(cf_fetch *fetch, const cf_error *error)
{
    if (!fetch->failed)
        fetch->error = *error;
    fetch->failed = true;
}

/* On a line that brings a blob within seconds that is never worth a file. */
static void keep(cf_fetch *fetch, wanted *one, uint64_t for_ms)
{
    const uint64_t now_ms = cf_env_steady_ms(fetch->options.peer->env);

    if (one->sealed.size <= one->kept || now_ms < one->since_ms + for_ms)
        return;
    cf_parts_keep(fetch->options.parts, id_of(fetch, one), one->kept,
                  cf_bytes_of(one->sealed.data + one->kept, one->sealed.size - one->kept));
    one->kept = one->sealed.size;
    one->since_ms = now_ms;
}

static void forget_part(cf_fetch *fetch, wanted *one)
{
    if (one->kept)
        cf_parts_drop(fetch->options.parts, id_of(fetch, one));
    one->kept = 0;
}

/* What was kept is not the blob's: all of it comes once more. */
static void begin_anew(cf_fetch *fetch, wanted *one)
{
    forget_part(fetch, one);
    cf_buffer_release(&one->sealed);
    one->is_loaded = one->is_sized = false;
    one->state = ASKED;
}

static void take_back(cf_fetch *fetch)
{
    cf_link *link = fetch->options.peer->link;

    for (size_t i = fetch->low; i < fetch->next; i++)
        if (fetch->at[i].state == ASKED) {
            if (link)
                cf_transfer_forget_want(cf_link_transfer(link), id_of(fetch, &fetch->at[i]));
            keep(fetch, &fetch->at[i], fetch->at[i].kept ? 0 : KEEP_MS);
            settle(fetch, &fetch->at[i]);
        }
}

void cf_fetch_destroy(cf_fetch **fetch)
{
    if (!*fetch)
        return;
    cf_jobs *jobs = (*fetch)->options.peer->env->jobs;
    take_back(*fetch);
    while ((*fetch)->jobs)
        cf_jobs_await(jobs);
    free((*fetch)->stretches);
    free((*fetch)->at);
    free(*fetch);
    *fetch = NULL;
}

/* ---- Opening ---- */

typedef struct {
    cf_job job;
    cf_fetch *fetch;
    wanted *one;
    cf_ring *ring; /* its own: the peer's may change meanwhile */
    cf_status status;
    cf_error error;
} open_job;

static cf_status write_stretches(const open_job *self, cf_bytes plain, cf_error *error)
{
    const cf_fetch_options *options = &self->fetch->options;
    cf_files *files = options->peer->env->files;
    cf_status status = CF_OK;

    if (self->one->reach > plain.size)
        return cf_fail(error, CF_MALFORMED, "a blob is shorter than its entry says");
    for (size_t i = 0; !status && i < self->one->count; i++) {
        const stretch *to = &self->one->stretches[i];

        status = cf_files_write_sparse(files, options->file, to->at,
                                       cf_bytes_of(plain.data + to->offset, to->length), error);
    }
    return status;
}

static void work(cf_job *job)
{
    open_job *self = (open_job *)job;
    const cf_fetch_options *options = &self->fetch->options;
    cf_buffer plain = {0};

    self->status = cf_blob_open(self->ring, &options->collection, id_of(self->fetch, self->one),
                                cf_buffer_view(&self->one->sealed), &plain, &self->error);
    if (!self->status)
        self->status = write_stretches(self, cf_buffer_view(&plain), &self->error);
    cf_buffer_release(&plain);
}

static uint64_t length_of(const wanted *one)
{
    uint64_t length = 0;

    for (size_t i = 0; i < one->count; i++)
        length += one->stretches[i].length;
    return length;
}

static void done(cf_job *job)
{
    open_job *self = (open_job *)job;
    cf_fetch *fetch = self->fetch;

    fetch->jobs--;
    if (job->dropped)
        self->status = cf_fail(&self->error, CF_CHANGED, "the program ends");
    if (self->status == CF_FORGED && self->one->is_loaded) {
        begin_anew(fetch, self->one);
        cf_ring_destroy(&self->ring);
        free(self);
        return;
    }
    if (self->status == CF_FORGED || self->status == CF_MALFORMED)
        cf_contents_lack(fetch->options.peer->contents, id_of(fetch, self->one));
    else if (!self->status)
        cf_contents_lack_no_more(fetch->options.peer->contents, id_of(fetch, self->one));
    if (!self->status)
        fetch->options.hand->brought += self->one->reach;
    if (self->status)
        fail(fetch, &self->error);
    else if (fetch->options.partial)
        cf_partial_file_wrote(fetch->options.partial, self->one->index, length_of(self->one));
    if (self->status || fetch->options.partial)
        forget_part(fetch, self->one);
    settle(fetch, self->one);
    cf_ring_destroy(&self->ring);
    free(self);
}

static cf_status start(cf_fetch *fetch, wanted *one, cf_error *error)
{
    cf_jobs *jobs = fetch->options.peer->env->jobs;
    cf_ring *ring = NULL;
    cf_hash epoch;

    cf_status status = cf_blob_epoch(cf_buffer_view(&one->sealed), &epoch, error);
    if (!status)
        status = cf_ring_extract(fetch->options.peer->ring, &epoch, &ring, error);
    if (status) {
        cf_hash found = cf_blob_id(cf_buffer_view(&one->sealed));

        if (cf_hash_equal(&found, id_of(fetch, one)))
            return status;
        if (one->is_loaded) {
            begin_anew(fetch, one);
            return CF_OK;
        }
        cf_contents_lack(fetch->options.peer->contents, id_of(fetch, one));
        return cf_fail(error, CF_FORGED, "a blob's bytes are not those of its name");
    }
    open_job *self = cf_allocate(1, sizeof *self);
    self->job = (cf_job){.work = work, .done = done, .memory = 2 * one->sealed.size + one->reach};
    self->fetch = fetch;
    self->one = one;
    self->ring = ring;
    one->state = OPENING;
    fetch->jobs++;
    jobs->submit(jobs, &self->job);
    return CF_OK;
}

/* ---- Asking ---- */

/* Nothing is asked for of one that is whole there. */
static void begin(cf_fetch *fetch, wanted *one, cf_transfer_rank rank)
{
    cf_error error;

    one->state = ASKED;
    one->since_ms = cf_env_steady_ms(fetch->options.peer->env);
    cf_parts_load(fetch->options.parts, id_of(fetch, one), &one->sealed);
    one->kept = one->sealed.size;
    one->is_loaded = one->kept > 0;
    if (one->is_loaded) {
        const cf_hash found = cf_blob_id(cf_buffer_view(&one->sealed));

        if (cf_hash_equal(&found, id_of(fetch, one))) {
            if (start(fetch, one, &error))
                fail(fetch, &error);
            return;
        }
    }
    cf_transfer_want(cf_link_transfer(fetch->options.peer->link), id_of(fetch, one),
                     one->sealed.size, rank);
}

/* What is asked for is said again each time: a link that took the place of another one knows of
 * nothing, any other one takes it for the same. */
static void ask(cf_fetch *fetch)
{
    cf_transfer *transfer = cf_link_transfer(fetch->options.peer->link);
    const cf_transfer_rank rank = cf_transfer_rank_of(fetch->left + CF_BLOB_OVERHEAD);

    while (fetch->low < fetch->next && fetch->at[fetch->low].state == SETTLED)
        fetch->low++;
    for (size_t i = fetch->low; i < fetch->next; i++)
        if (fetch->at[i].state == ASKED)
            cf_transfer_want(transfer, id_of(fetch, &fetch->at[i]), fetch->at[i].sealed.size, rank);
    for (; fetch->next < fetch->count; fetch->next++) {
        wanted *one = &fetch->at[fetch->next];

        if (one->state == SETTLED)
            continue;
        if (!cf_hand_take(fetch->options.hand, id_of(fetch, one), one->reach, rank))
            break;
        begin(fetch, one, rank);
    }
}

/* All are in the file. */
static void forget_parts(cf_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++)
        forget_part(fetch, &fetch->at[i]);
}

cf_fetch_state cf_fetch_step(cf_fetch *fetch, cf_error *error)
{
    cf_partial_file *partial = fetch->options.partial;
    bool busy = false;

    if (fetch->failed)
        take_back(fetch);
    else if (cf_fetch_possible(fetch->options.peer) && !cf_fetch_is_stopped(fetch))
        ask(fetch);
    bool ends = !fetch->jobs && (fetch->failed || fetch->settled == fetch->count);
    /* What is stopped soon keeps all that has come of it. */
    const bool saves = ends || cf_fetch_is_stopped(fetch);
    if (partial && cf_partial_file_step(partial, saves, &busy, error)) {
        fail(fetch, error);
        take_back(fetch);
    }
    fetch->saving = busy;
    if (busy || fetch->jobs || (!fetch->failed && !ends))
        return CF_FETCH_WORKING;
    if (fetch->failed)
        *error = fetch->error;
    else if (!fetch->absent)
        forget_parts(fetch);
    return fetch->failed ? CF_FETCH_FAILED : fetch->absent ? CF_FETCH_ABSENT : CF_FETCH_DONE;
}

bool cf_fetch_busy(const cf_fetch *fetch)
{
    return fetch->jobs > 0 || fetch->saving;
}

/* Of those that wait to be opened as well. */
uint64_t cf_fetch_partly(const cf_fetch *fetch)
{
    uint64_t partly = 0;

    for (size_t i = fetch->low; i < fetch->next; i++) {
        const wanted *one = &fetch->at[i];

        if (one->state == ASKED || one->state == OPENING)
            partly += one->sealed.size < one->reach ? one->sealed.size : one->reach;
    }
    return partly;
}

uint64_t cf_fetch_left(const cf_fetch *fetch)
{
    return fetch->left;
}

bool cf_fetch_hungry(const cf_fetch *fetch)
{
    return !fetch->failed && !fetch->jobs && fetch->settled < fetch->count;
}

bool cf_fetch_is_stopped(const cf_fetch *fetch)
{
    return fetch->options.length > *fetch->options.most || cf_fetch_is_paused(fetch);
}

bool cf_fetch_is_paused(const cf_fetch *fetch)
{
    const cf_link *link = fetch->options.peer->link;

    return link && cf_link_is_paused(link, &fetch->options.collection);
}

/* ---- Events ---- */

static wanted *find_asked(cf_fetch *fetch, const cf_hash *blob)
{
    for (size_t i = fetch->low; i < fetch->next; i++)
        if (fetch->at[i].state == ASKED && cf_hash_equal(id_of(fetch, &fetch->at[i]), blob))
            return &fetch->at[i];
    return NULL;
}

void cf_fetch_received(cf_fetch *fetch, const cf_hash *blob, uint64_t offset, uint64_t total,
                       cf_bytes bytes)
{
    wanted *one = find_asked(fetch, blob);
    cf_error error;

    if (!one || fetch->failed || offset != one->sealed.size)
        return;
    if (total > CF_BLOB_MAX + CF_BLOB_OVERHEAD || bytes.size > total - offset) {
        cf_fail(&error, CF_MALFORMED, "the broker sends a blob that is too large");
        fail(fetch, &error);
        return;
    }
    if (!one->is_sized) {
        cf_hand_resize(fetch->options.hand, blob, total);
        cf_buffer_reserve(&one->sealed, total - offset);
    }
    if (offset == 0)
        one->since_ms = cf_env_steady_ms(fetch->options.peer->env);
    one->is_sized = true;
    cf_buffer_append(&one->sealed, bytes.data, bytes.size);
    const bool is_whole = one->sealed.size == total;
    if (!is_whole)
        keep(fetch, one, KEEP_MS);
    else if (one->kept && !fetch->options.partial) /* nothing else would have it */
        keep(fetch, one, 0);
    if (is_whole && start(fetch, one, &error))
        fail(fetch, &error);
}

void cf_fetch_absent(cf_fetch *fetch, const cf_hash *blob)
{
    wanted *one = find_asked(fetch, blob);

    if (!one)
        return;
    fetch->absent++;
    cf_contents_lack(fetch->options.peer->contents, blob);
    settle(fetch, one);
}

void cf_fetch_refused(cf_fetch *fetch, const cf_hash *blob, const cf_error *why)
{
    wanted *one = find_asked(fetch, blob);

    if (one && one->is_loaded)
        begin_anew(fetch, one);
    else if (one)
        fail(fetch, why);
}
