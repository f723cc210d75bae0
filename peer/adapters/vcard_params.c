/* SPDX-License-Identifier: Apache-2.0 */
/* What a line's parameters say, as members of its entry. */
#include "peer/adapters/vcard_inside.h"

#include <stdlib.h>
#include <string.h>

#include "peer/adapters/text/content_text.h"
#include "peer/adapters/text/json_document.h"

/* A parameter that has no word of its own, with all its values: parameters of one name are one. */
typedef struct {
    cf_buffer name;
    cf_buffer *values; /* those of `type` in order, since theirs says nothing */
    size_t count, capacity;
} other_parameter;

typedef struct {
    const cf_vcard_line *line;
    const cf_vcard_property *property;
    other_parameter others[CF_LINE_PARAMETERS_MAX + 1]; /* and the group */
    size_t count;
    bool contexts[2], features[8];
    uint64_t preference; /* 0: none */
    cf_buffer full;
    other_parameter relations; /* words, each once */
} reading;

/* By how JSON spells them: "ab" before "a", but "a!" behind it, since a quote ends it. */
static int order_of(cf_bytes a, cf_bytes b)
{
    cf_buffer left = {0}, right = {0};

    cf_json_write_text(a, &left);
    cf_json_write_text(b, &right);
    const int order = cf_bytes_compare(cf_buffer_view(&left), cf_buffer_view(&right));
    cf_buffer_release(&left);
    cf_buffer_release(&right);
    return order;
}

/* Where the value goes; false: it is there, and once is enough. */
static bool place_of(const other_parameter *other, cf_bytes value, size_t *place)
{
    *place = other->count;
    if (!cf_bytes_equal(cf_buffer_view(&other->name), cf_bytes_of_text("type")))
        return true;
    for (*place = 0; *place < other->count; ++*place) {
        int order = order_of(value, cf_buffer_view(&other->values[*place]));

        if (order <= 0)
            return order < 0;
    }
    return true;
}

static void insert(other_parameter *other, size_t place, cf_bytes text)
{
    cf_buffer value = {0};

    cf_buffer_append(&value, text.data, text.size);
    *cf_one_more_at(other->values, other->count, other->capacity, place) = value;
}

static void keep(reading *self, const char *name, cf_bytes text)
{
    other_parameter *other = self->others;
    size_t place;

    while (other < self->others + self->count &&
           !cf_bytes_equal(cf_buffer_view(&other->name), cf_bytes_of_text(name)))
        other++;
    if (other == self->others + self->count) {
        cf_buffer_append_text(&other->name, "%s", name);
        self->count++;
    }
    if (place_of(other, text, &place))
        insert(other, place, text);
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
    bool is_known = false;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        byte = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
        cf_buffer_append(&word, &byte, 1);
    }
    for (size_t i = 0; i < self->relations.count && !is_known; i++)
        is_known =
            cf_bytes_equal(cf_buffer_view(&word), cf_buffer_view(&self->relations.values[i]));
    if (!is_known)
        insert(&self->relations, self->relations.count, cf_buffer_view(&word));
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
                      cf_value_builder *build)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!marks[i])
            continue;
        if (!any) {
            cf_build_name(build, name);
            cf_build_map(build);
        }
        cf_build_name(build, types[i].word);
        cf_build_bool(build, true);
        any = true;
    }
    if (any)
        cf_build_end(build);
}

static void add_relations(const other_parameter *relations, cf_value_builder *build)
{
    if (!relations->count)
        return;
    cf_build_name(build, "relation");
    cf_build_map(build);
    for (size_t i = 0; i < relations->count; i++) {
        cf_build_key(build, cf_buffer_view(&relations->values[i]));
        cf_build_bool(build, true);
    }
    cf_build_end(build);
}

static void add_others(const reading *self, cf_value_builder *build)
{
    for (size_t i = 0; i < self->count; i++) {
        const other_parameter *other = &self->others[i];
        const bool several = other->count > 1;

        cf_build_key(build, cf_buffer_view(&other->name));
        if (several)
            cf_build_array(build);
        for (size_t k = 0; k < other->count; k++)
            cf_build_text(build, cf_buffer_view(&other->values[k]));
        if (several)
            cf_build_end(build);
    }
}

static void add_members(const reading *self, cf_value_builder *build)
{
    add_relations(&self->relations, build);
    add_marks(cf_vcard_contexts, self->contexts, 2, "contexts", build);
    add_marks(cf_vcard_features, self->features, 8, "features", build);
    if (self->preference) {
        cf_build_name(build, "pref");
        cf_build_uint(build, self->preference);
    }
    if (self->full.size)
        cf_build_member_text(build, "full", cf_buffer_view(&self->full));
    if (self->line->label.data)
        cf_build_member_text(build, "label", self->line->label);
    if (self->count == 0)
        return;
    cf_build_name(build, "vCardParams");
    cf_build_map(build);
    add_others(self, build);
    cf_build_end(build);
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
                          cf_value_builder *build)
{
    reading *self = cf_allocate(1, sizeof *self);
    const cf_content_line *content = line->line;

    self->line = line;
    self->property = property;
    for (size_t i = 0; i < content->parameter_count; i++)
        read_parameter(self, &content->parameters[i]);
    if (content->group.size && !line->is_tied && self->count <= CF_LINE_PARAMETERS_MAX)
        keep(self, "group", content->group);
    if (property->form == CF_VCARD_OTHER || cf_vcard_is_single(property))
        add_others(self, build);
    else
        add_members(self, build);
    for (size_t i = 0; i < self->count; i++)
        release(&self->others[i]);
    cf_buffer_release(&self->full);
    release(&self->relations);
    free(self);
}
