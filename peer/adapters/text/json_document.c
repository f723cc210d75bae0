/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/text/json_document.h"

#include "codec/arena.h"
#include "codec/pointer.h"
#include "codec/utf8.h"

#include <stdlib.h>
#include <string.h>

/* ---- Texts and names ---- */

/* -1: it is none. */
static int hex_digit(int byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return -1;
}

static uint32_t read_unit(const uint8_t *digits)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (uint32_t)hex_digit(digits[i]);
    return unit;
}

static void append_character(cf_buffer *out, uint32_t code)
{
    uint8_t bytes[4];
    size_t size;

    if (code < 0x80) {
        bytes[0] = (uint8_t)code;
        size = 1;
    } else if (code < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | code >> 6);
        bytes[1] = (uint8_t)(0x80 | (code & 0x3f));
        size = 2;
    } else if (code < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | code >> 12);
        bytes[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (code & 0x3f));
        size = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | code >> 18);
        bytes[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        bytes[3] = (uint8_t)(0x80 | (code & 0x3f));
        size = 4;
    }
    cf_buffer_append(out, bytes, size);
}

/* \uXXXX, or two of them, from behind the u; `*at` goes behind. False: half of a pair. */
static bool read_unicode(cf_bytes spelled, size_t *at, cf_buffer *out)
{
    uint32_t code = read_unit(spelled.data + *at);

    *at += 4;
    if (code >= 0xd800 && code < 0xdc00 && *at + 6 < spelled.size && spelled.data[*at] == '\\' &&
        spelled.data[*at + 1] == 'u') {
        uint32_t low = read_unit(spelled.data + *at + 2);

        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            *at += 6;
        }
    }
    if (code >= 0xd800 && code < 0xe000)
        return false;
    append_character(out, code);
    return true;
}

cf_status cf_json_text(cf_bytes spelled, cf_buffer *out, cf_error *error)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    size_t at = 1;

    while (at + 1 < spelled.size) {
        uint8_t byte = spelled.data[at++];

        if (byte != '\\') {
            cf_buffer_append(out, &byte, 1);
            continue;
        }
        byte = spelled.data[at++];
        const char *letter = strchr(letters, byte);
        if (byte == 'u') {
            if (!read_unicode(spelled, &at, out))
                return cf_fail(
                    error, CF_MALFORMED,
                    "a string holds half of a surrogate pair: write the other half, too");
        } else {
            cf_buffer_append(out, letter ? &meant[letter - letters] : (const char *)&byte, 1);
        }
    }
    return CF_OK;
}

void cf_json_write_text(cf_bytes text, cf_buffer *out)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";

    cf_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        const char *control = byte ? strchr(meant, byte) : NULL;

        if (control)
            cf_buffer_append_text(out, "\\%c", letters[control - meant]);
        else if (byte < 0x20)
            cf_buffer_append_text(out, "\\u%04x", byte);
        else if (byte == '"' || byte == '\\')
            cf_buffer_append_text(out, "\\%c", byte);
        else
            cf_buffer_append(out, &byte, 1);
    }
    cf_buffer_append(out, "\"", 1);
}

/* What a name says. One that says nothing in UTF-8 stays as it is spelled, with its quotes. */
static cf_bytes meaning(cf_bytes spelled, cf_arena *arena)
{
    cf_buffer text = {0};
    cf_error error;
    cf_bytes said;

    if (!memchr(spelled.data, '\\', spelled.size))
        return cf_bytes_of(spelled.data + 1, spelled.size - 2);
    bool fine = !cf_json_text(spelled, &text, &error);
    said = cf_arena_copy(arena, fine ? cf_buffer_view(&text) : spelled);
    cf_buffer_release(&text);
    return said;
}

typedef struct {
    cf_bytes name;
    uint32_t node;
} named;

static int compare(const void *left, const void *right)
{
    const named *a = left, *b = right;
    int order = cf_bytes_compare(a->name, b->name);

    return order ? order : a->node < b->node ? -1 : 1;
}

cf_bytes cf_json_spelled_name(const cf_json *json, size_t node)
{
    return cf_bytes_of(json->input.data + json->nodes[node].name, json->nodes[node].name_size);
}

/* Marks the members whose name an earlier one has. */
static void find_repeated(cf_json *json, uint32_t object)
{
    const size_t count = json->nodes[object].children;
    const uint32_t end = json->nodes[object].end;
    cf_arena arena = {0};
    size_t filled = 0;

    if (count < 2)
        return;
    named *members = cf_allocate(count, sizeof *members);
    for (uint32_t child = object + 1; child < end; child = json->nodes[child].end)
        members[filled++] = (named){meaning(cf_json_spelled_name(json, child), &arena), child};
    qsort(members, filled, sizeof *members, compare);
    for (size_t i = 1; i < filled; i++)
        if (cf_bytes_equal(members[i - 1].name, members[i].name)) {
            json->nodes[members[i].node].repeated = true;
            json->repeated++;
        }
    free(members);
    cf_arena_release(&arena);
}

size_t cf_json_member(const cf_json *json, size_t object, cf_bytes name)
{
    size_t found = CF_JSON_NONE;
    cf_arena arena = {0};

    if (json->nodes[object].type != CF_JSON_OBJECT)
        return CF_JSON_NONE;
    for (uint32_t child = (uint32_t)object + 1;
         child < json->nodes[object].end && found == CF_JSON_NONE; child = json->nodes[child].end)
        if (cf_bytes_equal(meaning(cf_json_spelled_name(json, child), &arena), name))
            found = child;
    cf_arena_release(&arena);
    return found;
}

static size_t element(const cf_json *json, size_t array, cf_bytes digits)
{
    size_t index = 0;

    if (digits.size == 0 || digits.size > 9 || (digits.size > 1 && digits.data[0] == '0'))
        return CF_JSON_NONE;
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return CF_JSON_NONE;
        index = index * 10 + (size_t)(digits.data[i] - '0');
    }
    if (index >= json->nodes[array].children)
        return CF_JSON_NONE;
    uint32_t child = (uint32_t)array + 1;
    while (index--)
        child = json->nodes[child].end;
    return child;
}

size_t cf_json_find(const cf_json *json, cf_bytes pointer)
{
    cf_buffer token = {0};
    size_t node = 0, at = 0;
    cf_bytes step;

    if (pointer.size && pointer.data[0] != '/')
        return CF_JSON_NONE;
    while (node != CF_JSON_NONE && cf_pointer_next(pointer, &at, &step)) {
        cf_buffer_clear(&token);
        cf_pointer_read(step, &token);
        if (json->nodes[node].type == CF_JSON_ARRAY)
            node = element(json, node, cf_buffer_view(&token));
        else
            node = cf_json_member(json, node, cf_buffer_view(&token));
    }
    cf_buffer_release(&token);
    return node;
}

/* ---- Reading ---- */

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
    const size_t left = self->json.input.size - self->at;

    if (left < size && memcmp(self->json.input.data + self->at, word, left) == 0)
        self->at += left; /* "tru", and no more */
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
        if (hex_digit(peek(self)) < 0)
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
    *cf_one_more(json->nodes, json->count, json->capacity) = node;
    return (uint32_t)(json->count - 1);
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
        find_repeated(&self->json, node);
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

/* Without the beginning of a character that the text ends in. */
static cf_bytes without_begun(cf_bytes input)
{
    for (size_t begun = 1; begun <= 3 && begun < input.size; begun++)
        if (input.data[input.size - begun] >= 0xc2 && input.data[input.size - begun] <= 0xf4)
            return cf_bytes_of(input.data, input.size - begun);
    return input;
}

/* What is missing is the end: `{"a": 1` is cut short, `{"a" 1}` is not, nor is what was never
 * written. */
static bool is_cut(const parser *self)
{
    size_t at = 0;

    while (at < self->json.input.size && cf_json_is_space(self->json.input.data[at]))
        at++;
    return self->at == self->json.input.size && at < self->at;
}

static cf_status say_trouble(const parser *self, cf_error *error)
{
    size_t line_start, line = line_of(self->json.input, self->at, &line_start);

    return cf_fail(error, CF_MALFORMED, "line %zu, column %zu: %s%s", line,
                   self->at - line_start + 1, is_cut(self) ? "it is cut short: " : "",
                   self->trouble);
}

cf_status cf_json_read(cf_bytes input, cf_json *out, cf_error *error)
{
    parser self = {.json = {.input = input}};
    cf_status status = CF_OK;

    if (input.size > CF_JSON_INPUT_MAX)
        return cf_fail(error, CF_TOO_LARGE, "is larger than %llu MiB: split the file",
                       (unsigned long long)(CF_JSON_INPUT_MAX / CF_MIB));
    if (input.size >= 2 &&
        (memcmp(input.data, "\xff\xfe", 2) == 0 || memcmp(input.data, "\xfe\xff", 2) == 0))
        return cf_fail(
            error, CF_MALFORMED,
            "is UTF-16, and only UTF-8 is read: convert it, as with `iconv -f UTF-16 -t UTF-8`");
    const bool is_text = cf_utf8_valid(input);
    if (!is_text)
        self.json.input = without_begun(input);
    if (is_text || cf_utf8_valid(self.json.input)) {
        if (!read_document(&self))
            status = say_trouble(&self, error);
        else if (is_text)
            *out = self.json;
    }
    if (!is_text && !(status && is_cut(&self)))
        status = cf_fail(error, CF_MALFORMED,
                         "isn't UTF-8: convert the file, as with `iconv -f LATIN1 -t UTF-8`");
    if (status)
        cf_json_release(&self.json);
    return status;
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
