/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/conflict_shown.h"

#include "broker/platform/names.h"
#include "broker/platform/times.h"
#include "peer/commands/value_shown.h"
#include "peer/log/catalog.h"

/* ---- JSON ---- */

static void add_value(json_t *object, const char *name, const char *long_name,
                      const cf_told_value *value)
{
    json_object_set_new(object, value->is_long ? long_name : name, cf_value_shown_json(value));
}

json_t *cf_conflict_json(const cf_conflict *conflict, cf_peer *peer)
{
    cf_arena arena = {0};
    char time[CF_TIME_TEXT];

    json_t *object = json_pack("{s:o, s:s}", "path", cf_json_name(conflict->path), "device",
                               cf_catalog_device_name(peer, &conflict->device, &arena));
    if (conflict->field) {
        cf_time_show(conflict->field->time_ms, time);
        json_object_set_new(object, "time", json_string(time));
        add_value(object, "value", "long_value", &conflict->field->value);
        add_value(object, "shown", "long_shown", &conflict->field->shown);
    }
    cf_arena_release(&arena);
    return object;
}

/* ---- Text ---- */

static void print_field(const char *collection, const cf_conflict *conflict, const char *device,
                        const cf_output *output)
{
    char path[CF_NAME_SHOWN], time[CF_TIME_TEXT];
    cf_buffer value = {0};

    cf_value_shown_append(&conflict->field->value, "a row that is gone", &value);
    cf_buffer_append(&value, "", 1);
    cf_name_show(conflict->path, path);
    cf_time_show(conflict->field->time_ms, time);
    cf_print(output, "  conflict  %s//%s: not shown is %s, written on %s, %s\n", collection, path,
             (const char *)value.data, device, time);
    cf_buffer_release(&value);
}

static void print_copy(const char *collection, const cf_conflict *conflict, const char *device,
                       const cf_output *output)
{
    char path[CF_NAME_SHOWN], original[CF_NAME_SHOWN];

    cf_name_show(conflict->path, path);
    cf_name_show(conflict->free, original);
    cf_print(output, "  conflict  %s//%s: written on %s%s%s%s\n", collection, path, device,
             conflict->free.size ? "; " : "", original,
             conflict->free.size ? " is not there any more, and the copy may have that name" : "");
}

/* In a source that only receives the verb settles nothing. */
static void print_end_of_fields(const char *collection, const cf_binding *binding,
                                const cf_output *output)
{
    cf_buffer all = {0}, command = {0};

    cf_buffer_append_text(&all, "%s//*", collection);
    cf_buffer_append(&all, "", 1);
    if (binding->mode != CF_MODE_RECEIVE) {
        cf_buffer_append_text(&command, "`counterfoil conflicts resolve ");
        cf_name_word((const char *)all.data, &command);
        cf_buffer_append_text(&command, " --keep mine`, or theirs; or ");
    }
    cf_buffer_append(&command, "", 1);
    cf_print(output,
             "  to settle it, %sgive the field the value that is not shown, or none, and sync; "
             "then it may be set to any\n",
             (const char *)command.data);
    cf_buffer_release(&command);
    cf_buffer_release(&all);
}

void cf_conflicts_print(const char *collection, const cf_binding_status *status, cf_peer *peer,
                        const cf_output *output)
{
    bool fields = false, copies = false;
    cf_arena arena = {0};

    for (size_t i = 0; i < status->conflict_count; i++) {
        const cf_conflict *conflict = &status->conflicts[i];
        const char *device = cf_catalog_device_name(peer, &conflict->device, &arena);

        fields |= conflict->field != NULL;
        copies |= !conflict->field;
        if (conflict->field)
            print_field(collection, conflict, device, output);
        else
            print_copy(collection, conflict, device, output);
    }
    if (copies)
        cf_print(output, "  to settle it, delete the copy or give it another name, and sync\n");
    if (fields)
        print_end_of_fields(collection, status->binding, output);
    cf_arena_release(&arena);
}
