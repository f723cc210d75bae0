/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/error.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        printf("counterfoil %s\n", CF_VERSION);
        return 0;
    }
    fputs("usage: counterfoil version\n", stderr);
    return cf_status_exit_code(CF_USAGE);
}
