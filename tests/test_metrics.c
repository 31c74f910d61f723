/* build: float double asan */
/* Scores of predictions, folds, resampling, bootstrap.  Expected numbers: scikit-learn's documentation, or counted by hand. */
#include "dl.h"
#include "test.h"
#include <limits.h>

static dl_ctx *c;

#define INTS(...) dl_tensor_from_int(c, (int32_t[]){__VA_ARGS__}, DL_SHAPE(sizeof (int32_t[]){__VA_ARGS__} / sizeof(int32_t)))
#define REALS(shape, ...) dl_tensor_from(c, (dl_real[]){__VA_ARGS__}, shape)

static void scores_of_classes(void)
{
    ROW("IMB-05"); ROW("TRN-09");
    dl_tensor *t = INTS(0, 1, 2, 0, 1, 2), *y = INTS(0, 2, 1, 0, 0, 1), *m = dl_metric_confusion(c, y, t, 3);
    static const int32_t cells[] = {2, 0, 0,  1, 0, 1,  0, 2, 0};
    dl_class_scores s;
    CHECK(m->size == 9 && !memcmp(m->idata, cells, sizeof cells));
    s = dl_metric_scores(c, m, .average = DL_MACRO);
    CHECK_NEAR(s.precision, 2 / 9.0, 1e-12); CHECK_NEAR(s.recall, 1 / 3.0, 1e-12); CHECK_NEAR(s.f1, 4 / 15.0, 1e-12);
    CHECK_NEAR(s.accuracy, 1 / 3.0, 1e-12); CHECK_NEAR(s.balanced_accuracy, 1 / 3.0, 1e-12);
    CHECK_NEAR(s.mcc, (2 * 6 - 12) / sqrt((36 - 14.0) * (36 - 12.0)), 1e-12);
    s = dl_metric_scores(c, m, .average = DL_MICRO);
    CHECK_NEAR(s.precision, 1 / 3.0, 1e-12); CHECK_NEAR(s.recall, 1 / 3.0, 1e-12); CHECK_NEAR(s.f1, 1 / 3.0, 1e-12);
    s = dl_metric_scores(c, m, .average = DL_WEIGHTED);
    CHECK_NEAR(s.f1, 4 / 15.0, 1e-12);
    s = dl_metric_scores(c, m, .positive = DL_ZERO);
    CHECK_NEAR(s.precision, 2 / 3.0, 1e-12); CHECK_NEAR(s.recall, 1, 1e-12); CHECK_NEAR(s.f1, .8, 1e-12);
    s = dl_metric_scores(c, m);
    CHECK(s.precision == 0 && s.recall == 0 && s.f1 == 0);                     /* class 1: nothing right */

    s = dl_metric_scores(c, dl_metric_confusion(c, INTS(1, 0, 1, 1), INTS(1, 1, 1, 0), 2));
    CHECK_NEAR(s.mcc, -1 / 3.0, 1e-12); CHECK_NEAR(s.f1, 2 / 3.0, 1e-12);
    s = dl_metric_scores(c, dl_metric_confusion(c, REALS(DL_SHAPE(2, 2), 3, 1, 0, 2), INTS(0, 1), 2));
    CHECK(s.mcc == 1 && s.accuracy == 1 && s.f1 == 1);

    /* V35: TP 8, FP 2, FN 4 */
    s = dl_metric_scores(c, INTS(0));
    CHECK_ERROR(c, "metric_scores: a confusion matrix is square, not (1)");
    m = dl_tensor_from_int(c, (int32_t[]){6, 2, 4, 8}, DL_SHAPE(2, 2));
    s = dl_metric_scores(c, m);
    CHECK_NEAR(s.precision, .8, 1e-12); CHECK_NEAR(s.recall, .6666667, 5e-8); CHECK_NEAR(s.f1, .7272727, 5e-8);
    CHECK_NEAR(s.accuracy, .7, 1e-12);
    CHECK_NEAR(dl_metric_accuracy(c, INTS(1, 0, 1), INTS(1, 1, 1)), 2 / 3.0, 1e-12);
    CHECK_OK(c);
}

static void top_k(void)
{
    dl_tensor *t = INTS(0, 1, 2, 2), *y = REALS(DL_SHAPE(4, 3), .5f, .2f, .2f,  .3f, .4f, .2f,  .2f, .4f, .3f,  .7f, .2f, .1f);
    CHECK_NEAR(dl_metric_accuracy(c, y, t), .5, 1e-12);
    CHECK_NEAR(dl_metric_accuracy(c, y, t, .k = 2), .75, 1e-12);
    CHECK_NEAR(dl_metric_accuracy(c, y, t, .k = 3), 1, 1e-12);
    y->data[0] = y->data[4] = (dl_real)NAN;                            /* the largest, as for argmax, sort and topk */
    y->data[9] = (dl_real)NAN;
    CHECK_NEAR(dl_metric_accuracy(c, y, t), .5, 1e-12);
    CHECK_NEAR(dl_metric_accuracy(c, y, t, .k = 2), .75, 1e-12);
    y->data[0] = .5f; y->data[4] = .4f; y->data[9] = .7f;
    CHECK(isnan(dl_metric_accuracy(c, y, t, .k = 4)));                 CHECK_ERROR(c, "metric_accuracy: the 4 best");
    CHECK(isnan(dl_metric_accuracy(c, t, t, .k = 2)));                 CHECK_ERROR(c, "the 2 best");
    CHECK(isnan(dl_metric_accuracy(c, y, INTS(0, 1))));                CHECK_ERROR(c, "predicted (4,3) does not fit target (2)");
    CHECK(isnan(dl_metric_accuracy(c, REALS(DL_SHAPE(4), 1, 2, 3, 4), INTS(0, 1, 2, 0))));
    CHECK_ERROR(c, "metric_accuracy: predicted (4) holds reals, expected scores (n, C) or int32 classes (n)");
    CHECK(isnan(dl_metric_accuracy(c, INTS(0, 1, -1), INTS(0, 1, 2)))); CHECK_ERROR(c, "metric_accuracy: predicted (3) holds -1 at index 2, expected 0 to ");
    CHECK(isnan(dl_metric_accuracy(c, y, INTS(0, 1, 3, 0))));          CHECK_ERROR(c, "target (4) holds 3 at index 2, expected 0 to 2");
}

static void areas(void)
{
    dl_tensor *t = INTS(0, 0, 1, 1), *s = REALS(DL_SHAPE(4), .1f, .4f, .35f, .8f), *x, *y;
    double pairs = 0, right = 0;
    int i, j;
    CHECK_NEAR(dl_metric_roc_auc(c, s, t), .75, 1e-12);
    CHECK_NEAR(dl_metric_average_precision(c, s, t), 5 / 6.0, 1e-12);
    CHECK_NEAR(dl_metric_roc_auc(c, dl_ones(c, DL_SHAPE(4)), t), .5, 1e-12);
    CHECK_NEAR(dl_metric_average_precision(c, dl_ones(c, DL_SHAPE(4)), t), .5, 1e-12);
    dl_manual_seed(c, 4);
    x = dl_to_real(c, dl_to_int(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(200)), 20)));      /* many ties */
    y = dl_to_int(c, dl_add_scalar(c, dl_rand(c, DL_SHAPE(200)), (dl_real).3));
    for (i = 0; i < 200; i++)
        for (j = 0; j < 200; j++)
            if (y->idata[i] == 1 && y->idata[j] == 0 && ++pairs) right += x->data[i] > x->data[j] ? 1 : x->data[i] == x->data[j] ? .5 : 0;
    CHECK_NEAR(dl_metric_roc_auc(c, x, y), right / pairs, 1e-12);
    CHECK(isnan(dl_metric_roc_auc(c, s, INTS(1, 1, 1, 1))));           CHECK_ERROR(c, "metric_roc_auc: all targets are 1");
    CHECK(dl_metric_average_precision(c, s, INTS(1, 1, 1, 1)) == 1);                                /* precision needs no zeros */
    CHECK(isnan(dl_metric_average_precision(c, s, INTS(0, 0, 0, 0)))); CHECK_ERROR(c, "_precision: all targets are 0");
    CHECK(isnan(dl_metric_roc_auc(c, s, INTS(0, 1, 2, 1))));           CHECK_ERROR(c, "target (4) holds 2 at index 2, expected 0 to 1");
    CHECK(isnan(dl_metric_average_precision(c, s, INTS(0, 1))));       CHECK_ERROR(c, "score (4) does not fit target (2)");
    s->data[1] = (dl_real)NAN;
    CHECK(isnan(dl_metric_roc_auc(c, s, t)));                          CHECK_ERROR(c, "the score at index 1 is NaN");
    CHECK_NEAR(dl_metric_r2(c, REALS(DL_SHAPE(4), 2.5f, 0, 2, 8), REALS(DL_SHAPE(4), 3, -.5f, 2, 7)), 0.948608137, 1e-9);
    CHECK(isnan(dl_metric_r2(c, dl_ones(c, DL_SHAPE(4)), dl_ones(c, DL_SHAPE(4)))));       CHECK_ERROR(c, "all targets are 1");
    for (int n = 1; n < 100; n++) {                                    /* whatever sums of it round to */
        CHECK(isnan(dl_metric_r2(c, dl_ones(c, DL_SHAPE(n)), dl_full(c, DL_SHAPE(n), (dl_real).1))));
        CHECK_ERROR(c, "all targets are 0.1");
    }
    CHECK(isnan(dl_metric_r2(c, dl_rand(c, DL_SHAPE(2, 3)), dl_rand(c, DL_SHAPE(3, 2)))));
    CHECK_ERROR(c, "metric_r2: predicted (2,3) does not fit target (3,2)");
    CHECK(isnan(dl_metric_r2(c, dl_ones(c, DL_SHAPE(4)), dl_ones(c, DL_SHAPE(3)))));
    CHECK_ERROR(c, "metric_r2: predicted (4)");
}

/* n samples whose input is their number; class 1 from `first` on. */
static dl_dataset *numbered(int n, int first)
{
    dl_tensor *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int i = first; i < n; i++) t->idata[i] = 1;
    return dl_data_tensors(c, dl_arange(c, 0, n, 1), t);
}

static void folds(void)
{
    ROW("SEL-05");
    static const int k[] = {5, 3}, sizes[2][5] = { {2, 2, 2, 2, 2}, {4, 3, 3} };           /* V37 */
    dl_dataset *d = numbered(10, 5), *train, *valid, *again;
    for (int stratified = 0; stratified < 2; stratified++)
        for (int seed = 0; seed < 2; seed++)
            for (int s = 0; s < 2; s++) {
                int times[10] = {0};
                for (int i = 0; i < k[s]; i++) {
                    int ones = 0, apart = 1;
                    CHECK(dl_data_kfold(c, d, k[s], i, &train, &valid, .seed = (uint64_t)seed, .stratified = stratified) == 1);
                    CHECK(valid->size == sizes[s][i] && train->size == 10 - valid->size && train->classes == 2);
                    for (int j = 0; j < valid->size; j++) {
                        times[(int)valid->inputs->data[j]]++;
                        ones += valid->targets->idata[j];
                        CHECK((valid->inputs->data[j] >= 5) == valid->targets->idata[j]);
                        for (int m = 0; m < train->size; m++) apart &= train->inputs->data[m] != valid->inputs->data[j];
                    }
                    CHECK(apart);
                    if (stratified) CHECK(2 * ones >= valid->size - 1 && 2 * ones <= valid->size + 1);
                    dl_data_kfold(c, d, k[s], i, NULL, &again, .seed = (uint64_t)seed, .stratified = stratified);
                    CHECK(!memcmp(again->inputs->data, valid->inputs->data, (size_t)valid->size * sizeof(dl_real)));
                }
                for (int i = 0; i < 10; i++) CHECK(times[i] == 1);
            }
    for (int i = 0; i < 3; i++) {                                      /* 2, 2, 1 of 5, in order, as in scikit-learn */
        dl_data_kfold(c, numbered(5, 1), 3, i, &train, &valid);
        CHECK(valid->size == (i < 2 ? 2 : 1) && valid->inputs->data[0] == 2 * i);
    }
    dl_data_kfold(c, d, 3, 0, &train, &valid);
    for (int i = 0; i < 4; i++) CHECK(valid->inputs->data[i] == i);
    CHECK(!dl_data_kfold(c, d, 11, 0, &train, &valid));  CHECK_ERROR(c, "data_kfold: 11 folds of 10 samples");
    CHECK(!dl_data_kfold(c, d, 1, 0, &train, &valid));   CHECK_ERROR(c, "1 folds");
    CHECK(!dl_data_kfold(c, d, 3, 3, &train, &valid));   CHECK_ERROR(c, "fold 3 of 3, counted from 0");
    CHECK(!dl_data_kfold(c, NULL, 3, 0, &train, &valid)); CHECK_ERROR(c, "data_kfold: the data set is NULL");
    CHECK(train->size == 0);
    d = dl_data_tensors(c, dl_ones(c, DL_SHAPE(4)), dl_ones(c, DL_SHAPE(4)));
    CHECK(!dl_data_kfold(c, d, 2, 0, &train, &valid, .stratified = 1));        CHECK_ERROR(c, "expected int32");
}

static void draws(void)
{
    dl_tensor *w = REALS(DL_SHAPE(4), 1, 0, 3, 4), *y;
    int count[4] = {0}, both[2] = {0}, i;
    dl_manual_seed(c, 1);
    y = dl_multinomial(c, w, 8000, .replacement = 1);
    CHECK(y->ndim == 1 && y->size == 8000);
    for (i = 0; i < y->size; i++) count[y->idata[i]]++;
    CHECK(count[1] == 0);
    CHECK_NEAR(count[0], 1000, 4 * sqrt(8000 * .125 * .875));
    CHECK_NEAR(count[2], 3000, 4 * sqrt(8000 * .375 * .625));
    for (i = 0; i < 200; i++) {                                        /* without replacement: all that can be drawn */
        y = dl_multinomial(c, w, 3);
        CHECK(y->idata[0] != y->idata[1] && y->idata[1] != y->idata[2] && y->idata[0] != y->idata[2]);
        CHECK(y->idata[0] != 1 && y->idata[1] != 1 && y->idata[2] != 1);
        both[0] += y->idata[0] == 3;
    }
    CHECK_NEAR(both[0], 100, 4 * sqrt(200 * .25));
    y = dl_multinomial(c, dl_eye(c, 3), 1);
    CHECK(y->ndim == 2 && y->shape[0] == 3 && y->shape[1] == 1 && y->idata[0] == 0 && y->idata[1] == 1 && y->idata[2] == 2);
    CHECK(dl_is_nil(dl_multinomial(c, w, 4)));                                     CHECK_ERROR(c, "4 draws without replacement from 3");
    CHECK(dl_is_nil(dl_multinomial(c, REALS(DL_SHAPE(2), 1, -1), 1)));             CHECK_ERROR(c, "weight -1 at index 1");
    CHECK(dl_is_nil(dl_multinomial(c, REALS(DL_SHAPE(2), 1, (dl_real)NAN), 1)));   CHECK_ERROR(c, "weight nan at index 1");
    CHECK(dl_is_nil(dl_multinomial(c, dl_zeros(c, DL_SHAPE(2)), 1)));              CHECK_ERROR(c, "the weights sum to 0");
    CHECK(dl_is_nil(dl_multinomial(c, w, 0)));                                     CHECK_ERROR(c, "multinomial");

    y = dl_data_bootstrap(c, 1000);                                    /* IMB-01: 1 - (1 - 1/n)^n = .6323045752 are distinct */
    {
        char seen[1000] = {0};
        double distinct = 0;
        for (i = 0; i < 1000; i++) { distinct += !seen[y->idata[i]]; seen[y->idata[i]] = 1; }
        CHECK_NEAR(distinct / 1000, 0.6323045752, 4 * sqrt(.1 / 1000));
    }
    CHECK(dl_is_nil(dl_data_bootstrap(c, 0)));                                     CHECK_ERROR(c, "data_bootstrap: axis 0 has size 0");
    CHECK(dl_is_nil(dl_data_bootstrap(c, (int64_t)1 << 32)));                      CHECK_ERROR(c, "does not fit");
}

static void balance(void)
{
    ROW("IMB-01"); ROW("IMB-04");
    dl_dataset *d = numbered(100, 90), *even;
    dl_tensor *w = dl_data_class_weights(c, d->targets, 2), *index;
    int times[100], ones = 0, i;
    CHECK_NEAR(w->data[0], .5556, 5e-5);
    CHECK_NEAR(w->data[1], 5, 1e-6);
    for (int under = 0; under < 2; under++) {
        memset(times, 0, sizeof times);
        index = dl_data_balanced(c, d->targets, .under = under);
        CHECK(index->size == (under ? 20 : 180));
        for (i = 0; i < index->size; i++) times[index->idata[i]]++;
        for (i = 90; i < 100; i++) CHECK(times[i] == (under ? 1 : 9));
        for (i = 0; i < 90; i++) CHECK(under ? times[i] <= 1 : times[i] == 1);
        even = dl_data_subset(c, d, index);
        for (i = ones = 0; i < even->size; i++) ones += even->targets->idata[i];
        CHECK(2 * ones == even->size);
    }
    {                                                                  /* more than a float counts: 2^24 */
        const int64_t n = ((int64_t)1 << 24) + ((int64_t)1 << 22);
        int32_t *many = (int32_t *)calloc((size_t)n + 1, sizeof *many);
        many[n] = 1;
        w = dl_data_class_weights(c, dl_tensor_from_int(c, many, DL_SHAPE(n + 1)), 2);
        CHECK_NEAR(w->data[0], (double)(n + 1) / (2 * (double)n), 1e-6);
        free(many);
        dl_step_begin(c);
    }
    index = dl_data_balanced(c, INTS(5, 5, 2));                        /* classes without samples stay without */
    CHECK(index->size == 4);
    CHECK(dl_is_nil(dl_data_class_weights(c, d->targets, 3)));         CHECK_ERROR(c, "data_class_weights: class 2 has no samples");
    CHECK(dl_is_nil(dl_data_class_weights(c, d->targets, 1)));
    CHECK_ERROR(c, "targets (100) holds 1 at index 90, expected 0 to 0");
    CHECK(dl_is_nil(dl_data_balanced(c, INTS(0, INT32_MAX - 1))));     CHECK_ERROR(c, "targets (2) holds 2147483646 at index 1, expected 0 to 16777215");
    CHECK(dl_is_nil(dl_data_balanced(c, INTS(0, -1))));                CHECK_ERROR(c, "targets (2) holds -1 at index 1");
}

static void weighted_loader(void)
{
    dl_dataset *d = numbered(100, 90);
    dl_tensor *w = dl_index_select(c, dl_data_class_weights(c, d->targets, 2), 0, d->targets);
    dl_loader *l = dl_loader_create(c, d, .batch_size = 10, .weights = w);
    int ones = 0, n = 0, zero = 0;
    for (int epoch = 0; epoch < 50; epoch++)
        while (dl_next_batch(c, l))
            for (int i = 0; i < 10; i++, n++) {
                ones += l->target->idata[i];
                zero += l->input->data[i] == 0;
            }
    CHECK(n == 5000);
    CHECK_NEAR(ones, 2500, 4 * sqrt(1250));
    CHECK_NEAR(zero, 2500 / 90.0, 4 * sqrt(2500 / 90.0));
    CHECK(dl_loader_create(c, d, .weights = dl_ones(c, DL_SHAPE(99)))->batches == 0);
    CHECK_ERROR(c, "loader_create: weights (99) for 100 samples");
    l = dl_loader_create(c, d, .weights = dl_zeros(c, DL_SHAPE(100)));
    CHECK(!dl_next_batch(c, l));
    CHECK_ERROR(c, "the weights sum to 0");
}

static void smote(void)
{
    ROW("IMB-02");
    dl_tensor *x = dl_randn(c, DL_SHAPE(10, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(10)));
    dl_dataset *d, *y;
    double off = 0;
    x->data[0] = 1; x->data[1] = 1; x->data[4] = 3; x->data[5] = 5;    /* V35: between (1, 1) and (3, 5), u = .5: (2, 3) */
    t->idata[0] = t->idata[2] = 1;
    d = dl_data_tensors(c, x, t);
    y = dl_data_smote(c, d);
    CHECK(y->size == 16 && y->classes == 2 && !memcmp(y->inputs->data, d->inputs->data, 20 * sizeof(dl_real)));
    for (int i = 10; i < 16; i++) {
        double u = ((double)y->inputs->data[2 * i] - 1) / 2;
        off = fmax(off, fabs((double)y->inputs->data[2 * i + 1] - (1 + 4 * u)));
        CHECK(u >= 0 && u <= 1 && y->targets->idata[i] == 1);
    }
    CHECK_NEAR(off, 0, 1e-5);

    /* Between 0 and 1, from either side in turn, the share u of the way is uniform: mean 1/2, mean square 1/3. */
    x = dl_zeros(c, DL_SHAPE(1002, 1));
    t = dl_to_int(c, dl_zeros(c, DL_SHAPE(1002)));
    x->data[1] = 1;
    t->idata[0] = t->idata[1] = 1;
    y = dl_data_smote(c, dl_data_tensors(c, x, t));
    if (CHECK(y->size == 2000)) {
        double mean = 0, square = 0;
        for (int i = 0; i < 998; i++) {
            double v = (double)y->inputs->data[1002 + i], u = i % 2 ? 1 - v : v;
            mean += u / 998;
            square += u * u / 998;
        }
        CHECK_NEAR(mean, 1 / 2.0, 4 * sqrt(1 / 12.0 / 998));
        CHECK_NEAR(square, 1 / 3.0, 4 * sqrt(4 / 45.0 / 998));
    }

    /* Two far clusters of one class: with k = 2 neighbours no point lies between them. */
    x = dl_mul_scalar(c, dl_rand(c, DL_SHAPE(40, 3, 2)), (dl_real).1);
    t = dl_to_int(c, dl_zeros(c, DL_SHAPE(40)));
    for (int i = 0; i < 6; i++) { t->idata[i] = 1; for (int j = 0; j < 6 && i < 3; j++) x->data[6 * i + j] += 10; }
    y = dl_data_smote(c, dl_data_tensors(c, x, t), .k = 2);
    CHECK(y->size == 68 && y->inputs->ndim == 3);
    for (int64_t i = 40 * 6; i < y->inputs->size; i++) CHECK(y->inputs->data[i] < 1 || y->inputs->data[i] > 9);
    y = dl_data_smote(c, d, .k = 100);                                 /* as many as there are */
    CHECK(y->size == 16);
    CHECK_OK(c);
    CHECK(dl_data_smote(c, numbered(5, 4))->size == 0);                CHECK_ERROR(c, "data_smote: class 1 has one sample");
    CHECK(dl_data_smote(c, d, .k = -1)->size == 0);                    CHECK_ERROR(c, "data_smote: -1 neighbours");
    CHECK(dl_data_smote(c, NULL)->size == 0);                          CHECK_ERROR(c, "NULL");
}

static double mean_of(const int32_t *index, int64_t n, void *user)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += ((const double *)user)[index[i]];
    return sum / (double)n;
}

static void bootstrap(void)
{
    ROW("SEL-10");
    double x[400], square = 0;
    dl_interval y;
    for (int i = 0; i < 400; i++) { x[i] = i % 20 - 9.5; square += x[i] * x[i]; }
    y = dl_bootstrap(c, 400, mean_of, x, .resamples = 2000);
    CHECK_NEAR(y.value, 0, 1e-12);
    CHECK_NEAR(y.error, sqrt(square / 400) / 20, 4 * sqrt(square / 400) / 20 / sqrt(4000));    /* s / sqrt(n) */
    CHECK_NEAR(y.low, -1.96 * y.error, .2 * y.error);
    CHECK_NEAR(y.high, 1.96 * y.error, .2 * y.error);
    y = dl_bootstrap(c, 400, mean_of, x, .confidence = .5);
    CHECK_NEAR(y.high, .6745 * y.error, .1 * y.error);
    CHECK(isnan(dl_bootstrap(c, 0, mean_of, x).value));                          CHECK_ERROR(c, "bootstrap: 1000 resamples of 0 samples");
    CHECK(isnan(dl_bootstrap(c, 4, mean_of, x, .resamples = INT_MAX).error));    CHECK_ERROR(c, "bootstrap: 2147483647 resamples");
    CHECK(isnan(dl_bootstrap(c, 4, mean_of, x, .confidence = 1).error));         CHECK_ERROR(c, "confidence 1");
    CHECK(isnan(dl_bootstrap(c, 4, NULL, x).error));                             CHECK_ERROR(c, "bootstrap");
}

static void nothing(void)                                              /* no context, nil and NULL tensors */
{
    dl_tensor *nil = dl_matmul(c, dl_ones(c, DL_SHAPE(2)), dl_ones(c, DL_SHAPE(3)));
    dl_dataset *a, *b;
    dl_clear_error(c);
    CHECK(isnan(dl_metric_accuracy(c, nil, NULL)));                   CHECK_ERROR(c, "nil");
    CHECK(isnan(dl_metric_accuracy(c, NULL, nil)));                   CHECK_ERROR(c, "NULL");
    CHECK(dl_is_nil(dl_metric_confusion(c, nil, nil, 2)));            CHECK_ERROR(c, "nil");
    CHECK(dl_is_nil(dl_metric_confusion(c, INTS(0, 1), INTS(0, 1), -3))); CHECK_ERROR(c, "metric_confusion: classes is -3, expected at least 1");
    CHECK(isnan(dl_metric_scores(c, nil).f1));                        CHECK_ERROR(c, "nil");
    CHECK(isnan(dl_metric_roc_auc(c, nil, nil)));                     CHECK_ERROR(c, "nil");
    CHECK(isnan(dl_metric_average_precision(c, NULL, NULL)));         CHECK_ERROR(c, "NULL");
    CHECK(dl_is_nil(dl_data_balanced(c, nil)));                       CHECK_ERROR(c, "nil");
    CHECK(dl_is_nil(dl_data_class_weights(c, nil, 2)));               CHECK_ERROR(c, "nil");
    CHECK(dl_is_nil(dl_multinomial(c, NULL, 2)));                     CHECK_ERROR(c, "NULL");
    CHECK(dl_is_nil(dl_data_bootstrap(NULL, 2)) && dl_is_nil(dl_multinomial(NULL, nil, 2)) &&
          isnan(dl_metric_scores(NULL, nil).f1));
    CHECK(!dl_data_kfold(NULL, NULL, 2, 0, &a, &b) && isnan(dl_bootstrap(NULL, 2, mean_of, NULL).value) &&
          !dl_data_smote(NULL, NULL)->size);
}

int main(void)
{
    c = dl_create(.seed = 3);
    RUN(scores_of_classes);
    RUN(top_k);
    RUN(areas);
    RUN(folds);
    RUN(draws);
    RUN(balance);
    RUN(weighted_loader);
    RUN(smote);
    RUN(bootstrap);
    RUN(nothing);
    dl_destroy(c);
    TEST_END;
}
