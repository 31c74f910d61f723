/* test.h: the test harness.  A test program includes dl.h with DL_IMPLEMENTATION, then this file:

       / * build: float double asan * /           the first line: how tests/run.sh compiles it, see there
       static void adds(void)
       {
           ROW("TEN-09");                         this test, if it passes, shows a row of curriculum.txt
           CHECK_NEAR(dl_item(dl_add(c, one, two)), 3, 1e-6);
       }
       int main(void) { RUN(adds); TEST_END; }

   Each RUN is one test; one without any check fails, unless it says SKIP.  The last line of output is "name: N passed,
   M failed", the exit code says whether M is 0. */
#ifndef TEST_H
#define TEST_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Part of the names of files: the builds of a test run side by side. */
#if defined(DL_DOUBLE)
#define BUILD "double_"
#elif defined(__SANITIZE_ADDRESS__)
#define BUILD "asan_"
#else
#define BUILD ""
#endif

static int test_passed, test_failed, test_skipped;       /* tests so far                          */
static int test_checks, test_errors, test_skipping;      /* of the test that is running           */
static const char *test_rows[64];                        /* curriculum rows that it claims        */
static int test_nrows;

/* The names of the instruction sets, of which a machine has some; then NULL. */
static const char *test_isa(int i)
{
    static const char *const names[] = {"portable", "avx2", "avx512", "neon", NULL};
    return names[i];
}

static int test_error(const char *file, int line)        /* opens a report; after 20 the rest is counted only */
{
    if (test_errors++ < 20) printf("\n%s:%d: ", file, line);
    return test_errors <= 20;
}

static int test_check(const char *file, int line, int ok, const char *text)
{
    test_checks++;
    if (!ok && test_error(file, line)) printf("%s", text);
    return ok;
}

static int test_near(const char *file, int line, double a, double b, double tol, const char *text)
{
    int ok = fabs(a - b) <= tol || a == b;               /* inf is near inf, NaN near nothing: two failed results do not agree */
    test_checks++;
    if (!ok && test_error(file, line)) printf("%s: %.9g, wanted %.9g within %.3g", text, a, b, tol);
    return ok;
}

static int test_says(const char *file, int line, dl_ctx *c, const char *part)
{
    const char *e = dl_error(c);
    int ok = e && strstr(e, part);
    test_checks++;
    if (!ok && test_error(file, line)) printf("error \"%s\", wanted \"..%s..\"", e ? e : "(none)", part);
    dl_clear_error(c);
    return ok;
}

static void test_run(void (*f)(void), const char *name)
{
    int i;
    test_checks = test_errors = test_skipping = test_nrows = 0;
    printf("  %s ", name);
    fflush(stdout);                                      /* a crash names its test */
    f();
    if (!test_checks && !test_skipping) { test_errors++; printf("\n  no checks"); }
    if (test_errors) { test_failed++; printf("\n  FAILED %s\n", name); }
    else {
        if (test_skipping) test_skipped++; else test_passed++;
        printf(test_skipping ? "\n" : "ok\n");
        for (i = 0; i < test_nrows; i++) if (test_rows[i]) printf("%srow %s\n", test_skipping ? "skipped " : "", test_rows[i]);
    }
    fflush(stdout);
}

static int test_end(const char *file)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    printf("%.*s: %d passed, %d failed", (int)strcspn(name, "."), name, test_passed, test_failed);
    if (test_skipped) printf(", %d skipped", test_skipped);
    printf("\n");
    return test_failed != 0;
}

#define CHECK(cond)            test_check(__FILE__, __LINE__, (cond) != 0, #cond)
#define CHECK_NEAR(a, b, tol)  test_near(__FILE__, __LINE__, (double)(a), (double)(b), (double)(tol), #a)
#define CHECK_NEAR_NAN(a, b, tol) ((b) != (b) ? CHECK((a) != (a)) : CHECK_NEAR(a, b, tol))       /* NaN where b is NaN */
#define CHECK_OK(c)            test_check(__FILE__, __LINE__, !dl_error(c), dl_error(c))         /* no error stands */
#define CHECK_ERROR(c, part)   test_says(__FILE__, __LINE__, c, part)    /* one stands and says this; then clears it */
#define RUN(f)                 test_run(f, #f)
#define ROW(id)                (test_rows[test_nrows] = (id), test_nrows += test_nrows < 63)
#define SKIP(why)              (test_skipping = 1, printf("skipped: %s", why))                   /* then return */
#define SLOW                   (getenv("TEST_ALL") != NULL)                                      /* make test-all */
#define TEST_END               return test_end(__FILE__)

#endif
