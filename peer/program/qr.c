/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/program/qr.h"

#include <errno.h>
#include <qrencode.h>

enum { MARGIN = 4 };

static bool is_light(const QRcode *code, int row, int column)
{
    bool outside = row < 0 || column < 0 || row >= code->width || column >= code->width;

    return outside || !(code->data[row * code->width + column] & 1);
}

/* The row and the one below it. */
static void draw_line(const QRcode *code, int row, bool colors, cf_buffer *out)
{
    static const char *const blocks[2][2] = {{" ", "▄"}, {"▀", "█"}};

    if (colors)
        cf_buffer_append_text(out, "\x1b[97;40m");
    for (int column = -MARGIN; column < code->width + MARGIN; column++)
        cf_buffer_append_text(out, "%s",
                              blocks[is_light(code, row, column)][is_light(code, row + 1, column)]);
    cf_buffer_append_text(out, "%s\n", colors ? "\x1b[0m" : "");
}

cf_status cf_qr_draw(const char *text, bool colors, cf_buffer *out, cf_error *error)
{
    QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

    if (!code)
        return errno == ERANGE ? cf_fail(error, CF_TOO_LARGE, "too long for a QR code")
                               : cf_fail_errno(error, errno, "drawing a QR code");
    for (int row = -MARGIN; row < code->width + MARGIN; row += 2)
        draw_line(code, row, colors, out);
    QRcode_free(code);
    return CF_OK;
}
