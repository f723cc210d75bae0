/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/icalendar_inside.h"

#include <stdlib.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/time_zones.h"

struct cf_calendar_zone {
    cf_bytes name, value;
    bool made; /* here */
};

static bool is_made(const cf_content_lines *lines, size_t component)
{
    const cf_component *at = &lines->components[component];

    for (size_t i = at->first; i <= at->last; i++)
        if (lines->lines[i].component == component &&
            cf_line_named(&lines->lines[i], CF_TIME_ZONE_MADE))
            return true;
    return false;
}

static void add_zone(cf_calendar_zones *self, const cf_content_lines *lines, size_t component,
                     cf_bytes name)
{
    cf_buffer value = {0};

    if (!cf_calendar_zone_is_there(self, name) &&
        cf_calendar_component_value(lines, component, &value)) {
        *cf_one_more(self->items, self->count, self->capacity) = (struct cf_calendar_zone){
            name, cf_arena_copy(&self->arena, cf_buffer_view(&value)), is_made(lines, component)};
    }
    cf_buffer_release(&value);
}

cf_calendar_zones cf_calendar_zones_of(const cf_content_lines *lines)
{
    cf_calendar_zones self = {0};

    for (size_t i = 0; i < lines->component_count; i++) {
        const cf_component *component = &lines->components[i];

        if (!cf_component_named(component, "VTIMEZONE") || component->trouble)
            continue;
        for (size_t line = component->first; line <= component->last; line++)
            if (lines->lines[line].component == i && cf_line_named(&lines->lines[line], "TZID")) {
                cf_buffer name = {0};

                cf_content_text_read(lines->lines[line].value, &name);
                add_zone(&self, lines, i, cf_arena_copy(&self.arena, cf_buffer_view(&name)));
                cf_buffer_release(&name);
                break;
            }
    }
    return self;
}

void cf_calendar_zones_release(cf_calendar_zones *self)
{
    free(self->items);
    cf_arena_release(&self->arena);
    *self = (cf_calendar_zones){0};
}

static const struct cf_calendar_zone *find_zone(const cf_calendar_zones *self, cf_bytes name)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_bytes_equal(self->items[i].name, name))
            return &self->items[i];
    return NULL;
}

cf_bytes cf_calendar_zone_value(const cf_calendar_zones *self, cf_bytes name)
{
    const struct cf_calendar_zone *found = find_zone(self, name);

    return found && !found->made ? found->value : (cf_bytes){0};
}

bool cf_calendar_zone_is_there(const cf_calendar_zones *self, cf_bytes name)
{
    return find_zone(self, name) != NULL;
}
