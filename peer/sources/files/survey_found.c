/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/files/survey_inside.h"

#include "codec/content.h"
#include "codec/pack.h"
#include "peer/sources/files/lifted.h"
#include "peer/sources/files/taken.h"

#include <stdlib.h>

static cf_bytes pack_mode(cf_survey *survey, uint32_t mode)
{
    cf_buffer value = {0};

    cf_pack_uint(&value, mode & 0777);
    cf_bytes copy = cf_arena_copy(&survey->batch_arena, cf_buffer_view(&value));
    cf_buffer_release(&value);
    return copy;
}

/* Some modes are our doing. */
static uint32_t meant(const cf_binding *binding, uint64_t node, uint32_t mode)
{
    return cf_lifted_meant(binding, node, cf_taken_meant(binding, node, mode));
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
    const cf_node *node = cf_survey_base_node(survey, entry);

    if (!node)
        return false;
    cf_stat known = cf_stat_of_node(node);
    if (survey->identity.tokens[entry].how == CF_TOKEN_MOVED && known.ctime_ns != CF_CTIME_UNSEEN)
        known.ctime_ns = listed->stat.ctime_ns; /* a rename changes the ctime and nothing else */
    return cf_stat_unchanged(&known, &listed->stat);
}

/* Its place is known from that, and it is read all the same: a rename changes the ctime, and so may
 * hide an edit that left size and mtime as they were. */
static bool was_renamed(const cf_survey *survey, size_t entry)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    const cf_node *node = cf_survey_base_node(survey, entry);

    return node && listed->kind == CF_KIND_FILE &&
           survey->identity.tokens[entry].how == CF_TOKEN_MOVED &&
           node->stat.ctime_ns != listed->stat.ctime_ns;
}

static void fill_finding(cf_survey *survey, size_t entry, const cf_read *read, cf_finding *out)
{
    const cf_listed *listed = &survey->listing.entries[entry];
    const cf_node *node = cf_survey_base_node(survey, entry);
    const cf_stat *stat = read ? &read->stat : &listed->stat;

    *out = (cf_finding){
        .number = survey->numbers[entry],
        .parent = cf_survey_folder_number(survey, listed->folder),
        .name = listed->name,
        .kind = (uint8_t)listed->kind,
        .stat = cf_node_stat_of(stat),
    };
    if (!read && was_renamed(survey, entry))
        out->stat.ctime_ns = CF_CTIME_UNSEEN;
    if (listed->kind == CF_KIND_SYMLINK) {
        cf_hash hash = cf_content_hash(listed->target);

        out->content = pack_content(survey, &hash, listed->target.size);
        return;
    }
    out->mode = pack_mode(survey, meant(survey->options.binding, out->number, stat->mode));
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
    const cf_node *node = cf_survey_base_node(survey, entry);
    cf_observation seen = {.read = read, .target = listed->target, .entry = entry};

    survey->reported[entry] = true;
    if (listed->excluded && !node && listed->kind != CF_KIND_DIRECTORY)
        return; /* the base forgot it when it was told that it came there */
    fill_finding(survey, entry, read, &seen.finding);
    if (node && is_as_before(&seen.finding, node)) {
        cf_stat known = cf_stat_of_node(node);

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
    if (listed->excluded && !cf_survey_base_node(survey, entry))
        return false;
    cf_hash hash;
    return !is_unchanged(survey, entry) && !recall(survey, entry, &hash);
}

static void begin_batch(cf_survey *survey)
{
    cf_arena_release(&survey->batch_arena);
    survey->batch = (cf_survey_batch){0};
}

void cf_survey_report_places(cf_survey *survey)
{
    begin_batch(survey);
    for (size_t i = 0; i < survey->listing.entry_count; i++)
        if (!survey->numbers[i] || survey->listing.entries[i].skipped ||
            !survey->listing.entries[i].readable)
            survey->reported[i] = true;
        else if (!needs_reading(survey, i)) {
            bool again = was_renamed(survey, i);

            observe(survey, i, NULL);
            survey->reported[i] = !again;
        }
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
        cf_survey_look_again_at(survey, entry);
    /* The read is dropped before its note is asked for. */
    cf_survey_note_entry(survey, entry, cf_arena_text(&survey->arena, cf_bytes_of_text(reason)),
                         answer != CF_READ_FAILED);
}

bool cf_survey_start_contents(cf_survey *survey)
{
    size_t wanted = 0;

    cf_survey_reads_drop(survey->reads, survey->first);
    survey->first = survey->next;
    while (survey->next < survey->listing.entry_count && cf_survey_reads_room(survey->reads)) {
        if (!survey->reported[survey->next]) {
            cf_survey_reads_want(survey->reads, survey->next);
            wanted++;
        }
        survey->next++;
    }
    cf_survey_reads_start(survey->reads);
    return wanted > 0;
}

bool cf_survey_report_contents(cf_survey *survey)
{
    size_t first = survey->first, end = survey->next;
    bool more = cf_survey_start_contents(survey);

    begin_batch(survey);
    for (size_t i = first; i < end; i++)
        if (!survey->reported[i])
            report_read(survey, i);
    return more;
}
