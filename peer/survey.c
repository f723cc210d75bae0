/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/survey.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "peer/adapters/files_identity.h"
#include "peer/survey_reads.h"

#include <stdlib.h>

typedef enum { LISTING, IDENTIFYING, PLACES, CONTENTS, OVER } phase;

struct cf_survey {
    cf_survey_options options;
    uint64_t *folders;
    phase phase;
    cf_listing listing;
    cf_survey_reads *reads;
    cf_arena arena; /* of what lasts as long as the survey */
    cf_identity_node *nodes;
    size_t node_count;
    cf_identity identity;
    uint64_t *numbers; /* by entry: its node; 0: none */
    bool *reported;    /* by entry: came in a batch, or needs none */
    size_t next;       /* entry from which on the contents are still to come */

    cf_arena batch_arena;
    cf_observation *observed;
    size_t observed_capacity;
    cf_node *restated;
    size_t restated_capacity;
    cf_survey_batch batch;
    cf_survey_note *notes;
    size_t note_count, note_capacity;
    uint64_t *again; /* directories */
    size_t again_count, again_capacity;
};

cf_survey *cf_survey_new(const cf_survey_options *options)
{
    cf_survey *survey = cf_allocate(1, sizeof *survey);

    survey->options = *options;
    survey->folders = cf_allocate(options->folder_count, sizeof *survey->folders);
    if (options->folder_count)
        memcpy(survey->folders, options->folders, options->folder_count * sizeof *survey->folders);
    survey->reads = cf_survey_reads_new(options->env, options->binding, &survey->listing);
    return survey;
}

void cf_survey_destroy(cf_survey **survey)
{
    if (!*survey)
        return;
    cf_survey_reads_destroy(&(*survey)->reads);
    cf_listing_release(&(*survey)->listing);
    cf_arena_release(&(*survey)->arena);
    cf_arena_release(&(*survey)->batch_arena);
    free((*survey)->numbers);
    free((*survey)->reported);
    free((*survey)->observed);
    free((*survey)->restated);
    free((*survey)->notes);
    free((*survey)->again);
    free((*survey)->folders);
    free(*survey);
    *survey = NULL;
}

cf_node_stat cf_node_stat_of(const cf_stat *stat)
{
    return (cf_node_stat){stat->device,   stat->inode,    stat->size, stat->birth_ns,
                          stat->mtime_ns, stat->ctime_ns, stat->mode, stat->links};
}

static cf_stat stat_of_node(const cf_node *node)
{
    const cf_node_stat *stat = &node->stat;
    cf_file_kind kind = node->kind == CF_KIND_DIRECTORY ? CF_FILE_FOLDER
                        : node->kind == CF_KIND_SYMLINK ? CF_FILE_LINK
                                                        : CF_FILE_REGULAR;

    return (cf_stat){kind,       stat->device, stat->inode,    stat->birth_ns, stat->size,
                     stat->mode, stat->links,  stat->mtime_ns, stat->ctime_ns};
}

/* ---- Listing ---- */

/* The base's node at the place of a listed entry whose folders are all where the base has them; 0
 * when not. */
static uint64_t node_at(const cf_survey *survey, size_t folder);

static const cf_node *node_of_entry(const cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    uint64_t parent = node_at(survey, listed->folder);

    if (parent == UINT64_MAX)
        return NULL;
    return cf_nodes_child(survey->options.binding->nodes, parent, listed->name);
}

static uint64_t node_at(const cf_survey *survey, size_t folder)
{
    const cf_listed_folder *listed = &survey->listing.folders[folder];

    if (listed->entry == CF_LISTED_START)
        return listed->node;
    const cf_node *node = node_of_entry(survey, listed->entry);
    return node && node->kind == CF_KIND_DIRECTORY ? node->number : UINT64_MAX;
}

/* A partial look goes on into what is new or another directory now, not into what is known. */
static bool descend(void *context, const cf_listing *listing, size_t entry)
{
    const cf_survey *survey = context;

    if (survey->options.folder_count == 0)
        return true;
    const cf_node *node = node_of_entry(survey, entry);
    cf_stat known = node ? stat_of_node(node) : (cf_stat){0};
    return !node || node->kind != CF_KIND_DIRECTORY ||
           !cf_stat_same_file(&known, &listing->entries[entry].stat);
}

/* Watched before it is listed, so that nothing falls between; under its node's number, or, while it
 * is not known to be one, under the root's: what happens there then makes everything be looked at.
 */
static void enter(void *context, const cf_listing *listing, size_t folder, const cf_folder *held)
{
    cf_survey *survey = context;
    cf_error error;

    (void)listing;
    uint64_t node = node_at(survey, folder);
    uint64_t number = (uint64_t)survey->options.binding->number << 32 |
                      (node == UINT64_MAX ? CF_WATCH_UNKNOWN | folder : node);
    if (cf_watch_add(survey->options.watch, number, held, &error))
        cf_report(survey->options.env, CF_REPORT_DETAIL, "%s", error.text);
}

static cf_status list_from(cf_survey *survey, uint64_t node, cf_error *error)
{
    const cf_binding *binding = survey->options.binding;
    cf_listing_step steps[CF_BINDING_DEPTH_MAX];
    size_t first = sizeof steps / sizeof steps[0];
    cf_listing_options options = {
        .files = survey->options.env->files,
        .root = binding->root,
        .include = binding->matcher,
        .descend = descend,
        .enter = survey->options.watch ? enter : NULL,
        .context = survey,
    };

    for (uint64_t at = node; at != CF_NODE_ROOT && first > 0;) {
        const cf_node *found = cf_nodes_find(binding->nodes, at);

        if (!found)
            return CF_OK; /* it went meanwhile: what is above it will be looked at */
        steps[--first] = (cf_listing_step){at, found->name};
        at = found->parent;
    }
    return cf_listing_add(&survey->listing, &options,
                          (cf_listing_start){steps + first, sizeof steps / sizeof steps[0] - first},
                          error);
}

static cf_status list(cf_survey *survey, cf_error *error)
{
    cf_status status = CF_OK;

    if (survey->options.folder_count == 0)
        return list_from(survey, CF_NODE_ROOT, error);
    for (size_t i = 0; !status && i < survey->options.folder_count; i++)
        status = list_from(survey, survey->folders[i], error);
    return status;
}

/* ---- Identity ---- */

static void add_identity_node(void *context, const cf_node *node)
{
    cf_survey *survey = context;
    cf_identity_node *out = &survey->nodes[survey->node_count++];
    uint64_t size;
    cf_error ignored;

    *out = (cf_identity_node){
        .number = node->number,
        .parent = node->parent,
        .name = node->name,
        .kind = (char)node->kind,
        .stat = stat_of_node(node),
    };
    if (node->content.size)
        cf_content_identity_read(node->content, &out->content, &size, &ignored);
}

static void decide(cf_survey *survey)
{
    cf_nodes *nodes = survey->options.binding->nodes;

    if (!survey->nodes) {
        survey->nodes =
            cf_arena_allocate(&survey->arena, cf_nodes_count(nodes), sizeof *survey->nodes);
        cf_nodes_each(nodes, add_identity_node, survey);
    }
    cf_identity_input input = {
        .nodes = survey->nodes,
        .node_count = survey->node_count,
        .listing = &survey->listing,
        .hashes = cf_survey_reads_hashes(survey->reads),
    };
    cf_identity_decide(&input, &survey->arena, &survey->identity);
}

/* True when everything it wants is there. */
static bool satisfy(cf_survey *survey, cf_status *status, cf_error *error)
{
    const cf_identity *identity = &survey->identity;

    for (size_t i = 0; !*status && i < identity->list_wanted_count; i++)
        *status = list_from(survey, identity->list_wanted[i], error);
    for (size_t i = 0; i < identity->hash_wanted_count; i++)
        cf_survey_reads_want(survey->reads, identity->hash_wanted[i]);
    cf_survey_reads_start(survey->reads);
    return !identity->list_wanted_count && !identity->hash_wanted_count;
}

static const cf_node *base_node(const cf_survey *survey, size_t entry)
{
    const cf_token *token = &survey->identity.tokens[entry];

    if (token->how == CF_TOKEN_NONE || token->how == CF_TOKEN_NEW)
        return NULL;
    return cf_nodes_find(survey->options.binding->nodes, token->node);
}

static uint64_t folder_number(const cf_survey *survey, size_t folder)
{
    const cf_listed_folder *listed = &survey->listing.folders[folder];

    return listed->entry == CF_LISTED_START ? listed->node : survey->numbers[listed->entry];
}

static bool is_wanted(const cf_listed *listed)
{
    return listed->kind && !listed->skipped && listed->readable && !listed->excluded;
}

/* A directory that was not asked for itself is, when something in it is. */
static void want_folders_above(cf_survey *survey, size_t entry, bool *wanted)
{
    for (size_t folder = survey->listing.entries[entry].folder;;) {
        size_t above = survey->listing.folders[folder].entry;

        if (above == CF_LISTED_START || wanted[above])
            return;
        wanted[above] = true;
        folder = survey->listing.entries[above].folder;
    }
}

static void number_entries(cf_survey *survey)
{
    size_t count = survey->listing.entry_count;
    bool *wanted = cf_allocate(count, sizeof *wanted);

    survey->numbers = cf_allocate(count, sizeof *survey->numbers);
    survey->reported = cf_allocate(count, sizeof *survey->reported);
    for (size_t i = 0; i < count; i++)
        if (is_wanted(&survey->listing.entries[i])) {
            wanted[i] = true;
            want_folders_above(survey, i, wanted);
        }
    for (size_t i = 0; i < count; i++) {
        const cf_node *node = base_node(survey, i);

        if (node)
            survey->numbers[i] = node->number;
        else if (survey->identity.tokens[i].how == CF_TOKEN_NEW && wanted[i])
            survey->numbers[i] = cf_binding_new_number(survey->options.binding);
    }
    free(wanted);
}

/* ---- Notes ---- */

static void look_again(cf_survey *survey, size_t folder)
{
    uint64_t number = folder_number(survey, folder);

    if (survey->again_count && survey->again[survey->again_count - 1] == number)
        return;
    survey->again =
        cf_grow(survey->again, &survey->again_capacity, survey->again_count + 1, sizeof number);
    survey->again[survey->again_count++] = number;
}

static void note(cf_survey *survey, size_t entry, const char *reason, bool passing)
{
    cf_buffer path = {0};

    cf_listing_entry_path(&survey->listing, entry, &path);
    survey->notes = cf_grow(survey->notes, &survey->note_capacity, survey->note_count + 1,
                            sizeof *survey->notes);
    survey->notes[survey->note_count++] = (cf_survey_note){
        .path = cf_arena_copy(&survey->arena, cf_buffer_view(&path)),
        .reason = cf_arena_text(&survey->arena, cf_bytes_of_text(reason)), /* a read's ends soon */
        .passing = passing,
    };
    cf_buffer_release(&path);
}

static void note_listing(cf_survey *survey)
{
    for (size_t i = 0; i < survey->listing.entry_count; i++) {
        const cf_listed *listed = &survey->listing.entries[i];

        if (listed->excluded)
            continue;
        if (listed->skipped)
            note(survey, i, listed->skipped, false);
        else if (!listed->readable)
            note(survey, i, "it can't be read (permission denied)", false);
    }
    for (size_t i = 0; i < survey->listing.folder_count; i++) {
        const cf_listed_folder *folder = &survey->listing.folders[i];

        if (folder->restless)
            look_again(survey, i);
        if (!folder->trouble)
            continue;
        if (folder->entry != CF_LISTED_START)
            note(survey, folder->entry, folder->trouble, false);
    }
}

/* ---- Batches ---- */

static cf_bytes pack_mode(cf_survey *survey, uint32_t mode)
{
    cf_buffer value = {0};

    cf_pack_uint(&value, mode & 0777);
    cf_bytes copy = cf_arena_copy(&survey->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static cf_bytes pack_mtime(cf_survey *survey, int64_t mtime_ns)
{
    cf_buffer value = {0};

    cf_pack_int(&value, mtime_ns);
    cf_bytes copy = cf_arena_copy(&survey->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static cf_bytes pack_content(cf_survey *survey, const cf_hash *hash, uint64_t size)
{
    cf_buffer value = {0};

    cf_content_identity_pack(&value, hash, size);
    cf_bytes copy = cf_arena_copy(&survey->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

static bool recall(const cf_survey *survey, size_t entry, cf_hash *hash)
{
    const cf_survey_options *options = &survey->options;
    const cf_stat *stat = &survey->listing.entries[entry].stat;

    return stat->size > CF_INLINE_MAX && options->recall &&
           options->recall(options->context, stat, hash);
}

/* The file is as the base has it, as far as a stat can tell. */
static bool is_unchanged(const cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    const cf_node *node = base_node(survey, entry);

    if (!node)
        return false;
    cf_stat known = stat_of_node(node);
    if (survey->identity.tokens[entry].how == CF_TOKEN_MOVED)
        known.ctime_ns = listed->stat.ctime_ns; /* a rename changes the ctime and nothing else */
    return cf_stat_unchanged(&known, &listed->stat);
}

static void fill_finding(cf_survey *survey, size_t entry, const cf_read *read, cf_finding *out)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    const cf_node *node = base_node(survey, entry);
    const cf_stat *stat = read ? &read->stat : &listed->stat;

    *out = (cf_finding){
        .number = survey->numbers[entry],
        .parent = folder_number(survey, listed->folder),
        .name = listed->name,
        .kind = (uint8_t)listed->kind,
        .stat = cf_node_stat_of(stat),
    };
    if (listed->kind == CF_KIND_SYMLINK) {
        cf_hash hash = cf_content_hash(listed->target);

        out->content = pack_content(survey, &hash, listed->target.size);
        return;
    }
    out->mode = pack_mode(survey, stat->mode);
    if (listed->kind != CF_KIND_FILE)
        return;
    out->mtime = pack_mtime(survey, stat->mtime_ns);
    cf_hash hash;
    if (read)
        out->content = pack_content(survey, &read->content, read->stat.size);
    else if (!is_unchanged(survey, entry) && recall(survey, entry, &hash))
        out->content = pack_content(survey, &hash, stat->size);
    else if (node)
        out->content = node->content;
}

/* A mode that came as none: the disk keeps what it has. */
static bool differs(cf_bytes now, cf_bytes then)
{
    return then.size && !cf_bytes_equal(now, then);
}

static bool is_as_before(const cf_finding *now, const cf_node *then)
{
    return now->parent == then->parent && cf_bytes_equal(now->name, then->name) &&
           cf_bytes_equal(now->content, then->content) && !differs(now->mode, then->mode) &&
           !differs(now->mtime, then->mtime);
}

static void restate(cf_survey *survey, const cf_node *node, const cf_finding *finding)
{
    size_t at = survey->batch.restated_count++;

    survey->restated = cf_grow(survey->restated, &survey->restated_capacity, at + 1, sizeof *node);
    survey->restated[at] = *node;
    survey->restated[at].stat = finding->stat;
    survey->batch.restated = survey->restated;
}

static void observe(cf_survey *survey, size_t entry, const cf_read *read)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    const cf_node *node = base_node(survey, entry);
    cf_observation seen = {.read = read, .target = listed->target};

    survey->reported[entry] = true;
    fill_finding(survey, entry, read, &seen.finding);
    if (node && is_as_before(&seen.finding, node)) {
        cf_stat known = stat_of_node(node);

        /* A directory's times are no news, another directory in its place is. */
        if (listed->kind == CF_KIND_DIRECTORY ? !cf_stat_same_file(&known, &listed->stat)
                                              : !cf_stat_unchanged(&known, &listed->stat))
            restate(survey, node, &seen.finding);
        return;
    }
    size_t at = survey->batch.count++;
    survey->observed = cf_grow(survey->observed, &survey->observed_capacity, at + 1, sizeof seen);
    survey->observed[at] = seen;
    survey->batch.at = survey->observed;
}

static bool needs_reading(const cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];

    if (listed->kind != CF_KIND_FILE || !survey->numbers[entry] || !listed->readable ||
        listed->skipped)
        return false;
    if (listed->excluded && !base_node(survey, entry))
        return false;
    cf_hash hash;
    return !is_unchanged(survey, entry) && !recall(survey, entry, &hash);
}

static void begin_batch(cf_survey *survey)
{
    cf_arena_release(&survey->batch_arena);
    survey->batch = (cf_survey_batch){0};
}

/* Gone, moved, directories, links: all that needs no reading. */
static void report_places(cf_survey *survey)
{
    begin_batch(survey);
    for (size_t i = 0; i < survey->listing.entry_count; i++)
        if (!survey->numbers[i] || survey->listing.entries[i].skipped ||
            !survey->listing.entries[i].readable)
            survey->reported[i] = true;
        else if (!needs_reading(survey, i))
            observe(survey, i, NULL);
    survey->batch.gone = survey->identity.gone;
    survey->batch.gone_count = survey->identity.gone_count;
}

static void report_read(cf_survey *survey, size_t entry)
{
    const char *reason;
    const cf_read *read = cf_survey_reads_get(survey->reads, entry, &reason);
    cf_read_answer answer = cf_survey_reads_answer(survey->reads, entry);

    if (read) {
        observe(survey, entry, read);
        return;
    }
    survey->reported[entry] = true;
    if (answer == CF_READ_FRESH || answer == CF_READ_CHANGED)
        look_again(survey, survey->listing.entries[entry].folder);
    /* The read is dropped before its note is asked for. */
    note(survey, entry, cf_arena_text(&survey->arena, cf_bytes_of_text(reason)),
         answer != CF_READ_FAILED);
}

/* Reads on, as far as memory goes; true when there is nothing left to read. */
static bool start_contents(cf_survey *survey)
{
    cf_survey_reads_drop(survey->reads, survey->next);
    while (survey->next < survey->listing.entry_count && cf_survey_reads_room(survey->reads)) {
        if (!survey->reported[survey->next])
            cf_survey_reads_want(survey->reads, survey->next);
        survey->next++;
    }
    cf_survey_reads_start(survey->reads);
    return cf_survey_reads_count(survey->reads) == 0;
}

static void report_contents(cf_survey *survey)
{
    begin_batch(survey);
    for (size_t i = 0; i < survey->next; i++)
        if (!survey->reported[i])
            report_read(survey, i);
}

cf_survey_state cf_survey_step(cf_survey *survey, uint64_t now_ms, cf_error *error)
{
    cf_status status = CF_OK;

    cf_survey_reads_clock(survey->reads, now_ms);
    while (!cf_survey_reads_busy(survey->reads)) {
        switch (survey->phase) {
        case LISTING:
            status = list(survey, error);
            survey->phase = IDENTIFYING;
            break;
        case IDENTIFYING:
            decide(survey);
            if (!satisfy(survey, &status, error) || status)
                break;
            number_entries(survey);
            note_listing(survey);
            report_places(survey);
            survey->phase = PLACES;
            return CF_SURVEY_BATCH;
        case PLACES:
            survey->phase = start_contents(survey) ? OVER : CONTENTS;
            break;
        case CONTENTS:
            report_contents(survey);
            survey->phase = PLACES;
            return CF_SURVEY_BATCH;
        case OVER:
            return CF_SURVEY_DONE;
        }
        if (status)
            return CF_SURVEY_FAILED;
    }
    return CF_SURVEY_WORKING;
}

const cf_survey_batch *cf_survey_take(cf_survey *survey)
{
    return &survey->batch;
}

const cf_survey_note *cf_survey_notes(const cf_survey *survey, size_t *count)
{
    *count = survey->note_count;
    return survey->notes;
}

const uint64_t *cf_survey_again(const cf_survey *survey, size_t *count)
{
    *count = survey->again_count;
    return survey->again;
}
