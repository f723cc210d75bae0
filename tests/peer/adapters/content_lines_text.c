/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/peer/adapters/content_lines_text.h"

cf_content_lines lines;
cf_line_edits edits;

void lines_leave(void)
{
    cf_line_edits_release(&edits);
    cf_content_lines_release(&lines);
}

void lines_read_bytes(cf_bytes bytes)
{
    cf_error error;

    cf_content_lines_release(&lines); /* of an earlier one in the same test */
    expect_ok(cf_content_lines_read(bytes, &lines, &error), error);
    edits = (cf_line_edits){.lines = &lines};
}

void lines_read_text(const char *text)
{
    lines_read_bytes(cf_bytes_of_text(text));
}

cf_buffer lines_written(void)
{
    cf_buffer out = {0};

    cf_line_edits_write(&edits, &out);
    return out;
}
