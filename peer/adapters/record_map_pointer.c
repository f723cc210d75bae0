/* SPDX-License-Identifier: Apache-2.0 */
/* What the pointers of a map can name. */
#include "peer/adapters/record_map_inside.h"

#include "codec/pointer.h"

#include <stdlib.h>
#include <string.h>

cf_status cf_map_line_fail(const cf_map_reading *self, cf_status status)
{
    cf_error_while(self->error, "line %zu", self->number);
    return status;
}

/* ---- What there is ---- */

/* What can be said of a field in columns. */
typedef struct {
    uint8_t kind;
    const char *field;
    const char *members; /* of an entry, with spaces around; NULL: a single value; "": a text */
    const char *first;   /* the kind of a new entry */
} known_field;

static const known_field known[] = {
    {CF_KIND_CONTACT, "/name/full", NULL, NULL},
    {CF_KIND_CONTACT, "/name/components", NULL, NULL},
    {CF_KIND_CONTACT, "/kind", NULL, NULL},
    {CF_KIND_CONTACT, "/language", NULL, NULL},
    {CF_KIND_CONTACT, "/created", NULL, NULL},
    {CF_KIND_CONTACT, "/updated", NULL, NULL},
    {CF_KIND_CONTACT, "/nicknames", " name ", NULL},
    {CF_KIND_CONTACT, "/keywords", "", NULL},
    {CF_KIND_CONTACT, "/emails", " address ", NULL},
    {CF_KIND_CONTACT, "/phones", " number ", NULL},
    {CF_KIND_CONTACT, "/addresses", " components full countryCode ", NULL},
    {CF_KIND_CONTACT, "/organizations", " name units ", NULL},
    {CF_KIND_CONTACT, "/titles", " name ", "title"},
    {CF_KIND_CONTACT, "/notes", " note ", NULL},
    {CF_KIND_CONTACT, "/links", " uri ", NULL},
    {CF_KIND_CONTACT, "/onlineServices", " uri service user ", NULL},
    {CF_KIND_CONTACT, "/anniversaries", " date ", "birth"},
    {CF_KIND_CONTACT, "/preferredLanguages", " language ", NULL},
    {CF_KIND_CONTACT, "/personalInfo", " value ", "expertise"},
    {CF_KIND_CONTACT, "/members", "", NULL},
    {CF_KIND_CONTACT, "/relatedTo", " uid ", NULL},
    {CF_KIND_EVENT, "/title", NULL, NULL},
    {CF_KIND_EVENT, "/description", NULL, NULL},
    {CF_KIND_EVENT, "/color", NULL, NULL},
    {CF_KIND_EVENT, "/status", NULL, NULL},
    {CF_KIND_EVENT, "/progress", NULL, NULL},
    {CF_KIND_EVENT, "/privacy", NULL, NULL},
    {CF_KIND_EVENT, "/freeBusyStatus", NULL, NULL},
    {CF_KIND_EVENT, "/priority", NULL, NULL},
    {CF_KIND_EVENT, "/percentComplete", NULL, NULL},
    {CF_KIND_EVENT, "/created", NULL, NULL},
    {CF_KIND_EVENT, "/updated", NULL, NULL},
    {CF_KIND_EVENT, "/start", NULL, NULL},
    {CF_KIND_EVENT, "/due", NULL, NULL},
    {CF_KIND_EVENT, "/timeZone", NULL, NULL},
    {CF_KIND_EVENT, "/showWithoutTime", NULL, NULL},
    {CF_KIND_EVENT, "/duration", NULL, NULL},
    {CF_KIND_EVENT, "/estimatedDuration", NULL, NULL},
    {CF_KIND_EVENT, "/keywords", "", NULL},
    {CF_KIND_EVENT, "/locations", " name ", NULL},
};
static const char common_members[] = " label pref kind ";

static const struct {
    const char *name;
    cf_cell_form form;
} forms[] = {
    {"pref", CF_CELL_NUMBER},
    {"priority", CF_CELL_NUMBER},
    {"percentComplete", CF_CELL_NUMBER},
    {"showWithoutTime", CF_CELL_TRUTH},
    {"start", CF_CELL_TIME},
    {"due", CF_CELL_TIME},
    {"duration", CF_CELL_DURATION},
    {"estimatedDuration", CF_CELL_DURATION},
    {"date", CF_CELL_DATE},
};

bool cf_map_is_nested(cf_bytes name)
{
    static const char *const nested[] = {"name",        "vCardParams",   "iCalParams",
                                         "timeZones",   "localizations", "recurrenceOverrides",
                                         "participants"};

    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++)
        if (cf_bytes_equal(name, cf_bytes_of_text(nested[i])))
            return true;
    return false;
}

uint8_t cf_map_kind(cf_bytes table)
{
    return cf_bytes_equal(table, cf_bytes_of_text(CF_TABLE_CONTACTS)) ? CF_KIND_CONTACT
                                                                      : CF_KIND_EVENT;
}

static const known_field *find_known(uint8_t kind, cf_bytes field)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].kind == kind && cf_bytes_equal(field, cf_bytes_of_text(known[i].field)))
            return &known[i];
    return NULL;
}

/* ---- Pointers ---- */

static size_t steps_of(cf_bytes pointer, cf_arena *arena, cf_bytes **out)
{
    cf_bytes *steps = cf_arena_allocate(arena, pointer.size, sizeof *steps), spelled;
    cf_buffer step = {0};
    size_t count = 0;

    for (size_t at = 0; cf_pointer_next(pointer, &at, &spelled);) {
        cf_buffer_clear(&step);
        cf_pointer_read(spelled, &step);
        steps[count++] = cf_arena_copy(arena, cf_buffer_view(&step));
    }
    cf_buffer_release(&step);
    *out = steps;
    return count;
}

/* ---- Slots ---- */

size_t cf_map_place(cf_bytes step)
{
    size_t number = 0;

    for (size_t i = 0; i < step.size; i++) {
        if (step.data[i] < '0' || step.data[i] > '9' || number > 1000)
            return 0;
        number = number * 10 + (size_t)(step.data[i] - '0');
    }
    return number;
}

static void split_words(cf_bytes step, cf_map_slot *slot, cf_arena *arena)
{
    cf_bytes *words = cf_arena_allocate(arena, step.size + 1, sizeof *words);

    for (size_t at = 0; at < step.size;) {
        const uint8_t *plus = memchr(step.data + at, '+', step.size - at);
        size_t end = plus ? (size_t)(plus - step.data) : step.size;

        if (end > at)
            words[slot->word_count++] = cf_bytes_of(step.data + at, end - at);
        at = end + 1;
    }
    slot->words = words;
}

bool cf_map_same_slot(const cf_map_slot *a, const cf_map_slot *b)
{
    if (!cf_bytes_equal(a->field, b->field) || a->which != b->which || a->place != b->place ||
        a->word_count != b->word_count)
        return false;
    for (size_t i = 0; i < a->word_count; i++)
        if (!cf_bytes_equal(a->words[i], b->words[i]))
            return false;
    return true;
}

static size_t find_slot(cf_record_map *map, const cf_map_slot *wanted)
{
    size_t at = 0;

    while (at < map->slot_count && !cf_map_same_slot(&map->slots[at], wanted))
        at++;
    if (at == map->slot_count) {
        *cf_one_more(map->slots, map->slot_count, map->slot_capacity) = *wanted;
        map->slots[at].order = at;
    }
    return at;
}

static cf_status choose_entries(const cf_map_reading *self, cf_bytes step, cf_map_slot *slot)
{
    slot->which = CF_SLOT_WORDS;
    if (cf_bytes_equal(step, cf_bytes_of_text("*")))
        slot->which = CF_SLOT_REST;
    else if ((slot->place = cf_map_place(step)))
        slot->which = CF_SLOT_PLACE;
    else
        split_words(step, slot, &self->map->arena);
    if (slot->which == CF_SLOT_WORDS && (!slot->word_count || slot->is_bare))
        return CF_MAP_FAIL(self, "%.*s: which of its entries? A number from 1, or *%s",
                           (int)slot->field.size, (const char *)slot->field.data,
                           slot->is_bare ? "" : ", or a kind, context, feature or label");
    return CF_OK;
}

/* ---- Columns ---- */

static bool is_listed(const char *list, cf_bytes word)
{
    cf_buffer padded = {0};

    cf_buffer_append_text(&padded, " %.*s ", (int)word.size, (const char *)word.data);
    cf_buffer_append(&padded, "", 1);
    bool listed = strstr(list, (const char *)padded.data) != NULL;
    cf_buffer_release(&padded);
    return listed;
}

/* The rest of the pointer: which part of the value. */
static cf_status take_path(const cf_map_reading *self, const known_field *field, cf_bytes *steps,
                           size_t count, cf_map_column *column)
{
    bool components = field && strcmp(field->field, "/name/components") == 0;
    cf_bytes last = {0};

    if (field && field->members && *field->members) {
        if (!count ||
            (!is_listed(field->members, steps[0]) && !is_listed(common_members, steps[0])))
            return CF_MAP_FAIL(self,
                               "unknown pointer: an entry of %s has%s, or label, pref or kind",
                               field->field, field->members);
        components = cf_bytes_equal(steps[0], cf_bytes_of_text("components"));
        last = steps[count - 1];
    } else if (field) {
        last = cf_bytes_of_text(strrchr(field->field, '/') + 1);
        if (!components && count)
            return CF_MAP_FAIL(self, "unknown pointer: %s has no parts", field->field);
    }
    if (components && count != (field->members ? 2 : 1))
        return CF_MAP_FAIL(self, "unknown pointer: which kind of component? As .../components/%s",
                           field->members ? "locality" : "given");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if (cf_bytes_equal(last, cf_bytes_of_text(forms[i].name)))
            column->form = forms[i].form;
    if (components) {
        column->form = CF_CELL_COMPONENT;
        column->component = steps[--count];
    }
    column->path = steps;
    column->depth = count;
    return CF_OK;
}

/* Where no words of the map say what the entries are for, a label does. */
static cf_status take_label(const cf_map_slot *slot, cf_status status, cf_map_column *column)
{
    if (!status && slot->which >= CF_SLOT_PLACE && column->depth == 1 &&
        cf_bytes_equal(column->path[0], cf_bytes_of_text("label")))
        column->form = cf_bytes_equal(slot->field, cf_bytes_of_text("/phones"))
                           ? CF_CELL_PHONE_LABEL
                           : CF_CELL_LABEL;
    return status;
}

static void join_steps(const cf_bytes *steps, size_t count, cf_buffer *out)
{
    for (size_t i = 0; i < count; i++)
        cf_pointer_add(steps[i], out);
}

cf_status cf_map_take_pointer(const cf_map_reading *self, cf_bytes pointer, cf_map_column *column)
{
    const uint8_t kind = cf_map_kind(self->map->table);
    cf_map_slot slot = {.which = CF_SLOT_SINGLE};
    cf_buffer name = {0};
    cf_bytes *steps;
    cf_merge merge;
    size_t count = steps_of(pointer, &self->map->arena, &steps), used;

    if (count == 1 && cf_bytes_equal(steps[0], cf_bytes_of_text("uid"))) {
        column->slot = CF_MAP_KEY;
        return CF_OK;
    }
    used = cf_map_is_nested(steps[0]) && count > 1 ? 2 : 1;
    join_steps(steps, used, &name);
    slot.field = cf_arena_copy(&self->map->arena, cf_buffer_view(&name));
    cf_buffer_release(&name);
    const known_field *field = find_known(kind, slot.field);
    bool is_vendor = memchr(steps[0].data, ':', steps[0].size) != NULL;
    if (!field && !is_vendor)
        return CF_MAP_FAIL(self,
                           "unknown pointer %.*s: there is no such field of %.*s, or none for a "
                           "column",
                           (int)pointer.size, (const char *)pointer.data,
                           (int)self->map->table.size, (const char *)self->map->table.data);
    if (field && cf_kind_field(kind, slot.field, &merge) && merge == CF_MERGE_SET) {
        slot.is_bare = !*field->members;
        slot.kind = field->first;
        slot.members = field->members;
        if (count == used)
            return CF_MAP_FAIL(self, "%s: which of its entries? A number from 1, or *",
                               field->field);
        cf_status status = choose_entries(self, steps[used++], &slot);
        if (status)
            return status;
        if (slot.is_bare && count > used)
            return CF_MAP_FAIL(self, "unknown pointer: the entries of %s are texts", field->field);
    }
    column->slot = find_slot(self->map, &slot);
    cf_status status = take_path(self, field, steps + used, count - used, column);
    return take_label(&slot, status, column);
}
