/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/times.h"
#include "peer/account/pairing_owner.h"
#include "peer/commands/verbs.h"

#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- The code as a picture ---- */

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

/* Appends lines, with half blocks, two rows of the code a line. What is light is a block, as is
 * right on a dark terminal; with `colors` it is white on black on any. CF_TOO_LARGE when no code
 * holds the text. */
static cf_status draw_code(const char *text, bool colors, cf_buffer *out, cf_error *error)
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

/* ---- The verb ---- */

enum { DEFAULT_FOR_MS = 600000 };
static_assert(DEFAULT_FOR_MS <= CF_GUEST_MS_MAX, "a broker lets in who comes with the last of it");

typedef struct {
    cf_pairing_owner *owner_side;
    cf_connection *connection;
    bool is_shown; /* the code */
    uint64_t code_ms, expires_ms;
} state;

#define QR_COLORS                                                                                  \
    {                                                                                              \
        "qr-colors", 0, NULL, "that in black and white, as on a terminal by itself"                \
    }
static const cf_option colors = QR_COLORS;

/* Who runs this may be `serve`, which doesn't see the terminal. */
static cf_status prepare(cf_run *run, cf_error *error)
{
    (void)error;
    if (cf_options_has(&run->options, "qr") && isatty(STDERR_FILENO))
        cf_options_add_own(&run->options, &colors);
    return CF_OK;
}

static cf_status read_role(const cf_run *run, cf_role *out, cf_error *error)
{
    const char *given = cf_options_value(&run->options, "role");

    *out = CF_ROLE_MEMBER;
    if (!given)
        return CF_OK;
    return cf_role_read(given, out, error);
}

static cf_status start(cf_run *run, cf_error *error)
{
    state *self = cf_allocate(1, sizeof *self);
    const char *given = cf_options_value(&run->options, "for");
    cf_peer *peer = cf_loop_peer(run->loop);
    uint64_t for_ms = DEFAULT_FOR_MS, timeout_ms = 0;
    cf_pairing_owner_options options = {.peer = peer};

    run->state = self;
    cf_status status = cf_run_check_count(run, 0, 0, error);
    if (!status)
        status = read_role(run, &options.role, error);
    if (!status && given)
        status = cf_duration_read(given, &for_ms, error);
    if (!status)
        status = cf_run_timeout(run, &timeout_ms, error);
    if (!status && cf_engine_is_paused(cf_loop_engine(run->loop)))
        status = cf_fail(error, CF_UNREACHABLE,
                         "this device is paused: `counterfoil resume`, and then pair");
    if (status)
        return status;
    options.expires_ms = cf_loop_time(run->loop) + for_ms;
    self->expires_ms = cf_loop_now(run->loop) + for_ms;
    self->code_ms = cf_loop_now(run->loop) + timeout_ms;
    status = cf_pairing_owner_new(&options, &self->owner_side, error);
    if (!status)
        self->connection = cf_connect(
            cf_loop_connections(run->loop),
            &(cf_connection_options){.link = cf_pairing_owner_link(self->owner_side),
                                     .address = cf_pairing_owner_address(self->owner_side),
                                     .curve_public = cf_keys_public(peer->keys)->curve,
                                     .curve_secret = cf_keys_curve_secret(peer->keys)});
    return status;
}

/* On stderr, where a script that reads the code doesn't meet it. */
static cf_status show_qr(const cf_run *run, const char *code, cf_error *error)
{
    const cf_output *output = &run->output;
    cf_buffer drawn = {0};

    cf_status status = draw_code(code, cf_options_has(&run->options, "qr-colors"), &drawn, error);
    if (!status)
        output->write(output->context, CF_CONTROL_MESSAGES, cf_buffer_view(&drawn));
    cf_buffer_release(&drawn);
    return status;
}

/* The code is of use while the verb waits, so a JSON document comes in two pieces. */
static cf_status show_code(const cf_run *run, const state *self, cf_error *error)
{
    const char *code = cf_pairing_owner_code(self->owner_side);
    char end[CF_TIME_TEXT];

    cf_time_show_end(cf_loop_time(run->loop) + (self->expires_ms - cf_loop_now(run->loop)),
                     cf_loop_time(run->loop), end);
    if (run->json)
        cf_print(&run->output, "{\"code\": \"%s\",\n", code);
    else
        cf_print(&run->output, "%s\n", code);
    if (!run->quiet && !run->json)
        cf_say(&run->output,
               "on the other device: `counterfoil join` asks for it; it lets one device in, until "
               "%s",
               end);
    return cf_options_has(&run->options, "qr") ? show_qr(run, code, error) : CF_OK;
}

static void show_device(const cf_run *run, const state *self)
{
    const char *name = cf_pairing_owner_name(self->owner_side);
    char fingerprint[CF_FINGERPRINT_TEXT];

    cf_fingerprint(cf_pairing_owner_device(self->owner_side), fingerprint);
    if (cf_pairing_owner_renamed(self->owner_side))
        cf_say(&run->output,
               "another device has the name that this one gave: it is called '%s' here; "
               "`counterfoil devices rename` gives it another",
               name);
    if (run->json) {
        json_t *string = json_string(name);
        char *text = json_dumps(string, JSON_ENCODE_ANY);

        cf_print(&run->output, " \"device\": %s,\n \"fingerprint\": \"%s\"}\n", text, fingerprint);
        free(text);
        json_decref(string);
    } else {
        cf_print(&run->output, "%s %s\n", name, fingerprint);
    }
}

static cf_status step(cf_run *run, uint64_t now_ms, cf_progress *progress, cf_error *error)
{
    state *self = run->state;
    cf_pairing_owner_state reached =
        cf_pairing_owner_step(self->owner_side, cf_loop_time(run->loop), error);

    if (reached == CF_PAIRING_OWNER_FAILED) {
        if (run->json && self->is_shown)
            cf_print(&run->output, " \"device\": null}\n");
        return error->status;
    }
    if (reached >= CF_PAIRING_OWNER_OPEN && !self->is_shown) {
        cf_address there;

        self->is_shown = true;
        cf_connection_locate(cf_loop_connections(run->loop), self->connection, &there);
        cf_pairing_owner_is_at(self->owner_side, &there);
        if (show_code(run, self, error))
            return error->status;
    }
    if (!self->is_shown && now_ms >= self->code_ms)
        return cf_fail(error, CF_UNREACHABLE, "the broker does not answer");
    if (reached == CF_PAIRING_OWNER_DONE) {
        show_device(run, self);
        return CF_OK;
    }
    progress->over = false;
    progress->deadline_ms = self->is_shown ? self->expires_ms : self->code_ms;
    return CF_OK;
}

static void end(cf_run *run)
{
    state *self = run->state;

    if (!self)
        return;
    cf_disconnect(cf_loop_connections(run->loop), &self->connection);
    cf_pairing_owner_destroy(&self->owner_side);
    free(self);
}

static const cf_option options[] = {
    {"role", 0, "ROLE", "owner, member, reader or relay (member); owners let other devices in"},
    {"for", 0, "T", "how long the code is good (10m)"},
    {"qr", 0, NULL, "show the code as a QR code, too, on the terminal"},
    QR_COLORS,
    {"timeout", 0, "T", "how long to wait for the broker (30s)"},
    {0},
};

const cf_verb cf_verb_pair = {
    .name = "pair",
    .usage = "pair [--role owner|member|reader|relay]",
    .summary = "Lets another device in: prints a code for its `join`, and waits for it",
    .needs = CF_NEEDS_PEER,
    .options = options,
    .prepare = prepare,
    .start = start,
    .step = step,
    .end = end,
};
