/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/sources/records/record_source_blocked.h"

static const char *text_of(cf_row_block_why why)
{
    switch (why) {
    case CF_ROW_BLOCKED_BY_IGNORED:
        return "a row here has its key that is not among those asked for: give that one another "
               "key, or ask for it, too";
    case CF_ROW_BLOCKED_BY_STAYING:
        return "a row here has its key that can't be changed now";
    case CF_ROW_BLOCKED_AS_IT_IS:
        return "it got this key elsewhere, and the row here can't be changed now";
    default:
        return "what it refers to can't be shown here";
    }
}

static void note_staying(cf_record_run *run, const cf_row *here)
{
    const cf_row *base = cf_rows_find(run->source->binding->rows, here->table, here->key);
    const cf_row *viewed = cf_row_view_of_item(run->view, &base->item);
    const char *what = !viewed                                       ? "deleted elsewhere"
                       : cf_record_selected(&run->selection, viewed) ? "changed elsewhere"
                                                                     : "taken off --include";

    cf_record_note(
        run, CF_PENDING_SKIPPED, &(cf_row_place){here->table, here->key},
        "it was %s, but rows here that aren't synced refer to it: delete those, let them "
        "refer to another row, or ask for them, too",
        what);
}

static void note_fate(cf_record_run *run, const cf_row *here, cf_row_fate fate)
{
    const cf_row_place place = {here->table, here->key};

    if (fate == CF_ROW_STAYS_FOR_OTHERS)
        note_staying(run, here);
    else if (fate == CF_ROW_STAYS_UNDER_ONE)
        cf_record_note(run, CF_PENDING_SKIPPED, &place,
                       "what it refers to can't be shown: it is left as it is here");
    else if (fate == CF_ROW_KEEPS_FOR_OTHERS)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it waits for rows here that refer to it, and can't be changed yet");
    else if (fate == CF_ROW_LEAVES)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it is not asked for any more, and goes once the broker has all of it");
    else if (fate == CF_ROW_LEAVES_AFTER_OTHERS)
        cf_record_note(run, CF_PENDING_WAITS, &place,
                       "it goes after those that refer to it, once the broker has all of these");
}

void cf_record_run_note_blocked(cf_record_run *run)
{
    const cf_record_file *file = &run->content.file;

    for (size_t i = 0; run->stays && i < file->count; i++)
        note_fate(run, &file->rows[i], cf_record_run_fate(run, &file->rows[i]));
    for (cf_table_link *link = NULL; (link = cf_table_walk(&run->blocked, link));) {
        const cf_row_block *one = cf_linked(link, const cf_row_block, link);

        cf_record_note(run, one->passes ? CF_PENDING_WAITS : CF_PENDING_SKIPPED,
                       &(cf_row_place){one->viewed->table, one->viewed->key}, "%s",
                       text_of(one->why));
    }
}
