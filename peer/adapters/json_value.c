/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/json_value.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"

enum { NUMBER_SIZE = 40 };

/* The shortest digits that are read as this float; it is finite. */
static void float_text(double number, char text[NUMBER_SIZE])
{
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, NUMBER_SIZE, "%.*g", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    if (!strpbrk(text, ".e"))
        strcat(text, ".0");
}

/* A decimal number: 0.DIGITS times ten to the exponent, without zeros at the ends. */
typedef struct {
    bool negative;
    cf_buffer digits;
    long long exponent;
} decimal;

static decimal decimal_of(cf_bytes text)
{
    decimal made = {0};
    bool point = false;

    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];

        if (byte == 'e' || byte == 'E') {
            char exponent[24];

            snprintf(exponent, sizeof exponent, "%.*s",
                     (int)(text.size - i - 1 < 20 ? text.size - i - 1 : 20),
                     (const char *)text.data + i + 1);
            made.exponent += strtoll(exponent, NULL, 10) % 1000000000000;
            break;
        }
        made.negative |= byte == '-';
        if (byte == '.')
            point = true;
        if (byte < '0' || byte > '9')
            continue;
        if (byte != '0' || made.digits.size)
            cf_buffer_append(&made.digits, &byte, 1);
        if (made.digits.size && !point)
            made.exponent++;
        else if (!made.digits.size && point)
            made.exponent--;
    }
    while (made.digits.size && made.digits.data[made.digits.size - 1] == '0')
        made.digits.size--;
    if (made.digits.size == 0)
        made.exponent = 0;
    return made;
}

/* The same number, however it is spelled: 1.0, 1 and 10e-1 are one. */
static bool same_number(cf_bytes left, cf_bytes right)
{
    decimal a = decimal_of(left), b = decimal_of(right);
    bool same = a.negative == b.negative && a.exponent == b.exponent &&
                cf_bytes_equal(cf_buffer_view(&a.digits), cf_buffer_view(&b.digits));

    cf_buffer_release(&a.digits);
    cf_buffer_release(&b.digits);
    return same;
}

static bool pack_integer(const char *text, cf_buffer *out)
{
    char *end;

    errno = 0;
    if (text[0] == '-') {
        long long number = strtoll(text, &end, 10);

        if (errno || *end || number == 0)
            return false;
        cf_pack_int(out, number);
        return true;
    }
    unsigned long long number = strtoull(text, &end, 10);
    if (errno || *end)
        return false;
    cf_pack_uint(out, number);
    return true;
}

static void pack_number(cf_bytes spelled, cf_buffer *out)
{
    char text[NUMBER_SIZE * 8], again[NUMBER_SIZE];

    if (spelled.size < sizeof text) {
        memcpy(text, spelled.data, spelled.size);
        text[spelled.size] = '\0';
        if (pack_integer(text, out))
            return;
        double number = strtod(text, NULL);
        if (isfinite(number)) {
            float_text(number, again);
            if (same_number(spelled, cf_bytes_of_text(again))) {
                cf_pack_float(out, number);
                return;
            }
        }
    }
    cf_pack_bin(out, spelled);
}

typedef struct {
    cf_buffer name; /* as a value */
    size_t node;
} member;

static int by_name(const void *left, const void *right)
{
    const member *a = left, *b = right;

    return cf_bytes_compare(cf_buffer_view(&a->name), cf_buffer_view(&b->name));
}

static cf_status pack_text(cf_bytes spelled, cf_buffer *out, cf_error *error)
{
    cf_buffer text = {0};
    cf_status status = cf_json_text(spelled, &text, error);

    if (!status)
        cf_pack_text(out, cf_buffer_view(&text));
    cf_buffer_release(&text);
    return status;
}

static cf_status pack_node(const cf_json *json, size_t node, size_t depth, cf_buffer *out,
                           cf_error *error);

static cf_status pack_members(const cf_json *json, member *members, size_t count, size_t depth,
                              cf_buffer *out, cf_error *error)
{
    cf_status status = CF_OK;

    for (size_t i = 0; i < count && !status; i++)
        status = pack_text(cf_json_spelled_name(json, members[i].node), &members[i].name, error);
    if (status)
        return status;
    qsort(members, count, sizeof *members, by_name);
    cf_pack_map(out, count);
    for (size_t i = 0; i < count && !status; i++) {
        if (json->nodes[members[i].node].repeated)
            return cf_fail(error, CF_MALFORMED, "an object has a name twice: delete one of them");
        cf_buffer_append(out, members[i].name.data, members[i].name.size);
        status = pack_node(json, members[i].node, depth, out, error);
    }
    return status;
}

static cf_status pack_object(const cf_json *json, size_t object, size_t depth, cf_buffer *out,
                             cf_error *error)
{
    const size_t count = json->nodes[object].children;
    member *members = cf_allocate(count, sizeof *members);
    size_t filled = 0;

    for (size_t child = object + 1; child < json->nodes[object].end; child = json->nodes[child].end)
        members[filled++].node = child;
    cf_status status = pack_members(json, members, count, depth, out, error);
    for (size_t i = 0; i < count; i++)
        cf_buffer_release(&members[i].name);
    free(members);
    return status;
}

static cf_status pack_node(const cf_json *json, size_t node, size_t depth, cf_buffer *out,
                           cf_error *error)
{
    cf_status status = CF_OK;
    cf_json_type type = json->nodes[node].type;

    if (type >= CF_JSON_ARRAY && depth++ == CF_VALUE_DEPTH_MAX)
        return cf_fail(error, CF_MALFORMED, "a value nests too deeply: make it flatter");
    switch (type) {
    case CF_JSON_NULL:
        cf_pack_nil(out);
        break;
    case CF_JSON_TRUE:
    case CF_JSON_FALSE:
        cf_pack_bool(out, type == CF_JSON_TRUE);
        break;
    case CF_JSON_NUMBER:
        pack_number(cf_json_spelled(json, node), out);
        break;
    case CF_JSON_STRING:
        return pack_text(cf_json_spelled(json, node), out, error);
    case CF_JSON_OBJECT:
        return pack_object(json, node, depth, out, error);
    case CF_JSON_ARRAY:
        cf_pack_array(out, json->nodes[node].children);
        for (size_t child = node + 1; child < json->nodes[node].end && !status;
             child = json->nodes[child].end)
            status = pack_node(json, child, depth, out, error);
    }
    return status;
}

cf_status cf_json_value(const cf_json *json, size_t node, cf_buffer *out, cf_error *error)
{
    return pack_node(json, node, 0, out, error);
}

static bool is_number(cf_bytes bytes)
{
    cf_error error;
    cf_json json;

    if (bytes.size == 0 || cf_json_read(bytes, &json, &error))
        return false;
    bool number = json.nodes[0].type == CF_JSON_NUMBER && json.nodes[0].size == bytes.size;
    cf_json_release(&json);
    return number;
}

static void append_base64(cf_bytes bytes, cf_buffer *out)
{
    const size_t size = sodium_base64_encoded_len(bytes.size, sodium_base64_VARIANT_ORIGINAL);

    sodium_bin2base64((char *)cf_buffer_reserve(out, size), size, bytes.data, bytes.size,
                      sodium_base64_VARIANT_ORIGINAL);
    out->size += size - 1;
}

/* What is no text, array or map. The value is canonical: its reads can't fail. */
static void append_scalar(cf_reader *reader, cf_type type, cf_buffer *out)
{
    char text[NUMBER_SIZE];
    cf_error error;
    cf_bytes bytes;
    uint64_t number;
    int64_t negative;
    double real;
    bool flag;

    switch (type) {
    case CF_TYPE_BOOL:
        (void)cf_read_bool(reader, &flag, &error);
        cf_buffer_append_text(out, flag ? "true" : "false");
        break;
    case CF_TYPE_UINT:
        (void)cf_read_uint(reader, &number, &error);
        cf_buffer_append_text(out, "%llu", (unsigned long long)number);
        break;
    case CF_TYPE_INT:
        (void)cf_read_int(reader, &negative, &error);
        cf_buffer_append_text(out, "%lld", (long long)negative);
        break;
    case CF_TYPE_FLOAT:
        (void)cf_read_float(reader, &real, &error);
        snprintf(text, sizeof text, "null"); /* JSON has no infinity */
        if (isfinite(real))
            float_text(real, text);
        cf_buffer_append_text(out, "%s", text);
        break;
    case CF_TYPE_BIN:
        (void)cf_read_bin(reader, &bytes, &error);
        if (is_number(bytes)) {
            cf_buffer_append(out, bytes.data, bytes.size);
            break;
        }
        cf_buffer_append_text(out, "\"");
        append_base64(bytes, out);
        cf_buffer_append_text(out, "\"");
        break;
    default:
        (void)cf_read_nil(reader, &error);
        cf_buffer_append_text(out, "null");
    }
}

/* A name is a text in JSON, whatever it was. */
static void append_name(cf_reader *reader, cf_buffer *out)
{
    cf_buffer text = {0};
    cf_error error;
    cf_bytes name;

    (void)cf_read_value(reader, &name, &error);
    cf_value_text(name, &text);
    cf_json_write_text(cf_buffer_view(&text), out);
    cf_buffer_append_text(out, ":");
    cf_buffer_release(&text);
}

static void append_value(cf_reader *reader, cf_buffer *out)
{
    cf_type type = CF_TYPE_NIL;
    size_t count = 0;
    cf_error error;
    cf_bytes text = {0};

    (void)cf_read_type(reader, &type, &error);
    if (type == CF_TYPE_TEXT) {
        (void)cf_read_text(reader, &text, &error);
        cf_json_write_text(text, out);
        return;
    }
    if (type != CF_TYPE_ARRAY && type != CF_TYPE_MAP) {
        append_scalar(reader, type, out);
        return;
    }
    bool map = type == CF_TYPE_MAP;
    (void)(map ? cf_read_map(reader, &count, &error) : cf_read_array(reader, &count, &error));
    cf_buffer_append_text(out, map ? "{" : "[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            cf_buffer_append_text(out, ",");
        if (map)
            append_name(reader, out);
        append_value(reader, out);
    }
    cf_buffer_append_text(out, map ? "}" : "]");
}

void cf_value_json(cf_bytes value, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_error error;

    if (cf_value_check(value, &error))
        cf_buffer_append_text(out, "null");
    else
        append_value(&reader, out);
}

static void build_bytes(cf_value_builder *build, cf_bytes bytes)
{
    cf_buffer made = {0};

    if (is_number(bytes)) {
        pack_number(bytes, &made);
        cf_build_value(build, cf_buffer_view(&made));
    } else {
        append_base64(bytes, &made);
        cf_build_text(build, cf_buffer_view(&made));
    }
    cf_buffer_release(&made);
}

static void build_name(cf_value_builder *build, cf_reader *reader)
{
    cf_buffer text = {0};
    cf_error error;
    cf_bytes name;

    (void)cf_read_value(reader, &name, &error);
    cf_value_text(name, &text);
    cf_build_key(build, cf_buffer_view(&text));
    cf_buffer_release(&text);
}

static void build_scalar(cf_value_builder *build, cf_type type, cf_reader *reader)
{
    cf_reader whole = *reader;
    cf_bytes bytes;
    cf_error error;
    double real = 0;

    (void)cf_read_value(&whole, &bytes, &error);
    if (type == CF_TYPE_FLOAT)
        (void)cf_read_float(reader, &real, &error);
    if (!isfinite(real)) {
        cf_build_nil(build);
    } else if (type == CF_TYPE_BIN) {
        (void)cf_read_bin(reader, &bytes, &error);
        build_bytes(build, bytes);
    } else {
        cf_build_value(build, bytes);
    }
    *reader = whole;
}

/* As append_value: true recursion. */
static void build_value(cf_value_builder *build, cf_reader *reader)
{
    cf_type type = CF_TYPE_NIL;
    size_t count = 0;
    cf_error error;

    (void)cf_read_type(reader, &type, &error);
    if (type != CF_TYPE_ARRAY && type != CF_TYPE_MAP) {
        build_scalar(build, type, reader);
        return;
    }
    const bool is_map = type == CF_TYPE_MAP;
    (void)(is_map ? cf_read_map : cf_read_array)(reader, &count, &error);
    (is_map ? cf_build_map : cf_build_array)(build);
    for (size_t i = 0; i < count; i++) {
        if (is_map)
            build_name(build, reader);
        build_value(build, reader);
    }
    cf_build_end(build);
}

void cf_build_json(cf_value_builder *build, cf_bytes value)
{
    cf_reader reader = cf_reader_of(value);
    cf_error error;

    if (cf_value_check(value, &error))
        cf_build_nil(build);
    else
        build_value(build, &reader);
}

void cf_value_text(cf_bytes value, cf_buffer *out)
{
    cf_reader reader = cf_reader_of(value);
    cf_type type = CF_TYPE_NIL;
    cf_error error;
    cf_bytes text;

    if (cf_value_check(value, &error) || cf_read_type(&reader, &type, &error))
        return;
    if (type == CF_TYPE_TEXT && !cf_read_text(&reader, &text, &error))
        cf_buffer_append(out, text.data, text.size);
    else if (type != CF_TYPE_NIL)
        cf_value_json(value, out);
}
