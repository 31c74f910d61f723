/* build: float double asan */
/* Losses: values and gradients against PyTorch's (gen_losses.py), gradients against differences in double, bad input,
   and rows LOSS-* of the curriculum. */
#include "dl.h"
#include "test.h"

static dl_ctx *c;

static dl_tensor *city_blocks(dl_ctx *ctx, dl_tensor *a, dl_tensor *b)
{
    return dl_sum(ctx, dl_abs(ctx, dl_sub(ctx, a, b)), .dims = DL_DIM(1));
}

#include "golden_losses.h"
/* gaussian_nll: straight through the clamp of the variance, as PyTorch */
#define NO_DIFFERENCES(text) ((strstr(text, "gaussian") && strstr(text, "eps")) || strstr(text, "label_smoothing = (dl_real)0.1)"))
#define UNUSED(text, i)      0
#define MAY_BE_NULL(text, i) (strstr(text, (i) == 2 ? "weight = x[2]" : (i) == 3 ? "pos_weight = x[3]" : "?") != NULL)
#define MAY_BE_INT(text, i)  ((i) == 1 && !strncmp(text, "cross_entropy", 13))
#define ANY_SHAPE(text, i)   0
#include "cases.h"

#define S1 DL_SHAPE(1)
#define FROM(shape, ...) dl_tensor_from(c, (const dl_real[]){__VA_ARGS__}, shape)
#define INTS(shape, ...) dl_tensor_from_int(c, (const int32_t[]){__VA_ARGS__}, shape)

/* --- bad input ----------------------------------------------------------------------------------------------------------- */
static void no_context(void)
{
    CHECK(dl_is_nil(dl_mse_loss(NULL, NULL, NULL)) && dl_is_nil(dl_ctc_loss(NULL, NULL, NULL, NULL, NULL)));
    CHECK(dl_is_nil(dl_cross_entropy(NULL, NULL, NULL)) && dl_is_nil(dl_entropy(NULL, NULL, 0)) &&
          dl_is_nil(dl_dice_loss(NULL, NULL, NULL)));
}

#define BAD(expr, part) do { dl_step_begin(c); CHECK(dl_is_nil(expr)); CHECK_ERROR(c, part); } while (0)
#define R23  dl_ones(c, DL_SHAPE(2, 3))
#define P234 dl_full(c, DL_SHAPE(2, 3, 4), (dl_real)0.5)
static void bad_numbers(void)
{
    const dl_real nan = (dl_real)NAN;
    BAD(dl_cross_entropy(c, P234, INTS(DL_SHAPE(2, 4), 0, 1, 2, 0, 3, 0, 0, 0)),
        "cross_entropy: target (2,4) holds 3 at index 4, expected 0 to 2 or -100, for (");
    BAD(dl_cross_entropy(c, P234, INTS(DL_SHAPE(2, 3), 0, 1, 2, 0, 0, 0)), "cross_entropy: scores (2,3,4) with target (2,3)");
    BAD(dl_cross_entropy(c, R23, dl_ones(c, DL_SHAPE(2))),
        "cross_entropy: target (2) holds reals, expected int32 labels (dl_to_int) or probabilities (2,3)");
    BAD(dl_cross_entropy(c, R23, R23, .ignore_index = 1), "cross_entropy: ignore_index is 1, which targets (2,3) of probabilities");
    BAD(dl_nll_loss(c, R23, INTS(DL_SHAPE(2), 0, -1)), "nll_loss: target (2) holds -1 at index 1, expected 0 to 2 or -100, for (2,3)");
    BAD(dl_nll_loss(c, R23, INTS(DL_SHAPE(2), 0, 1), .weight = dl_ones(c, DL_SHAPE(2))), "nll_loss: weight (2) for 3 classes");
    BAD(dl_focal_loss(c, R23, INTS(DL_SHAPE(2), 0, 3)), "focal_loss: target (2) holds 3 at index 1");
    BAD(dl_focal_loss(c, R23, INTS(DL_SHAPE(2), 0, 1), .gamma = -2), "focal_loss: gamma");
    BAD(dl_sigmoid_focal_loss(c, R23, R23, .gamma = nan), "sigmoid_focal_loss: gamma");
    BAD(dl_sigmoid_focal_loss(c, R23, R23, .alpha = 2), "sigmoid_focal_loss: alpha");
    BAD(dl_mse_loss(c, R23, dl_ones(c, DL_SHAPE(3))), "mse_loss: x (2,3) with target (3)");
    BAD(dl_mse_loss(c, R23, R23, .weight = dl_ones(c, DL_SHAPE(3))), "mse_loss: weight (3) for (2,3)");
    BAD(dl_l1_loss(c, R23, R23, .reduction = (dl_reduction)7), "l1_loss: reduction is 7, expected 0 to 2 (DL_NONE)");
    BAD(dl_huber_loss(c, R23, R23, .delta = -1), "huber_loss: delta");
    BAD(dl_huber_loss(c, R23, R23, .delta = nan), "huber_loss: delta");
    BAD(dl_smooth_l1_loss(c, R23, R23, .beta = -2), "smooth_l1_loss: beta");
    BAD(dl_bce_loss(c, FROM(DL_SHAPE(2), 0.5, 1.5), FROM(DL_SHAPE(2), 1, 0)), "bce_loss: 1.5 at index 1 is no probability");
    BAD(dl_bce_with_logits(c, R23, R23, .pos_weight = dl_ones(c, DL_SHAPE(2))), "bce_with_logits: pos_weight (2) for (2,3)");
    BAD(dl_bce_with_logits(c, R23, R23, .weight = dl_ones(c, DL_SHAPE(4, 2, 3))), "bce_with_logits: weight (4,2,3) for (2,3)");
    BAD(dl_poisson_nll_loss(c, R23, R23, .eps = -2), "poisson_nll_loss: eps");
    BAD(dl_gaussian_nll_loss(c, R23, R23, dl_full(c, DL_SHAPE(2, 3), -1)), "gaussian_nll_loss: variance -1 at index 0");
    BAD(dl_gaussian_nll_loss(c, R23, R23, dl_ones(c, DL_SHAPE(3))), "gaussian_nll_loss: (2,3) with variances (3");
    BAD(dl_cosine_embedding_loss(c, P234, P234, R23), "cosine_embedding_loss: (2,3,4)");
    BAD(dl_triplet_margin_loss(c, R23, R23, R23, .margin = -3), "triplet_margin_loss: margin");
    BAD(dl_triplet_margin_loss(c, R23, R23, R23, .p = -1), "pairwise_distance: p");
    BAD(dl_multi_margin_loss(c, R23, INTS(DL_SHAPE(2), 0, 1), .p = 3), "multi_margin_loss: p is 3");
    BAD(dl_multi_margin_loss(c, R23, INTS(DL_SHAPE(2), 0, -100)), "multi_margin_loss: target (2) holds -100 at index 1, expected 0 to 2, for (2,3)");
    BAD(dl_multilabel_margin_loss(c, R23, INTS(DL_SHAPE(2, 3), 0, 1, -1, 3, 0, 0)),
        "multilabel_margin_loss: target (2,3) holds 3 at index 3, expected 0 to 2 or -1, for (2,3)");
    BAD(dl_multilabel_margin_loss(c, R23, INTS(DL_SHAPE(2, 3), 0, 1, -1, -2, 0, 0)), "multilabel_margin_loss: target (2,3) holds -2 at index 3");
    BAD(dl_dice_loss(c, R23, R23), "dice_loss: (2,3), expected (N, C, d1, ..)");
    BAD(dl_tversky_loss(c, P234, P234, .alpha = -2), "tversky_loss: alpha is -2, expected 0 or more");
    BAD(dl_entropy(c, FROM(DL_SHAPE(2), -1, 2), 0), "entropy: probability -1 at index 0 is negative");
    BAD(dl_entropy(c, R23, 2), "entropy: axis 2");
    BAD(dl_kl_divergence(c, R23, P234, 0), "kl_divergence: p (2,3) with q (2,3,4)");
    BAD(dl_cross_entropy_probs(c, R23, R23, 1, .eps = -1), "cross_entropy_probs: eps");
    BAD(dl_surprisal(c, FROM(S1, -1)), "surprisal: probability -1");
    dl_step_begin(c);                                                /* what is not a number is no error: it shows */
    CHECK(isnan(dl_item(dl_bce_loss(c, FROM(S1, nan), FROM(S1, 1)))));
    CHECK(isnan(dl_item(dl_mse_loss(c, FROM(S1, nan), FROM(S1, 1)))));
    CHECK(isnan(dl_item(dl_cross_entropy(c, R23, INTS(DL_SHAPE(2), -100, -100)))));       /* nothing counts: 0 / 0 */
    CHECK(isnan(dl_item(dl_entropy(c, FROM(DL_SHAPE(2), nan, 1), 0))));
    CHECK_OK(c);
}

static void bad_pairs(void)
{
    BAD(dl_margin_ranking_loss(c, R23, R23, dl_ones(c, DL_SHAPE(2))), "margin_ranking_loss: a (2,3) with y (2)");
    BAD(dl_margin_ranking_loss(c, R23, dl_ones(c, DL_SHAPE(2)), R23), "margin_ranking_loss: a (2,3) with b (2)");
    BAD(dl_margin_ranking_loss(c, R23, R23, R23, .reduction = (dl_reduction)3), "margin_ranking_loss: reduction is 3, expected 0 to 2 (DL_NONE)");
    BAD(dl_triplet_margin_loss(c, R23, dl_ones(c, DL_SHAPE(1, 3)), R23), "triplet_margin_loss: anchor (2,3) with positive (1,3)");
    BAD(dl_triplet_margin_loss(c, R23, R23, dl_ones(c, DL_SHAPE(1, 3))), "triplet_margin_loss: anchor (2,3) with negative (1,3)");
    BAD(dl_triplet_margin_loss(c, R23, NULL, R23), "triplet_margin_loss: positive is NULL");
    BAD(dl_triplet_margin_loss(c, R23, R23, R23, .reduction = (dl_reduction)3), "triplet_margin_loss: reduction is 3, expected 0 to 2 (DL_NONE)");
    BAD(dl_cosine_embedding_loss(c, R23, dl_ones(c, DL_SHAPE(1, 3)), dl_ones(c, DL_SHAPE(2))), "cosine_embedding_loss: a (2,3) with b (1,3)");
    BAD(dl_cosine_embedding_loss(c, R23, R23, dl_ones(c, DL_SHAPE(2)), .reduction = (dl_reduction)3), "cosine_embedding_loss: reduction is 3");
    BAD(dl_hinge_embedding_loss(c, R23, dl_ones(c, DL_SHAPE(2))), "hinge_embedding_loss: x (2,3) with y (2)");
    BAD(dl_dice_loss(c, P234, R23), "dice_loss: p (2,3,4) with target (2,3)");
    BAD(dl_soft_margin_loss(c, R23, dl_ones(c, DL_SHAPE(3, 2))), "soft_margin_loss: x (2,3) with y (3,2)");
    BAD(dl_multilabel_soft_margin_loss(c, R23, R23, .weight = dl_ones(c, DL_SHAPE(2))), "multilabel_soft_margin_loss: weight (2) for (2,3)");
    BAD(dl_pairwise_distance(c, R23, R23, .p = -1), "pairwise_distance: p is -1, expected 0 or more");
    BAD(dl_multilabel_soft_margin_loss(c, dl_scalar(c, 1), dl_scalar(c, 1)), "multilabel_soft_margin_loss: () has no axis");
}

static dl_tensor *ctc(dl_shape x, dl_tensor *targets, int in, int out, int blank)
{
    return dl_ctc_loss(c, dl_zeros(c, x), targets, INTS(DL_SHAPE(2), 4, in), INTS(DL_SHAPE(2), 1, out), .blank = blank);
}
static void bad_ctc(void)
{
    dl_shape x = DL_SHAPE(4, 2, 3), s = DL_SHAPE(2, 2);
    BAD(ctc(x, INTS(s, 1, 2, 2, 1), 5, 1, 0), "ctc_loss: input_lengths (2) holds 5 at index 1, expected 0 to 4, for (");
    BAD(ctc(x, INTS(s, 1, 2, 2, 1), -1, 1, 0), "ctc_loss: input_lengths (2) holds -1 at index 1");
    BAD(ctc(x, INTS(s, 1, 2, 2, 1), 4, 3, 0), "ctc_loss: target_lengths (2) holds 3 at index 1, expected 0 to 2, for (2,2)");
    BAD(ctc(x, INTS(DL_SHAPE(2), 1, 2), 4, 2, 0), "ctc_loss: target_lengths (2) add up to 3 or more, expected at most the size of targets (2)");
    BAD(ctc(x, INTS(s, 1, 2, 3, 1), 4, 1, 0), "ctc_loss: targets (2,2) holds 3 at index 2, of sample 1, expected 0 to 2 and not the blank, 0");
    BAD(ctc(x, INTS(s, 1, 2, 0, 1), 4, 1, 0), "ctc_loss: targets (2,2) holds 0 at index 2, of sample 1");                /* the blank */
    BAD(ctc(x, INTS(s, 1, 2, 2, 1), 4, 1, 3), "ctc_loss: blank is 3");
    BAD(ctc(x, INTS(s, 1, 2, 2, 1), 4, 1, -1), "ctc_loss: blank is -1");
    BAD(ctc(DL_SHAPE(4, 3, 3), INTS(s, 1, 2, 2, 1), 4, 1, 0), "ctc_loss: log_probs (4,3,3)");
    BAD(ctc(DL_SHAPE(4), INTS(s, 1, 2, 2, 1), 4, 1, 0), "ctc_loss: log_probs (4), expected (T, N, C) or (T, C)");
    dl_step_begin(c);                                                /* what lies behind a target's length is not looked at */
    CHECK(isfinite(dl_item(ctc(x, INTS(s, 1, 99, -5, 99), 4, 0, 0))));
    CHECK_OK(c);
}

/* --- what a table of sums does not show ----------------------------------------------------------------------------------- */
#ifdef DL_DOUBLE
#define NEAR(a, b) CHECK_NEAR(a, b, 1e-9)
#else
#define NEAR(a, b) CHECK_NEAR(a, b, 3e-6 * (1 + fabs((double)(b))))
#endif

/* The usual options are what the comments say. */
static void usual_options(void)
{
    dl_tensor *x, *y, *t, *s, *p;
    dl_step_begin(c);
    x = dl_randn(c, DL_SHAPE(4, 3));
    y = dl_randn(c, DL_SHAPE(4, 3));
    s = dl_sub(c, dl_mul_scalar(c, dl_gt(c, x, y), 2), dl_ones(c, DL_SHAPE(4, 3)));
    p = dl_sigmoid(c, x);
    t = INTS(DL_SHAPE(4), 0, 2, 1, 0);
#define SAME(a, b) CHECK(dl_item(a) == dl_item(b))
    SAME(dl_cross_entropy(c, x, t), dl_cross_entropy(c, x, t, .ignore_index = -100, .reduction = DL_MEAN,
                                                     .label_smoothing = 0));
    SAME(dl_nll_loss(c, x, t), dl_nll_loss(c, x, t, .ignore_index = -100));
    SAME(dl_focal_loss(c, x, t), dl_focal_loss(c, x, t, .gamma = 2, .ignore_index = -100));
    SAME(dl_sigmoid_focal_loss(c, x, p), dl_sigmoid_focal_loss(c, x, p, .alpha = (dl_real)0.25, .gamma = 2));
    SAME(dl_huber_loss(c, x, y), dl_huber_loss(c, x, y, .delta = 1));
    SAME(dl_smooth_l1_loss(c, x, y), dl_smooth_l1_loss(c, x, y, .beta = 1));
    SAME(dl_poisson_nll_loss(c, p, p, .no_log_input = 1), dl_poisson_nll_loss(c, p, p, .no_log_input = 1,
                                                                              .eps = (dl_real)1e-8));
    SAME(dl_gaussian_nll_loss(c, x, y, p), dl_gaussian_nll_loss(c, x, y, p, .eps = (dl_real)1e-6));
    SAME(dl_hinge_embedding_loss(c, x, s), dl_hinge_embedding_loss(c, x, s, .margin = 1));
    SAME(dl_triplet_margin_loss(c, x, y, p), dl_triplet_margin_loss(c, x, y, p, .margin = 1, .p = 2, .eps = (dl_real)1e-6));
    SAME(dl_multi_margin_loss(c, x, t), dl_multi_margin_loss(c, x, t, .p = 1, .margin = 1));
    p = dl_reshape(c, p, DL_SHAPE(2, 2, 3));
    SAME(dl_tversky_loss(c, p, p), dl_tversky_loss(c, p, p, .alpha = (dl_real)0.3, .beta = (dl_real)0.7, .smooth = 1));
    SAME(dl_dice_loss(c, p, p), dl_dice_loss(c, p, p, .smooth = 1));
    CHECK_OK(c);
}

/* Logits and probabilities at the ends of the range. */
static void hard_numbers(void)
{
    dl_tensor *x, *y, *p;
    dl_step_begin(c);
    p = dl_requires_grad(c, FROM(DL_SHAPE(4), 0, 1, 0, 1), 1);
    dl_backward(c, dl_bce_loss(c, p, FROM(DL_SHAPE(4), 0, 1, 1, 0), .reduction = DL_SUM));     /* as PyTorch: 100, 1e12 */
    NEAR(dl_item(dl_bce_loss(c, p, FROM(DL_SHAPE(4), 0, 1, 1, 0), .reduction = DL_SUM)), 200);
    CHECK(p->grad[0] == 0 && p->grad[1] == 0);
    CHECK_NEAR((double)p->grad[2] / -1e12, 1, 1e-6);
    CHECK_NEAR((double)p->grad[3] / 1e12, 1, 1e-6);
    x = dl_requires_grad(c, FROM(DL_SHAPE(1, 2), 10000, 10001), 1);
    dl_backward(c, dl_cross_entropy(c, x, INTS(S1, 0), .label_smoothing = (dl_real)0.5));
    NEAR(dl_item(dl_cross_entropy(c, x, INTS(S1, 0), .label_smoothing = (dl_real)0.5)), 1.0632616872);
    NEAR(x->grad[0], 0.2689414214 - 0.75);
    x = dl_requires_grad(c, FROM(DL_SHAPE(2), 500, -500), 1);
    dl_backward(c, dl_sigmoid_focal_loss(c, x, FROM(DL_SHAPE(2), 1, 0), .reduction = DL_SUM));   /* sure and right */
    CHECK(x->grad[0] == 0 && x->grad[1] == 0);
    dl_zero_grad(x);
    y = dl_requires_grad(c, FROM(DL_SHAPE(1, 2), 800, -800), 1);
    dl_backward(c, dl_sigmoid_focal_loss(c, y, FROM(DL_SHAPE(1, 2), 1, 0), .gamma = (dl_real)0.5, .reduction = DL_SUM));
    CHECK(y->grad[0] == 0 && y->grad[1] == 0);
    dl_backward(c, dl_focal_loss(c, y, INTS(S1, 0), .gamma = (dl_real)0.5));
    CHECK(y->grad[0] == 0 && y->grad[1] == 0);
    dl_backward(c, dl_bce_with_logits(c, x, FROM(DL_SHAPE(2), 0, 1), .pos_weight = FROM(S1, 3), .reduction = DL_SUM));
    NEAR(x->grad[0], 1);
    NEAR(x->grad[1], -3);
    y = dl_bce_with_logits(c, FROM(DL_SHAPE(3), (dl_real)HUGE_VAL, -(dl_real)HUGE_VAL, 1000), FROM(DL_SHAPE(3), 0, 1, (dl_real)0.9999),
                           .reduction = DL_NONE);                                                 /* wrong without doubt */
    CHECK(y->data[0] == (dl_real)HUGE_VAL && y->data[1] == (dl_real)HUGE_VAL);
    CHECK_NEAR((double)y->data[2], 1000 * (1 - (double)(dl_real)0.9999), 1e-7);
    y = dl_soft_margin_loss(c, FROM(DL_SHAPE(3), (dl_real)HUGE_VAL, -(dl_real)HUGE_VAL, 1), FROM(DL_SHAPE(3), 1, -1, 1), .reduction = DL_NONE);
    CHECK(y->data[0] == 0 && y->data[1] == 0);
    NEAR(y->data[2], log1p(exp(-1.0)));
    CHECK_OK(c);
}

/* A NaN shows in the gradient too; what is ordinary is not made of what is not.  The numbers are PyTorch's. */
static void huber_of_hard_numbers(void)
{
    const dl_real nan = (dl_real)NAN, big = (dl_real)3e38, small = (dl_real)1e-30;
    dl_tensor *x, *y;
    dl_step_begin(c);
    x = dl_requires_grad(c, FROM(DL_SHAPE(4), nan, 3, (dl_real)-0.5, -(dl_real)HUGE_VAL), 1);
    y = dl_huber_loss(c, x, dl_zeros(c, DL_SHAPE(4)), .delta = 2, .reduction = DL_NONE);
    dl_backward(c, dl_sum(c, y));
    CHECK(isnan(y->data[0]) && y->data[1] == 4 && y->data[2] == (dl_real)0.125 && isinf(y->data[3]));
    CHECK(isnan(x->grad[0]) && x->grad[1] == 2 && x->grad[2] == (dl_real)-0.5 && x->grad[3] == -2);
    x = dl_requires_grad(c, FROM(DL_SHAPE(3), nan, big, -1), 1);
    y = dl_smooth_l1_loss(c, x, dl_zeros(c, DL_SHAPE(3)), .beta = 2, .reduction = DL_NONE);
    dl_backward(c, dl_sum(c, y));
    CHECK(isnan(y->data[0]) && y->data[1] == big && y->data[2] == (dl_real)0.25);
    CHECK(isnan(x->grad[0]) && x->grad[1] == 1 && x->grad[2] == (dl_real)-0.5);
    CHECK_NEAR(dl_item(dl_smooth_l1_loss(c, FROM(S1, small), dl_zeros(c, S1), .beta = small)) / 5e-31, 1, 1e-6);
    CHECK_OK(c);
}

/* A picture of a million labels, whose weights are not representable: the sum is exact enough to divide by. */
static void many_weighted_labels(void)
{
    dl_tensor *w, *labels, *x;
    dl_step_begin(c);
    w = dl_full(c, DL_SHAPE(2), (dl_real)0.1);
    labels = dl_to_int(c, dl_zeros(c, DL_SHAPE(1, 1000, 1000)));
    x = dl_zeros(c, DL_SHAPE(1, 2, 1000, 1000));
    NEAR(dl_item(dl_cross_entropy(c, x, labels, .weight = w)), log(2.0));
    NEAR(dl_item(dl_nll_loss(c, dl_add_scalar(c, x, -2), labels, .weight = w)), 2);
    CHECK_OK(c);
}

/* CTC against the sum over all paths, T = 4, C = 3, target "1 2". */
static void ctc_by_enumeration(void)
{
    dl_tensor *x;
    double total = 0;
    int path, t;
    dl_step_begin(c);
    x = dl_log_softmax(c, dl_randn(c, DL_SHAPE(4, 1, 3)), 2);
    for (path = 0; path < 81; path++) {
        int k[4], out[4], n = 0, rest = path;
        double log_p = 0;
        for (t = 0; t < 4; t++) {
            k[t] = rest % 3;
            rest /= 3;
            log_p += (double)x->data[t * 3 + k[t]];
            if (k[t] && (t == 0 || k[t] != k[t - 1])) out[n++] = k[t];
        }
        if (n == 2 && out[0] == 1 && out[1] == 2) total += exp(log_p);
    }
    NEAR(dl_item(dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 2), 1, 2), INTS(S1, 4), INTS(S1, 2), .reduction = DL_SUM)), -log(total));
    CHECK_OK(c);
}

/* The gradient of a target that does not fit is 0; an empty target is a run of blanks. */
static void ctc_edges(void)
{
    dl_tensor *x, *l;
    int i;
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_log_softmax(c, dl_randn(c, DL_SHAPE(2, 1, 3)), 2), 1);
    x = dl_requires_grad(c, dl_detach(c, x), 1);
    l = dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 3), 1, 2, 1), INTS(S1, 2), INTS(S1, 3));
    CHECK(isinf(dl_item(l)));
    dl_backward(c, l);
    for (i = 0; i < 6; i++) CHECK(x->grad[i] == 0);
    CHECK(dl_item(dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 3), 1, 2, 1), INTS(S1, 2), INTS(S1, 3), .zero_infinity = 1)) == 0);
    NEAR(dl_item(dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 3), 1, 2, 1), INTS(S1, 2), INTS(S1, 0))),
         -(double)(x->data[0] + x->data[3]));
    CHECK(isinf(dl_item(dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 3), 1, 2, 1), INTS(S1, 0), INTS(S1, 1)))));
    CHECK(dl_item(dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 3), 1, 2, 1), INTS(S1, 0), INTS(S1, 0))) == 0);
    for (i = 0; i < 4; i++) {                                        /* NaN everywhere, or in a blank: it stays, whatever is asked for */
        x = dl_requires_grad(c, dl_full(c, DL_SHAPE(4, 1, 3), i % 2 ? (dl_real)-1.1 : (dl_real)NAN), 1);
        x->data[0] = (dl_real)NAN;
        l = dl_ctc_loss(c, x, INTS(DL_SHAPE(1, 3), 1, 2, 1), INTS(S1, 4), INTS(S1, i % 2 ? 2 : 0), .zero_infinity = i / 2);
        dl_backward(c, l);
        CHECK(isnan(dl_item(l)) && isnan((double)x->grad[0]));
    }
    CHECK_OK(c);
}

/* The same bits for one thread and several. */
static void threads_change_nothing(void)
{
    dl_real sum[2][4];
    int k;
    for (k = 0; k < 2; k++) {
        dl_ctx *mine = dl_create(.seed = 5, .threads = 1 + 2 * k);
        dl_tensor *x = dl_requires_grad(mine, dl_randn(mine, DL_SHAPE(50, 40, 30)), 1), *l, *lengths, *labels;
        labels = dl_to_int(mine, dl_add_scalar(mine, dl_mul_scalar(mine, dl_rand(mine, DL_SHAPE(40, 8)), 28), 1));
        lengths = dl_to_int(mine, dl_full(mine, DL_SHAPE(40), 8));
        l = dl_ctc_loss(mine, dl_log_softmax(mine, x, 2), labels, dl_to_int(mine, dl_full(mine, DL_SHAPE(40), 50)), lengths);
        dl_backward(mine, l);
        sum[k][0] = (dl_real)dl_item(l);
        sum[k][1] = x->grad[777];
        dl_zero_grad(x);
        l = dl_cross_entropy(mine, x, dl_to_int(mine, dl_mul_scalar(mine, dl_rand(mine, DL_SHAPE(50, 30)), 39)),
                             .label_smoothing = (dl_real)0.1);
        dl_backward(mine, l);
        sum[k][2] = (dl_real)dl_item(l);
        sum[k][3] = x->grad[778];
        CHECK_OK(mine);
        dl_destroy(mine);
    }
    CHECK(!memcmp(sum[0], sum[1], sizeof sum[0]));
}

/* --- the curriculum ------------------------------------------------------------------------------------------------------- */
static void squared_errors(void)                                     /* V02 is 1/2 (yhat - y)^2, V06 its sum */
{
    dl_tensor *y, *t;
    ROW("LOSS-01"); ROW("LOSS-02");
    dl_step_begin(c);
    y = FROM(DL_SHAPE(3), 1, 2.5, -1);
    t = FROM(DL_SHAPE(3), 0, 2, 2);
    NEAR(dl_item(dl_half_mse_loss(c, y, t)), (0.5 + 0.125 + 4.5) / 3);
    NEAR(dl_item(dl_half_mse_loss(c, y, t, .reduction = DL_SUM)), 5.125);
    NEAR(dl_item(dl_mse_loss(c, y, t)), 2 * 5.125 / 3);
    NEAR(dl_half_mse_loss(c, y, t, .reduction = DL_NONE)->data[2], 4.5);
    t = dl_one_hot(c, INTS(DL_SHAPE(0), 2), 10);
    NEAR(dl_item(dl_sse_loss(c, FROM(DL_SHAPE(10), .1, .05, .6, 0, .05, .1, 0, .1, 0, 0), t)), 0.0975);
    NEAR(dl_item(dl_sse_loss(c, FROM(DL_SHAPE(10), .1, .05, .1, 0, .05, .1, 0, .6, 0, 0), t)), 0.5975);
    CHECK_OK(c);
}

static void cross_entropy_of_probabilities(void)                     /* V06 */
{
    dl_tensor *y, *t, *l;
    ROW("LOSS-08"); ROW("LOSS-14"); ROW("LOSS-15");
    dl_step_begin(c);
    t = dl_one_hot(c, INTS(DL_SHAPE(2), 2, 2), 10);
    y = FROM(DL_SHAPE(2, 10), .1, .05, .6, 0, .05, .1, 0, .1, 0, 0, .1, .05, .1, 0, .05, .1, 0, .6, 0, 0);
    l = dl_cross_entropy_probs(c, t, y, 1, .eps = (dl_real)1e-7);
    NEAR(l->data[0], 0.5108254571);
    NEAR(l->data[1], 2.3025840930);
    NEAR(dl_item(dl_mean(c, l)), (0.5108254571 + 2.3025840930) / 2);
    CHECK_OK(c);
}

static void likelihood(void)                                         /* V05: nll of log-softmax */
{
    dl_tensor *o;
    double want[3] = {2.4076059644, 1.4076059644, 0.4076059644};
    int k;
    ROW("LOSS-16");
    dl_step_begin(c);
    o = FROM(DL_SHAPE(3), 1, 2, 3);
    for (k = 0; k < 3; k++) NEAR(dl_item(dl_nll_loss(c, dl_log_softmax(c, o, 0), INTS(DL_SHAPE(0), k))), want[k]);
    CHECK_OK(c);
}

static void binary_cross_entropy(void)                               /* V05 */
{
    dl_tensor *x, *p;
    ROW("LOSS-18");
    dl_step_begin(c);
    x = dl_requires_grad(c, FROM(S1, 0.5), 1);
    p = dl_sigmoid(c, x);
    NEAR(dl_item(dl_bce_loss(c, p, FROM(S1, 1))), 0.4740769842);
    NEAR(dl_item(dl_bce_loss(c, p, FROM(S1, 0))), 0.9740769842);
    dl_backward(c, dl_bce_loss(c, p, FROM(S1, 1)));
    NEAR(x->grad[0], -0.3775406688);
    dl_zero_grad(x);
    dl_backward(c, dl_bce_loss(c, p, FROM(S1, 0)));
    NEAR(x->grad[0], 0.6224593312);
    CHECK_OK(c);
}

static void information(void)                                        /* V07 */
{
    dl_tensor *P, *Q;
    ROW("LOSS-20"); ROW("LOSS-21"); ROW("LOSS-22"); ROW("LOSS-23");
    dl_step_begin(c);
    P = FROM(DL_SHAPE(4), 0.5, 0.25, 0.125, 0.125);
    Q = dl_full(c, DL_SHAPE(4), (dl_real)0.25);
    NEAR(dl_item(dl_entropy(c, P, 0)), 1.2130075660);
    NEAR(dl_item(dl_entropy(c, P, 0, .bits = 1)), 1.75);
    NEAR(dl_item(dl_entropy(c, Q, 0)), 1.3862943611);
    NEAR(dl_item(dl_entropy(c, Q, 0, .bits = 1)), 2);
    NEAR(dl_item(dl_cross_entropy_probs(c, P, Q, 0)), 1.3862943611);
    NEAR(dl_item(dl_cross_entropy_probs(c, P, Q, 0, .bits = 1)), 2);
    NEAR(dl_item(dl_cross_entropy_probs(c, Q, P, 0)), 1.5595811563);
    NEAR(dl_item(dl_cross_entropy_probs(c, Q, P, 0, .bits = 1)), 2.25);
    NEAR(dl_item(dl_kl_divergence(c, P, Q, 0)), 0.1732867951);
    NEAR(dl_item(dl_kl_divergence(c, Q, P, 0)), 0.1732867951);
    NEAR(dl_item(dl_kl_divergence(c, P, Q, 0, .bits = 1)), 0.25);
    NEAR(dl_item(dl_kl_divergence(c, P, P, 0)), 0);
    NEAR(dl_item(dl_kl_div(c, dl_log(c, Q), P, .reduction = DL_SUM)), 0.1732867951);      /* PyTorch's order: log Q, P */
    NEAR(dl_surprisal(c, P, .bits = 1)->data[3], 3);
    NEAR(dl_surprisal(c, P)->data[0], 0.6931471806);
    NEAR(dl_item(dl_entropy(c, FROM(DL_SHAPE(2), 0, 1), 0)), 0);                          /* 0 log 0 = 0 */
    CHECK(isinf(dl_item(dl_kl_divergence(c, P, FROM(DL_SHAPE(4), 0, 0.5, 0.25, 0.25), 0))));
    CHECK_OK(c);
}

static void focal(void)                                              /* V05: p_t .9, .5, .1 */
{
    const double p[3] = {0.9, 0.5, 0.1}, want[3] = {0.0010536052, 0.1732867951, 1.8650939253};
    const double ce[3] = {0.1053605157, 0.6931471806, 2.3025850930}, root[3] = {0.0333179204, 0.4901290717, 2.1844240201};
    int k;
    ROW("LOSS-25");
    for (k = 0; k < 3; k++) {
        dl_tensor *two, *one;
        dl_step_begin(c);
        two = FROM(DL_SHAPE(1, 2), (dl_real)log(1 - p[k]), (dl_real)log(p[k]));
        one = FROM(S1, (dl_real)log(p[k] / (1 - p[k])));
        NEAR(dl_item(dl_focal_loss(c, two, INTS(S1, 1))), want[k]);
        NEAR(dl_item(dl_focal_loss(c, two, INTS(S1, 1), .gamma = -1)), ce[k]);
        NEAR(dl_item(dl_focal_loss(c, two, INTS(S1, 1), .gamma = (dl_real)0.5)), root[k]);
        NEAR(dl_item(dl_cross_entropy(c, two, INTS(S1, 1))), ce[k]);
        NEAR(dl_item(dl_sigmoid_focal_loss(c, one, FROM(S1, 1), .alpha = -1)), want[k]);
        NEAR(dl_item(dl_sigmoid_focal_loss(c, one, FROM(S1, 1))), want[k] / 4);
        NEAR(dl_item(dl_sigmoid_focal_loss(c, one, FROM(S1, 1), .alpha = -1, .gamma = -1)), ce[k]);
        CHECK_OK(c);
    }
}

int main(void)
{
    c = dl_create(.seed = 3);
    RUN(values_and_gradients);
    RUN(gradients_by_differences);
    RUN(bad_tensors);
    RUN(no_context);
    RUN(bad_numbers);
    RUN(bad_pairs);
    RUN(bad_ctc);
    RUN(usual_options);
    RUN(hard_numbers);
    RUN(huber_of_hard_numbers);
    RUN(many_weighted_labels);
    RUN(ctc_by_enumeration);
    RUN(ctc_edges);
    RUN(threads_change_nothing);
    RUN(squared_errors);
    RUN(cross_entropy_of_probabilities);
    RUN(likelihood);
    RUN(binary_cross_entropy);
    RUN(information);
    RUN(focal);
    dl_destroy(c);
    TEST_END;
}
