/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/source.h"

#include "peer/sources/files/files_source.h"
#include "peer/sources/records/record_conflicts.h"
#include "peer/sources/records/record_source.h"

cf_source cf_source_open(cf_source_context *context, cf_binding *binding)
{
    return cf_format_is_records(binding->format) ? cf_record_source_open(context, binding)
                                                 : cf_files_source_open(context, binding);
}

void cf_source_end(cf_source *source)
{
    if (source->self && source->operations->end)
        source->operations->end(source->self);
}

void cf_source_close(cf_source *source)
{
    if (source->self)
        source->operations->destroy(source->self);
    cf_buffer_release(&source->told);
    cf_known_conflicts_destroy(&source->conflicts);
    *source = (cf_source){0};
}

void cf_source_look(cf_source *source, cf_look_kind kind, cf_delete_word word, uint64_t now_ms)
{
    source->operations->look(source->self, kind, word, now_ms);
}

void cf_source_look_again(cf_source *source, uint64_t now_ms)
{
    source->operations->look_again(source->self, now_ms);
}

void cf_source_end_word(cf_source *source)
{
    source->operations->end_word(source->self);
}

void cf_source_look_at_folder(cf_source *source, uint64_t folder)
{
    if (source->operations->look_at)
        source->operations->look_at(source->self, folder);
}

bool cf_source_look_at_file(cf_source *source, const cf_stat *file)
{
    return source->operations->look_at_file && source->operations->look_at_file(source->self, file);
}

void cf_source_changed(cf_source *source, uint64_t folder, cf_bytes name, cf_event_kind kind,
                       uint64_t now_ms)
{
    if (source->operations->changed)
        source->operations->changed(source->self, folder, name, kind, now_ms);
}

void cf_source_renamed(cf_source *source, const cf_look_place *from, const cf_look_place *to)
{
    if (source->operations->renamed)
        source->operations->renamed(source->self, from, to);
}

void cf_source_mark(cf_source *source, const cf_group *group)
{
    if (source->operations->mark)
        source->operations->mark(source->self, group);
}

void cf_source_came(cf_source *source)
{
    if (source->operations->came)
        source->operations->came(source->self);
    else
        cf_source_wake(source);
}

void cf_source_wake(cf_source *source)
{
    if (source->operations->wake)
        source->operations->wake(source->self);
}

void cf_source_reopen(cf_source *source)
{
    if (source->operations->reopen)
        source->operations->reopen(source->self);
}

void cf_source_clock_set(cf_source *source, int64_t by_ms)
{
    if (by_ms < 0)
        source->operations->set_back(source->self, (uint64_t)-by_ms);
    else if (source->operations->set_forth)
        source->operations->set_forth(source->self, (uint64_t)by_ms);
}

cf_status cf_source_step(cf_source *source, uint64_t now_ms, uint64_t *deadline, cf_error *error)
{
    return source->operations->step(source->self, now_ms, deadline, error);
}

bool cf_source_busy(const cf_source *source, uint64_t now_ms)
{
    return source->operations->busy(source->self, now_ms);
}

bool cf_source_rests(const cf_source *source, uint64_t now_ms)
{
    return source->operations->rests && source->operations->rests(source->self, now_ms);
}

bool cf_source_agrees(const cf_source *source)
{
    return source->operations->agrees(source->self);
}

void cf_source_status(const cf_source *source, cf_pendings *pendings, const char *sending,
                      cf_binding_status *out)
{
    source->operations->status(source->self, pendings, sending, out);
    if (source->paused[0]) {
        out->trouble = CF_CHANGED;
        out->trouble_text = source->paused;
    }
    if (!out->binding->silence)
        return;
    out->trouble = CF_IO;
    out->trouble_text = out->binding->silence;
}

size_t cf_source_held(const cf_source *source)
{
    return source->operations->held(source->self);
}

static bool is_behind_by_status(const cf_source *source)
{
    cf_pendings pendings = {0};
    cf_pending_counts counts = {0};
    cf_binding_status status = {0};

    cf_source_status(source, &pendings, "", &status);
    for (size_t i = 0; i < pendings.count; i++)
        counts.of[pendings.at[i].kind]++;
    cf_pendings_release(&pendings);
    return status.trouble != CF_OK || cf_pending_counts_behind(&counts);
}

bool cf_source_behind(const cf_source *source)
{
    return source->operations->behind ? source->operations->behind(source->self)
                                      : is_behind_by_status(source);
}

uint64_t cf_source_applied(const cf_source *source)
{
    return source->operations->applied(source->self);
}

void cf_source_forget(cf_source *source, cf_is_undone *is_undone, const void *context,
                      cf_kv_list *records)
{
    source->operations->forget(source->self, is_undone, context, records);
}
