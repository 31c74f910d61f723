/* faulty_malloc.h: an allocator for dl.h that counts, and that fails where a test wants it to.  Include it before dl.h. */
#ifndef FAULTY_MALLOC_H
#define FAULTY_MALLOC_H
#include <stdlib.h>

static int fault_calls, fault_at = -1, fault_persistent; /* allocation number fault_at fails, and all later ones if persistent */
static int live_blocks;                                  /* blocks that are not free yet                         */
static size_t live_bytes, most_bytes,                    /* their bytes, and the most there have been            */
              limit_bytes = (size_t)1 << 31;             /* more than that is not handed out                     */
static void (*fault_hook)(void);                         /* called before each allocation, or NULL               */

typedef union { size_t bytes; double align[2]; } fault_head;             /* stands before each block */

static void *faulty_realloc(void *old, size_t n)
{
    fault_head *h = old ? (fault_head *)old - 1 : NULL;
    size_t before = h ? h->bytes : 0;
    int call = fault_calls++;
    if (fault_hook) fault_hook();
    if (call == fault_at || (fault_persistent && call > fault_at && fault_at >= 0)) return NULL;
    if (n > limit_bytes || live_bytes - before > limit_bytes - n) return NULL;
    h = (fault_head *)realloc(h, sizeof *h + n);
    if (!h) return NULL;
    h->bytes = n;
    live_blocks += old == NULL;
    live_bytes += n - before;
    if (live_bytes > most_bytes) most_bytes = live_bytes;
    return h + 1;
}
static void *faulty_malloc(size_t n) { return faulty_realloc(NULL, n); }
static void faulty_free(void *p)
{
    if (!p) return;
    live_blocks--;
    live_bytes -= ((fault_head *)p - 1)->bytes;
    free((fault_head *)p - 1);
}
#define DL_MALLOC  faulty_malloc
#define DL_REALLOC faulty_realloc
#define DL_FREE    faulty_free
#endif
