/* SPDX-License-Identifier: Apache-2.0 */
/* One cell: what it says of a value, and the value of which it says something else. Values are
 * edited as JSON, since that knows the canonical order of members and rounds no number. */
#include "peer/adapters/record_map_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/pack.h"
#include "codec/utf8.h"
#include "peer/adapters/icalendar_inside.h"
#include "peer/adapters/json_value.h"
#include "peer/adapters/text/json_edit.h"
#include "peer/adapters/value_map.h"
#include "peer/adapters/vcard_inside.h"

/* ---- Dates ---- */

static uint64_t number_of(cf_bytes date, const char *name)
{
    uint64_t number = 0;
    cf_bytes value;

    if (cf_value_member(date, name, &value))
        cf_value_is_uint(value, &number);
    return number;
}

/* False: it is no such date. */
static bool write_date(cf_bytes date, cf_buffer *out)
{
    uint64_t year = number_of(date, "year"), month = number_of(date, "month"),
             day = number_of(date, "day");

    if (year > 9999 || month > 12 || day > 31 || !(year || month) || (day && !month))
        return false;
    if (year)
        cf_buffer_append_text(out, "%04u", (unsigned)year);
    if (month)
        cf_buffer_append_text(out, year ? "-%02u" : "--%02u", (unsigned)month);
    if (day)
        cf_buffer_append_text(out, "-%02u", (unsigned)day);
    return true;
}

static bool take_digits(const char **at, int count, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (unsigned)(**at - '0');
    }
    return *out > 0;
}

static bool is_day(unsigned year, unsigned month, unsigned day)
{
    static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = !year || (year % 4 == 0 && (year % 100 || year % 400 == 0));

    return month <= 12 && day <= days[month - 1] && (month != 2 || day < 29 || leap);
}

/* YYYY-MM-DD, --MM-DD, YYYY-MM, YYYY as JSON. */
static bool read_date(const char *at, cf_buffer *json)
{
    unsigned year = 0, month = 0, day = 0;

    if (strncmp(at, "--", 2) == 0)
        at++;
    else if (!take_digits(&at, 4, &year))
        return false;
    if (*at && (*at++ != '-' || !take_digits(&at, 2, &month)))
        return false;
    if (*at && (*at++ != '-' || !take_digits(&at, 2, &day)))
        return false;
    if (*at || (!year && !day) || month > 12 || (day && !is_day(year, month, day)))
        return false;
    cf_buffer_append_text(json, "{");
    if (year)
        cf_buffer_append_text(json, "\"year\":%u", year);
    if (month)
        cf_buffer_append_text(json, "%s\"month\":%u", year ? "," : "", month);
    if (day)
        cf_buffer_append_text(json, ",\"day\":%u", day);
    cf_buffer_append_text(json, "}");
    return true;
}

/* ---- Reading ---- */

static bool descend(cf_bytes *value, cf_bytes step)
{
    cf_value_walk walk = cf_value_walk_of(*value);
    const size_t wanted = walk.map ? 0 : cf_map_place(step);
    cf_bytes name, found;

    for (size_t i = 1; cf_value_next(&walk, &name, &found); i++)
        if (wanted ? i == wanted : walk.map && cf_bytes_equal(name, step)) {
            *value = found;
            return true;
        }
    return false;
}

static void read_components(cf_bytes components, cf_bytes kind, cf_buffer *out)
{
    cf_value_walk walk = cf_value_walk_of(components);
    cf_bytes none, component, is, text;
    bool any = false;

    while (cf_value_next(&walk, &none, &component))
        if (cf_value_member_text(component, "kind", &is) && cf_bytes_equal(is, kind) &&
            cf_value_member_text(component, "value", &text)) {
            cf_buffer_append_text(out, any ? " " : "");
            cf_buffer_append(out, text.data, text.size);
            any = true;
        }
}

void cf_cell_read(const cf_map_column *column, cf_bytes value, cf_buffer *out)
{
    if (!value.data)
        return;
    if (cf_cell_is_label(column)) {
        cf_label_read(value, out);
        return;
    }
    for (size_t i = 0; i < column->depth; i++)
        if (!descend(&value, column->path[i]))
            return;
    if (column->form == CF_CELL_COMPONENT)
        read_components(value, column->component, out);
    else if (column->form != CF_CELL_DATE || !write_date(value, out))
        cf_value_text(value, out);
}

/* ---- What a text says ---- */

static bool is_of_type(cf_bytes json, cf_json_type first, cf_json_type last)
{
    cf_json document;
    cf_error ignored;

    if (cf_json_read(json, &document, &ignored))
        return false;
    bool is = document.nodes[0].type >= first && document.nodes[0].type <= last &&
              document.nodes[0].size == json.size;
    cf_json_release(&document);
    return is;
}

/* `was` is the JSON of the leaf as it is; nothing: there is none. */
static cf_status read_leaf(const cf_map_column *column, cf_bytes was, cf_bytes text,
                           cf_buffer *json, cf_error *error)
{
    const bool plain = !was.size || was.data[0] == '"';
    cf_buffer word = {0};
    const char *what = NULL;
    cf_calendar_duration duration;
    int64_t seconds;

    cf_buffer_append(&word, text.data, text.size);
    cf_buffer_append(&word, "", 1);
    if (!cf_utf8_valid(text) || memchr(text.data, '\0', text.size))
        what = "is no text";
    else if (column->form == CF_CELL_DATE && !read_date((const char *)word.data, json))
        what = "is no date: as 1980-05-17, or --05-17 without a year";
    else if (column->form == CF_CELL_TIME && !cf_calendar_local_read(text, &seconds))
        what = "is no time: as 2026-11-20T09:00:00";
    else if (column->form == CF_CELL_DURATION && !cf_calendar_duration_read(text, &duration))
        what = "is no duration: as PT1H30M";
    else if (column->form == CF_CELL_NUMBER && !is_of_type(text, CF_JSON_NUMBER, CF_JSON_NUMBER))
        what = "is no number";
    else if (column->form == CF_CELL_TRUTH && !is_of_type(text, CF_JSON_FALSE, CF_JSON_TRUE))
        what = "is neither true nor false";
    else if (column->form == CF_CELL_NUMBER || column->form == CF_CELL_TRUTH ||
             (column->form == CF_CELL_TEXT && !plain &&
              is_of_type(text, CF_JSON_NULL, CF_JSON_OBJECT)))
        cf_buffer_append(json, text.data, text.size);
    else if (column->form != CF_CELL_DATE)
        cf_json_write_text(text, json);
    cf_buffer_release(&word);
    return what ? cf_fail(error, CF_MALFORMED, "%s", what) : CF_OK;
}

/* ---- Components ---- */

/* In the order in which a card has them. */
static size_t rank_of(cf_bytes kind)
{
    for (size_t i = 0; i < 7; i++)
        if (cf_bytes_equal(kind, cf_bytes_of_text(cf_vcard_name_kinds[i])) ||
            cf_bytes_equal(kind, cf_bytes_of_text(cf_vcard_address_kinds[i])))
            return i;
    return 7;
}

static void add_component(cf_buffer *json, cf_bytes kind, cf_bytes text)
{
    cf_buffer_append_text(json, json->size > 1 ? ",{" : "{");
    cf_json_add_text(json, "kind", kind);
    cf_json_add_text(json, "value", text);
    cf_buffer_append_text(json, "}");
}

/* Replaces all components of the kind by one, or none. */
static void write_components(cf_bytes components, cf_bytes kind, cf_bytes text, cf_buffer *json)
{
    cf_value_walk walk = cf_value_walk_of(components);
    bool written = text.size == 0;
    cf_bytes none, component, is;

    cf_buffer_append_text(json, "[");
    while (cf_value_next(&walk, &none, &component)) {
        bool named = cf_value_member_text(component, "kind", &is);

        if (named && cf_bytes_equal(is, kind) && (written || rank_of(kind) == 7))
            continue;
        if (!written && named && rank_of(is) >= rank_of(kind)) {
            add_component(json, kind, text);
            written = true;
            if (cf_bytes_equal(is, kind))
                continue;
        }
        cf_buffer_append_text(json, json->size > 1 ? "," : "");
        cf_value_json(component, json);
    }
    if (!written)
        add_component(json, kind, text);
    cf_buffer_append_text(json, "]");
}

/* ---- Writing ---- */

/* The leaf within containers of its own, from the step `from` on. */
static void wrap(const cf_map_column *column, size_t from, cf_bytes leaf, cf_buffer *json)
{
    for (size_t i = from; i < column->depth; i++)
        if (cf_map_place(column->path[i])) {
            cf_buffer_append_text(json, "[");
        } else {
            cf_buffer_append_text(json, "{");
            cf_json_write_text(column->path[i], json);
            cf_buffer_append_text(json, ":");
        }
    cf_buffer_append(json, leaf.data, leaf.size);
    for (size_t i = column->depth; i-- > from;)
        cf_buffer_append_text(json, cf_map_place(column->path[i]) ? "]" : "}");
}

/* The node that the step leads to, or CF_JSON_NONE. */
static size_t child_of(const cf_json *json, size_t node, cf_bytes step)
{
    size_t number = cf_map_place(step), child = node + 1;

    if (json->nodes[node].type == CF_JSON_OBJECT)
        return cf_json_member(json, node, step);
    if (json->nodes[node].type != CF_JSON_ARRAY || !number)
        return CF_JSON_NONE;
    while (child < json->nodes[node].end && --number)
        child = json->nodes[child].end;
    return child < json->nodes[node].end ? child : CF_JSON_NONE;
}

static size_t follow(const cf_json *json, const cf_map_column *column, size_t *depth)
{
    size_t node = 0;

    for (*depth = 0; *depth < column->depth; ++*depth) {
        size_t child = child_of(json, node, column->path[*depth]);

        if (child == CF_JSON_NONE)
            break;
        node = child;
    }
    return node;
}

/* With the containers that it leaves empty. */
static void delete_leaf(const cf_json *json, size_t node, cf_json_edits *edits)
{
    while (node && json->nodes[node].parent && json->nodes[json->nodes[node].parent].children == 1)
        node = json->nodes[node].parent;
    if (node)
        cf_json_edits_delete(edits, node);
}

static cf_status place_leaf(const cf_json *json, const cf_map_column *column, cf_bytes leaf,
                            cf_json_edits *edits, cf_error *error)
{
    size_t depth, node = follow(json, column, &depth);
    cf_buffer wrapped = {0};
    cf_status status = CF_OK;

    if (!leaf.size) {
        if (depth == column->depth)
            delete_leaf(json, node, edits);
        return CF_OK;
    }
    if (depth == column->depth) {
        status = cf_json_edits_replace(edits, node, leaf, error);
    } else if (json->nodes[node].type < CF_JSON_ARRAY) {
        wrap(column, depth, leaf, &wrapped);
        status = cf_json_edits_replace(edits, node, cf_buffer_view(&wrapped), error);
    } else {
        wrap(column, depth + 1, leaf, &wrapped);
        status =
            cf_json_edits_add(edits, node, column->path[depth], cf_buffer_view(&wrapped), error);
    }
    cf_buffer_release(&wrapped);
    return status;
}

/* The leaf as JSON; nothing: there is to be none. */
static cf_status make_leaf(const cf_map_column *column, cf_bytes value, cf_bytes text,
                           cf_buffer *out, cf_error *error)
{
    cf_buffer was = {0};
    bool found = value.data != NULL;

    for (size_t i = 0; found && i < column->depth; i++)
        found = descend(&value, column->path[i]);
    if (column->form == CF_CELL_COMPONENT) {
        write_components(found ? value : (cf_bytes){0}, column->component, text, out);
        if (out->size == 2)
            cf_buffer_clear(out);
        return CF_OK;
    }
    if (found)
        cf_value_json(value, &was);
    cf_status status =
        text.size ? read_leaf(column, cf_buffer_view(&was), text, out, error) : CF_OK;
    cf_buffer_release(&was);
    return status;
}

static cf_status edit(const cf_map_column *column, cf_bytes json, cf_bytes leaf, cf_buffer *out,
                      cf_error *error)
{
    cf_buffer after = {0};
    cf_json document;

    cf_status status = cf_json_read(json, &document, error);
    if (status)
        return status;
    cf_json_edits edits = {.json = &document};
    status = place_leaf(&document, column, leaf, &edits, error);
    if (!status)
        cf_json_edits_write(&edits, &after);
    if (!status && !cf_value_of_json(cf_buffer_view(&after), out))
        status = cf_fail(error, CF_MALFORMED, "is in what nests too deeply");
    cf_json_edits_release(&edits);
    cf_json_release(&document);
    cf_buffer_release(&after);
    return status;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

cf_bytes cf_cell_trim(const cf_map_column *column, cf_bytes text)
{
    if (cf_cell_is_text(column))
        return text;
    while (text.size && is_blank(text.data[0]))
        text = cf_bytes_of(text.data + 1, text.size - 1);
    while (text.size && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

cf_status cf_cell_write(const cf_map_column *column, cf_bytes value, cf_bytes text, cf_buffer *out,
                        cf_error *error)
{
    cf_buffer leaf = {0}, json = {0};

    if (cf_cell_is_label(column) && value.data)
        return cf_label_write(column, value, text, out, error);
    cf_buffer_clear(out);
    cf_status status = make_leaf(column, value, text, &leaf, error);
    if (!status && column->depth == 0) {
        if (leaf.size && !cf_value_of_json(cf_buffer_view(&leaf), out))
            status = cf_fail(error, CF_MALFORMED, "is no value");
    } else if (!status) {
        if (value.data)
            cf_value_json(value, &json);
        else
            cf_buffer_append_text(&json, "{}");
        status = edit(column, cf_buffer_view(&json), cf_buffer_view(&leaf), out, error);
    }
    cf_buffer_release(&leaf);
    cf_buffer_release(&json);
    return status;
}
