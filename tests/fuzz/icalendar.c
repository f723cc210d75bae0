/* SPDX-License-Identifier: Apache-2.0 */
/* Calendars: a file that shows what it should is written as it was; and whatever another file is
 * made to show, what is written there is written once: to show the same again changes nothing. */
#include "tests/fuzz/target.h"

#include "peer/adapters/icalendar.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const char *const seeds[] = {
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:A/"
        "B\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=A/"
        "B:20240108T090000\r\n"
        "DTEND;TZID=A/"
        "B:20240108T100000\r\nRRULE:FREQ=WEEKLY;BYDAY=MO,-1TU;UNTIL=20240630T215959Z\r\n"
        "EXDATE;TZID=A/B:20240115T090000\r\nSUMMARY;LANGUAGE=de:x\\, y\r\nCATEGORIES:a,b\r\n"
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;RELATED=END:-PT5M\r\nEND:VALARM\r\nEND:"
        "VEVENT\r\n"
        "BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;TZID=A/"
        "B:20240122T090000\r\nSUMMARY:z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:2\nDUE;VALUE=DATE:20240301\nSTATUS:NEEDS-"
        "ACTION\nDURATION:P1W\nX-A;B=\"c\":d\n"
        "PRIORITY:5\nCREATED:20240101T000000Z\nCLASS:PRIVATE\nEND:VTODO\nEND:VCALENDAR"};

    if (number >= sizeof seeds / sizeof *seeds)
        return false;
    cf_buffer_append_text(out, "%s", seeds[number]);
    return true;
}

static void show_in(const cf_record_file *rows, const char *file)
{
    cf_buffer once = {0}, twice = {0};
    cf_record_file shown;
    cf_error error;

    fuzz_must(
        !cf_icalendar_rows_write(cf_bytes_of_text(file), rows->rows, rows->count, &once, &error));
    fuzz_must(!cf_icalendar_rows_read(cf_buffer_view(&once), &shown, &error));
    fuzz_must(shown.trouble_count == 0);
    fuzz_must(shown.count == rows->count);
    fuzz_must(
        !cf_icalendar_rows_write(cf_buffer_view(&once), rows->rows, rows->count, &twice, &error));
    fuzz_must(cf_bytes_equal(cf_buffer_view(&twice), cf_buffer_view(&once)));
    cf_record_file_release(&shown);
    cf_buffer_release(&once);
    cf_buffer_release(&twice);
}

bool fuzz_run(cf_bytes input)
{
    cf_buffer out = {0};
    cf_record_file rows;
    cf_error error;

    if (cf_icalendar_rows_read(input, &rows, &error))
        return false;
    fuzz_must(!cf_icalendar_rows_write(input, rows.rows, rows.count, &out, &error));
    fuzz_must(cf_bytes_equal(cf_buffer_view(&out), input));
    cf_buffer_release(&out);
    show_in(&rows, "");
    show_in(&rows, "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n");
    bool taken = rows.count > 0;
    cf_record_file_release(&rows);
    return taken;
}
