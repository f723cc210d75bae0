/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/newcomer.h"

#include "peer/engine/connections.h"

#include <stdlib.h>

struct cf_newcomer {
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
static const char *verb_of(const cf_newcomer *newcomer)
{
    return newcomer->is_invited ? "counterfoild invite" : "counterfoil pair";
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    cf_newcomer *newcomer = context;

    if (cf_link_is_interrupted(loss) && newcomer->was_there)
        return;
    newcomer->is_over = true;
    newcomer->error = *loss->why;
    if (loss->why->status == CF_DENIED)
        cf_fail(
            &newcomer->error, CF_DENIED,
            "the broker does not know this code: it was used, has expired or was taken back; ask "
            "for a new one (`%s`)",
            verb_of(newcomer));
    else if (loss->why->status == CF_FORGED)
        newcomer->error.status = CF_UNREACHABLE;
}

static void on_turned_away(void *context, const cf_error *why)
{
    cf_newcomer *newcomer = context;

    newcomer->is_over = true;
    newcomer->is_unasked = why->status != CF_DENIED;
    newcomer->error = *why;
    if (newcomer->is_unasked)
        cf_error_while(&newcomer->error, "the code is not used");
}

static void on_put_off(void *context, const cf_error *why)
{
    cf_newcomer *newcomer = context;

    newcomer->is_put_off = true;
    newcomer->error = *why;
}

static void on_clock_off(void *context, int64_t difference_ms)
{
    cf_newcomer *newcomer = context;

    newcomer->is_over = newcomer->is_unasked = true;
    cf_link_fail_clock(difference_ms, &newcomer->error);
    cf_error_while(&newcomer->error, "the code is not used");
}

static void on_admit(void *context, cf_bytes sealed)
{
    cf_newcomer *newcomer = context;
    cf_arena arena = {0};
    cf_admit admit;
    cf_error error;

    newcomer->is_over = true;
    newcomer->error.status = CF_OK;
    cf_status status =
        cf_admit_open(newcomer->pairing, &newcomer->knock, sealed, &arena, &admit, &error);
    if (!status && !newcomer->is_invited && !cf_hash_equal(&admit.user, &newcomer->user))
        status = cf_fail(&error, CF_FORGED, "the answer is for another user");
    if (!status)
        cf_heads_add(&newcomer->members, admit.heads, admit.head_count);
    if (status)
        newcomer->error = error;
    if (status == CF_CHANGED) /* the code let another in, and is spent by that */
        cf_fail(&newcomer->error, CF_DENIED,
                "the code was used by another device: ask for a new one (`%s`)", verb_of(newcomer));
    else if (status)
        cf_error_while(&newcomer->error, "being admitted");
    cf_arena_release(&arena);
}

cf_newcomer *cf_newcomer_new(const cf_newcomer_options *options)
{
    const cf_code *code = options->code;
    cf_newcomer *newcomer = cf_allocate(1, sizeof *newcomer);
    cf_knock knock = {.invited = !code->has_user,
                      .first_entry = options->first_entry,
                      .members = options->members};
    cf_buffer *sealed = &newcomer->said;

    newcomer->pairing = cf_pairing_new(code->secret);
    newcomer->is_invited = knock.invited;
    if (code->has_user) {
        newcomer->user = code->user;
        knock.name = cf_bytes_of_text(options->name);
        knock.keys = *cf_keys_public(options->keys);
        cf_keys_prove(options->keys, &code->user, knock.proof);
    }
    if (options->said.size)
        cf_buffer_append(sealed, options->said.data, options->said.size);
    else
        cf_knock_seal(newcomer->pairing, &knock, sealed);
    newcomer->knock = cf_knock_hash(cf_buffer_view(sealed));
    cf_link_options link = {.env = options->env,
                            .user = newcomer->user,
                            .knock = cf_buffer_view(sealed),
                            .events = cf_link_silence(newcomer)};
    memcpy(link.guest_key.bytes, cf_pairing_guest_public(newcomer->pairing), CF_HASH_SIZE);
    link.events.lost = on_lost;
    link.events.admit = on_admit;
    link.events.clock_off = on_clock_off;
    link.events.turned_away = on_turned_away;
    link.events.put_off = on_put_off;
    newcomer->link = cf_link_new(&link);
    cf_link_start(newcomer->link);
    return newcomer;
}

void cf_newcomer_destroy(cf_newcomer **newcomer)
{
    if (!*newcomer)
        return;
    cf_link_destroy(&(*newcomer)->link);
    cf_pairing_destroy(&(*newcomer)->pairing);
    cf_heads_release(&(*newcomer)->members);
    cf_buffer_release(&(*newcomer)->said);
    free(*newcomer);
    *newcomer = NULL;
}

cf_link *cf_newcomer_link(const cf_newcomer *newcomer)
{
    return newcomer->link;
}

const uint8_t *cf_newcomer_curve_public(const cf_newcomer *newcomer)
{
    return cf_pairing_guest_public(newcomer->pairing);
}

const uint8_t *cf_newcomer_curve_secret(const cf_newcomer *newcomer)
{
    return cf_pairing_guest_secret(newcomer->pairing);
}

cf_bytes cf_newcomer_said(const cf_newcomer *newcomer)
{
    return cf_buffer_view(&newcomer->said);
}

cf_hash cf_code_name(const cf_code *code)
{
    cf_pairing *pairing = cf_pairing_new(code->secret);
    cf_hash name;

    memcpy(name.bytes, cf_pairing_guest_public(pairing), CF_HASH_SIZE);
    cf_pairing_destroy(&pairing);
    return name;
}

bool cf_newcomer_has_knocked(const cf_newcomer *newcomer)
{
    return !newcomer->is_unasked;
}

const cf_heads *cf_newcomer_members(const cf_newcomer *newcomer)
{
    return &newcomer->members;
}

bool cf_newcomer_over(const cf_newcomer *newcomer, cf_status *status, cf_error *error)
{
    if (!newcomer->is_over)
        return false;
    *status = newcomer->error.status;
    if (*status)
        *error = newcomer->error;
    return true;
}

const char *cf_newcomer_delay(const cf_newcomer *newcomer)
{
    return newcomer->is_put_off && !newcomer->is_over ? newcomer->error.text : NULL;
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
