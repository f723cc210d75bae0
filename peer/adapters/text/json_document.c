/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_document.h"

#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"
#include "peer/adapters/text/json_inside.h"

typedef struct {
    cf_json json;
    size_t at;
    const char *trouble; /* what is wrong at `at` */
} parser;

static bool is_comment(cf_bytes input, size_t at)
{
    return input.size - at >= 2 && input.data[at] == '/' &&
           (input.data[at + 1] == '/' || input.data[at + 1] == '*');
}

/* What programs write that have numbers of which JSON knows nothing; NULL: none of these. */
static const char *no_number(cf_bytes input, size_t at)
{
    static const struct {
        const char *word, *trouble;
    } words[] = {
        {"NaN", "NaN stands here, and JSON has no such number: write null"},
        {"Infinity", "Infinity stands here, and JSON has no such number: write null or a text"},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t size = strlen(words[i].word);

        if (input.size - at >= size && memcmp(input.data + at, words[i].word, size) == 0)
            return words[i].trouble;
    }
    return NULL;
}

static bool fail(parser *self, const char *trouble)
{
    const char *number = no_number(self->json.input, self->at);

    self->trouble = is_comment(self->json.input, self->at)
                        ? "a comment stands here, and JSON has none: take it out"
                    : number ? number
                             : trouble;
    return false;
}

static int peek(const parser *self)
{
    return self->at < self->json.input.size ? self->json.input.data[self->at] : -1;
}

static void skip_space(parser *self)
{
    while (cf_json_is_space(peek(self)))
        self->at++;
}

static bool read_word(parser *self, const char *word)
{
    size_t size = strlen(word);

    if (self->json.input.size - self->at < size ||
        memcmp(self->json.input.data + self->at, word, size) != 0)
        return fail(self, "a value is expected here");
    self->at += size;
    return true;
}

static size_t read_digits(parser *self)
{
    size_t from = self->at;

    while (peek(self) >= '0' && peek(self) <= '9')
        self->at++;
    return self->at - from;
}

static bool read_number(parser *self)
{
    if (peek(self) == '-')
        self->at++;
    if (peek(self) == '0')
        self->at++;
    else if (read_digits(self) == 0)
        return fail(self, "a value is expected here");
    if (peek(self) == '.') {
        self->at++;
        if (read_digits(self) == 0)
            return fail(self, "a digit is expected here");
    }
    if (peek(self) == 'e' || peek(self) == 'E') {
        self->at++;
        if (peek(self) == '+' || peek(self) == '-')
            self->at++;
        if (read_digits(self) == 0)
            return fail(self, "a digit is expected here");
    }
    return true;
}

static bool read_escape(parser *self)
{
    int byte = peek(self);

    if (byte < 0 || !strchr("\"\\/bfnrtu", byte) || byte == 0)
        return fail(self, "no escape begins so");
    self->at++;
    for (int i = 0; byte == 'u' && i < 4; i++, self->at++)
        if (cf_json_hex_digit(peek(self)) < 0)
            return fail(self, "a hexadecimal digit is expected here");
    return true;
}

static bool read_string(parser *self)
{
    self->at++;
    for (;;) {
        int byte = peek(self);

        if (byte < 0)
            return fail(self, "a string isn't closed");
        if (byte < 0x20)
            return fail(self, "a string holds a control character");
        self->at++;
        if (byte == '"')
            return true;
        if (byte == '\\' && !read_escape(self))
            return false;
    }
}

static bool read_value(parser *self, uint32_t parent, cf_bytes name);

static bool read_member(parser *self, uint32_t object)
{
    size_t from = self->at;

    if (peek(self) != '"')
        return fail(self, "a name in quotes is expected here");
    if (!read_string(self))
        return false;
    cf_bytes name = cf_bytes_of(self->json.input.data + from, self->at - from);
    skip_space(self);
    if (peek(self) != ':')
        return fail(self, "a colon is expected here");
    self->at++;
    skip_space(self);
    return read_value(self, object, name);
}

static bool read_container(parser *self, uint32_t node)
{
    const bool object = self->json.nodes[node].type == CF_JSON_OBJECT;
    const int close = object ? '}' : ']';

    self->at++;
    skip_space(self);
    if (peek(self) == close) {
        self->at++;
        return true;
    }
    for (;;) {
        skip_space(self);
        if (!(object ? read_member(self, node) : read_value(self, node, (cf_bytes){0})))
            return false;
        self->json.nodes[node].children++;
        skip_space(self);
        if (peek(self) != ',' && peek(self) != close)
            return fail(self,
                        object ? "a comma or } is expected here" : "a comma or ] is expected here");
        if (self->json.input.data[self->at++] == close)
            return true;
    }
}

static cf_json_type type_of(int byte)
{
    switch (byte) {
    case '{':
        return CF_JSON_OBJECT;
    case '[':
        return CF_JSON_ARRAY;
    case '"':
        return CF_JSON_STRING;
    case 't':
        return CF_JSON_TRUE;
    case 'f':
        return CF_JSON_FALSE;
    case 'n':
        return CF_JSON_NULL;
    default:
        return CF_JSON_NUMBER;
    }
}

static uint32_t add_node(parser *self, uint32_t parent, cf_bytes name)
{
    cf_json *json = &self->json;
    cf_json_node node = {.type = (uint8_t)type_of(peek(self)),
                         .offset = (uint32_t)self->at,
                         .name = name.size ? (uint32_t)(name.data - json->input.data) : 0,
                         .name_size = (uint32_t)name.size,
                         .parent = parent};

    node.depth = parent == CF_JSON_NONE ? 0 : (uint16_t)(json->nodes[parent].depth + 1);
    if (node.depth > json->depth)
        json->depth = node.depth;
    json->nodes = cf_grow(json->nodes, &json->capacity, json->count + 1, sizeof *json->nodes);
    json->nodes[json->count] = node;
    return (uint32_t)json->count++;
}

static bool read_scalar(parser *self, cf_json_type type)
{
    switch (type) {
    case CF_JSON_STRING:
        return read_string(self);
    case CF_JSON_TRUE:
        return read_word(self, "true");
    case CF_JSON_FALSE:
        return read_word(self, "false");
    case CF_JSON_NULL:
        return read_word(self, "null");
    default:
        return read_number(self);
    }
}

static bool read_value(parser *self, uint32_t parent, cf_bytes name)
{
    if (self->json.count == CF_JSON_NODES_MAX)
        return fail(self, "there are too many values");
    uint32_t node = add_node(self, parent, name);
    cf_json_type type = self->json.nodes[node].type;

    if (self->json.nodes[node].depth > CF_JSON_DEPTH_MAX)
        return fail(self, "this nests too deeply: make it flatter");
    if (!(type == CF_JSON_ARRAY || type == CF_JSON_OBJECT ? read_container(self, node)
                                                          : read_scalar(self, type)))
        return false;
    self->json.nodes[node].size = (uint32_t)(self->at - self->json.nodes[node].offset);
    self->json.nodes[node].end = (uint32_t)self->json.count;
    if (type == CF_JSON_OBJECT)
        cf_json_find_repeated(&self->json, node);
    return true;
}

static bool read_document(parser *self)
{
    cf_bytes input = self->json.input;

    if (input.size >= 3 && memcmp(input.data, "\xef\xbb\xbf", 3) == 0)
        self->at = 3;
    skip_space(self);
    if (!read_value(self, CF_JSON_NONE, (cf_bytes){0}))
        return false;
    skip_space(self);
    if (self->at < input.size)
        return fail(self, "there is something behind the document's end");
    return true;
}

static size_t line_of(cf_bytes input, size_t offset, size_t *line_start)
{
    size_t line = 1;

    *line_start = 0;
    for (size_t i = 0; i < offset; i++)
        if (input.data[i] == '\n') {
            line++;
            *line_start = i + 1;
        }
    return line;
}

cf_status cf_json_read(cf_bytes input, cf_json *out, cf_error *error)
{
    parser self = {.json = {.input = input}};
    size_t line_start;

    if (input.size > CF_JSON_INPUT_MAX)
        return cf_fail(error, CF_TOO_LARGE, "is larger than %llu MiB: split the file",
                       (unsigned long long)(CF_JSON_INPUT_MAX / CF_MIB));
    if (input.size >= 2 &&
        (memcmp(input.data, "\xff\xfe", 2) == 0 || memcmp(input.data, "\xfe\xff", 2) == 0))
        return cf_fail(
            error, CF_MALFORMED,
            "is UTF-16, and only UTF-8 is read: convert it, as with `iconv -f UTF-16 -t UTF-8`");
    if (!cf_utf8_valid(input))
        return cf_fail(error, CF_MALFORMED,
                       "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`");
    if (!read_document(&self)) {
        size_t line = line_of(input, self.at, &line_start);

        cf_json_release(&self.json);
        return cf_fail(error, CF_MALFORMED, "line %zu, column %zu: %s", line,
                       self.at - line_start + 1, self.trouble);
    }
    *out = self.json;
    return CF_OK;
}

void cf_json_release(cf_json *self)
{
    free(self->nodes);
    *self = (cf_json){0};
}

cf_bytes cf_json_spelled(const cf_json *self, size_t node)
{
    return cf_bytes_of(self->input.data + self->nodes[node].offset, self->nodes[node].size);
}

size_t cf_json_line(const cf_json *self, size_t node)
{
    size_t line_start;

    return line_of(self->input, self->nodes[node].offset, &line_start);
}
