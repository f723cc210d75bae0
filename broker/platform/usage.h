/* SPDX-License-Identifier: Apache-2.0 */
/* What counterfoild can be asked: its verbs and options, and what `help` says of them. */
#ifndef CF_BROKER_PLATFORM_USAGE_H
#define CF_BROKER_PLATFORM_USAGE_H
#include <stdbool.h>
#include <stdio.h>

#include "broker/platform/command_line.h"

extern const cf_option cf_usage_options[];

/* Whether there is such a verb, by its first word. */
bool cf_usage_knows(const char *verb);
/* What a verb's subverb is called to cf_usage_show: "users remove". NULL: there is none. */
const char *cf_usage_subverb(const char *verb, const char *subverb);
/* The verbs that an option is for, each followed by ", "; NULL: all. */
const char *cf_usage_verbs_of(const char *option);
bool cf_usage_is_for(const char *option, const char *verb);
/* How all is used; with a verb, or a verb and its subverb, how that is. */
void cf_usage_show(FILE *out, const char *verb);

#endif
