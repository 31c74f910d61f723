/* folder.h: a folder of a test's or a bench's own: in $TMPDIR, in memory, which flushes faster, or in /tmp. */
#ifndef FOLDER_H
#define FOLDER_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#elif defined(_WIN32)
#include <direct.h>
#include <process.h>
#endif

static char folder[256] = "build";                       /* where there are no temporary folders */

/* folder/name; the result is good for seven calls more. */
static const char *path(const char *name)
{
    static char text[8][512];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(text[turn], sizeof text[turn], "%s/%s", folder, name);
    return text[turn];
}

static void folder_make(void)
{
#if defined(__unix__) || defined(__APPLE__)
    const char *places[3];
    char made[256];
    int i;
    places[0] = getenv("TMPDIR"); places[1] = "/dev/shm"; places[2] = "/tmp";
    for (i = 0; i < 3; i++) {
        if (!places[i]) continue;
        snprintf(made, sizeof made, "%.200s/dl_test_XXXXXX", places[i]);
        if (mkdtemp(made)) { strcpy(folder, made); return; }
    }
#elif defined(_WIN32)
    char made[256];
    snprintf(made, sizeof made, "build\\dl_test_%d", _getpid());
    if (_mkdir(made) == 0) strcpy(folder, made);
#endif
}

static void folder_remove(void)                          /* with all that is in it */
{
    char command[300];
    if (!strcmp(folder, "build")) return;
#if defined(_WIN32)
    snprintf(command, sizeof command, "rmdir /s /q %s", folder);
#else
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
#endif
    if (system(command)) perror(folder);
}
#endif
