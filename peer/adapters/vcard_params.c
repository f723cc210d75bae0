/* SPDX-License-Identifier: Apache-2.0 */
/* What a line's parameters say, as members of its entry. */
#include "peer/adapters/vcard_inside.h"

#include <stdlib.h>
#include <string.h>

#include "peer/adapters/json_value.h"
#include "peer/adapters/text/content_text.h"
#include "peer/adapters/value_map.h"

/* A parameter that has no word of its own, with all its values: parameters of one name are one. */
typedef struct {
    cf_buffer name;
    cf_buffer *values; /* JSON texts; those of `type` in order, since theirs says nothing */
    size_t count, capacity;
} other_parameter;

typedef struct {
    const cf_vcard_line *line;
    const cf_vcard_property *property;
    other_parameter others[CF_LINE_PARAMETERS_MAX + 1]; /* and the group */
    size_t count;
    bool contexts[2], features[8];
    uint64_t preference; /* 0: none */
    cf_buffer full, relation;
} reading;

/* Where the value goes; false: it is there, and once is enough. */
static bool place_of(const other_parameter *other, const cf_buffer *value, size_t *place)
{
    *place = other->count;
    if (!cf_bytes_equal(cf_buffer_view(&other->name), cf_bytes_of_text("type")))
        return true;
    for (*place = 0; *place < other->count; ++*place) {
        int order = cf_bytes_compare(cf_buffer_view(value), cf_buffer_view(&other->values[*place]));

        if (order <= 0)
            return order < 0;
    }
    return true;
}

static void keep(reading *self, const char *name, cf_bytes text)
{
    other_parameter *other = self->others;
    cf_buffer value = {0};
    size_t place;

    while (other < self->others + self->count &&
           !cf_bytes_equal(cf_buffer_view(&other->name), cf_bytes_of_text(name)))
        other++;
    if (other == self->others + self->count) {
        cf_buffer_append_text(&other->name, "%s", name);
        self->count++;
    }
    cf_json_write_text(text, &value);
    if (!place_of(other, &value, &place)) {
        cf_buffer_release(&value);
        return;
    }
    other->values =
        cf_grow(other->values, &other->capacity, other->count + 1, sizeof *other->values);
    memmove(other->values + place + 1, other->values + place,
            (other->count - place) * sizeof *other->values);
    other->values[place] = value;
    other->count++;
}

static bool mark(const cf_vcard_type *types, bool *marks, size_t count, cf_bytes text)
{
    for (size_t i = 0; i < count; i++)
        if (cf_line_word_is(text, types[i].type)) {
            marks[i] = true;
            return true;
        }
    return false;
}

static void read_relation(reading *self, cf_bytes text)
{
    cf_buffer word = {0};
    cf_bytes again;
    char *name;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        byte = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
        cf_buffer_append(&word, &byte, 1);
    }
    cf_buffer_append(&word, "", 1);
    name = (char *)word.data;
    cf_buffer spelled = {0};
    cf_json_write_text(cf_bytes_of_text(name), &spelled);
    again = cf_buffer_view(&spelled);
    if (!self->relation.size ||
        !memmem(self->relation.data, self->relation.size, again.data, again.size)) {
        cf_json_begin_member(&self->relation, name);
        cf_buffer_append_text(&self->relation, "true");
    }
    cf_buffer_release(&spelled);
    cf_buffer_release(&word);
}

static void read_type(reading *self, cf_bytes text)
{
    const cf_vcard_form form = self->property->form;
    const bool phone = strcmp(self->property->field, "/phones") == 0;

    if (form == CF_VCARD_RELATED)
        read_relation(self, text);
    else if (form == CF_VCARD_MEDIA &&
             (self->line->version != CF_VCARD_4_0 || cf_vcard_is_inline(self->line)) &&
             !mark(cf_vcard_contexts, self->contexts, 2, text))
        return; /* what the bytes are: in the uri */
    else if (mark(cf_vcard_contexts, self->contexts, 2, text) ||
             (phone && mark(cf_vcard_features, self->features, 8, text)))
        return;
    else if (cf_line_word_is(text, "pref") && !self->preference)
        self->preference = 1;
    else
        keep(self, "type", text);
}

static bool read_preference(reading *self, cf_bytes text)
{
    uint64_t number = 0;

    if (text.size == 0 || text.size > 3 || self->preference || text.data[0] == '0')
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    self->preference = number <= 100 ? number : 0;
    return self->preference != 0;
}

/* What vCard 2.1 says of how the value is spelled, which is over once it is read. */
static bool is_spelling(const reading *self, const char *name, cf_bytes text)
{
    if (self->line->version != CF_VCARD_2_1)
        return false;
    return strcmp(name, "charset") == 0 || cf_line_word_is(text, "QUOTED-PRINTABLE") ||
           cf_line_word_is(text, "8BIT") || cf_line_word_is(text, "7BIT");
}

/* What the entry says already. */
static bool is_implied(const reading *self, const char *name, cf_bytes text)
{
    const cf_vcard_form form = self->property->form;

    if (form == CF_VCARD_MEDIA && (!strcmp(name, "encoding") || !strcmp(name, "mediatype")))
        return true;
    return (form == CF_VCARD_URI || form == CF_VCARD_MEDIA) && !strcmp(name, "value") &&
           cf_line_word_is(text, "uri");
}

static void read_value(reading *self, const char *name, cf_bytes text)
{
    const cf_vcard_form form = self->property->form;

    if (is_spelling(self, name, text) || is_implied(self, name, text))
        return;
    if (form == CF_VCARD_OTHER || cf_vcard_is_single(self->property))
        keep(self, name, text);
    else if (strcmp(name, "type") == 0)
        read_type(self, text);
    else if (strcmp(name, "label") == 0 && form == CF_VCARD_ADDRESS && !self->full.size)
        cf_buffer_append(&self->full, text.data, text.size);
    else if (strcmp(name, "pref") != 0 || !read_preference(self, text))
        keep(self, name, text);
}

/* TYPE="work,voice" means two, quoted or not (RFC 6350, 6.4.1). An empty one means nothing. */
static void read_types(reading *self, cf_bytes list)
{
    size_t from = 0;

    for (size_t i = 0; i <= list.size; i++)
        if (i == list.size || list.data[i] == ',') {
            if (i > from)
                read_value(self, "type", cf_bytes_of(list.data + from, i - from));
            from = i + 1;
        }
}

static void read_parameter(reading *self, const cf_line_parameter *parameter)
{
    cf_buffer text = {0};
    char name[64] = "type";
    cf_bytes part;

    for (size_t i = 0; i < parameter->name.size && i + 1 < sizeof name; i++) {
        uint8_t byte = parameter->name.data[i];

        name[i] = (char)(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
        name[i + 1] = '\0';
    }
    for (size_t at = 0; cf_parameter_part(parameter->value, &at, &part);) {
        cf_buffer_clear(&text);
        cf_parameter_read(part, &text);
        if (strcmp(name, "type") == 0)
            read_types(self, cf_buffer_view(&text));
        else
            read_value(self, name, cf_buffer_view(&text));
    }
    cf_buffer_release(&text);
}

static void add_marks(const cf_vcard_type *types, const bool *marks, size_t count, const char *name,
                      cf_buffer *json)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!marks[i])
            continue;
        if (!any) {
            cf_json_begin_member(json, name);
            cf_buffer_append_text(json, "{");
        }
        cf_json_begin_member(json, types[i].word);
        cf_buffer_append_text(json, "true");
        any = true;
    }
    if (any)
        cf_buffer_append_text(json, "}");
}

static void add_others(const reading *self, cf_buffer *json)
{
    for (size_t i = 0; i < self->count; i++) {
        const other_parameter *other = &self->others[i];
        bool several = other->count > 1;
        cf_buffer name = {0};

        cf_buffer_append(&name, other->name.data, other->name.size);
        cf_buffer_append(&name, "", 1);
        cf_json_begin_member(json, (char *)name.data);
        cf_buffer_append_text(json, several ? "[" : "");
        for (size_t k = 0; k < other->count; k++) {
            cf_buffer_append_text(json, k ? "," : "");
            cf_buffer_append(json, other->values[k].data, other->values[k].size);
        }
        cf_buffer_append_text(json, several ? "]" : "");
        cf_buffer_release(&name);
    }
}

static void add_members(const reading *self, cf_buffer *json)
{
    if (self->relation.size) {
        cf_json_begin_member(json, "relation");
        cf_buffer_append_text(json, "{");
        cf_buffer_append(json, self->relation.data, self->relation.size);
        cf_buffer_append_text(json, "}");
    }
    add_marks(cf_vcard_contexts, self->contexts, 2, "contexts", json);
    add_marks(cf_vcard_features, self->features, 8, "features", json);
    if (self->preference) {
        cf_json_begin_member(json, "pref");
        cf_buffer_append_text(json, "%llu", (unsigned long long)self->preference);
    }
    if (self->full.size)
        cf_json_add_text(json, "full", cf_buffer_view(&self->full));
    if (self->line->label.data)
        cf_json_add_text(json, "label", self->line->label);
    if (self->count == 0)
        return;
    cf_json_begin_member(json, "vCardParams");
    cf_buffer_append_text(json, "{");
    add_others(self, json);
    cf_buffer_append_text(json, "}");
}

static void release(other_parameter *other)
{
    for (size_t i = 0; i < other->count; i++)
        cf_buffer_release(&other->values[i]);
    free(other->values);
    cf_buffer_release(&other->name);
}

bool cf_vcard_is_inline(const cf_vcard_line *line)
{
    const cf_line_parameter *encoding = cf_line_parameter_named(line->line, "ENCODING");

    if (encoding)
        return cf_line_word_is(encoding->value, "b") || cf_line_word_is(encoding->value, "BASE64");
    for (size_t i = 0; i < line->line->parameter_count; i++)
        if (line->line->parameters[i].name.size == 0 &&
            cf_line_word_is(line->line->parameters[i].value, "BASE64"))
            return true;
    return false;
}

void cf_vcard_read_params(const cf_vcard_line *line, const cf_vcard_property *property,
                          cf_buffer *json)
{
    reading *self = cf_allocate(1, sizeof *self);
    const cf_content_line *content = line->line;

    self->line = line;
    self->property = property;
    for (size_t i = 0; i < content->parameter_count; i++)
        read_parameter(self, &content->parameters[i]);
    if (content->group.size && self->count <= CF_LINE_PARAMETERS_MAX)
        keep(self, "group", content->group);
    if (property->form == CF_VCARD_OTHER || cf_vcard_is_single(property))
        add_others(self, json);
    else
        add_members(self, json);
    for (size_t i = 0; i < self->count; i++)
        release(&self->others[i]);
    cf_buffer_release(&self->full);
    cf_buffer_release(&self->relation);
    free(self);
}
