/* SPDX-License-Identifier: Apache-2.0 */
/* Cards: a file that shows what it should is written as it was; and whatever another file is made
 * to show, what is written there is written once: to show the same again changes nothing. */
#include "tests/fuzz/target.h"

#include "peer/adapters/vcard.h"

bool fuzz_seed(size_t number, cf_buffer *out)
{
    static const char *const seeds[] = {
        ("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:1\r\nFN:A\r\nN:a;b,c;;;\r\nitem1.TEL;TYPE=\"cell,"
         "work\";"
         "PREF=2:+1\r\n"
         "item1.X-ABLabel:x\r\nADR;LABEL=\"a^nb\":;;s;l;r;c;n;GB\r\nEND:VCARD\r\n"),
        ("BEGIN:VCARD\nVERSION:3.0\nUID:2\nBDAY:1985-04-12\nPHOTO;ENCODING=b;TYPE=JPEG:"
         "AAAA\nCATEGORIES:a,b\\,c\n"
         "ORG:o;u\nX-Q;P=1,\"2\":r\\;s\nEND:VCARD\nBEGIN:VCARD\nUID:3\nURL:http\\://"
         "x\nREV:20240102T030405Z\nEND:VCARD"),
        ("BEGIN:VCARD\nVERSION:2.1\nUID:4\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0A=\nb\nTEL;CELL;"
         "PREF:1\nEND:VCARD\n")};

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

    fuzz_must(!cf_vcard_rows_write(cf_bytes_of_text(file), rows->rows, rows->count, &once, &error));
    fuzz_must(!cf_vcard_rows_read(cf_buffer_view(&once), &shown, &error));
    fuzz_must(shown.trouble_count == 0);
    fuzz_must(shown.count == rows->count);
    fuzz_must(!cf_vcard_rows_write(cf_buffer_view(&once), rows->rows, rows->count, &twice, &error));
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

    if (cf_vcard_rows_read(input, &rows, &error))
        return false;
    fuzz_must(!cf_vcard_rows_write(input, rows.rows, rows.count, &out, &error));
    fuzz_must(cf_bytes_equal(cf_buffer_view(&out), input));
    cf_buffer_release(&out);
    show_in(&rows, "");
    show_in(&rows, "VERSION:3.0\n"); /* outside of a card it only tells the version */
    bool taken = rows.count > 0;
    cf_record_file_release(&rows);
    return taken;
}
