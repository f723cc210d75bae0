/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/worlds/cells.h"

#include "tests/support/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const cell_columns[CELL_COLUMNS] = {"name", "note", "photo"};
const char *const cell_properties[CELL_PROPERTIES] = {"name/full", "note", "tel",
                                                      "photo",     "bday", "x-spouse"};

/* ---- A list ---- */

static void release_one(cell *self)
{
    free(self->key);
    free(self->field);
    free(self->value);
}

void cells_release(cells *self)
{
    for (size_t i = 0; i < self->count; i++)
        release_one(&self->all[i]);
    free(self->all);
    *self = (cells){0};
}

void cells_add(cells *self, const char *key, const char *field, const char *value)
{
    *cf_one_more(self->all, self->count, self->capacity) =
        (cell){strdup(key), strdup(field), strdup(value)};
}

cell *cells_find(const cells *self, const char *key, const char *field)
{
    for (size_t i = 0; i < self->count; i++)
        if (strcmp(self->all[i].key, key) == 0 && strcmp(self->all[i].field, field) == 0)
            return &self->all[i];
    return NULL;
}

void cells_drop(cells *self, const cell *one)
{
    size_t at = (size_t)(one - self->all);

    release_one(&self->all[at]);
    memmove(&self->all[at], &self->all[at + 1], (--self->count - at) * sizeof *self->all);
}

void cells_drop_row(cells *self, const char *key)
{
    char *row = strdup(key); /* it may be that of a cell which goes */

    for (size_t i = self->count; i--;)
        if (strcmp(self->all[i].key, row) == 0)
            cells_drop(self, &self->all[i]);
    free(row);
}

void cells_set(cells *self, const char *key, const char *field, const char *value)
{
    cell *there = cells_find(self, key, field);

    if (there)
        cells_drop(self, there);
    cells_add(self, key, field, value);
}

static int compare(const void *a, const void *b)
{
    const cell *left = a, *right = b;
    int by_key = strcmp(left->key, right->key), by_field = strcmp(left->field, right->field);

    return by_key ? by_key : by_field ? by_field : strcmp(left->value, right->value);
}

void cells_sort(cells *self)
{
    if (self->count)
        qsort(self->all, self->count, sizeof *self->all, compare);
}

/* ---- CSV ---- */

/* Values have no quotes. */
char *cells_take(char **rest, const char *separators)
{
    char *piece = *rest;

    if (!piece)
        return NULL;
    *rest = strpbrk(piece, separators);
    if (*rest)
        *(*rest)++ = '\0';
    return piece;
}

enum { COLUMNS_MAX = CELL_COLUMNS + 1 };

static void take_row(char *const names[], char *const values[], size_t count, cells *out)
{
    const char *key = "";

    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], "id") == 0)
            key = values[i];
    cells_add(out, key, "", "");
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], "id") != 0 && *values[i])
            cells_add(out, key, names[i], values[i]);
}

void cells_read_table(cf_bytes text, cells *out)
{
    char *copy = strndup((const char *)text.data, text.size), *rest = copy;
    char *names[COLUMNS_MAX], *values[COLUMNS_MAX];
    size_t count = columns_of(cells_take(&rest, "\n"), names, COLUMNS_MAX);

    for (char *line; (line = cells_take(&rest, "\n"));)
        if (*line && columns_of(line, values, COLUMNS_MAX) == count)
            take_row(names, values, count, out);
    free(copy);
}

void cells_write_table(const cells *self, cf_buffer *out)
{
    cf_buffer_append_text(out, "id");
    for (int i = 0; i < CELL_COLUMNS; i++)
        cf_buffer_append_text(out, ",%s", cell_columns[i]);
    cf_buffer_append_text(out, "\n");
    for (size_t i = 0; i < self->count; i++) {
        const char *key = self->all[i].key;

        if (*self->all[i].field)
            continue;
        cf_buffer_append(out, key, strlen(key));
        for (int k = 0; k < CELL_COLUMNS; k++) {
            const cell *one = cells_find(self, key, cell_columns[k]);

            cf_buffer_append(out, ",", 1);
            if (one)
                cf_buffer_append(out, one->value, strlen(one->value));
        }
        cf_buffer_append(out, "\n", 1);
    }
}

/* ---- JSON ---- */

const char cells_settings[] = "s";

/* What stands in quotes, in turn a name and a value; none has a quote in it. */
void cells_read_settings(cf_bytes text, cells *out)
{
    char *copy = strndup((const char *)text.data, text.size), *rest = copy;
    char *name, *value;

    while (cells_take(&rest, "\"") && (name = cells_take(&rest, "\"")) && cells_take(&rest, "\"") &&
           (value = cells_take(&rest, "\""))) {
        if (!cells_find(out, cells_settings, ""))
            cells_add(out, cells_settings, "", "");
        cells_add(out, cells_settings, name, value);
    }
    free(copy);
}

void cells_write_settings(const cells *self, cf_buffer *out)
{
    bool first = true;

    cf_buffer_append_text(out, "{");
    for (size_t i = 0; i < self->count; i++) {
        const cell *one = &self->all[i];

        if (!*one->field)
            continue;
        cf_buffer_append_text(out, "%s\n  \"%s\": \"", first ? "" : ",", one->field);
        cf_buffer_append(out, one->value, strlen(one->value));
        cf_buffer_append_text(out, "\"");
        first = false;
    }
    cf_buffer_append_text(out, "\n}\n");
}

/* ---- vCard ---- */

bool cells_is_short(const char *field)
{
    return strcmp(field, cell_event_fields[CELL_LOCATION]) == 0 ||
           strcmp(field, cell_properties[CELL_BIRTHDAY]) == 0 ||
           strcmp(field, cell_properties[CELL_SPOUSE]) == 0;
}

char *cells_unfold(cf_bytes text)
{
    char *copy = cf_allocate(text.size + 1, 1);
    size_t size = 0;

    for (size_t i = 0; i < text.size; i++) {
        char letter = (char)text.data[i];

        if (letter == '\n' && i + 1 < text.size &&
            (text.data[i + 1] == ' ' || text.data[i + 1] == '\t'))
            i++;
        else if (letter != '\r')
            copy[size++] = letter;
    }
    copy[size] = '\0';
    return copy;
}

static const char *property_of(const char *name)
{
    static const char *const names[CELL_PROPERTIES] = {"FN",    "NOTE", "TEL",
                                                       "PHOTO", "BDAY", "X-SPOUSE"};

    for (int i = 0; i < CELL_PROPERTIES; i++)
        if (strcmp(names[i], name) == 0)
            return cell_properties[i];
    return NULL;
}

/* A photo is bytes in one version of the format, and an address that says them in another. */
static const char *bare_value(const char *value)
{
    const char *bytes = strstr(value, ";base64,");

    return bytes ? bytes + strlen(";base64,") : value;
}

static void take_property(char *line, const char *key, cells *out)
{
    char *value = strchr(line, ':');

    if (!value)
        return;
    *value++ = '\0';
    line[strcspn(line, ";")] = '\0';
    if (property_of(line) && *value)
        cells_add(out, key, property_of(line), bare_value(value));
}

static void take_card(char *card, cells *out)
{
    const char *uid = strstr(card, "\nUID:");

    if (!uid)
        return;
    uid += strlen("\nUID:");
    char *key = strndup(uid, strcspn(uid, "\n"));
    cells_add(out, key, "", "");
    for (char *line; (line = cells_take(&card, "\n"));)
        take_property(line, key, out);
    free(key);
}

void cells_read_cards(cf_bytes text, cells *out)
{
    char *copy = cells_unfold(text), *rest = copy;

    for (char *card; (card = strstr(rest, "BEGIN:VCARD\n"));) {
        char *end = strstr(card, "\nEND:VCARD");

        if (!end)
            break;
        *end = '\0';
        rest = end + 1;
        take_card(card, out);
    }
    free(copy);
}

void cells_write_line(cf_buffer *out, const char *name, const char *value)
{
    size_t size = strlen(value), at = 0;

    cf_buffer_append_text(out, "%s:", name);
    do {
        size_t piece = size - at < 60 ? size - at : 60;

        cf_buffer_append(out, value + at, piece);
        at += piece;
        cf_buffer_append_text(out, at < size ? "\r\n " : "\r\n");
    } while (at < size);
}

void cells_write_card(const cells *self, const char *key, cf_buffer *out)
{
    static const char *const names[CELL_PROPERTIES] = {
        "FN", "NOTE", "TEL", "PHOTO;ENCODING=b;TYPE=JPEG", "BDAY;VALUE=text", "X-SPOUSE"};

    cf_buffer_append_text(out, "BEGIN:VCARD\r\nVERSION:3.0\r\n");
    cells_write_line(out, "UID", key);
    for (int i = 0; i < CELL_PROPERTIES; i++)
        for (size_t k = 0; k < self->count; k++)
            if (strcmp(self->all[k].key, key) == 0 &&
                strcmp(self->all[k].field, cell_properties[i]) == 0)
                cells_write_line(out, names[i], self->all[k].value);
    cf_buffer_append_text(out, "END:VCARD\r\n");
}

/* ---- Its rules ---- */

static const cell_rule rules[] = {
    {"VERSION", 1, 1, "not one VERSION"}, {"UID", 1, 1, "not one UID"},
    {"FN", 1, 1, "not one FN"},           {"N", 0, 1, "more than one N"},
    {"BDAY", 0, 1, "more than one BDAY"}, {"REV", 0, 1, "more than one REV"},
    {"KIND", 0, 1, "more than one KIND"}, {"PRODID", 0, 1, "more than one PRODID"},
    {"BEGIN", 0, 0, "a BEGIN within it"}, {"X-SPOUSE", 0, 1, "more than one X-SPOUSE"},
};
enum { RULES = sizeof rules / sizeof *rules };

const char *cells_broken_rule(char *lines, const cell_rule *rule, size_t count)
{
    int found[CELL_RULES_MAX] = {0};

    for (char *line; (line = cells_take(&lines, "\n"));) {
        if (!strchr(line, ':'))
            return "a line without a value";
        line[strcspn(line, ";:")] = '\0';
        for (size_t i = 0; i < count; i++)
            found[i] += strcmp(line, rule[i].name) == 0;
    }
    for (size_t i = 0; i < count; i++)
        if (found[i] < rule[i].least || found[i] > rule[i].most)
            return rule[i].wrong;
    return NULL;
}

const char *cells_card_is_wrong(cf_bytes text)
{
    static const char begin[] = "BEGIN:VCARD\nVERSION:", end[] = "\nEND:VCARD\n";
    char *copy = cells_unfold(text);
    size_t size = strlen(copy);
    const char *wrong = "not one card, from its beginning to its end";

    if (size > strlen(begin) + strlen(end) && strncmp(copy, begin, strlen(begin)) == 0 &&
        strcmp(copy + size - strlen(end), end) == 0) {
        copy[size - strlen(end)] = '\0';
        wrong = cells_broken_rule(copy + strlen("BEGIN:VCARD\n"), rules, RULES);
    }
    free(copy);
    return wrong;
}
