/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/adapters/record_format.h"
#include "peer/commands/addition.h"
#include "peer/log/catalog_schema.h"

static void find_beside(cf_addition *self)
{
    size_t count = cf_engine_binding_count(self->engine);

    self->beside = cf_arena_allocate(&self->arena, count, sizeof(void *));
    self->beside_count = 0;
    for (size_t i = 0; i < count; i++) {
        const cf_binding *binding = cf_engine_binding_at(self->engine, i);

        if (cf_id_equal(&binding->collection, &self->collection))
            self->beside[self->beside_count++] = binding;
    }
}

/* Something of it is not in the log, which is all that rows are compared with. */
static bool has_more(const cf_addition *self, const cf_binding *binding)
{
    cf_comparison found;
    cf_error ignored;

    return binding->mode == CF_MODE_BOTH &&
           cf_engine_compare(self->engine, binding, &found, &ignored) == CF_OK &&
           found.only_here + found.different > 0;
}

/* Rows of one number are the same or are not, which only who sees both can say. */
static cf_status check_numbers(cf_addition *self, cf_error *error)
{
    cf_schema schema;

    cf_status status =
        cf_catalog_schema(self->peer, &self->collection, &self->arena, &schema, error);
    if (status || !cf_schema_counts_up(&schema))
        return status;
    for (size_t i = 0; i < self->beside_count; i++)
        if (has_more(self, self->beside[i]))
            return cf_fail(error, CF_CHANGED,
                           "%s has rows that are not synced yet, so that those of one number can't "
                           "be compared: `counterfoil sync` first",
                           self->beside[i]->path);
    return CF_OK;
}

cf_status cf_addition_check_beside(cf_addition *self, cf_error *error)
{
    const cf_options *given = &self->run->options;

    find_beside(self);
    if (!self->beside_count)
        return CF_OK;
    if (!cf_options_has(given, "existing") && !cf_options_has(given, "collection"))
        return cf_fail(error, CF_CHANGED,
                       "'%s' is on this device already, at %s: --existing makes this another "
                       "source of it, another name with --collection a collection of its own",
                       self->name, self->beside[0]->path);
    return cf_format_is_records(self->format) ? check_numbers(self, error) : CF_OK;
}
