/* SPDX-License-Identifier: Apache-2.0 */
/* The maps that go without saying: for the columns that address books export, and for a new file.
 */
#include "peer/adapters/record_map_inside.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "peer/adapters/text/csv_edit.h"
#include "peer/records/schema.h"

typedef struct {
    const char *column; /* '#' is a digit from 1 on, in both */
    const char *pointer;
} known_column;

/* Those of a new file come first. */
static const known_column contacts[] = {
    {"UID", "/uid"},
    {"Name", "/name/full"},
    {"Given name", "/name/components/given"},
    {"Family name", "/name/components/surname"},
    {"E-Mail", "/emails/*/address"},
    {"Telephone", "/phones/*/number"},
    {"Organisation", "/organizations/*/name"},
    {"Note", "/notes/*/note"},
    {"Birthday", "/anniversaries/birth/date"},
    /* Google */
    {"First Name", "/name/components/given"},
    {"Middle Name", "/name/components/given2"},
    {"Additional Name", "/name/components/given2"},
    {"Last Name", "/name/components/surname"},
    {"Name Prefix", "/name/components/title"},
    {"Name Suffix", "/name/components/credential"},
    {"Nickname", "/nicknames/*/name"},
    {"Organization Name", "/organizations/1/name"},
    {"Organization Department", "/organizations/1/units/1/name"},
    {"Organization Title", "/titles/title/name"},
    {"Organization # - Name", "/organizations/#/name"},
    {"Organization # - Department", "/organizations/#/units/1/name"},
    {"Organization # - Title", "/titles/title/name"},
    {"Notes", "/notes/*/note"},
    {"Labels", "/keywords/*"},
    {"Group Membership", "/keywords/*"},
    {"E-mail # - Label", "/emails/#/label"},
    {"E-mail # - Type", "/emails/#/label"},
    {"E-mail # - Value", "/emails/#/address"},
    {"Phone # - Label", "/phones/#/label"},
    {"Phone # - Type", "/phones/#/label"},
    {"Phone # - Value", "/phones/#/number"},
    {"Address # - Label", "/addresses/#/label"},
    {"Address # - Type", "/addresses/#/label"},
    {"Address # - Extended Address", "/addresses/#/components/apartment"},
    {"Address # - Street", "/addresses/#/components/name"},
    {"Address # - City", "/addresses/#/components/locality"},
    {"Address # - Region", "/addresses/#/components/region"},
    {"Address # - Postal Code", "/addresses/#/components/postcode"},
    {"Address # - Country", "/addresses/#/components/country"},
    {"Address # - PO Box", "/addresses/#/components/postOfficeBox"},
    {"Website # - Label", "/links/#/label"},
    {"Website # - Type", "/links/#/label"},
    {"Website # - Value", "/links/#/uri"},
    /* Outlook */
    {"Suffix", "/name/components/credential"},
    {"Company", "/organizations/1/name"},
    {"Department", "/organizations/1/units/1/name"},
    {"Job Title", "/titles/title/name"},
    {"E-mail Address", "/emails/1/address"},
    {"E-mail # Address", "/emails/#/address"},
    {"Mobile Phone", "/phones/mobile/number"},
    {"Home Phone", "/phones/home/number"},
    {"Business Phone", "/phones/work/number"},
    {"Home Fax", "/phones/home+fax/number"},
    {"Business Fax", "/phones/work+fax/number"},
    {"Pager", "/phones/pager/number"},
    {"Other Phone", "/phones/*/number"},
    {"Home Street", "/addresses/home/components/name"},
    {"Home City", "/addresses/home/components/locality"},
    {"Home State", "/addresses/home/components/region"},
    {"Home Postal Code", "/addresses/home/components/postcode"},
    {"Home Country/Region", "/addresses/home/components/country"},
    {"Business Street", "/addresses/work/components/name"},
    {"Business City", "/addresses/work/components/locality"},
    {"Business State", "/addresses/work/components/region"},
    {"Business Postal Code", "/addresses/work/components/postcode"},
    {"Business Country/Region", "/addresses/work/components/country"},
    {"Business Country", "/addresses/work/components/country"},
    {"Other Street", "/addresses/1/components/name"},
    {"Other City", "/addresses/1/components/locality"},
    {"Other State", "/addresses/1/components/region"},
    {"Other Postal Code", "/addresses/1/components/postcode"},
    {"Other Country/Region", "/addresses/1/components/country"},
    {"Other Country", "/addresses/1/components/country"},
    {"Web Page", "/links/1/uri"},
    {"Categories", "/keywords/*"},
    /* Thunderbird */
    {"Display Name", "/name/full"},
    {"Primary Email", "/emails/1/address"},
    {"Secondary Email", "/emails/2/address"},
    {"Work Phone", "/phones/work/number"},
    {"Fax Number", "/phones/fax/number"},
    {"Pager Number", "/phones/pager/number"},
    {"Mobile Number", "/phones/mobile/number"},
    {"Home Address", "/addresses/home/components/name"},
    {"Home ZipCode", "/addresses/home/components/postcode"},
    {"Home Post Code", "/addresses/home/components/postcode"},
    {"Home County", "/addresses/home/components/region"},
    {"Home Country", "/addresses/home/components/country"},
    {"Work Address", "/addresses/work/components/name"},
    {"Work City", "/addresses/work/components/locality"},
    {"Work State", "/addresses/work/components/region"},
    {"Work ZipCode", "/addresses/work/components/postcode"},
    {"Work Post Code", "/addresses/work/components/postcode"},
    {"Work County", "/addresses/work/components/region"},
    {"Work Country", "/addresses/work/components/country"},
    {"Organization", "/organizations/1/name"},
    {"Web Page #", "/links/#/uri"},
    /* as it is said elsewhere */
    {"Full name", "/name/full"},
    {"Email", "/emails/*/address"},
    {"Phone", "/phones/*/number"},
    {"Mobile", "/phones/mobile/number"},
    {"Website", "/links/*/uri"},
};
enum { CONTACTS_NEW = 9 };

static const known_column events[] = {
    {"UID", "/uid"},
    {"Title", "/title"},
    {"Start", "/start"},
    {"Time zone", "/timeZone"},
    {"Duration", "/duration"},
    {"All day", "/showWithoutTime"},
    {"Location", "/locations/*/name"},
    {"Description", "/description"},
    {"Status", "/status"},
    {"Categories", "/keywords/*"},
    {"Summary", "/title"},
};
enum { EVENTS_NEW = 10 };

struct cf_known_columns {
    const known_column *columns;
    size_t count, new;
};
const cf_known_columns cf_known_contacts = {contacts, sizeof contacts / sizeof *contacts,
                                            CONTACTS_NEW};
const cf_known_columns cf_known_events = {events, sizeof events / sizeof *events, EVENTS_NEW};

/* Columns that an export always has, and tables of other things don't have together. */
static const struct {
    const char *program;
    const char *columns[4];
    bool has_local_dates; /* 5/17/1980, or 0/0/00 for none */
} exports[] = {
    {"Google", {"Given Name", "Family Name", "Group Membership"}, false},
    {"Google", {"First Name", "Last Name", "Organization Name", "Labels"}, false},
    {"Outlook", {"First Name", "Last Name", "E-mail Address", "Mobile Phone"}, true},
    {"Thunderbird", {"First Name", "Last Name", "Display Name", "Primary Email"}, false},
};
enum { EXPORTS = sizeof exports / sizeof *exports };

/* '\0': another name; else the digit, or ' ' where there is none. */
static char match(const char *pattern, cf_bytes name)
{
    const char *mark = strchr(pattern, '#');
    size_t at = mark ? (size_t)(mark - pattern) : 0;

    if (name.size != strlen(pattern) || (mark && (name.data[at] < '1' || name.data[at] > '9')))
        return '\0';
    for (size_t i = 0; i < name.size; i++)
        if ((!mark || i != at) && strncasecmp((const char *)&name.data[i], &pattern[i], 1) != 0)
            return '\0';
    return mark ? (char)name.data[at] : ' ';
}

static bool must_quote(cf_bytes name)
{
    return memchr(name.data, '"', name.size) || memchr(name.data, '=', name.size) ||
           strchr("# \t", name.data[0]) || strchr(" \t\r", name.data[name.size - 1]) ||
           (name.size > 6 && memcmp(name.data, "table ", 6) == 0);
}

static void write_line(cf_bytes name, const char *pointer, char digit, cf_buffer *out)
{
    const bool quoted = must_quote(name);

    cf_buffer_append_text(out, "%s", quoted ? "\"" : "");
    for (size_t i = 0; i < name.size; i++)
        cf_buffer_append(out, name.data[i] == '"' ? "\"\"" : (const char *)&name.data[i],
                         name.data[i] == '"' ? 2 : 1);
    cf_buffer_append_text(out, "%s = ", quoted ? "\"" : "");
    for (; *pointer; pointer++)
        cf_buffer_append(out, *pointer == '#' ? &digit : pointer, 1);
    cf_buffer_append_text(out, "\n");
}

/* One of two columns that mean the same has it. */
static bool is_taken(cf_bytes text, const char *pointer, char digit)
{
    cf_buffer line = {0};

    cf_buffer_append_text(&line, " = ");
    for (; *pointer; pointer++)
        cf_buffer_append(&line, *pointer == '#' ? &digit : pointer, 1);
    cf_buffer_append_text(&line, "\n");
    bool found = text.size && memmem(text.data, text.size, line.data, line.size);
    cf_buffer_release(&line);
    return found;
}

static bool has_column(const cf_bytes *columns, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (match(name, columns[i]))
            return true;
    return false;
}

/* Which of the exports; EXPORTS: none. */
static size_t find_export(const cf_bytes *columns, size_t count)
{
    size_t at = 0;

    for (; at < EXPORTS; at++) {
        bool all = true;

        for (size_t i = 0; i < 4 && exports[at].columns[i]; i++)
            all = all && has_column(columns, count, exports[at].columns[i]);
        if (all)
            break;
    }
    return at;
}

const char *cf_record_map_exporter(const cf_bytes *columns, size_t count)
{
    size_t found = find_export(columns, count);

    return found < EXPORTS ? exports[found].program : NULL;
}

static bool is_local_date(const cf_bytes *columns, size_t count, const char *pointer)
{
    size_t found = find_export(columns, count);

    return found < EXPORTS && exports[found].has_local_dates &&
           strcmp(pointer, "/anniversaries/birth/date") == 0;
}

static size_t write_known(const cf_known_columns *known, const cf_bytes *columns, size_t count,
                          cf_buffer *out)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < known->count; k++) {
            const char *pointer = known->columns[k].pointer;
            char digit = columns[i].size ? match(known->columns[k].column, columns[i]) : '\0';

            if (!digit || memchr(columns[i].data, '\n', columns[i].size) ||
                is_taken(cf_buffer_view(out), pointer, digit) ||
                is_local_date(columns, count, pointer))
                continue;
            write_line(columns[i], pointer, digit, out);
            found += strcmp(pointer, "/uid") != 0;
            break;
        }
    return found;
}

void cf_record_map_of_objects(const cf_adapter *holds, cf_buffer *out)
{
    const cf_bytes table = holds->schema->tables[0].name;

    cf_buffer_append_text(out, "table %.*s\n", (int)table.size, (const char *)table.data);
}

cf_status cf_record_map_default(const cf_adapter *holds, const cf_bytes *columns, size_t count,
                                cf_buffer *out, cf_error *error)
{
    const cf_known_columns *known = holds->columns;

    cf_record_map_of_objects(holds, out);
    for (size_t k = 0; !count && k < known->new; k++)
        write_line(cf_bytes_of_text(known->columns[k].column), known->columns[k].pointer, ' ', out);
    if (!count)
        return CF_OK;
    if (!write_known(known, columns, count, out))
        return cf_fail(error, CF_USAGE,
                       "none of its columns is known: say with --map which stand for what");
    if (!is_taken(cf_buffer_view(out), "/uid", ' '))
        write_line(cf_bytes_of_text("UID"), "/uid", ' ', out);
    return CF_OK;
}

void cf_record_map_header(const cf_record_map *map, cf_buffer *out)
{
    cf_bytes *names = cf_allocate(map->column_count, sizeof *names);
    cf_csv empty = {0};
    cf_error ignored;

    for (size_t i = 0; i < map->column_count; i++)
        names[i] = map->columns[i].name;
    if (map->column_count && cf_csv_read(cf_bytes_of("", 0), ',', &empty, &ignored) == CF_OK) {
        cf_csv_edits edits = {.csv = &empty};

        if (cf_csv_edits_append(&edits, names, map->column_count, &ignored) == CF_OK)
            cf_csv_edits_write(&edits, out);
        cf_csv_edits_release(&edits);
        cf_csv_release(&empty);
    }
    free(names);
}
