/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/account/pairing_owner.h"

#include "codec/address.h"
#include "codec/clock.h"
#include "codec/pairing.h"
#include "codec/secret.h"
#include "peer/log/catalog.h"
#include "peer/engine/connections.h"
#include "peer/membership/epochs.h"
#include "peer/membership/membership.h"
#include "peer/log/unsent.h"

#include <stdlib.h>

struct cf_pairing_owner {
    cf_pairing_owner_options options;
    cf_address address;
    cf_pairing *pairing;
    cf_hash guest;
    char code[CF_CODE_TEXT];
    cf_link *link;
    cf_pairing_owner_state state;
    cf_error error;
    cf_hash knock;  /* of whom we let in */
    cf_hash device; /* its id */
    cf_head add;    /* the entry that adds it */
    bool is_added;  /* the broker has that */
    bool is_ending; /* the broker is told that the code is used */
    bool is_said;   /* the ADMIT is on its way in this session */
    char *name;
    bool is_renamed; /* it calls itself otherwise */
};

static void fail(cf_pairing_owner *self, const cf_error *error)
{
    if (self->state == CF_PAIRING_OWNER_DONE || self->state == CF_PAIRING_OWNER_FAILED)
        return;
    self->state = CF_PAIRING_OWNER_FAILED;
    self->error = *error;
}

/* ---- What the link tells ---- */

/* Nothing is published then, and who knocks would wait for nothing. */
static void on_connected(void *context, const cf_link_welcome *welcome)
{
    cf_error error;

    if (!cf_clock_is_off(welcome->clock_difference_ms))
        return;
    cf_link_fail_clock(welcome->clock_difference_ms, &error);
    cf_error_while(&error, "no device can be let in");
    fail(context, &error);
}

static void on_lost(void *context, const cf_link_loss *loss)
{
    cf_pairing_owner *self = context;
    cf_error why = *loss->why;

    self->is_said = false;
    if (cf_link_is_interrupted(loss) && self->state != CF_PAIRING_OWNER_OPENING)
        return; /* the link tries again, and registers again */
    if (why.status == CF_FORGED)
        why.status = CF_UNREACHABLE;
    fail(self, &why);
}

/* The member log may have grown elsewhere; the rest is the engine's. */
static void on_entry(void *context, const cf_entry *entry)
{
    cf_pairing_owner *self = context;
    size_t size = entry->wire.size;
    cf_error error;

    if (entry->header.type == CF_ENTRY_MEMBER &&
        cf_peer_take(self->options.peer, &entry->wire, 1, &error))
        fail(self, &error);
    cf_link_credit(self->link, size);
}

static void on_guest(void *context, const cf_hash *key, const cf_error *why)
{
    cf_pairing_owner *self = context;
    cf_error error;

    if (!cf_hash_equal(key, &self->guest))
        return;
    if (why) {
        cf_fail(&error, why->status == CF_UNREACHABLE ? CF_UNREACHABLE : CF_DENIED,
                "the broker refuses the code: %s", why->text);
        fail(self, &error);
    } else if (self->state == CF_PAIRING_OWNER_OPENING) {
        self->state = CF_PAIRING_OWNER_OPEN;
    } else if (self->is_ending) {
        self->state = CF_PAIRING_OWNER_DONE;
    } else if (self->is_said) { /* let in; the code is of no use to others any more */
        self->is_ending = true;
        cf_link_guest_end(self->link, &self->guest);
    }
}

static cf_status read_knock(cf_pairing_owner *self, cf_bytes sealed, cf_arena *arena, cf_knock *out,
                            cf_error *error)
{
    cf_status status =
        cf_knock_open(self->pairing, cf_peer_user(self->options.peer), sealed, arena, out, error);

    if (!status && out->invited)
        status = cf_fail(error, CF_MALFORMED, "it brings no keys");
    return status;
}

/* As it calls itself, unless another is called that, or that is no name. */
static void name_newcomer(cf_pairing_owner *self, const cf_knock *knock)
{
    cf_arena arena = {0};
    cf_error ignored;
    const char *name = cf_arena_text(&arena, knock->name);

    if (cf_catalog_check_name(name, &ignored))
        name = "device";
    self->name =
        cf_text_copy(cf_catalog_free_name(self->options.peer, &self->device, name, &arena));
    self->is_renamed = strcmp(self->name, name) != 0;
    cf_arena_release(&arena);
}

/* Who left took the content key along: there has to be a new one, in which the newcomer's name, and
 * what it says itself, can be written. */
static cf_status open_epoch(cf_peer *peer, cf_error *error)
{
    cf_head opened;

    return cf_registry_epoch(cf_log_registry(peer->log))
               ? CF_OK
               : cf_epochs_open(peer, false, &opened, error);
}

static cf_status let_in(cf_pairing_owner *self, const cf_knock *knock, cf_error *error)
{
    cf_peer *peer = self->options.peer;
    const cf_env *env = peer->env;
    cf_error ignored;

    self->device = cf_device_id(knock->keys.signing);
    name_newcomer(self, knock);
    cf_status status = open_epoch(peer, error);
    if (!status)
        status = cf_membership_add(&(cf_signatory){peer, false},
                                   &(cf_admission){knock->keys, knock->proof, self->options.role},
                                   &self->add, error);
    if (status)
        return status;
    self->state = CF_PAIRING_OWNER_ADDING;
    /* So that its name is known before it has said it. */
    if (cf_catalog_name_device(peer, &self->device, self->name, env->now_ms(env->context),
                               &ignored))
        cf_report(env, CF_REPORT_WARNING, "the device's name: %s", ignored.text);
    cf_link_publish(self->link);
    return CF_OK;
}

/* Where there are more heads than it can name, the newcomer's `add` alone: the others that this
 * device knew when it wrote that are in its past. */
static void send_admit(cf_pairing_owner *self)
{
    const cf_heads *heads = cf_registry_heads(cf_log_registry(self->options.peer->log));
    const bool fits = heads->count <= CF_ADMIT_HEADS_MAX;
    cf_admit admit = {.knock = self->knock,
                      .user = *cf_peer_user(self->options.peer),
                      .role = self->options.role,
                      .heads = fits ? heads->heads : &self->add,
                      .head_count = fits ? heads->count : 1};
    cf_buffer sealed = {0};

    cf_admit_seal(self->pairing, &admit, &sealed);
    cf_link_admit(self->link, &self->guest, cf_buffer_view(&sealed));
    /* The answer to this comes behind the admission. */
    cf_link_guest(self->link, &self->guest, self->options.expires_ms);
    self->is_said = true;
    cf_buffer_release(&sealed);
}

/* The first that opens is let in; the same one is answered again, others never. */
static void on_knock(void *context, const cf_hash *key, cf_bytes sealed)
{
    cf_pairing_owner *self = context;
    cf_hash hash = cf_knock_hash(sealed);
    cf_arena arena = {0};
    cf_knock knock;
    cf_error error;

    if (!cf_hash_equal(key, &self->guest))
        return;
    if (self->state == CF_PAIRING_OWNER_ADDING) {
        if (self->is_added && !self->is_ending && cf_hash_equal(&hash, &self->knock))
            send_admit(self);
    } else if (self->state == CF_PAIRING_OWNER_OPEN) {
        if (read_knock(self, sealed, &arena, &knock, &error)) {
            cf_report(self->options.peer->env, CF_REPORT_WARNING, "somebody knocked in vain: %s",
                      error.text);
        } else {
            self->knock = hash;
            if (let_in(self, &knock, &error))
                fail(self, &error);
        }
    }
    cf_arena_release(&arena);
}

static void on_accepted(void *context, const cf_head *entry)
{
    cf_pairing_owner *self = context;
    cf_peer *peer = self->options.peer;

    cf_unsent_forget(peer->env, cf_home_store(peer->home), cf_peer_user(peer), entry);
    if (self->state != CF_PAIRING_OWNER_ADDING || !cf_hash_equal(&entry->hash, &self->add.hash))
        return;
    self->is_added = true;
    send_admit(self);
}

static void on_refused(void *context, const cf_link_refusal *refusal)
{
    cf_pairing_owner *self = context;
    cf_error error;

    if (!refusal->never || !cf_hash_equal(&refusal->entry.hash, &self->add.hash))
        return;
    cf_fail(&error, CF_DENIED, "the broker refuses the new device: %.*s", (int)refusal->text.size,
            (const char *)refusal->text.data);
    fail(self, &error);
}

/* ---- The owner's side ---- */

static cf_status check_may(const cf_peer *peer, cf_error *error)
{
    cf_hash epoch;

    cf_status status = cf_membership_check_owner(peer, error);
    if (!status && cf_registry_epoch(cf_log_registry(peer->log))) /* else it opens one */
        status = cf_peer_epoch(peer, &epoch, error);
    return status;
}

static cf_status read_broker(cf_peer *peer, cf_address *out, cf_error *error)
{
    cf_buffer line = {0};

    cf_status status = cf_home_get(peer->home, CF_HOME_BROKER, &line, error);
    if (status == CF_MISSING || (!status && !line.size))
        status = cf_fail(error, CF_MISSING,
                         "no broker is set, so no other device can be reached: `counterfoil "
                         "broker LINE`");
    cf_buffer_append(&line, "", 1);
    if (!status)
        status = cf_address_read((const char *)line.data, out, error);
    cf_buffer_release(&line);
    return status;
}

static void make_code(cf_pairing_owner *self)
{
    const cf_env *env = self->options.peer->env;
    cf_code code = {.broker = self->address,
                    .has_user = true,
                    .user = *cf_peer_user(self->options.peer),
                    .expires_ms = self->options.expires_ms};

    env->random(env->context, code.secret, sizeof code.secret);
    self->pairing = cf_pairing_new(code.secret);
    memcpy(self->guest.bytes, cf_pairing_guest_public(self->pairing), CF_HASH_SIZE);
    cf_code_write(&code, self->code);
    cf_wipe(&code, sizeof code);
}

cf_status cf_pairing_owner_new(const cf_pairing_owner_options *options, cf_pairing_owner **out,
                               cf_error *error)
{
    cf_peer *peer = options->peer;
    cf_address address;

    cf_status status = check_may(peer, error);
    if (!status)
        status = read_broker(peer, &address, error);
    if (status)
        return status;
    cf_pairing_owner *self = cf_allocate(1, sizeof *self);
    self->options = *options;
    self->address = address;
    make_code(self);
    cf_link_options link = {.env = peer->env,
                            .store = cf_home_store(peer->home),
                            .user = *cf_peer_user(peer),
                            .events = cf_link_silence(self)};
    link.events.connected = on_connected;
    link.events.lost = on_lost;
    link.events.entry = on_entry;
    link.events.guest = on_guest;
    link.events.knock = on_knock;
    link.events.accepted = on_accepted;
    link.events.refused = on_refused;
    self->link = cf_link_new(&link);
    cf_link_subscribe(self->link, NULL, 0);
    cf_link_guest(self->link, &self->guest, options->expires_ms);
    cf_link_start(self->link);
    *out = self;
    return CF_OK;
}

void cf_pairing_owner_destroy(cf_pairing_owner **owner_side)
{
    if (!*owner_side)
        return;
    cf_link_destroy(&(*owner_side)->link);
    cf_pairing_destroy(&(*owner_side)->pairing);
    cf_wipe((*owner_side)->code, sizeof(*owner_side)->code);
    free((*owner_side)->name);
    free(*owner_side);
    *owner_side = NULL;
}

cf_link *cf_pairing_owner_link(const cf_pairing_owner *owner_side)
{
    return owner_side->link;
}

const cf_address *cf_pairing_owner_address(const cf_pairing_owner *owner_side)
{
    return &owner_side->address;
}

void cf_pairing_owner_is_at(cf_pairing_owner *owner_side, const cf_address *address)
{
    cf_code code;
    cf_error ignored;

    if (cf_code_read(owner_side->code, &code, &ignored))
        return;
    owner_side->address = code.broker = *address;
    cf_code_write(&code, owner_side->code);
    cf_wipe(&code, sizeof code);
}

cf_pairing_owner_state cf_pairing_owner_step(cf_pairing_owner *owner_side, uint64_t now_ms,
                                             cf_error *error)
{
    cf_error late;

    if (now_ms >= owner_side->options.expires_ms && owner_side->state < CF_PAIRING_OWNER_DONE) {
        cf_fail(&late, CF_UNREACHABLE, "nobody joined before the code expired");
        fail(owner_side, &late);
    }
    if (owner_side->state == CF_PAIRING_OWNER_FAILED)
        *error = owner_side->error;
    return owner_side->state;
}

const char *cf_pairing_owner_code(const cf_pairing_owner *owner_side)
{
    return owner_side->code;
}

const char *cf_pairing_owner_name(const cf_pairing_owner *owner_side)
{
    return owner_side->name;
}

bool cf_pairing_owner_renamed(const cf_pairing_owner *owner_side)
{
    return owner_side->is_renamed;
}

const cf_hash *cf_pairing_owner_device(const cf_pairing_owner *owner_side)
{
    return &owner_side->device;
}
