/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/commands/devices_change.h"

#include "codec/secret.h"
#include "peer/log/catalog.h"
#include "peer/commands/announcing.h"
#include "peer/commands/device_named.h"
#include "peer/commands/recovery_file.h"
#include "peer/membership/membership.h"

#include <stdlib.h>
#include <string.h>

typedef struct subverb subverb;

typedef struct {
    const subverb *what;
    cf_announcing announcing;
    cf_hash *devices; /* whom it is about; the first is the one that was named */
    size_t count;
    cf_hash *staying; /* whom these let in, and who are not among them */
    size_t staying_count;
    cf_role role;
    cf_keys *account;
} change;

struct subverb {
    const char *name;
    cf_status (*ask)(cf_run *run, cf_error *error);
    cf_status (*begin)(cf_run *run, change *self, cf_error *error);
    cf_status (*make)(change *self, cf_peer *peer, cf_error *error);
    const char *done; /* key of the JSON document, and the word before each device */
    bool limits;      /* what the devices wrote counts up to there */
};

static void choose(change *self, const cf_hash *device)
{
    for (size_t i = 0; i < self->count; i++)
        if (cf_hash_equal(&self->devices[i], device))
            return;
    cf_hash *grown = realloc(self->devices, (self->count + 1) * sizeof *grown);
    if (!grown)
        abort();
    self->devices = grown;
    self->devices[self->count++] = *device;
}

/* The device of the first argument, which is another than this one. */
static cf_status choose_named(cf_run *run, change *self, bool out, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *given = run->options.arguments[1];
    cf_hash device;
    cf_error ignored;

    cf_status status = cf_device_named(peer, given, out, &device, error);
    if (status == CF_MISSING && cf_device_named(peer, given, !out, &device, &ignored) == CF_OK)
        status = cf_fail(error, CF_CHANGED, "'%s' is %s already", given, out ? "in" : "out");
    if (!status)
        choose(self, &device);
    return status;
}

/* ---- Shutting out ---- */

static cf_status ask_for_admitted(cf_run *run, const json_t *admitted, cf_error *error)
{
    cf_status status = CF_OK;
    size_t i;
    json_t *one;

    json_array_foreach(admitted, i, one)
    {
        const char *fingerprint = json_string_value(json_object_get(one, "fingerprint"));
        bool yes = false;

        status = cf_run_confirm(run, &yes, error, "it let in '%s' (%s); shut that out, too? [y/N]",
                                json_string_value(json_object_get(one, "name")), fingerprint);
        if (status)
            return status;
        if (yes)
            cf_run_choose(run, "also", cf_arena_text(&run->arena, cf_bytes_of_text(fingerprint)));
    }
    return status;
}

/* What it costs where the device has more ends of chains than can be named. */
static void warn_of_voided(cf_run *run, const json_t *device)
{
    json_int_t voided = json_integer_value(json_object_get(device, "voids"));

    if (voided)
        cf_say(&run->output,
               "it has more ends of chains than can be named: about %lld of its entries, which "
               "count now, will count for nothing",
               (long long)voided);
}

static const char *part(const json_t *device, const char *name)
{
    const char *text = json_string_value(json_object_get(device, name));

    return text ? text : "?";
}

/* Names can be alike: it is shut out by the fingerprint that was shown. */
static cf_status ask_for_device(cf_run *run, cf_error *error)
{
    const char *words[] = {"devices", "show", run->options.arguments[1]};
    json_t *device = NULL;
    bool yes = false;

    cf_status status = run->consult(run, words, 3, &device, error);
    if (!status)
        warn_of_voided(run, device);
    if (!status)
        status = cf_run_confirm(run, &yes, error,
                                "shut out '%s' (%s), let in by '%s' on %s? it gets nothing any "
                                "more, and what it writes counts for nothing [y/N]",
                                part(device, "name"), part(device, "fingerprint"),
                                part(device, "let_in_by"), part(device, "let_in"));
    if (!status && !yes)
        status = cf_fail(error, CF_CHANGED, "nothing was changed");
    if (!status)
        run->options.arguments[1] =
            cf_arena_text(&run->arena, cf_bytes_of_text(part(device, "fingerprint")));
    json_decref(device);
    return status;
}

static cf_status ask_revoke(cf_run *run, cf_error *error)
{
    const cf_options *options = &run->options;
    json_t *admitted = NULL;

    if (options->argument_count != 2 || !cf_run_asks(run))
        return CF_OK;
    cf_status status = ask_for_device(run, error);
    const char *words[] = {"devices", "admitted", options->arguments[1]};
    if (!status)
        status = run->consult(run, words, 3, &admitted, error);
    if (!status && !cf_options_has(options, "with-admitted"))
        status = ask_for_admitted(run, admitted, error);
    if (!status)
        status = cf_run_take_answer(run, true, error);
    json_decref(admitted);
    return status;
}

static cf_status choose_also(cf_run *run, change *self, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    const char *given;
    cf_status status = CF_OK;
    size_t at = 0;
    cf_hash device;

    while (!status && (given = cf_options_next(&run->options, "also", &at))) {
        status = cf_device_named(peer, given, false, &device, error);
        if (!status)
            choose(self, &device);
    }
    return status;
}

static void choose_admitted(cf_run *run, change *self)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    cf_hash *admitted;
    size_t count;

    cf_device_admitted(peer, &self->devices[0], &admitted, &count);
    self->staying = cf_allocate(count + 1, sizeof *admitted);
    for (size_t i = 0; i < count; i++) {
        size_t before = self->count;

        if (cf_hash_equal(&admitted[i], cf_peer_device(peer)))
            continue;
        if (cf_options_has(&run->options, "with-admitted"))
            choose(self, &admitted[i]);
        else
            for (before = 0;
                 before < self->count && !cf_hash_equal(&self->devices[before], &admitted[i]);)
                before++;
        if (before == self->count)
            self->staying[self->staying_count++] = admitted[i];
    }
    free(admitted);
}

static cf_status begin_revoke(cf_run *run, change *self, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);

    cf_status status = cf_run_check_count(run, 2, 2, error);
    if (!status)
        status = cf_membership_check_owner(peer, error);
    if (!status)
        status = choose_named(run, self, false, error);
    if (!status)
        status = choose_also(run, self, error);
    for (size_t i = 0; !status && i < self->count; i++)
        if (cf_hash_equal(&self->devices[i], cf_peer_device(peer)))
            status = cf_fail(error, CF_USAGE,
                             "this is the device itself: it goes with `counterfoil leave`");
    if (!status && !cf_options_has(&run->options, "yes"))
        status = cf_fail(
            error, CF_USAGE,
            "a device that is shut out stays so, until `counterfoil devices annul` with the "
            "recovery phrase: say that it is meant with --yes");
    if (!status)
        choose_admitted(run, self);
    return status;
}

static cf_status make_revoke(change *self, cf_peer *peer, cf_error *error)
{
    const cf_outgoers outgoers = {self->devices, self->count};
    cf_status status = cf_membership_check_owner(peer, error); /* still */
    cf_head head;

    for (size_t i = 0; !status && i < self->count; i++) {
        const cf_limited whom = {&self->devices[i],
                                 cf_announcing_told(&self->announcing, &self->devices[i])};

        status = cf_membership_revoke(&(cf_signatory){peer, false}, &whom, &outgoers, &head, error);
        if (!status)
            cf_announcing_add(&self->announcing, &head);
    }
    return status;
}

/* ---- Taking that back ---- */

static cf_status ask_annul(cf_run *run, cf_error *error)
{
    return cf_recovery_file_take(run, NULL, error);
}

static cf_status read_account(cf_run *run, change *self, cf_error *error)
{
    const char *phrase = cf_options_value(&run->options, "recovery-file");
    uint8_t secret[CF_PHRASE_SECRET];

    cf_status status = phrase ? cf_phrase_read(phrase, secret, error)
                              : cf_fail(error, CF_USAGE,
                                        "only the account takes a revocation back: give the "
                                        "recovery phrase with --recovery-file FILE (- is stdin)");
    if (status)
        return status;
    self->account = cf_keys_of_phrase(secret);
    cf_wipe(secret, sizeof secret);
    cf_hash user = cf_device_id(cf_keys_public(self->account)->signing);
    return cf_hash_equal(&user, cf_peer_user(cf_loop_peer(run->loop)))
               ? CF_OK
               : cf_fail(error, CF_DENIED, "this is the recovery phrase of another user");
}

static cf_status begin_annul(cf_run *run, change *self, cf_error *error)
{
    cf_status status = cf_run_check_count(run, 2, 2, error);

    if (!status)
        status = choose_named(run, self, true, error);
    return status ? status : read_account(run, self, error);
}

static cf_status make_annul(change *self, cf_peer *peer, cf_error *error)
{
    const cf_registry *registry = cf_log_registry(peer->log);
    cf_status status = CF_OK;
    size_t before = self->announcing.count;
    cf_head head;

    peer->account = self->account;
    for (size_t i = 0, count = cf_registry_count(registry); !status && i < count; i++) {
        cf_operation operation = *cf_registry_operation(registry, i);

        if (operation.kind != CF_MEMBER_REVOKE || !operation.acts ||
            !cf_hash_equal(&operation.device, &self->devices[0]))
            continue;
        status =
            cf_membership_annul(&(cf_signatory){peer, true}, &operation.entry.hash, &head, error);
        if (!status)
            cf_announcing_add(&self->announcing, &head);
    }
    peer->account = NULL;
    if (!status && self->announcing.count == before)
        status = cf_fail(error, CF_DENIED, "nobody shut it out: it left, or who let it in is out");
    return status;
}

/* ---- Another role ---- */

static cf_status begin_role(cf_run *run, change *self, cf_error *error)
{
    cf_peer *peer = cf_loop_peer(run->loop);

    cf_status status = cf_run_check_count(run, 3, 3, error);
    if (!status)
        status = cf_role_read(run->options.arguments[2], &self->role, error);
    if (!status)
        status = cf_membership_check_owner(peer, error);
    if (!status)
        status = choose_named(run, self, false, error);
    if (!status && self->role != CF_ROLE_OWNER && cf_membership_owners(peer) == 1 &&
        cf_hash_equal(&self->devices[0], cf_peer_device(peer)))
        status = cf_fail(error, CF_DENIED, "this is the only owner: make another device one first");
    return status;
}

static cf_status make_role(change *self, cf_peer *peer, cf_error *error)
{
    const cf_device *device = cf_registry_device(cf_log_registry(peer->log), &self->devices[0]);
    const cf_limited whom = {&self->devices[0],
                             cf_announcing_told(&self->announcing, &self->devices[0])};
    cf_status status = cf_membership_check_owner(peer, error);
    cf_head head;

    if (!status && device && device->role == self->role)
        status = cf_fail(error, CF_CHANGED, "it is %s %s already",
                         self->role == CF_ROLE_OWNER ? "an" : "a", cf_role_name(self->role));
    if (status || !device)
        return status;
    status =
        cf_membership_change_role(&(cf_signatory){peer, false}, &whom, self->role, &head, error);
    if (!status)
        cf_announcing_add(&self->announcing, &head);
    return status;
}

/* ---- All of them ---- */

static const subverb subverbs[] = {
    {"revoke", ask_revoke, begin_revoke, make_revoke, "revoked", true},
    {"annul", ask_annul, begin_annul, make_annul, "annulled", false},
    {"role", NULL, begin_role, make_role, "changed", true},
};

static const subverb *find_subverb(const char *name)
{
    for (size_t i = 0; i < sizeof subverbs / sizeof subverbs[0]; i++)
        if (strcmp(subverbs[i].name, name) == 0)
            return &subverbs[i];
    return NULL;
}

bool cf_devices_change_is(const char *name)
{
    return find_subverb(name) != NULL;
}

cf_status cf_devices_change_prepare(cf_run *run, cf_error *error)
{
    const subverb *what = find_subverb(run->options.arguments[0]);

    return what->ask ? what->ask(run, error) : CF_OK;
}

cf_status cf_devices_change_start(cf_run *run, cf_error *error)
{
    change *self = cf_allocate(1, sizeof *self);

    run->state = self;
    self->what = find_subverb(run->options.arguments[0]);
    cf_status status = self->what->begin(run, self, error);
    if (!status && self->what->limits)
        cf_announcing_ask(&self->announcing, self->devices, self->count);
    return status ? status : cf_announcing_begin(&self->announcing, run, error);
}

static json_t *list(cf_peer *peer, const cf_hash *devices, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, cf_device_json(peer, &devices[i]));
    return array;
}

static void show(cf_run *run, const change *self)
{
    cf_peer *peer = cf_loop_peer(run->loop);
    json_t *done = list(peer, self->devices, self->count);
    json_t *staying = list(peer, self->staying, self->staying_count);
    json_t *one;
    size_t i;

    if (run->json) {
        cf_print_json(&run->output,
                      json_pack("{s:O, s:O}", self->what->done, done, "staying", staying));
    } else {
        json_array_foreach(done, i, one)
            cf_print(&run->output, "%s %s %s\n", self->what->done,
                     json_string_value(json_object_get(one, "name")),
                     json_string_value(json_object_get(one, "fingerprint")));
        json_array_foreach(staying, i, one) cf_say(
            &run->output, "it had let in '%s' (%s), which stays: --with-admitted takes it out, too",
            json_string_value(json_object_get(one, "name")),
            json_string_value(json_object_get(one, "fingerprint")));
    }
    json_decref(done);
    json_decref(staying);
}

cf_status cf_devices_change_step(cf_run *run, uint64_t now_ms, cf_progress *progress,
                                 cf_error *error)
{
    change *self = run->state;
    cf_status status;

    switch (cf_announcing_step(&self->announcing, run, now_ms, error)) {
    case CF_ANNOUNCING_FAILED:
        return error->status;
    case CF_ANNOUNCING_DONE:
        show(run, self);
        return CF_OK;
    case CF_ANNOUNCING_MAKE:
        status = self->what->make(self, cf_loop_peer(run->loop), error);
        if (status)
            return status;
        self->announcing.is_made = true;
        cf_loop_wake(run->loop);
        break;
    case CF_ANNOUNCING_WAITS:
        break;
    }
    progress->over = false;
    progress->deadline_ms = self->announcing.catching_up.deadline_ms;
    return CF_OK;
}

void cf_devices_change_end(cf_run *run)
{
    change *self = run->state;

    if (!self)
        return;
    cf_announcing_release(&self->announcing);
    cf_keys_destroy(&self->account);
    free(self->devices);
    free(self->staying);
    free(self);
}
