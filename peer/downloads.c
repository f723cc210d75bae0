/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/downloads.h"

#include "peer/download_making.h"

#include <stdlib.h>

enum { AT_A_TIME = 3, TOLD_SHARE = 16 };

typedef enum { QUEUED, OFFLINE, WORKING, READY, ABSENT, FAILED } download_phase;

typedef struct {
    download_phase phase;
    bool announced; /* that it has ended */
    bool again;     /* FAILED, and may be tried again when wanted */
    bool abandoned; /* ends when its job does */
    bool afresh;    /* what is on this disk made it fail once */
    cf_binding *binding;
    cf_hash hash;
    cf_making *making; /* WORKING */
    char name[CF_LANDING_NAME];
    cf_stat stat;     /* READY */
    cf_buffer leaves; /* READY */
    cf_error error;   /* ABSENT, FAILED */
} download;

struct cf_downloads {
    cf_downloads_options options;
    download **at;
    size_t count, capacity;
    cf_hand hand;
    size_t moving;    /* how many do */
    uint64_t session; /* of the link, in which absent ones were asked for */
};

cf_downloads *cf_downloads_new(const cf_downloads_options *options)
{
    cf_downloads *downloads = cf_allocate(1, sizeof *downloads);

    downloads->options = *options;
    return downloads;
}

static void drop(cf_downloads *downloads, size_t index)
{
    download *one = downloads->at[index];

    cf_making_destroy(&one->making);
    cf_buffer_release(&one->leaves);
    free(one);
    downloads->at[index] = downloads->at[--downloads->count];
    downloads->moving = 0; /* to be counted again */
}

void cf_downloads_destroy(cf_downloads **downloads)
{
    if (!*downloads)
        return;
    while ((*downloads)->count)
        drop(*downloads, 0);
    free((*downloads)->at);
    free(*downloads);
    *downloads = NULL;
}

void cf_downloads_forget(cf_downloads *downloads, const cf_binding *binding)
{
    for (size_t i = downloads->count; i-- > 0;)
        if (downloads->at[i]->binding == binding)
            drop(downloads, i);
}

static size_t find(const cf_downloads *downloads, const cf_binding *binding, const cf_hash *hash)
{
    size_t i = 0;

    while (i < downloads->count &&
           (downloads->at[i]->binding != binding || !cf_hash_equal(&downloads->at[i]->hash, hash)))
        i++;
    return i;
}

static cf_files *files_of(const cf_downloads *downloads)
{
    return downloads->options.peer->env->files;
}

static bool is_connected(const cf_downloads *downloads)
{
    return cf_fetch_possible(downloads->options.peer);
}

/* ---- One download ---- */

/* What a making asks of all others. */
typedef struct {
    const cf_downloads *downloads;
    const download *self;
} neighbours;

/* Its file is still where it was put. */
static bool is_there(const cf_downloads *downloads, const download *one)
{
    cf_stat now;
    cf_error ignored;

    return one->binding->temporary &&
           files_of(downloads)->stat(files_of(downloads), one->binding->temporary,
                                     cf_bytes_of_text(one->name), &now, &ignored) == CF_OK &&
           cf_stat_same_file(&now, &one->stat) && now.size == one->stat.size;
}

static cf_file *open_ready(void *context, const cf_hash *content)
{
    const neighbours *near = context;
    cf_files *files = files_of(near->downloads);
    cf_file *file = NULL;
    cf_error ignored;

    for (size_t i = 0; i < near->downloads->count && !file; i++) {
        const download *one = near->downloads->at[i];

        if (one->phase == READY && cf_hash_equal(&one->hash, content) &&
            is_there(near->downloads, one))
            files->open_file(files, one->binding->temporary, cf_bytes_of_text(one->name), &file,
                             &ignored);
    }
    return file;
}

static bool is_taken(void *context, const cf_hash *content)
{
    const neighbours *near = context;

    for (size_t i = 0; i < near->downloads->count; i++) {
        const download *one = near->downloads->at[i];

        if (one != near->self && one->binding == near->self->binding && one->making &&
            (cf_hash_equal(&one->hash, content) || cf_making_needs(one->making, content)))
            return true;
    }
    return false;
}

static void end(download *one, download_phase phase, const cf_error *error)
{
    cf_making_destroy(&one->making);
    one->phase = phase;
    one->announced = false;
    if (error)
        one->error = *error;
}

static void begin(cf_downloads *downloads, download *one)
{
    const cf_downloads_options *options = &downloads->options;
    neighbours near = {downloads, one};
    cf_making_options making = {
        .places = {.peer = options->peer,
                   .collection = one->binding->collection,
                   .afresh = one->afresh,
                   .open = open_ready,
                   .context = &near},
        .binding = one->binding,
        .content = one->hash,
        .hand = &downloads->hand,
        .taken = is_taken,
    };
    cf_error error;

    if (options->bindings)
        making.places.bindings = options->bindings(options->context, &making.places.binding_count);
    cf_status status = cf_making_begin(&making, &one->making, &error);
    if (status == CF_UNREACHABLE || (status == CF_LOCKED && !is_connected(downloads)))
        one->phase = OFFLINE;
    else if (status && status != CF_LOCKED)
        end(one, FAILED, &error);
    else if (!status)
        one->phase = WORKING;
}

/* What was taken from this disk may be the reason: then all of it comes from the broker. */
static void end_failed(download *one, const cf_error *error)
{
    bool again = cf_making_used_disk(one->making) && !one->afresh && error->status != CF_FULL;

    end(one, again ? QUEUED : FAILED, error);
    one->afresh = again;
}

static void go_on(download *one)
{
    cf_error error;

    switch (cf_making_step(one->making, &error)) {
    case CF_FETCH_WORKING:
        break;
    case CF_FETCH_DONE:
        cf_making_result(one->making, &one->stat, &one->leaves);
        end(one, READY, NULL);
        break;
    case CF_FETCH_ABSENT:
        cf_fail(&error, CF_MISSING, "waits for a device that has all of it");
        end(one, ABSENT, &error);
        break;
    case CF_FETCH_FAILED:
        end_failed(one, &error);
        break;
    }
}

/* It goes on without anybody else's doing. */
static bool moves(const cf_downloads *downloads, const download *one)
{
    return one->phase == WORKING && (is_connected(downloads) || !cf_making_hungry(one->making));
}

static void count_moving(cf_downloads *downloads)
{
    downloads->moving = 0;
    for (size_t i = 0; i < downloads->count; i++)
        downloads->moving += moves(downloads, downloads->at[i]);
}

/* True when it is in another phase than before: then others may be able to go on. */
static bool step_one(cf_downloads *downloads, download *one)
{
    download_phase before = one->phase;

    if (one->phase == OFFLINE && is_connected(downloads))
        one->phase = QUEUED;
    if (one->phase == QUEUED && downloads->moving < AT_A_TIME)
        begin(downloads, one);
    if (one->phase == WORKING)
        go_on(one);
    if (one->phase == WORKING || one->phase != before)
        count_moving(downloads);
    return one->phase != before;
}

/* ---- All of them ---- */

/* What was begun is thrown away, unless another one makes it too. */
static void throw_away(cf_downloads *downloads, size_t index)
{
    download *one = downloads->at[index];
    neighbours near = {downloads, one};
    const cf_folder *folder = one->binding->temporary;
    char note[CF_LANDING_NAME];
    cf_error ignored;

    cf_making_destroy(&one->making);
    cf_landing_name(&one->hash, true, note);
    if (folder && one->phase == READY && !is_there(downloads, one))
        files_of(downloads)->unlink(files_of(downloads), folder, cf_bytes_of_text(note), &ignored);
    else if (folder && !is_taken(&near, &one->hash))
        cf_landing_remove(files_of(downloads), folder, &one->hash);
    drop(downloads, index);
}

static bool step_all(cf_downloads *downloads)
{
    bool changed = false;

    count_moving(downloads);
    for (size_t i = downloads->count; i-- > 0;) {
        download *one = downloads->at[i];

        if (!one->abandoned) {
            changed |= step_one(downloads, one);
        } else if (!one->making || !cf_making_busy(one->making)) {
            throw_away(downloads, i);
            changed = true;
        }
    }
    return changed;
}

void cf_downloads_step(cf_downloads *downloads)
{
    cf_link *link = downloads->options.peer->link;

    if (is_connected(downloads) && cf_link_session(link) != downloads->session) {
        downloads->session = cf_link_session(link);
        cf_downloads_retry(downloads);
    }
    while (step_all(downloads))
        ;
}

void cf_downloads_retry(cf_downloads *downloads)
{
    for (size_t i = 0; i < downloads->count; i++)
        if (downloads->at[i]->phase == ABSENT)
            downloads->at[i]->phase = QUEUED;
        else if (downloads->at[i]->phase == FAILED)
            downloads->at[i]->again = true;
}

static bool has_ended(const download *one)
{
    return one->phase == READY || one->phase == ABSENT || one->phase == FAILED;
}

bool cf_downloads_busy(const cf_downloads *downloads)
{
    for (size_t i = 0; i < downloads->count; i++) {
        const download *one = downloads->at[i];

        if (one->phase == QUEUED || moves(downloads, one) || one->abandoned ||
            (one->phase == OFFLINE && is_connected(downloads)) ||
            (has_ended(one) && !one->announced))
            return true;
    }
    return false;
}

/* To tell each of many by itself would have all of them planned as often. */
static bool is_worth_telling(const cf_downloads *downloads)
{
    size_t ended = 0, coming = 0;

    for (size_t i = 0; i < downloads->count; i++) {
        const download *one = downloads->at[i];

        ended += has_ended(one) && !one->announced && !one->abandoned;
        coming += (one->phase == QUEUED || moves(downloads, one)) && !one->abandoned;
    }
    return ended && ended * TOLD_SHARE >= coming;
}

const cf_binding *cf_downloads_finished(cf_downloads *downloads)
{
    const cf_binding *found = NULL;

    if (!is_worth_telling(downloads))
        return NULL;
    for (size_t i = 0; i < downloads->count; i++) {
        download *one = downloads->at[i];

        if (!has_ended(one) || one->announced || one->abandoned || (found && one->binding != found))
            continue;
        one->announced = true;
        found = one->binding;
    }
    return found;
}

/* ---- Wants ---- */

static download *add(cf_downloads *downloads, cf_binding *binding, const cf_hash *hash)
{
    download *one = cf_allocate(1, sizeof *one);

    one->binding = binding;
    one->hash = *hash;
    cf_landing_name(hash, false, one->name);
    downloads->at = cf_grow(downloads->at, &downloads->capacity, downloads->count + 1, sizeof one);
    downloads->at[downloads->count++] = one;
    return one;
}

static void begin_again(download *one)
{
    cf_buffer_release(&one->leaves);
    one->phase = QUEUED;
    one->afresh = one->again = false;
}

static cf_download_answer answer_of(const cf_downloads *downloads, download *one, cf_download *out)
{
    bool waits = !is_connected(downloads) &&
                 (one->phase == OFFLINE || (one->phase == WORKING && !moves(downloads, one)));

    *out = (cf_download){.reason = waits ? "waits for a broker" : one->error.text};
    if (waits || one->phase == ABSENT)
        return CF_DOWNLOAD_WAITS;
    if (one->phase == FAILED)
        return CF_DOWNLOAD_FAILED;
    if (one->phase != READY)
        return CF_DOWNLOAD_STARTED;
    out->name = cf_bytes_of_text(one->name);
    out->leaves = cf_buffer_view(&one->leaves);
    return CF_DOWNLOAD_READY;
}

cf_download_answer cf_downloads_want(cf_downloads *downloads, cf_binding *binding, cf_bytes content,
                                     cf_download *out)
{
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (cf_content_identity_read(content, &hash, &size, &ignored)) {
        *out = (cf_download){.reason = "its content is not known"};
        return CF_DOWNLOAD_FAILED;
    }
    size_t index = find(downloads, binding, &hash);
    download *one =
        index < downloads->count ? downloads->at[index] : add(downloads, binding, &hash);
    one->abandoned = false;
    if ((one->phase == FAILED && one->again) || (one->phase == READY && !is_there(downloads, one)))
        begin_again(one);
    if (one->phase == QUEUED && downloads->moving < AT_A_TIME)
        cf_downloads_step(downloads);
    return answer_of(downloads, one, out);
}

void cf_downloads_take(cf_downloads *downloads, const cf_binding *binding, cf_bytes content)
{
    cf_hash hash;
    uint64_t size;
    cf_error ignored;

    if (cf_content_identity_read(content, &hash, &size, &ignored))
        return;
    size_t index = find(downloads, binding, &hash);
    if (index == downloads->count)
        return;
    download *one = downloads->at[index];
    if (one->making && cf_making_busy(one->making))
        one->abandoned = true;
    else
        throw_away(downloads, index);
}

/* ---- Events of the transfer ---- */

void cf_downloads_received(cf_downloads *downloads, const cf_hash *blob, uint64_t offset,
                           uint64_t total, cf_bytes bytes)
{
    for (size_t i = 0; i < downloads->count; i++)
        if (downloads->at[i]->making && cf_making_fetch(downloads->at[i]->making))
            cf_fetch_received(cf_making_fetch(downloads->at[i]->making), blob, offset, total,
                              bytes);
}

void cf_downloads_absent(cf_downloads *downloads, const cf_hash *blob)
{
    for (size_t i = 0; i < downloads->count; i++)
        if (downloads->at[i]->making && cf_making_fetch(downloads->at[i]->making))
            cf_fetch_absent(cf_making_fetch(downloads->at[i]->making), blob);
}

void cf_downloads_refused(cf_downloads *downloads, const cf_hash *blob, const cf_error *why)
{
    for (size_t i = 0; i < downloads->count; i++)
        if (downloads->at[i]->making && cf_making_fetch(downloads->at[i]->making))
            cf_fetch_refused(cf_making_fetch(downloads->at[i]->making), blob, why);
}
