/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/platform/usage.h"

#include "broker/platform/wrap.h"

#include <string.h>

const cf_option cf_usage_options[] = {
    {"data", 0, "DIR", "the data directory"},
    {"listen", 0, "ADDRESS",
     "where to listen: tcp://ADDRESS:PORT, by default every address, port "
     "7817; as often as there are addresses"},
    {"advertise", 0, "HOST", "what peers are told to connect to: HOST or HOST:PORT"},
    {"enrol", 0, "POLICY", "who may become a user: invitation (the default) or closed"},
    {"config", 0, "FILE", "options, a line for each: read again at SIGHUP; see counterfoild(8)"},
    {"limit", 0, "NAME=N", "bound what a user or an address may ask for; see counterfoild(8)"},
    {"existing", 0, NULL, "never make a broker: a volume that is not mounted is no new one"},
    {"quota", 0, "SIZE", "bound what the new user may keep here; of serve: each new one"},
    {"name", 0, "NAME", "what the new user is called here"},
    {"for", 0, "TIME", "how long the invitation holds: 2h, 7d (the default)"},
    {"check", 0, NULL, "end with 1 if anything needs attention"},
    {"repair", 0, NULL, "mend a damaged store, while no broker runs"},
    {"known", 0, NULL, "what no device has brought needs no attention any more"},
    {"yes", 0, NULL, "remove a user without asking"},
    {"json", 0, NULL, "print JSON"},
    {"quiet", 'q', NULL, "report errors only"},
    {"verbose", 'v', NULL, "report more"},
    {"help", 'h', NULL, "print this, or how a verb is used"},
    {"version", 0, NULL, "print the version"},
    {0},
};

/* Each verb, with its subverb where it is for that alone, followed by a comma. What stands not here
 * is for all. */
static const struct {
    const char *option, *verbs;
} owners[] = {
    {"listen", "serve, init, address, invite, "},
    {"advertise", "serve, init, address, invite, "},
    {"enrol", "serve, init, invite, "},
    {"limit", "serve, "},
    {"existing", "serve, "},
    {"quota", "serve, invite, "},
    {"name", "invite, "},
    {"for", "invite, "},
    {"check", "status, "},
    {"repair", "verify, "},
    {"known", "verify, "},
    {"yes", "users remove, "},
};

static const struct {
    const char *name; /* begins with the first word of what is asked */
    const char *rest; /* what follows it */
    const char *does;
} verbs[] = {
    {"serve", "[--existing]",
     "run in the foreground (the default); makes a broker where the "
     "directory is missing or empty, but for --existing"},
    {"init", "", "make a broker, and print its address"},
    {"address", "", "print the broker's address"},
    {"invite", "[--name NAME]", "print a one-time invitation for a new user; see --for, --quota"},
    {"invitations", "", "list the invitations that are kept, and who came with them"},
    {"invitations revoke", "N|NAME", "take one back that was not used"},
    {"status", "[--check]",
     "users, devices, sizes, room left, what needs attention; --check: 1 "
     "if anything does"},
    {"users", "", "list the users: a USER is a name, or 8 digits of an id or more"},
    {"users show", "USER", "a user with its devices"},
    {"users name", "USER NAME", "call a user so from now on"},
    {"users quota", "USER SIZE", "bound what a user's entries and blobs take; none: no bound"},
    {"users remove", "USER", "remove a user and all that it has here, for good"},
    {"verify", "[--repair] [--known]",
     "check every record and blob of the store; --repair: mend it first, "
     "while no broker runs"},
    {"help", "[VERB [SUBVERB]]", "print this, or how a verb is used"},
};

enum { VERB_COUNT = sizeof verbs / sizeof *verbs, LEFT = 30 };

/* "users" is the first word of three. */
static bool begins_with(const char *name, const char *verb)
{
    size_t size = strlen(verb);

    return strncmp(name, verb, size) == 0 && (!name[size] || name[size] == ' ');
}

const char *cf_usage_verbs_of(const char *option)
{
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++)
        if (strcmp(owners[i].option, option) == 0)
            return owners[i].verbs;
    return NULL;
}

bool cf_usage_is_for(const char *option, const char *verb)
{
    const char *all = cf_usage_verbs_of(option);
    const char *at = all ? strstr(all, verb) : NULL;

    return !all || (at && (at[strlen(verb)] == ',' || at[strlen(verb)] == ' '));
}

bool cf_usage_knows(const char *verb)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (begins_with(verbs[i].name, verb) && !strchr(verb, ' '))
            return true;
    return false;
}

/* "users show" is that of "users" and "show". */
static bool is_called(const char *name, const char *verb, const char *subverb)
{
    return begins_with(name, verb) && name[strlen(verb)] == ' ' &&
           strcmp(name + strlen(verb) + 1, subverb) == 0;
}

const char *cf_usage_subverb(const char *verb, const char *subverb)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (is_called(verbs[i].name, verb, subverb))
            return verbs[i].name;
    return NULL;
}

static void show_text(FILE *out, const char *text, size_t column, size_t indent)
{
    cf_buffer lines = {0};

    cf_wrap(&lines, text, column, indent);
    fwrite(lines.data, 1, lines.size, out);
    cf_buffer_release(&lines);
}

static void show_line(FILE *out, const char *left, const char *right)
{
    const int size = fprintf(out, "  %-*s", LEFT - 2, left);

    show_text(out, right, size > 0 ? (size_t)size : 0, LEFT);
}

static void show_verbs(FILE *out)
{
    char left[64];

    for (size_t i = 0; i < VERB_COUNT; i++) {
        snprintf(left, sizeof left, "%s %s", verbs[i].name, verbs[i].rest);
        show_line(out, left, verbs[i].does);
    }
}

static void show_verb(FILE *out, const char *verb)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (begins_with(verbs[i].name, verb)) {
            fprintf(out, "usage: counterfoild [OPTIONS] %s%s%s\n", verbs[i].name,
                    *verbs[i].rest ? " " : "", verbs[i].rest);
            show_line(out, "", verbs[i].does);
        }
}

static void show_options(FILE *out, const char *verb)
{
    char left[64];

    for (const cf_option *option = cf_usage_options; option->name; option++) {
        char letter[8] = "";

        if (verb && !cf_usage_is_for(option->name, verb))
            continue;
        if (option->letter)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        show_line(out, left, option->help);
    }
}

void cf_usage_show(FILE *out, const char *verb)
{
    if (verb) {
        show_verb(out, verb);
    } else {
        fprintf(out, "usage: counterfoild [OPTIONS] [VERB]\n\n");
        show_verbs(out);
    }
    fprintf(out, "\n");
    show_options(out, verb);
    if (!verb)
        show_text(out,
                  "\nEach option can be given in the environment, as COUNTERFOIL_DATA and so on.\n"
                  "See counterfoild(8).",
                  0, 0);
}
