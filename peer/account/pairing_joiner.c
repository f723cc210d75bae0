/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/pairing_joiner.h"

#include "peer/engine/connections.h"

#include <stdlib.h>

struct cf_pairing_joiner {
    cf_pairing *pairing;
    cf_link *link;
    cf_hash user; /* zero with an invitation */
    cf_buffer said;
    cf_hash knock;
    cf_heads members;
    bool is_invited, is_over, is_unasked, was_there, is_put_off;
    cf_error error; /* as long as it is not over, why it was put off */
};

/* Who makes such codes. */
static const char *verb_of(const cf_pairing_joiner *joiner)
{
    return joiner->is_invited ? "counterfoild invite" : "counterfoil pair";
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    cf_pairing_joiner *joiner = context;

    if (cf_link_is_interrupted(loss) && joiner->was_there)
        return;
    joiner->is_over = true;
    joiner->error = *loss->why;
    if (loss->why->status == CF_DENIED)
        cf_fail(
            &joiner->error, CF_DENIED,
            "the broker does not know this code: it was used, has expired or was taken back; ask "
            "for a new one (`%s`)",
            verb_of(joiner));
    else if (loss->why->status == CF_FORGED)
        joiner->error.status = CF_UNREACHABLE;
}

static void on_turned_away(void *context, const cf_error *why)
{
    cf_pairing_joiner *joiner = context;

    joiner->is_over = true;
    joiner->is_unasked = why->status != CF_DENIED;
    joiner->error = *why;
    if (joiner->is_unasked)
        cf_error_while(&joiner->error, "the code is not used");
}

static void on_put_off(void *context, const cf_error *why)
{
    cf_pairing_joiner *joiner = context;

    joiner->is_put_off = true;
    joiner->error = *why;
}

static void on_clock_off(void *context, int64_t difference_ms)
{
    cf_pairing_joiner *joiner = context;

    joiner->is_over = joiner->is_unasked = true;
    cf_link_fail_clock(difference_ms, &joiner->error);
    cf_error_while(&joiner->error, "the code is not used");
}

static void on_admit(void *context, cf_bytes sealed)
{
    cf_pairing_joiner *joiner = context;
    cf_arena arena = {0};
    cf_admit admit;
    cf_error error;

    joiner->is_over = true;
    joiner->error.status = CF_OK;
    cf_status status =
        cf_admit_open(joiner->pairing, &joiner->knock, sealed, &arena, &admit, &error);
    if (!status && !joiner->is_invited && !cf_hash_equal(&admit.user, &joiner->user))
        status = cf_fail(&error, CF_FORGED, "the answer is for another user");
    if (!status)
        cf_heads_add(&joiner->members, admit.heads, admit.head_count);
    if (status)
        joiner->error = error;
    if (status == CF_CHANGED) /* the code let another in, and is spent by that */
        cf_fail(&joiner->error, CF_DENIED,
                "the code was used by another device: ask for a new one (`%s`)", verb_of(joiner));
    else if (status)
        cf_error_while(&joiner->error, "being admitted");
    cf_arena_release(&arena);
}

cf_pairing_joiner *cf_pairing_joiner_new(const cf_pairing_joiner_options *options)
{
    const cf_code *code = options->code;
    cf_pairing_joiner *joiner = cf_allocate(1, sizeof *joiner);
    cf_knock knock = {.invited = !code->has_user,
                      .first_entry = options->first_entry,
                      .members = options->members};
    cf_buffer *sealed = &joiner->said;

    joiner->pairing = cf_pairing_new(code->secret);
    joiner->is_invited = knock.invited;
    if (code->has_user) {
        joiner->user = code->user;
        knock.name = cf_bytes_of_text(options->name);
        knock.keys = *cf_keys_public(options->keys);
        cf_keys_prove(options->keys, &code->user, knock.proof);
    }
    if (options->said.size)
        cf_buffer_append(sealed, options->said.data, options->said.size);
    else
        cf_knock_seal(joiner->pairing, &knock, sealed);
    joiner->knock = cf_knock_hash(cf_buffer_view(sealed));
    cf_link_options link = {.env = options->env,
                            .user = joiner->user,
                            .knock = cf_buffer_view(sealed),
                            .events = cf_link_silence(joiner)};
    memcpy(link.guest_key.bytes, cf_pairing_guest_public(joiner->pairing), CF_HASH_SIZE);
    link.events.lost = on_lost;
    link.events.admit = on_admit;
    link.events.clock_off = on_clock_off;
    link.events.turned_away = on_turned_away;
    link.events.put_off = on_put_off;
    joiner->link = cf_link_new(&link);
    cf_link_start(joiner->link);
    return joiner;
}

void cf_pairing_joiner_destroy(cf_pairing_joiner **joiner)
{
    if (!*joiner)
        return;
    cf_link_destroy(&(*joiner)->link);
    cf_pairing_destroy(&(*joiner)->pairing);
    cf_heads_release(&(*joiner)->members);
    cf_buffer_release(&(*joiner)->said);
    free(*joiner);
    *joiner = NULL;
}

cf_link *cf_pairing_joiner_link(const cf_pairing_joiner *joiner)
{
    return joiner->link;
}

const uint8_t *cf_pairing_joiner_curve_public(const cf_pairing_joiner *joiner)
{
    return cf_pairing_guest_public(joiner->pairing);
}

const uint8_t *cf_pairing_joiner_curve_secret(const cf_pairing_joiner *joiner)
{
    return cf_pairing_guest_secret(joiner->pairing);
}

cf_bytes cf_pairing_joiner_said(const cf_pairing_joiner *joiner)
{
    return cf_buffer_view(&joiner->said);
}

cf_hash cf_code_name(const cf_code *code)
{
    cf_pairing *pairing = cf_pairing_new(code->secret);
    cf_hash name;

    memcpy(name.bytes, cf_pairing_guest_public(pairing), CF_HASH_SIZE);
    cf_pairing_destroy(&pairing);
    return name;
}

bool cf_pairing_joiner_has_knocked(const cf_pairing_joiner *joiner)
{
    return !joiner->is_unasked;
}

const cf_heads *cf_pairing_joiner_members(const cf_pairing_joiner *joiner)
{
    return &joiner->members;
}

bool cf_pairing_joiner_over(const cf_pairing_joiner *joiner, cf_status *status, cf_error *error)
{
    if (!joiner->is_over)
        return false;
    *status = joiner->error.status;
    if (*status)
        *error = joiner->error;
    return true;
}

const char *cf_pairing_joiner_delay(const cf_pairing_joiner *joiner)
{
    return joiner->is_put_off && !joiner->is_over ? joiner->error.text : NULL;
}

cf_status cf_code_check_time(const cf_code *code, uint64_t now_ms, cf_error *error)
{
    return code->expires_ms && code->expires_ms <= now_ms
               ? cf_fail(error, CF_DENIED,
                         "the code has expired, by this device's clock: ask for another one")
               : CF_OK;
}

cf_status cf_code_take(const char *text, bool for_user, uint64_t now_ms, cf_code *out,
                       cf_error *error)
{
    cf_code code;

    if (strpbrk(text, ":#"))
        return cf_fail(error, CF_USAGE,
                       "this is a broker's address, and lets nobody in: give the line that %s "
                       "printed",
                       for_user ? "`counterfoild invite`" : "`counterfoil pair`");
    cf_status status = cf_code_read(text, &code, error);
    if (status == CF_USAGE) {
        error->status = status = CF_DENIED;
        cf_error_while(error, "this code lets nobody in");
    } else if (!status && code.has_user == for_user) {
        status = cf_fail(error, CF_DENIED,
                         for_user ? "this code is for a device that joins: `counterfoil join`"
                                  : "this code is for a new user: `counterfoil init`");
    }
    if (!status)
        status = cf_code_check_time(&code, now_ms, error);
    if (!status)
        *out = code;
    return status;
}
