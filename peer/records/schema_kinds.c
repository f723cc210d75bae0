/* SPDX-License-Identifier: Apache-2.0 */
/* How the properties of JSContact (RFC 9553, 9555) and JSCalendar (RFC 8984) merge. What these call
 * a map from an id to an object is a set where the id means nothing. Where it does (a recurrence
 * id, a language, a participant's address) each is a field of its own, NAME/ID, and the latest is
 * shown: two versions of one occurrence would be two occurrences.
 *
 *     a phone is added here and another there           both: /phones is a set
 *     the 5th of May is moved to 10 here, to 11 there   one of them; the 12th, moved there, too */
#include "peer/records/schema.h"

#include <string.h>

typedef struct {
    const char *name;
    cf_merge merge;
} kind_field;

static const kind_field contact_fields[] = {
    {"/addresses", CF_MERGE_SET},
    {"/anniversaries", CF_MERGE_SET},
    {"/calendars", CF_MERGE_SET},
    {"/cryptoKeys", CF_MERGE_SET},
    {"/directories", CF_MERGE_SET},
    {"/emails", CF_MERGE_SET},
    {"/keywords", CF_MERGE_SET},
    {"/links", CF_MERGE_SET},
    {"/media", CF_MERGE_SET},
    {"/members", CF_MERGE_SET},
    {"/nicknames", CF_MERGE_SET},
    {"/notes", CF_MERGE_SET},
    {"/onlineServices", CF_MERGE_SET},
    {"/organizations", CF_MERGE_SET},
    {"/personalInfo", CF_MERGE_SET},
    {"/phones", CF_MERGE_SET},
    {"/preferredLanguages", CF_MERGE_SET},
    {"/relatedTo", CF_MERGE_SET},
    {"/schedulingAddresses", CF_MERGE_SET},
    {"/titles", CF_MERGE_SET},
    {"/vCardProps", CF_MERGE_SET},
    {"/prodId", CF_MERGE_VOLATILE},
    {"/updated", CF_MERGE_VOLATILE},
};

static const kind_field calendar_fields[] = {
    {"/alerts", CF_MERGE_SET},
    {"/categories", CF_MERGE_SET},
    {"/excludedRecurrenceRules", CF_MERGE_SET},
    {"/iCalComponents", CF_MERGE_SET},
    {"/iCalProps", CF_MERGE_SET},
    {"/keywords", CF_MERGE_SET},
    {"/links", CF_MERGE_SET},
    {"/locations", CF_MERGE_SET},
    {"/recurrenceRules", CF_MERGE_SET},
    {"/relatedTo", CF_MERGE_SET},
    {"/virtualLocations", CF_MERGE_SET},
    {"/prodId", CF_MERGE_VOLATILE},
    {"/progressUpdated", CF_MERGE_VOLATILE},
    {"/sequence", CF_MERGE_VOLATILE},
    {"/updated", CF_MERGE_VOLATILE},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Whether the field is /timeZones/ID: what a zone's name means. Many events of a file share such a
 * zone, and no user ever changes one. */
static bool is_zone(cf_bytes field)
{
    static const char zones[] = "/timeZones/";

    return field.size >= sizeof zones - 1 && memcmp(field.data, zones, sizeof zones - 1) == 0;
}

bool cf_kind_field(uint8_t kind, cf_bytes field, cf_merge *out)
{
    const kind_field *fields = contact_fields;
    size_t count = COUNT(contact_fields);

    if (kind == CF_KIND_EVENT || kind == CF_KIND_TASK) {
        fields = calendar_fields;
        count = COUNT(calendar_fields);
    } else if (kind != CF_KIND_CONTACT) {
        return false;
    }
    if (fields == calendar_fields && is_zone(field)) {
        *out = CF_MERGE_VOLATILE;
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (cf_bytes_equal(cf_bytes_of_text(fields[i].name), field)) {
            *out = fields[i].merge;
            return true;
        }
    return false;
}

#define NAME(text)                                                                                 \
    {                                                                                              \
        (const uint8_t *)(text), sizeof(text) - 1                                                  \
    }

static const cf_schema_table contacts[] = {
    {.name = NAME(CF_TABLE_CONTACTS), .kind = CF_KIND_CONTACT},
};
static const cf_schema_table calendar[] = {
    {.name = NAME(CF_TABLE_EVENTS), .kind = CF_KIND_EVENT},
    {.name = NAME(CF_TABLE_TASKS), .kind = CF_KIND_TASK},
};
static const cf_schema_table records[] = {
    {.name = NAME(CF_TABLE_RECORDS), .kind = CF_KIND_RECORD},
    {.name = NAME(CF_TABLE_DOCUMENT), .kind = CF_KIND_RECORD},
};
const cf_schema cf_schema_contacts = {contacts, COUNT(contacts)};
const cf_schema cf_schema_calendar = {calendar, COUNT(calendar)};
const cf_schema cf_schema_records = {records, COUNT(records)};
