/* SPDX-License-Identifier: Apache-2.0 */
/* What stands before a line's colon. */
#include "peer/adapters/vcard_inside.h"

#include <string.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

typedef struct {
    cf_buffer types; /* with commas between them */
    cf_buffer rest;  /* ";NAME=VALUE" … */
    cf_bytes group;
    bool broken; /* a name is no word */
} writing;

static bool is_word(cf_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
              (byte >= 'A' && byte <= 'Z') || byte == '-' || byte == '_'))
            return false;
    }
    return text.size > 0;
}

static void add_type(writing *self, cf_bytes text)
{
    if (self->types.size)
        cf_buffer_append_text(&self->types, ",");
    cf_parameter_write(text, &self->types);
}

static void append_upper(cf_bytes name, cf_buffer *out)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        byte = byte >= 'a' && byte <= 'z' ? (uint8_t)(byte - ('a' - 'A')) : byte;
        cf_buffer_append(out, &byte, 1);
    }
}

static void add_other(writing *self, cf_bytes name, cf_bytes value)
{
    bool type = cf_line_word_is(name, "type");
    cf_value_walk walk = cf_value_walk_of(value);
    cf_bytes text, none, element;
    size_t count = 0;

    if (cf_line_word_is(name, "group") && cf_value_is_text(value, &text)) {
        self->group = text;
        self->broken |= !is_word(text);
        return;
    }
    self->broken |= !is_word(name);
    if (!type) {
        cf_buffer_append_text(&self->rest, ";");
        append_upper(name, &self->rest);
        cf_buffer_append_text(&self->rest, "=");
    }
    if (cf_value_is_text(value, &text)) {
        if (type)
            add_type(self, text);
        else
            cf_parameter_write(text, &self->rest);
    }
    while (!walk.map && cf_value_next(&walk, &none, &element)) {
        if (!cf_value_is_text(element, &text))
            continue;
        if (type) {
            add_type(self, text);
            continue;
        }
        cf_buffer_append_text(&self->rest, count++ ? "," : "");
        cf_parameter_write(text, &self->rest);
    }
}

static void add_others_of(writing *self, cf_bytes params)
{
    cf_value_walk walk = cf_value_walk_of(params);
    cf_bytes name, value;

    while (walk.map && cf_value_next(&walk, &name, &value))
        add_other(self, name, value);
}

static void add_marked(writing *self, cf_bytes entry, const char *member,
                       const cf_vcard_type *types, size_t count)
{
    cf_bytes map, marked;

    if (!cf_value_member(entry, member, &map))
        return;
    for (size_t i = 0; i < count; i++)
        if (cf_value_member(map, types[i].word, &marked))
            add_type(self, cf_bytes_of_text(types[i].type));
}

static void add_relation(writing *self, cf_bytes entry)
{
    cf_bytes map, name, value;

    if (!cf_value_member(entry, "relation", &map))
        return;
    for (cf_value_walk walk = cf_value_walk_of(map);
         walk.map && cf_value_next(&walk, &name, &value);)
        add_type(self, name);
}

static void add_entry(writing *self, const cf_vcard_property *property, cf_bytes entry,
                      cf_vcard_version version)
{
    cf_bytes value, text;
    uint64_t preference;

    add_relation(self, entry);
    add_marked(self, entry, "contexts", cf_vcard_contexts, 2);
    if (strcmp(property->field, "/phones") == 0)
        add_marked(self, entry, "features", cf_vcard_features, 8);
    if (cf_value_member(entry, "pref", &value) && cf_value_is_uint(value, &preference)) {
        if (version == CF_VCARD_3_0 && preference == 1)
            add_type(self, cf_bytes_of_text("pref"));
        else
            cf_buffer_append_text(&self->rest, ";PREF=%llu", (unsigned long long)preference);
    }
    if (property->form == CF_VCARD_ADDRESS && cf_value_member_text(entry, "full", &text)) {
        cf_buffer_append_text(&self->rest, ";LABEL=");
        cf_parameter_write(text, &self->rest);
    }
    if (cf_value_member(entry, "vCardParams", &value))
        add_others_of(self, value);
}

bool cf_vcard_write_head(const cf_vcard_property *property, cf_bytes value, cf_bytes params,
                         cf_vcard_version version, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(value);
    writing self = {0};
    cf_bytes none, name = {0}, own;

    if (property->form == CF_VCARD_OTHER) {
        bool fine = !walk.map && cf_value_next(&walk, &none, &own) &&
                    cf_value_is_text(own, &name) && is_word(name) &&
                    cf_value_next(&walk, &none, &own);

        self.broken |= !fine;
        if (fine)
            add_others_of(&self, own);
    } else {
        name = cf_bytes_of_text(property->name);
        if (!cf_vcard_is_single(property))
            add_entry(&self, property, value, version);
        add_others_of(&self, params);
    }
    if (self.group.size) {
        cf_buffer_append(out, self.group.data, self.group.size);
        cf_buffer_append_text(out, ".");
    }
    append_upper(name, out);
    if (self.types.size)
        cf_buffer_append_text(out, ";TYPE=");
    cf_buffer_append(out, self.types.data, self.types.size);
    cf_buffer_append(out, self.rest.data, self.rest.size);
    cf_buffer_release(&self.types);
    cf_buffer_release(&self.rest);
    return !self.broken;
}
