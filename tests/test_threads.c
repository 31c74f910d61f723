/* build: float tsan asan */
/* A context per thread, no globals: threads train on their own and share one model for inference. */
#include <pthread.h>
#include "dl.h"
#include "test.h"

#define THREADS 4

static dl_module *perceptron(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_linear(c, 16, 64), dl_nn_relu(c), dl_nn_dropout(c, (dl_real)0.2), dl_nn_linear(c, 64, 10), dl_nn_softmax(c, 1));
}

static uint64_t hash(const dl_tensor *x)
{
    uint64_t h = 14695981039346656037u;
    size_t k;
    for (k = 0; k < (size_t)x->size * sizeof(dl_real); k++) h = (h ^ ((unsigned char *)x->data)[k]) * 1099511628211u;
    return h;
}

typedef struct { int number; dl_module *shared; uint64_t result[8]; int failed; } job;

static void run(void *(*f)(void *), job *jobs)           /* one job a thread */
{
    pthread_t thread[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) CHECK(pthread_create(&thread[i], NULL, f, &jobs[i]) == 0);
    for (i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    for (i = 0; i < THREADS; i++) CHECK(!jobs[i].failed);
}

static void *train(void *arg)
{
    job *j = (job *)arg;
    dl_ctx *c = dl_create(.seed = 4, .threads = 1);
    dl_module *net = perceptron(c);
    dl_optim *opt = dl_optim_adam(c, net);
    int step;
    for (step = 0; step < 30; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_mean(c, dl_square(c, dl_forward(c, net, dl_randn(c, DL_SHAPE(8, 16))))));
        dl_optim_step(c, opt);
    }
    j->result[0] = hash(dl_module_get(c, net, "0.weight"));
    j->failed = dl_error(c) != NULL;
    dl_destroy(c);
    return NULL;
}

static void each_trains_its_own(void)
{
    job jobs[THREADS], alone;
    int i;
    memset(jobs, 0, sizeof jobs);
    memset(&alone, 0, sizeof alone);
    run(train, jobs);
    train(&alone);
    for (i = 0; i < THREADS; i++) CHECK(jobs[i].result[0] == alone.result[0] && alone.result[0] != 0);
}

static void *infer(void *arg)                            /* the model is only read */
{
    job *j = (job *)arg;
    dl_ctx *c = dl_create(.seed = 100, .threads = 1, .no_grad = 1);
    int i;
    dl_set_training(c, 0);
    for (i = 0; i < 8; i++) {
        dl_step_begin(c);
        j->result[i] = hash(dl_forward(c, j->shared, dl_randn(c, DL_SHAPE(i * 5 + 1, 16))));
    }
    j->failed = dl_error(c) != NULL;
    dl_destroy(c);
    return NULL;
}

static void all_share_one_model(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *net = perceptron(c);
    job jobs[THREADS], alone;
    int i;
    memset(jobs, 0, sizeof jobs);
    memset(&alone, 0, sizeof alone);
    alone.shared = net;
    for (i = 0; i < THREADS; i++) jobs[i].shared = net;
    run(infer, jobs);
    infer(&alone);
    for (i = 0; i < THREADS; i++) CHECK(!memcmp(jobs[i].result, alone.result, sizeof alone.result));
    CHECK_OK(c);
    dl_destroy(c);
}

static void *fail(void *arg)                             /* contexts come and go; odd threads make errors, even ones see none */
{
    job *j = (job *)arg;
    int i;
    for (i = 0; i < 50; i++) {
        dl_ctx *c = dl_create(.threads = 1);
        if (j->number % 2) dl_reshape(c, dl_ones(c, DL_SHAPE(2, 3)), DL_SHAPE(7));
        else dl_exp(c, dl_ones(c, DL_SHAPE(1000)));
        j->failed |= (dl_error(c) != NULL) != j->number % 2;
        dl_destroy(c);
    }
    return NULL;
}

static void errors_stay_at_home(void)
{
    job jobs[THREADS];
    int i;
    memset(jobs, 0, sizeof jobs);
    for (i = 0; i < THREADS; i++) jobs[i].number = i;
    run(fail, jobs);
}

int main(void)
{
    RUN(each_trains_its_own);
    RUN(all_share_one_model);
    RUN(errors_stay_at_home);
    TEST_END;
}
